/// Dropout: masks that a caller draws and keeps for the way back.
#pragma once

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/random.hpp>

namespace attend::inline ATTEND_ABI {

/// Overwrites every element of `mask` with 0, with probability p, or 1/(1-p). p is rounded to
/// 1/65536. Throws std::invalid_argument unless 0 <= p < 1.
template <Scalar S>
void draw_mask(double p, Random& random, View<S> mask) {
  check_argument(p >= 0 && p < 1, "dropout: the probability is ", p, ", expected [0, 1)");
  const auto threshold = static_cast<std::uint64_t>(p * 65536.0);
  const S kept = S{1} / (S{1} - static_cast<S>(threshold) / S{65536});
  for (Index j = 0; j < mask.cols(); ++j) {
    S* column = mask.data() + j * mask.outerStride();
    std::uint64_t bits = 0;
    for (Index i = 0; i < mask.rows(); ++i, bits >>= 16U) {
      if (i % 4 == 0) bits = random();
      column[i] = (bits & 0xffffU) < threshold ? S{0} : kept;
    }
  }
}

/// One mask for every column of a batch, or one for every sequence that stays the same over its
/// steps (Gal, Ghahramani 2016, arXiv 1512.05287, eq. 7).
enum class DropoutMask { each_step, same_over_time };

/// Dropout of a ragged, step-major matrix: forward draws the mask, backward applies it again.
template <Scalar S>
class Dropout {
 public:
  /// X (d x N) is multiplied by a new mask; with p = 0 or no generator nothing happens.
  void forward(double p, DropoutMask kind, const Ragged& layout, Random* random, View<S> X) {
    active_ = p > 0 && random != nullptr;
    if (!active_) return;
    check_size("Dropout::forward", "columns of X", X.cols(), layout.columns());
    kind_ = kind;
    draw_mask<S>(p, *random, mask_.resize(X.rows(), mask_columns(layout)));
    apply(layout, X);
  }

  /// Y = mask o X:  dX = mask o dY, in place.
  void backward(const Ragged& layout, View<S> dX) const {
    if (active_) apply(layout, dX);
  }

 private:
  [[nodiscard]] Index mask_columns(const Ragged& layout) const {
    return kind_ == DropoutMask::each_step ? layout.columns() : layout.size();
  }

  void apply(const Ragged& layout, View<S> X) const {
    if (kind_ == DropoutMask::each_step) {
      X.array() *= mask_.view().array();
      return;
    }
    for (Index t = 0; t < layout.steps(); ++t) {
      X.middleCols(layout.offset(t), layout.count(t)).array() *=
          mask_.columns(0, layout.count(t)).array();
    }
  }

  bool active_ = false;
  DropoutMask kind_ = DropoutMask::each_step;
  Buffer<S> mask_;
};

}  // namespace attend
