/// The feed-forward network of a transformer's layer.
#pragma once

#include <utility>

#include <attend/core/buffer.hpp>
#include <attend/layer/activation.hpp>
#include <attend/layer/dense.hpp>

namespace attend::inline ATTEND_ABI {

struct FeedForwardConfig {
  Index size = 0;
  Index hidden = 0;
  Activation activation = Activation::relu;
  /// h = f(a) o c with [a; c] = W_1 x + b_1 (Shazeer 2020, arXiv 2002.05202, eq. 5 and 6): GLU with
  /// sigmoid, ReGLU with relu, GEGLU with gelu, SwiGLU with silu.
  bool gated = false;
};

template <Scalar S>
struct FeedForwardTrace {
  Buffer<S> projected;
  Buffer<S> hidden;
  Buffer<S> d_projected;
  Buffer<S> d_hidden;

  /// Takes over what the way back alone needs: one scratch serves all layers in turn.
  void take_scratch(FeedForwardTrace& other) {
    std::swap(d_projected, other.d_projected);
    std::swap(d_hidden, other.d_hidden);
  }
};

/// y = W_2 f(W_1 x + b_1) + b_2 (Vaswani et al. 2017, arXiv 1706.03762, eq. 2), column by column.
template <Scalar S>
class FeedForward {
 public:
  using Trace = FeedForwardTrace<S>;

  Dense<S> up;
  Dense<S> down;

  FeedForward() = default;
  FeedForward(const FeedForwardConfig& config, Random& random)
      : up({config.size, (config.gated ? 2 : 1) * config.hidden}, random),
        down({config.hidden, config.size}, random),
        activation_(config.activation),
        gated_(config.gated) {}

  static void parameters(auto&& f, auto&... m) {
    f("up", m.up...);
    f("down", m.down...);
  }

  [[nodiscard]] Index hidden_size() const { return down.W.cols(); }

  /// X (size x N); overwrites Y (size x N). Throws ShapeError.
  void forward(ConstView<S> X, View<S> Y, Trace& trace) const {
    View<S> P = trace.projected.resize(up.W.rows(), X.cols());
    up.forward(X, P);
    View<S> H = trace.hidden.resize(hidden_size(), X.cols());
    for (Index n = 0; n < X.cols(); ++n) {
      const S* a = P.col(n).data();
      const S* c = gated_ ? a + hidden_size() : nullptr;
      activate<S>(activation_, hidden_size(), a, c, H.col(n).data());
    }
    down.forward(H, Y);
  }

  /// y = W_2 h + b_2, h = f(a) [o c]:  adds to dX (size x N) and to `gradient`.
  void backward(const FeedForward& transposed, ConstView<S> X, ConstView<S> dY, View<S> dX,
                Trace& trace, FeedForward& gradient) const {
    View<S> dH = trace.d_hidden.zero(hidden_size(), X.cols());
    down.backward(transposed.down, trace.hidden.view(), dY, dH, gradient.down);
    View<S> dP = trace.d_projected.resize(up.W.rows(), X.cols());
    for (Index n = 0; n < X.cols(); ++n) {
      const S* a = trace.projected.column(n);
      const S* c = gated_ ? a + hidden_size() : nullptr;
      S* da = dP.col(n).data();
      S* dc = gated_ ? da + hidden_size() : nullptr;
      activate_backward<S>(activation_, hidden_size(), {a, c, dH.col(n).data()}, da, dc);
    }
    up.backward(transposed.up, X, dP, dX, gradient.up);
  }

 private:
  Activation activation_ = Activation::relu;
  bool gated_ = false;
};

}  // namespace attend
