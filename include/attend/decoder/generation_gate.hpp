/// Whether a decoder says a word of its own or copies one.
#pragma once

#include <cmath>

#include <attend/core/error.hpp>
#include <attend/core/initialize.hpp>
#include <attend/kernel/dots.hpp>

namespace attend::inline ATTEND_ABI {

struct GenerationGateConfig {
  Index context = 0;
  Index state = 0;
  Index input = 0;
};

/// p_gen = sigma(w_c'c + w_s's + w_x'x + b): See, Liu, Manning 2017 (arXiv 1704.04368, eq. 8), from
/// the context c, the decoder's state s and its input x. b (1).
template <attend::Scalar S>
class GenerationGate {
 public:
  using Scalar = S;

  Vector<S> w_c;
  Vector<S> w_s;
  Vector<S> w_x;
  Vector<S> b;

  /// C (context x N), states (state x N), X (input x N).
  template <class V>
  struct Parts {
    V context;
    V state;
    V input;
  };

  GenerationGate() = default;
  GenerationGate(const GenerationGateConfig& config, Random& random)
      : w_c(config.context), w_s(config.state), w_x(config.input), b(Vector<S>::Zero(1)) {
    initialize_glorot(w_c, random);
    initialize_glorot(w_s, random);
    initialize_glorot(w_x, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("w_c", m.w_c...);
    f("w_s", m.w_s...);
    f("w_x", m.w_x...);
    f("b", m.b...);
  }

  /// Overwrites p (N x 1). Throws ShapeError.
  void forward(const Parts<ConstView<S>>& in, View<S> p) const {
    check_shape("GenerationGate::forward", "p", p, in.context.cols(), 1);
    for (Index n = 0; n < p.rows(); ++n) {
      const S x = dot(w_c, in.context, n) + dot(w_s, in.state, n) + dot(w_x, in.input, n) + b(0);
      p(n, 0) = S{1} / (S{1} + std::exp(-x));
    }
  }

  /// p = sigma(x):  dx = dp p (1 - p); each part's gradient += dx w, dw += dx part, db += dx.
  void backward(const Parts<ConstView<S>>& in, ConstView<S> p, ConstView<S> dp, Parts<View<S>> d,
                GenerationGate& gradient) const {
    for (Index n = 0; n < p.rows(); ++n) {
      const S dx = dp(n, 0) * p(n, 0) * (S{1} - p(n, 0));
      d.context.col(n) += dx * ConstView<S>(w_c);
      d.state.col(n) += dx * ConstView<S>(w_s);
      d.input.col(n) += dx * ConstView<S>(w_x);
      View<S>(gradient.w_c) += dx * in.context.col(n);
      View<S>(gradient.w_s) += dx * in.state.col(n);
      View<S>(gradient.w_x) += dx * in.input.col(n);
      gradient.b(0) += dx;
    }
  }

 private:
  static S dot(const Vector<S>& w, const ConstView<S>& X, Index n) {
    check_size("GenerationGate::forward", "features", X.rows(), w.size());
    return inner_product<S>(w.size(), w.data(), X.col(n).data());
  }
};

}  // namespace attend
