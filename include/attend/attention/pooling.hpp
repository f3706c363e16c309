/// Pooling: a sequence of any length becomes a few vectors, by attention to itself.
#pragma once

#include <attend/attention/attention.hpp>
#include <attend/attention/sharpened.hpp>
#include <attend/core/initialize.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/dot.hpp>

namespace attend::inline ATTEND_ABI {

struct PoolingConfig {
  Index input = 0;
  /// d_a, of the hidden layer.
  Index hidden = 0;
  /// r, how many vectors; 1 is plain attentive pooling.
  Index hops = 1;
};

/// What one sequence leaves for the way back.
template <Scalar S>
struct PoolingTrace {
  Buffer<S> keys;
  Buffer<S> weights;
  Buffer<S> d_keys;
  Buffer<S> d_weights;
  Buffer<S> overlap;
  AttentionWorkspace<S> workspace;
};

/// A = softmax(W_2 tanh(W_1 H)), M = H A': Lin et al. 2017 (arXiv 1703.03130, eq. 5-8), with its
/// penalty |A A' - I|_F^2 that keeps the hops apart. With one hop it is the attentive pooling of
/// Yang et al. 2016 (hierarchical attention networks, eq. 5-7) without a bias. In the engine: keys
/// are tanh(W_1 h), queries are learned. W_1 (d_a x d_h), W_2 kept as its transpose Q (d_a x r).
template <attend::Scalar S>
class Pooling {
 public:
  using Scalar = S;
  using Trace = PoolingTrace<S>;

  PanelMatrix<S> W_1;
  Matrix<S> Q;

  Pooling() = default;
  Pooling(const PoolingConfig& config, Random& random)
      : W_1(config.hidden, config.input), Q(config.hidden, config.hops) {
    check_argument(config.hops >= 1, "Pooling: hops is ", config.hops, ", expected 1 or more");
    initialize_glorot(W_1, random);
    initialize_glorot(Q, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W_1", m.W_1...);
    f("Q", m.Q...);
  }

  [[nodiscard]] Index hops() const { return Q.cols(); }

  /// H (d_h x T); overwrites M (d_h x r), with zero where T = 0. Throws ShapeError. Allocates
  /// nothing once warm.
  void forward(ConstView<S> H, View<S> M, PoolingTrace<S>& trace) const {
    check_shape("Pooling::forward", "M", M, H.rows(), hops());
    View<S> K = trace.keys.resize(Q.rows(), H.cols());
    multiply(W_1, H, K);
    for (Index t = 0; t < K.cols(); ++t) {
      S* k = K.col(t).data();
      packet::for_each_lane<S>(K.rows(),
                               [&](auto lane) { lane.store(k, packet::tanh(lane.load(k))); });
    }
    View<S> weights = trace.weights.resize(H.cols(), hops());
    asks_.attend({K, H}, {ConstView<S>(Q)}, M, trace.workspace, {}, &weights);
  }

  /// A' (T x r) of the last forward.
  [[nodiscard]] ConstView<S> weights(const PoolingTrace<S>& trace) const {
    return trace.weights.view();
  }

  /// |A A' - I|_F^2 of the last forward.
  [[nodiscard]] S penalty(PoolingTrace<S>& trace) const { return overlap(trace).squaredNorm(); }

  /// The way back of M and of `penalty_scale` times the penalty, d|P|^2/dA' = 4 A' P with
  /// P = A A' - I. dM (d_h x r); adds to dH (d_h x T) and to `gradient`.
  void backward(const Pooling& transposed, ConstView<S> H, ConstView<S> dM, S penalty_scale,
                View<S> dH, PoolingTrace<S>& trace, Pooling& gradient) const {
    const View<S> P = overlap(trace);
    View<S> d_weights = trace.d_weights.zero(H.cols(), hops());
    multiply_add(ConstView<S>(trace.weights.view()), P, d_weights);
    d_weights *= 4 * penalty_scale;
    View<S> dK = trace.d_keys.zero(Q.rows(), H.cols());
    auto none = asks_;
    asks_.backward({trace.keys.view(), H}, {ConstView<S>(Q)},
                   {dM, {}, trace.weights.view().data(), d_weights.data()}, dM, gradient.Q,
                   {dK, dH}, none, trace.workspace);
    dK.array() *= S{1} - trace.keys.view().array().square();
    multiply_add(transposed.W_1, dK, dH);
    add_outer<S>(dK, H, gradient.W_1);
  }

 private:
  /// A A' - I (r x r).
  View<S> overlap(PoolingTrace<S>& trace) const {
    View<S> P = trace.overlap.resize(hops(), hops());
    dots<S>(trace.weights.view(), trace.weights.view(), P);
    P.diagonal().array() -= S{1};
    return P;
  }

  /// By whole columns, because the weights have a gradient of their own.
  Attention<Dot<S>, Full, Sharpened> asks_;
};

}  // namespace attend
