/// Where a token stands, for layers that would not know it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/initialize.hpp>
#include <attend/core/ragged.hpp>
#include <attend/kernel/bias.hpp>

namespace attend::inline ATTEND_ABI {

/// sinusoidal: a fixed table is added to what comes in. learned: a learned one. With the others
/// nothing is added, but in self-attention queries and keys turn (rotary: layer/rotary.hpp), or
/// energies hear of distances (relative, linear_bias: the headers of these names in score/). none:
/// nothing at all.
enum class PositionKind : std::uint8_t { none, sinusoidal, learned, rotary, relative, linear_bias };

struct PositionsConfig {
  Index size = 0;
  PositionKind kind = PositionKind::sinusoidal;
  /// Positions of a learned table.
  Index longest = 0;
};

/// Columns of the sinusoidal table, made when they are first asked for and kept by the caller:
/// P(2i, t) = sin(t / 10000^(2i/d)), P(2i+1, t) = cos(t / 10000^(2i/d)) (Vaswani et al. 2017,
/// arXiv 1706.03762, section 3.5).
template <Scalar S>
class SinusoidTable {
 public:
  /// The columns of positions [0, count), (d x count) at least.
  ConstView<S> columns(Index d, Index count) {
    if (table_.rows() != d || table_.cols() < count) fill(d, std::max(count, 2 * table_.cols()));
    return table_.leftCols(count);
  }

 private:
  void fill(Index d, Index count) {
    table_.resize(d, count);
    for (Index i = 0; i < d; ++i) {
      const double power = static_cast<double>(i - i % 2) / static_cast<double>(d);
      const double frequency = std::pow(10000.0, -power);
      for (Index t = 0; t < count; ++t) {
        const double angle = static_cast<double>(t) * frequency;
        table_(i, t) = static_cast<S>(i % 2 == 0 ? std::sin(angle) : std::cos(angle));
      }
    }
  }

  Matrix<S> table_;
};

/// x_t += P(:, t) for every sequence of a batch, sentence-major.
template <Scalar S>
class Positions {
 public:
  /// The learned table (d x longest).
  std::optional<Matrix<S>> P;

  Positions() = default;
  Positions(const PositionsConfig& config, Random& random)
      : kind_(config.kind), size_(config.size) {
    if (kind_ != PositionKind::learned) return;
    check_argument(config.longest >= 1, "Positions: the longest length of learned positions is ",
                   config.longest, ", expected 1 or more");
    P.emplace(config.size, config.longest);
    initialize_normal(*P, 1 / std::sqrt(static_cast<double>(config.size)), random);
  }

  static void parameters(auto&& f, auto&... m) { f("P", m.P...); }

  [[nodiscard]] PositionKind kind() const { return kind_; }

  /// X (d x N, sentence-major). Throws std::invalid_argument for sequences longer than a learned
  /// table.
  void forward(const Ragged& layout, View<S> X, SinusoidTable<S>& sinusoids) const {
    if (!adds()) return;
    const ConstView<S> table = columns(layout.steps(), sinusoids);
    for (Index b = 0; b < layout.size(); ++b) {
      X.middleCols(layout.start(b), layout.length(b)) += table.leftCols(layout.length(b));
    }
  }

  /// The same for X (d x n) of which every column stands at position t.
  void step(Index t, View<S> X, SinusoidTable<S>& sinusoids) const {
    if (!adds()) return;
    add_to_columns(columns(t + 1, sinusoids).col(t), X);
  }

  /// x_t += P(:, t):  dP(:, t) += dx_t.
  void backward(const Ragged& layout, ConstView<S> dX, Positions& gradient) const {
    if (!P) return;
    for (Index b = 0; b < layout.size(); ++b) {
      View<S>(*gradient.P).leftCols(layout.length(b)) +=
          dX.middleCols(layout.start(b), layout.length(b));
    }
  }

 private:
  [[nodiscard]] bool adds() const {
    return kind_ == PositionKind::sinusoidal || kind_ == PositionKind::learned;
  }

  [[nodiscard]] ConstView<S> columns(Index count, SinusoidTable<S>& sinusoids) const {
    if (!P) return sinusoids.columns(size_, count);
    check_argument(count <= P->cols(), "Positions: a sequence has ", count,
                   " steps, the learned table ", P->cols(), "; make a longer one or cut the text");
    return P->leftCols(count);
  }

  PositionKind kind_ = PositionKind::none;
  Index size_ = 0;
};

}  // namespace attend
