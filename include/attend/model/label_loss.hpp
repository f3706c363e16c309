/// Labels of columns, and their loss.
#pragma once

#include <span>

#include <attend/layer/dense.hpp>
#include <attend/loss/cross_entropy.hpp>

namespace attend::inline ATTEND_ABI {

/// The cross-entropy of labels (N), one for each column r of R (d x N), with
/// p(label | r) = softmax(W r + b). Nats.
template <Scalar S>
struct LabelLoss {
  const Dense<S>& output;
  std::span<const Token> labels;
  /// A tile of logits lives here.
  Buffer<S>& logits;
  /// Label smoothing.
  S smoothing = 0;

  [[nodiscard]] Loss operator()(ConstView<S> R) const {
    return tiles(R, S{0}, [](Index, Index, View<S>) {});
  }

  /// With `scale` times its gradient, which is added to dR (d x N) and to `gradient`.
  Loss and_gradient(const Dense<S>& transposed, ConstView<S> R, S scale, View<S> dR,
                    Dense<S>& gradient) const {
    return tiles(R, scale, [&](Index first, Index n, View<S> dL) {
      output.backward(transposed, R.middleCols(first, n), dL, dR.middleCols(first, n), gradient);
    });
  }

 private:
  template <class Backward>
  Loss tiles(ConstView<S> R, S scale, Backward&& backward) const {
    return tiled_cross_entropy<S>(
        output.W.rows(), R, labels, smoothing, scale, logits,
        [&](ConstView<S> tile, View<S> L) { output.forward(tile, L); }, backward);
  }
};

}  // namespace attend
