/// Dropout: masks that a caller draws and keeps for the way back.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/random.hpp>

namespace attend::inline ATTEND_ABI {

/// Throws std::invalid_argument unless 0 <= p < 1.
inline void check_probability(double p) {
  check_argument(p >= 0 && p < 1, "dropout: the probability is ", p, ", expected [0, 1)");
}

/// Overwrites every element of `mask` with 0, with probability p, or 1/(1-p). p is rounded to
/// 1/65536. Throws std::invalid_argument unless 0 <= p < 1.
template <Scalar S>
void draw_mask(double p, Random& random, View<S> mask) {
  check_probability(p);
  const auto threshold = static_cast<std::uint64_t>(p * 65536.0);
  const S kept = S{1} / (S{1} - static_cast<S>(threshold) / S{65536});
  // Four elements share a number; a column begins with a new one.
  constexpr Index block = 64;
  std::array<std::uint64_t, block> numbers;
  for (Index j = 0; j < mask.cols(); ++j) {
    S* column = mask.data() + j * mask.outerStride();
    for (Index first = 0; first < mask.rows(); first += 4 * block) {
      const Index rows = std::min(4 * block, mask.rows() - first);
      random.fill(std::span(numbers).first(static_cast<std::size_t>(rows + 3) / 4));
      for (Index i = 0; i < rows; ++i) {
        const auto bits = numbers[static_cast<std::size_t>(i) / 4] >> (16 * (i % 4));
        column[first + i] = (bits & 0xffffU) < threshold ? S{0} : kept;
      }
    }
  }
}

/// One mask for every column of a batch; one for every sequence that stays the same over its steps
/// (Gal, Ghahramani 2016, arXiv 1512.05287, eq. 7); or each column is kept or dropped as a whole
/// (of embeddings: word dropout, Iyyer et al. 2015, deep averaging networks, section 3).
enum class DropoutMask { each_step, same_over_time, whole_steps };

/// Dropout of a ragged, step-major matrix: masks are drawn for all columns, applied on the way
/// there and, the same, on the way back.
template <Scalar S>
class Dropout {
 public:
  /// New masks for d rows and the layout's columns; none with p = 0 or without a generator.
  void draw(double p, DropoutMask kind, const Ragged& layout, Index d, Random* random) {
    const bool whole = kind == DropoutMask::whole_steps;
    draw(p, d, kind == DropoutMask::same_over_time ? layout.size() : layout.columns(),
         whole ? 1 : d, random);
    kind_ = kind;
  }

  /// New masks for d rows and N columns, each column its own.
  void draw(double p, Index d, Index N, Random* random) { draw(p, d, N, d, random); }

  /// Y = mask o X and dX = mask o dY, in place, for the n columns of one step, which begin at
  /// column `first` of the batch.
  void apply(Index first, Index n, View<S> X) const {
    if (!active_) return;
    check_shape("Dropout::apply", "X", X, mask_.rows(), n);
    X.array() *= mask_.columns(kind_ == DropoutMask::same_over_time ? 0 : first, n).array();
  }

  /// The same for all columns.
  void apply(const Ragged& layout, View<S> X) const {
    if (!active_) return;
    check_shape("Dropout::apply", "X", X, mask_.rows(), layout.columns());
    for (Index t = 0; t < layout.steps(); ++t) {
      apply(layout.offset(t), layout.count(t), X.middleCols(layout.offset(t), layout.count(t)));
    }
  }

  /// Draws and applies.
  void forward(double p, DropoutMask kind, const Ragged& layout, Random* random, View<S> X) {
    draw(p, kind, layout, X.rows(), random);
    apply(layout, X);
  }

  void backward(const Ragged& layout, View<S> dX) const { apply(layout, dX); }

 private:
  /// Draws the first rows; the others are as the first is.
  void draw(double p, Index d, Index N, Index drawn, Random* random) {
    check_probability(p);
    kind_ = DropoutMask::each_step;
    active_ = p > 0 && random != nullptr;
    if (!active_) return;
    View<S> mask = mask_.resize(d, N);
    draw_mask<S>(p, *random, mask.topRows(drawn));
    if (drawn == d) return;
    for (Index j = 0; j < N; ++j) {
      const S kept = mask(0, j);
      mask.col(j).setConstant(kept);
    }
  }

  bool active_ = false;
  DropoutMask kind_ = DropoutMask::each_step;
  Buffer<S> mask_;
};

}  // namespace attend
