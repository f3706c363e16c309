/// From state, context and last word to the features that words are predicted from.
#pragma once

#include <optional>

#include <attend/core/initialize.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

/// `none`: the parts themselves, upon each other, without weights.
enum class ReadoutActivation { tanh, maxout, relu, linear, none };

/// Sizes; a context or an embedding of size 0 is left out. With `none` the output is as large as
/// what is read.
struct ReadoutConfig {
  Index state = 0;
  Index context = 0;
  Index embedding = 0;
  Index output = 0;
  ReadoutActivation activation = ReadoutActivation::tanh;
};

/// t = W_s s + W_c c + W_y Ey + b;  r = tanh(t) (Luong et al. 2015, eq. 5, where Ey is left out),
/// or r_i = max(t_2i, t_2i+1) (maxout; Bahdanau et al. 2015, appendix A.2.2), max(t, 0) or t. W_s,
/// W_c, W_y have d_r rows, 2 d_r with maxout. Without weights, r = [s; c; Ey].
template <Scalar S>
class Readout {
 public:
  PanelMatrix<S> W_s;
  std::optional<PanelMatrix<S>> W_c;
  std::optional<PanelMatrix<S>> W_y;
  Vector<S> b;

  /// Inputs, or the gradients of them; a part that the readout leaves out is not looked at.
  template <class Columns>
  struct Parts {
    Columns state;
    Columns context;
    Columns embedding;
  };

  Readout() = default;
  Readout(ReadoutConfig config, Random& random) : config_(config) {
    if (!weighs()) {
      check_size("Readout", "output size, without weights,", config.output,
                 config.state + config.context + config.embedding);
      return;
    }
    const Index rows = config.output * (config.activation == ReadoutActivation::maxout ? 2 : 1);
    W_s.resize(rows, config.state);
    b = Vector<S>::Zero(rows);
    if (config.context > 0) W_c.emplace(rows, config.context);
    if (config.embedding > 0) W_y.emplace(rows, config.embedding);
    const double fans =
        static_cast<double>(rows + config.state + config.context + config.embedding);
    const double bound = std::sqrt(6.0 / fans);
    initialize_uniform(W_s, bound, random);
    if (W_c) initialize_uniform(*W_c, bound, random);
    if (W_y) initialize_uniform(*W_y, bound, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W_s", m.W_s...);
    f("W_c", m.W_c...);
    f("W_y", m.W_y...);
    f("b", m.b...);
  }

  [[nodiscard]] ReadoutActivation activation() const { return config_.activation; }
  /// Rows of t, and of r; without weights t is r.
  [[nodiscard]] Index trace_rows() const { return weighs() ? W_s.rows() : config_.output; }
  [[nodiscard]] Index output_size() const { return config_.output; }

  /// Columns of s, c, Ey; overwrites T (trace_rows x n), kept for the way back, and R (d_r x n).
  void step(const Parts<ConstView<S>>& in, View<S> T, View<S> R) const {
    if (!weighs()) {
      R.topRows(config_.state) = in.state;
      if (config_.context > 0) R.middleRows(config_.state, config_.context) = in.context;
      if (config_.embedding > 0) R.bottomRows(config_.embedding) = in.embedding;
      return;
    }
    multiply(W_s, in.state, b, T);
    if (W_c) multiply_add(*W_c, in.context, T);
    if (W_y) multiply_add(*W_y, in.embedding, T);
    for (Index n = 0; n < T.cols(); ++n) activate(T.col(n).data(), R.col(n).data());
  }

  /// r = tanh(t):  dt = dr (1 - r^2);  r_i = max(t_2i, t_2i+1):  dr_i goes to the larger.
  /// T (trace_rows x n); overwrites dT (trace_rows x n).
  void step_backward(ConstView<S> T, ConstView<S> dR, View<S> dT) const {
    if (!weighs()) {
      dT = dR;
      return;
    }
    for (Index n = 0; n < T.cols(); ++n) {
      activate_backward(T.col(n).data(), dR.col(n).data(), dT.col(n).data());
    }
  }

  /// t = W_s s + W_c c + W_y Ey:  ds += W_s' dt, dc += W_c' dt, dEy += W_y' dt.
  void input_backward(const Readout& transposed, ConstView<S> dT, Parts<View<S>> d) const {
    if (!weighs()) {
      d.state += dT.topRows(config_.state);
      if (config_.context > 0) d.context += dT.middleRows(config_.state, config_.context);
      if (config_.embedding > 0) d.embedding += dT.bottomRows(config_.embedding);
      return;
    }
    multiply_add(transposed.W_s, dT, d.state);
    if (W_c) multiply_add(*transposed.W_c, dT, d.context);
    if (W_y) multiply_add(*transposed.W_y, dT, d.embedding);
  }

  /// dW_s += dt s', dW_c += dt c', dW_y += dt Ey', db += sum of the columns of dt.
  void add_gradient(const Parts<ConstView<S>>& in, ConstView<S> dT, Readout& gradient) const {
    if (!weighs()) return;
    add_outer<S>(dT, in.state, gradient.W_s);
    if (W_c) add_outer<S>(dT, in.context, *gradient.W_c);
    if (W_y) add_outer<S>(dT, in.embedding, *gradient.W_y);
    add_columns(dT, gradient.b);
  }

 private:
  using Kind = ReadoutActivation;

  [[nodiscard]] bool weighs() const { return config_.activation != Kind::none; }

  void activate(const S* t, S* r) const {
    if (config_.activation == Kind::maxout) {
      for (Index i = 0; i < output_size(); ++i) r[i] = std::max(t[2 * i], t[2 * i + 1]);
      return;
    }
    packet::for_each_lane<S>(output_size(), [&](auto lane) {
      const auto x = lane.load(t);
      if (config_.activation == Kind::tanh) {
        lane.store(r, packet::tanh(x));
      } else {
        lane.store(r, config_.activation == Kind::relu ? packet::pmax(x, packet::fill<S>(0)) : x);
      }
    });
  }

  void activate_backward(const S* t, const S* dr, S* dt) const {
    if (config_.activation == Kind::maxout) {
      for (Index i = 0; i < output_size(); ++i) {
        const bool first = t[2 * i] >= t[2 * i + 1];
        dt[2 * i] = first ? dr[i] : S{0};
        dt[2 * i + 1] = first ? S{0} : dr[i];
      }
    } else if (config_.activation == Kind::tanh) {
      packet::for_each_lane<S>(output_size(), [&](auto lane) {
        const auto r = packet::tanh(lane.load(t));
        const auto slope = packet::psub(packet::fill<S>(1), packet::pmul(r, r));
        lane.store(dt, packet::pmul(lane.load(dr), slope));
      });
    } else {
      const bool relu = config_.activation == Kind::relu;
      for (Index i = 0; i < output_size(); ++i) dt[i] = relu && t[i] <= S{0} ? S{0} : dr[i];
    }
  }

  ReadoutConfig config_;
};

}  // namespace attend
