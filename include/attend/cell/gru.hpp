/// The gated recurrent unit. Gate order r z n, as PyTorch's; z weights the old state.
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

/// Where the reset gate works: on the state before the product (Cho et al. 2014, Bahdanau et al.
/// 2015), or on the product (PyTorch, cuDNN, Keras with reset_after).
enum class GruForm { reset_before, reset_after };

struct GruConfig {
  Index input = 0;
  Index hidden = 0;
  GruForm form = GruForm::reset_after;
};

/// Cho et al. 2014 (arXiv 1406.1078, eq. 5-8):
///
///     r = sigma(W_r x + U_r h + b_r)     z = sigma(W_z x + U_z h + b_z)
///     reset_before:  n = tanh(W_n x + U_n (r o h) + b_n)
///     reset_after:   n = tanh(W_n x + b_n + r o (U_n h + b_u))
///     h' = (1 - z) o n + z o h
///
/// W (3 d_h x d_x), U_gates (2 d_h x d_h: r z), U_candidate (d_h x d_h), b (3 d_h), and, with
/// reset_after, b_candidate (d_h). A trace holds r, z, n and either r o h or U_n h + b_u.
template <attend::Scalar S>
class Gru {
 public:
  using Scalar = S;

  PanelMatrix<S> W;
  PanelMatrix<S> U_gates;
  PanelMatrix<S> U_candidate;
  Vector<S> b;
  std::optional<Vector<S>> b_candidate;

  Gru() = default;
  Gru(GruConfig config, Random& random)
      : W(3 * config.hidden, config.input),
        U_gates(2 * config.hidden, config.hidden),
        U_candidate(config.hidden, config.hidden),
        b(Vector<S>::Zero(3 * config.hidden)) {
    initialize_glorot(W, random);
    initialize_orthogonal(U_gates, random);
    initialize_orthogonal(U_candidate, random);
    if (config.form == GruForm::reset_after) {
      b_candidate.emplace(Vector<S>::Zero(config.hidden));
    }
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("U_gates", m.U_gates...);
    f("U_candidate", m.U_candidate...);
    f("b", m.b...);
    f("b_candidate", m.b_candidate...);
  }

  [[nodiscard]] GruForm form() const {
    return b_candidate ? GruForm::reset_after : GruForm::reset_before;
  }
  [[nodiscard]] Index input_size() const { return W.cols(); }
  [[nodiscard]] Index hidden_size() const { return U_candidate.cols(); }
  [[nodiscard]] Index state_rows() const { return hidden_size(); }
  [[nodiscard]] Index gate_rows() const { return 4 * hidden_size(); }
  [[nodiscard]] Index input_rows() const { return 3 * hidden_size(); }

  /// X (d_x x n); overwrites the first 3 d_h rows of G (4 d_h x n) with W X + b.
  void project(ConstView<S> X, View<S> G) const {
    check_shape("Gru::project", "G", G, gate_rows(), X.cols());
    multiply(W, X, b, G.topRows(input_rows()));
  }

  /// G (4 d_h x n) becomes the gates; P (d_h x n); overwrites S_ (d_h x n).
  void step(View<S> G, ConstView<S> P, View<S> S_, Sweep sweep = Sweep::there) const {
    detail::check_step("Gru::step", *this, G, P, S_);
    const Index h = hidden_size();
    if (b_candidate) {
      if (sweep == Sweep::back) multiply(U_candidate, P, *b_candidate, G.bottomRows(h), sweep);
      multiply_add(U_gates, P, G.topRows(2 * h), sweep);
      if (sweep == Sweep::there) multiply(U_candidate, P, *b_candidate, G.bottomRows(h), sweep);
    } else {
      multiply_add(U_gates, P, G.topRows(2 * h), sweep);
      reset_state(G, P);
      multiply_add(U_candidate, G.bottomRows(h), G.middleRows(2 * h, h), sweep);
    }
    for (Index n = 0; n < G.cols(); ++n)
      new_state(G.col(n).data(), P.col(n).data(), S_.col(n).data());
  }

