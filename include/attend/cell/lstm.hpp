/// Long short-term memory. Gate order i f g o, as PyTorch's.
#pragma once

#include <optional>

#include <attend/cell/cell.hpp>
#include <attend/core/initialize.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

struct LstmConfig {
  Index input = 0;
  Index hidden = 0;
  bool peepholes = false;
  double forget_bias = 1;
};

/// Hochreiter, Schmidhuber 1997 with the forget gate of Gers et al. 2000:
///
///     i = sigma(W_i x + U_i h + b_i + p_i o c)    f, likewise
///     g = tanh(W_g x + U_g h + b_g)               c' = f o c + i o g
///     o = sigma(W_o x + U_o h + b_o + p_o o c')   h' = o o tanh(c')
///
/// W (4 d_h x d_x), U (4 d_h x d_h), b (4 d_h), peepholes p (3 d_h: i f o). A state is [h; c].
template <attend::Scalar S>
class Lstm {
 public:
  using Scalar = S;

  PanelMatrix<S> W;
  PanelMatrix<S> U;
  Vector<S> b;
  std::optional<Vector<S>> p;

  Lstm() = default;
  Lstm(LstmConfig config, Random& random)
      : W(4 * config.hidden, config.input),
        U(4 * config.hidden, config.hidden),
        b(Vector<S>::Zero(4 * config.hidden)) {
    initialize_glorot(W, random);
    initialize_orthogonal(U, random);
    b.segment(config.hidden, config.hidden).setConstant(static_cast<S>(config.forget_bias));
    if (config.peepholes) initialize_uniform(p.emplace(3 * config.hidden), 0.1, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("U", m.U...);
    f("b", m.b...);
    f("p", m.p...);
  }

  [[nodiscard]] Index input_size() const { return W.cols(); }
  [[nodiscard]] Index hidden_size() const { return U.cols(); }
  [[nodiscard]] Index state_rows() const { return 2 * U.cols(); }
  [[nodiscard]] Index gate_rows() const { return 4 * U.cols(); }
  [[nodiscard]] Index input_rows() const { return 4 * U.cols(); }

  /// X (d_x x n); overwrites G (4 d_h x n) with W X + b.
  void project(ConstView<S> X, View<S> G) const {
    check_shape("Lstm::project", "G", G, gate_rows(), X.cols());
    multiply(W, X, b, G);
  }

  /// G (4 d_h x n) becomes the gates i f g o; P (2 d_h x n); overwrites S_ (2 d_h x n).
  void step(View<S> G, ConstView<S> P, View<S> S_, Sweep sweep = Sweep::there) const {
    detail::check_step("Lstm::step", *this, G, P, S_);
    const Index h = hidden_size();
    multiply_add(U, P.topRows(h), G, sweep);
    for (Index n = 0; n < G.cols(); ++n) {
      S* gate = G.col(n).data();
      const S* c = P.col(n).data() + h;
      S* next = S_.col(n).data();
      const S* peephole = p ? p->data() : nullptr;
      packet::for_each_lane<S>(h, [&](auto lane) {
        using packet::multiply_add;
        const auto c_t = lane.load(c);
        auto a_i = lane.load(gate);
        auto a_f = lane.load(gate + h);
        if (peephole != nullptr) {
          a_i = multiply_add(lane.load(peephole), c_t, a_i);
          a_f = multiply_add(lane.load(peephole + h), c_t, a_f);
        }
        const auto i = packet::sigmoid(a_i);
        const auto f = packet::sigmoid(a_f);
        const auto g = packet::tanh(lane.load(gate + 2 * h));
        const auto c_next = multiply_add(f, c_t, packet::pmul(i, g));
        auto a_o = lane.load(gate + 3 * h);
        if (peephole != nullptr) a_o = multiply_add(lane.load(peephole + 2 * h), c_next, a_o);
        const auto o = packet::sigmoid(a_o);
        lane.store(gate, i);
        lane.store(gate + h, f);
        lane.store(gate + 2 * h, g);
        lane.store(gate + 3 * h, o);
        lane.store(next, packet::pmul(o, packet::tanh(c_next)));
        lane.store(next + h, c_next);
      });
    }
  }

  /// h' = o o tanh(c'):    do = dh' o tanh(c'), dc' += dh' o o o (1 - tanh(c')^2)
  /// c' = f o c + i o g:   df = dc' o c, di = dc' o g, dg = dc' o i, dc = dc' o f
  /// a = W x + U h + ...:  dh = U' da, with da = di i (1-i), df f (1-f), dg (1-g^2), do o (1-o).
  void step_backward(const Lstm& transposed, ConstView<S> G, ConstView<S> P, ConstView<S> S_,
                     View<S> dS, View<S> dG) const {
    detail::check_step("Lstm::step_backward", *this, G, P, S_);
    detail::check_step("Lstm::step_backward", *this, dG, dS, S_);
    const Index h = hidden_size();
    for (Index n = 0; n < G.cols(); ++n) gates_backward(G, P, S_, dS, dG, n);
    multiply(transposed.U, dG, dS.topRows(h));
  }

  void input_backward(const Lstm& transposed, ConstView<S> dG, View<S> dX) const {
    multiply_add(transposed.W, dG, dX);
  }

  void add_gradient(ConstView<S> X, ConstView<S> P, ConstView<S> G, ConstView<S> dG,
                    Lstm& gradient) const {
    const Index h = hidden_size();
    add_outer<S>(dG, X, gradient.W);
    add_outer<S>(dG, P.topRows(h), gradient.U);
    add_columns(dG, gradient.b);
    if (p) add_peephole_gradient(P, G, dG, *gradient.p);
  }

 private:
  void gates_backward(ConstView<S> G, ConstView<S> P, ConstView<S> S_, View<S> dS, View<S> dG,
                      Index n) const {
    const Index h = hidden_size();
    const S* gate = G.col(n).data();
    const S* c_before = P.col(n).data() + h;
    const S* c_after = S_.col(n).data() + h;
    S* d_state = dS.col(n).data();
    S* d_gate = dG.col(n).data();
    const S* peephole = p ? p->data() : nullptr;
    packet::for_each_lane<S>(h, [&](auto lane) {
      using packet::multiply_add, packet::pmul, packet::psub;
      const auto one = packet::fill<S>(1);
      const auto through_sigmoid = [&](auto d, auto y) { return pmul(pmul(d, y), psub(one, y)); };
      const auto through_tanh = [&](auto d, auto y) { return pmul(d, psub(one, pmul(y, y))); };
      const auto i = lane.load(gate);
      const auto f = lane.load(gate + h);
      const auto g = lane.load(gate + 2 * h);
      const auto o = lane.load(gate + 3 * h);
      const auto tanh_c = packet::tanh(lane.load(c_after));
      const auto dh = lane.load(d_state);
      const auto da_o = through_sigmoid(pmul(dh, tanh_c), o);
      auto dc = packet::padd(lane.load(d_state + h), through_tanh(pmul(dh, o), tanh_c));
      if (peephole != nullptr) dc = multiply_add(da_o, lane.load(peephole + 2 * h), dc);
      const auto da_i = through_sigmoid(pmul(dc, g), i);
      const auto da_f = through_sigmoid(pmul(dc, lane.load(c_before)), f);
      auto dc_before = pmul(dc, f);
      if (peephole != nullptr) {
        dc_before = multiply_add(da_i, lane.load(peephole), dc_before);
        dc_before = multiply_add(da_f, lane.load(peephole + h), dc_before);
      }
      lane.store(d_gate, da_i);
      lane.store(d_gate + h, da_f);
      lane.store(d_gate + 2 * h, through_tanh(pmul(dc, i), g));
      lane.store(d_gate + 3 * h, da_o);
      lane.store(d_state + h, dc_before);
    });
  }

  /// a_i += p_i o c, a_f += p_f o c, a_o += p_o o c', and c' = f o c + i o g from the gates.
  void add_peephole_gradient(ConstView<S> P, ConstView<S> G, ConstView<S> dG, Vector<S>& dp) const {
    const Index h = hidden_size();
    const auto c = P.bottomRows(h).array();
    const auto gate = [&](Index k) { return G.middleRows(k * h, h).array(); };
    const auto d_gate = [&](Index k) { return dG.middleRows(k * h, h).array(); };
    dp.segment(0, h) += (d_gate(0) * c).rowwise().sum().matrix();
    dp.segment(h, h) += (d_gate(1) * c).rowwise().sum().matrix();
    dp.segment(2 * h, h) +=
        (d_gate(3) * (gate(1) * c + gate(0) * gate(2))).rowwise().sum().matrix();
  }
};

}  // namespace attend
