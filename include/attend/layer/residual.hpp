/// What stands around every sub-layer of a transformer: a residual connection, a norm, dropout.
#pragma once

#include <utility>

#include <attend/core/buffer.hpp>
#include <attend/core/random.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/layer/layer_norm.hpp>

namespace attend::inline ATTEND_ABI {

enum class NormPlacement { before, after };

struct ResidualConfig {
  LayerNormConfig norm;
  NormPlacement placement = NormPlacement::before;
  double dropout = 0;
};

template <Scalar S>
struct ResidualTrace {
  LayerNormTrace<S> norm;
  Dropout<S> dropout;
  Buffer<S> input;
  Buffer<S> d_output;
  Buffer<S> d_input;

  /// Takes over what the way back alone needs: one scratch serves all layers in turn.
  void take_scratch(ResidualTrace& other) {
    std::swap(d_output, other.d_output);
    std::swap(d_input, other.d_input);
  }
};

/// y = x + dropout(f(norm(x))), the norm before (pre-norm: Xiong et al. 2020, arXiv 2002.04745), or
/// y = norm(x + dropout(f(x))), the norm after (post-norm: Vaswani et al. 2017, arXiv 1706.03762,
/// section 3.1). The sub-layer f belongs to the caller, who passes how to run it.
template <Scalar S>
class Residual {
 public:
  using Trace = ResidualTrace<S>;

  LayerNorm<S> norm;

  Residual() = default;
  explicit Residual(const ResidualConfig& config)
      : norm(config.norm), placement_(config.placement), dropout_(config.dropout) {
    check_probability(config.dropout);
  }

  static void parameters(auto&& f, auto&... m) { f("norm", m.norm...); }

  /// X (d x N); overwrites Y (d x N), another matrix. `f(in, out)` overwrites out (d x N). Dropout
  /// only with a generator.
  template <class F>
  void forward(ConstView<S> X, View<S> Y, Random* random, Trace& trace, F&& f) const {
    if (placement_ == NormPlacement::before) {
      View<S> input = trace.input.resize(X.rows(), X.cols());
      norm.forward(X, input, trace.norm);
      f(ConstView<S>(input), Y);
    } else {
      f(X, Y);
    }
    trace.dropout.draw(dropout_, X.rows(), X.cols(), random);
    trace.dropout.apply(0, X.cols(), Y);
    Y += X;
    if (placement_ == NormPlacement::after) norm.forward(Y, Y, trace.norm);
  }

  /// y = x + dropout(f(norm(x))) or norm(x + dropout(f(x))): D holds dY and becomes dX (d x N); X
  /// is what forward read. `f(in, d_out, d_in)` is the sub-layer's way back and adds to d_in; it
  /// may use d_out up.
  template <class F>
  void backward(ConstView<S> X, View<S> D, Trace& trace, Residual& gradient, F&& f) const {
    if (placement_ == NormPlacement::before) {
      View<S> d_output = trace.d_output.resize(D.rows(), D.cols());
      d_output = D;
      trace.dropout.apply(0, D.cols(), d_output);
      View<S> d_input = trace.d_input.zero(D.rows(), D.cols());
      f(ConstView<S>(trace.input.view()), d_output, d_input);
      norm.backward(d_input, D, trace.norm, gradient.norm);
    } else {
      View<S> d_output = trace.d_output.zero(D.rows(), D.cols());
      norm.backward(D, d_output, trace.norm, gradient.norm);
      D = d_output;
      trace.dropout.apply(0, D.cols(), d_output);
      f(X, d_output, D);
    }
  }

 private:
  NormPlacement placement_ = NormPlacement::before;
  double dropout_ = 0;
};

}  // namespace attend
