/// Elman's recurrent network. One gate.
#pragma once

#include <attend/cell/cell.hpp>
#include <attend/core/initialize.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

enum class ElmanActivation { tanh, relu };

struct ElmanConfig {
  Index input = 0;
  Index hidden = 0;
  ElmanActivation activation = ElmanActivation::tanh;
};

/// h' = f(W x + U h + b), f = tanh or relu (Elman 1990). W (d_h x d_x), U (d_h x d_h), b (d_h).
template <attend::Scalar S>
class Elman {
 public:
  using Scalar = S;

  PanelMatrix<S> W;
  PanelMatrix<S> U;
  Vector<S> b;

  Elman() = default;
  Elman(ElmanConfig config, Random& random)
      : W(config.hidden, config.input),
        U(config.hidden, config.hidden),
        b(Vector<S>::Zero(config.hidden)),
        activation_(config.activation) {
    initialize_glorot(W, random);
    initialize_orthogonal(U, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("U", m.U...);
    f("b", m.b...);
  }

  [[nodiscard]] Index input_size() const { return W.cols(); }
  [[nodiscard]] Index hidden_size() const { return U.cols(); }
  [[nodiscard]] Index state_rows() const { return U.cols(); }
  [[nodiscard]] Index gate_rows() const { return U.cols(); }
  [[nodiscard]] Index input_rows() const { return U.cols(); }
  [[nodiscard]] ElmanActivation activation() const { return activation_; }

  /// X (d_x x n); overwrites G (d_h x n) with W X + b.
  void project(ConstView<S> X, View<S> G) const {
    check_shape("Elman::project", "G", G, gate_rows(), X.cols());
    multiply(W, X, b, G);
  }

  /// G (d_h x n) is used up; P (d_h x n); overwrites S_ (d_h x n).
  void step(View<S> G, ConstView<S> P, View<S> S_, Sweep sweep = Sweep::there) const {
    detail::check_step("Elman::step", *this, G, P, S_);
    multiply_add(U, P, G, sweep);
    const bool relu = activation_ == ElmanActivation::relu;
    for (Index j = 0; j < G.cols(); ++j) {
      const S* g = G.col(j).data();
      S* s = S_.col(j).data();
      packet::for_each_lane<S>(hidden_size(), [&](auto lane) {
        const auto x = lane.load(g);
        lane.store(s, relu ? packet::pmax(x, packet::fill<S>(0)) : packet::tanh(x));
      });
    }
  }

  /// h' = f(W x + U h + b):  dg = dh' o f', dh = U' dg;  f' from the value: 1 - h'^2, or h' > 0.
  void step_backward(const Elman& transposed, ConstView<S> /*G*/, ConstView<S> /*P*/,
                     ConstView<S> S_, View<S> dS, View<S> dG) const {
    detail::check_step("Elman::step_backward", *this, dG, dS, S_);
    if (activation_ == ElmanActivation::relu) {
      dG.array() = (S_.array() > S{0}).select(dS.array(), S{0});
    } else {
      dG.array() = dS.array() * (S{1} - S_.array().square());
    }
    multiply(transposed.U, dG, dS);
  }

  void input_backward(const Elman& transposed, ConstView<S> dG, View<S> dX) const {
    multiply_add(transposed.W, dG, dX);
  }

  void add_gradient(ConstView<S> X, ConstView<S> P, ConstView<S> /*G*/, ConstView<S> dG,
                    Elman& gradient) const {
    add_outer<S>(dG, X, gradient.W);
    add_outer<S>(dG, P, gradient.U);
    add_columns(dG, gradient.b);
  }

 private:
  ElmanActivation activation_ = ElmanActivation::tanh;
};

}  // namespace attend
