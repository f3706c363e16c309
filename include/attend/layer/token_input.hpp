/// What a transformer reads: tokens and their places.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/layer/embedding.hpp>
#include <attend/layer/positions.hpp>

namespace attend::inline ATTEND_ABI {

template <Scalar S>
struct TokenInputTrace {
  std::vector<Token> tokens;
  Dropout<S> dropout;
  SinusoidTable<S> sinusoids;
};

/// x_t = dropout(sqrt(d) E y_t + P(:, t)) (Vaswani et al. 2017, arXiv 1706.03762, section 3.4). The
/// embedding is passed with each call: encoder, decoder and output may share one.
template <Scalar S>
class TokenInput {
 public:
  using Trace = TokenInputTrace<S>;

  Positions<S> positions;

  TokenInput() = default;
  TokenInput(const PositionsConfig& config, double dropout, Random& random)
      : positions(config, random),
        scale_(std::sqrt(static_cast<S>(config.size))),
        dropout_(dropout) {
    check_probability(dropout);
  }

  static void parameters(auto&& f, auto&... m) { f("positions", m.positions...); }

  /// Overwrites X (d x N, sentence-major). Dropout only with a generator.
  void forward(const Embedding<S>& words, const TokenBatch& batch, Random* random, View<S> X,
               Trace& trace) const {
    to_sentence_major(batch, trace.tokens);
    words.forward(trace.tokens, X);
    X *= scale_;
    positions.forward(batch.layout, X, trace.sinusoids);
    trace.dropout.draw(dropout_, X.rows(), X.cols(), random);
    trace.dropout.apply(0, X.cols(), X);
  }

  /// Overwrites X (d x n) with the inputs of n sequences that all stand at position t.
  void step(const Embedding<S>& words, std::span<const Token> tokens, Index t, View<S> X,
            Trace& trace) const {
    words.forward(tokens, X);
    X *= scale_;
    positions.step(t, X, trace.sinusoids);
  }

  /// x_t = dropout(sqrt(d) E y_t + P(:, t)):  dX (d x N) is used up; adds to both gradients.
  void backward(const Ragged& layout, View<S> dX, Trace& trace, TokenInput& gradient,
                Embedding<S>& words_gradient) const {
    trace.dropout.apply(0, dX.cols(), dX);
    positions.backward(layout, dX, gradient.positions);
    dX *= scale_;
    Embedding<S>::backward(trace.tokens, dX, words_gradient);
  }

 private:
  S scale_ = 1;
  double dropout_ = 0;
};

}  // namespace attend