  /// h' = (1-z) o n + z o h:  dn = dh' o (1-z), dz = dh' o (h - n), dh = dh' o z
  /// reset_after, a_n = W_n x + r o u, u = U_n h:  dr = da_n o u, du = da_n o r, dh += U_n' du
  /// reset_before, a_n = W_n x + U_n (r o h):  q = U_n' da_n, dr = q o h, dh += q o r
  /// both:  dh += [U_r; U_z]' [da_r; da_z].
  void step_backward(const Gru& transposed, ConstView<S> G, ConstView<S> P, ConstView<S> /*S_*/,
                     View<S> dS, View<S> dG) const {
    detail::check_step("Gru::step_backward", *this, G, P, dS);
    detail::check_step("Gru::step_backward", *this, dG, dS, P);
    const Index h = hidden_size();
    for (Index n = 0; n < G.cols(); ++n) {
      candidate_backward(G.col(n).data(), P.col(n).data(), dS.col(n).data(), dG.col(n).data());
    }
    if (b_candidate) {
      multiply_add(transposed.U_candidate, dG.bottomRows(h), dS);
    } else {
      multiply(transposed.U_candidate, dG.middleRows(2 * h, h), dG.bottomRows(h));
      for (Index n = 0; n < G.cols(); ++n) {
        reset_backward(G.col(n).data(), P.col(n).data(), dS.col(n).data(), dG.col(n).data());
      }
    }
    multiply_add(transposed.U_gates, dG.topRows(2 * h), dS);
  }

  void input_backward(const Gru& transposed, ConstView<S> dG, View<S> dX) const {
    multiply_add(transposed.W, dG.topRows(input_rows()), dX);
  }

  void add_gradient(ConstView<S> X, ConstView<S> P, ConstView<S> G, ConstView<S> dG,
                    Gru& gradient) const {
    const Index h = hidden_size();
    add_outer<S>(dG.topRows(3 * h), X, gradient.W);
    add_outer<S>(dG.topRows(2 * h), P, gradient.U_gates);
    add_columns(dG.topRows(3 * h), gradient.b);
    if (b_candidate) {
      add_outer<S>(dG.bottomRows(h), P, gradient.U_candidate);
      add_columns(dG.bottomRows(h), *gradient.b_candidate);
    } else {
      add_outer<S>(dG.middleRows(2 * h, h), G.bottomRows(h), gradient.U_candidate);
    }
  }

 private:
  /// The reset state r o h, into the last rows of G.
  void reset_state(View<S> G, ConstView<S> P) const {
    const Index h = hidden_size();
    for (Index n = 0; n < G.cols(); ++n) {
      S* gate = G.col(n).data();
      const S* state = P.col(n).data();
      packet::for_each_lane<S>(h, [&](auto lane) {
        const auto r = packet::sigmoid(lane.load(gate));
        lane.store(gate, r);
        lane.store(gate + 3 * h, packet::pmul(r, lane.load(state)));
      });
    }
  }

  void new_state(S* gate, const S* state, S* next) const {
    const Index h = hidden_size();
    const bool reset_after = b_candidate.has_value();
    packet::for_each_lane<S>(h, [&](auto lane) {
      auto a_n = lane.load(gate + 2 * h);
      if (reset_after) {
        const auto r = packet::sigmoid(lane.load(gate));
        lane.store(gate, r);
        a_n = packet::multiply_add(r, lane.load(gate + 3 * h), a_n);
      }
      const auto z = packet::sigmoid(lane.load(gate + h));
      const auto n = packet::tanh(a_n);
      lane.store(gate + h, z);
      lane.store(gate + 2 * h, n);
      lane.store(next, packet::multiply_add(z, packet::psub(lane.load(state), n), n));
    });
  }

  void candidate_backward(const S* gate, const S* state, S* d_state, S* d_gate) const {
    const Index h = hidden_size();
    const bool reset_after = b_candidate.has_value();
    packet::for_each_lane<S>(h, [&](auto lane) {
      using packet::pmul, packet::psub;
      const auto one = packet::fill<S>(1);
      const auto z = lane.load(gate + h);
      const auto n = lane.load(gate + 2 * h);
      const auto d = lane.load(d_state);
      const auto keep = psub(one, z);
      const auto da_n = pmul(pmul(d, keep), psub(one, pmul(n, n)));
      lane.store(d_gate + h, pmul(pmul(pmul(d, psub(lane.load(state), n)), z), keep));
      lane.store(d_gate + 2 * h, da_n);
      lane.store(d_state, pmul(d, z));
      if (reset_after) {
        const auto r = lane.load(gate);
        const auto dr = pmul(da_n, lane.load(gate + 3 * h));
        lane.store(d_gate, pmul(pmul(dr, r), psub(one, r)));
        lane.store(d_gate + 3 * h, pmul(da_n, r));
      }
    });
  }

  void reset_backward(const S* gate, const S* state, S* d_state, S* d_gate) const {
    const Index h = hidden_size();
    packet::for_each_lane<S>(h, [&](auto lane) {
      using packet::pmul, packet::psub;
      const auto r = lane.load(gate);
      const auto q = lane.load(d_gate + 3 * h);
      const auto dr = pmul(q, lane.load(state));
      lane.store(d_gate, pmul(pmul(dr, r), psub(packet::fill<S>(1), r)));
      lane.store(d_state, packet::multiply_add(q, r, lane.load(d_state)));
    });
  }
};

}  // namespace attend
