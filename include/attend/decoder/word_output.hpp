/// From readout features to the scores of words.
#pragma once

#include <optional>

#include <attend/core/initialize.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/product.hpp>
#include <attend/layer/embedding.hpp>

namespace attend::inline ATTEND_ABI {

struct WordOutputConfig {
  Index readout = 0;
  Index vocabulary = 0;
  bool tied = false;
};

/// L = W r + b (V x n), the unnormalised log-probabilities of words. Tied (Press, Wolf 2017,
/// arXiv 1608.05859): W = E', the embedding of the words, which then belongs to both.
template <attend::Scalar S>
class WordOutput {
 public:
  std::optional<PanelMatrix<S>> W;
  Vector<S> b;

  WordOutput() = default;
  /// Throws std::invalid_argument for negative sizes.
  WordOutput(WordOutputConfig config, Random& random) {
    check_extents("WordOutput", config.vocabulary, config.readout);
    b.setZero(config.vocabulary);
    if (!config.tied) initialize_glorot(W.emplace(config.vocabulary, config.readout), random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("b", m.b...);
  }

  [[nodiscard]] bool tied() const { return !W.has_value(); }

  /// Where it is tied, W becomes E' as it is now, and its own.
  void untie(const Embedding<S>& words) {
    if (tied()) W.emplace().assign_transposed(ConstView<S>(words.E));
  }

  /// R (d_r x n); overwrites L (V x n).
  void logits(const Embedding<S>& words, ConstView<S> R, View<S> L) const {
    if (W) {
      multiply(*W, R, b, L);
    } else {
      dots<S>(words.E, R, L);
      add_to_columns(b, L);
    }
  }

  /// W in panels, for the logits of many columns; where it is tied, E' is packed into `memory`.
  [[nodiscard]] const PanelMatrix<S>& weights(const Embedding<S>& words,
                                              PanelMatrix<S>& memory) const {
    if (W) return *W;
    memory.assign_transposed(ConstView<S>(words.E));
    return memory;
  }

  /// L = `weights` R + b, of many columns: tied, not to the bit what one column's logits are.
  void logits(const PanelMatrix<S>& weights, ConstView<S> R, View<S> L) const {
    multiply(weights, R, b, L);
  }

  /// L = W r + b:  dR += W' dL, dW += dL R', db += sum of the columns of dL; tied, dE += R dL'.
  void backward(const WordOutput& transposed, const Embedding<S>& words, ConstView<S> R,
                ConstView<S> dL, View<S> dR, WordOutput& gradient,
                Embedding<S>& words_gradient) const {
    if (W) {
      multiply_add(*transposed.W, dL, dR);
      add_outer<S>(dL, R, *gradient.W);
    } else {
      multiply_add(ConstView<S>(words.E), dL, dR);
      multiply_transposed_add(R, dL, words_gradient.E);
    }
    add_columns(dL, gradient.b);
  }
};

}  // namespace attend
