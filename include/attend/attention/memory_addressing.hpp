/// The addressing of a neural Turing machine: content, gate, shift, sharpening.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/core/initialize.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/product.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// Graves, Wayne, Danihelka 2014 (arXiv 1410.5401, eq. 5-9), for one query, with w' the weights of
/// the step before:
///
///     c = softmax(e)    h = g c + (1 - g) w'    m_i = sum_j h_j s(i - j), circular    w = m^y /
///     sum m^y
///
/// e should be a Cosine score's. Each query has five *controls* P = W q + b: g = sigma(p_0), shifts
/// s(-1), s(0), s(1) = softmax(p_1..p_3), y = 1 + softplus(p_4). Without `previous` the first key
/// has all of the weight before. W (5 x d_q), b (5). O(T) a step.
template <Scalar S>
class MemoryAddressing {
 public:
  using Scalar = S;

  PanelMatrix<S> W;
  Vector<S> b;

  MemoryAddressing() = default;
  /// Begins as little more than content addressing: g near 1, shift near 0.
  MemoryAddressing(Index d_q, Random& random) : W(size, d_q), b(size) {
    initialize_glorot(W, random);
    b << S{2}, S{0}, S{2}, S{0}, S{0};
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("b", m.b...);
  }

  [[nodiscard]] Index control_size() const { return size; }
  [[nodiscard]] bool reads_previous() const { return true; }

  /// Q (d_q x U); overwrites P (5 x U).
  void controls(ConstView<S> Q, View<S> P) const { multiply(W, Q, b, P); }

  /// P = W q + b:  dQ += W' dP, dW += dP Q', db += sum of the columns of dP.
  void controls_backward(const MemoryAddressing& transposed, ConstView<S> Q, ConstView<S> dP,
                         View<S> dQ, MemoryAddressing& gradient) const {
    multiply_add(transposed.W, dP, dQ);
    add_outer<S>(dP, Q, gradient.W);
    add_columns(dP, gradient.b);
  }

  void align(std::span<S> e, const AlignmentStep<S>& step) const {
    const Controls by(step.controls);
    softmax(std::ssize(e), e.data());
    for (std::size_t j = 0; j < e.size(); ++j) {
      e[j] = by.gate * e[j] + (S{1} - by.gate) * previous(step, j);
    }
    shift(e, by.shifts);
    const S peak = largest(std::ssize(e), e.data());
    S sum = 0;
    for (S& m : e) sum += m = std::pow(m / peak, by.sharpness);
    for (S& m : e) m /= sum;
  }

  /// Backwards through the four, with h and m computed again from the energies:
  ///     dm_i = y w_i / m_i (dw_i - sum_k w_k dw_k),   dy = sum_i dw_i w_i (log m_i - mean),
  ///     dh_j = sum_i dm_i s(i - j),   ds(k) = sum_i dm_i h(i - k),
  ///     dg = sum_j dh_j (c_j - w'_j),   dw'_j += (1 - g) dh_j,   de by softmax from g dh.
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& step, MemoryAddressing& /*gradient*/) const {
    const Controls by(step.controls);
    const auto T = std::ssize(e);
    const S normaliser = log_sum_exp(T, e.data());
    const auto content = [&](Index j) { return std::exp(at(e, j) - normaliser); };
    const auto gated = [&](Index j) {
      j = (j + T) % T;
      return by.gate * content(j) + (S{1} - by.gate) * previous(step, static_cast<std::size_t>(j));
    };
    const auto mixed = [&](Index i) {
      return by.shifts[0] * gated(i + 1) + by.shifts[1] * gated(i) + by.shifts[2] * gated(i - 1);
    };
    S mean = 0;
    S mean_log = 0;
    for (Index i = 0; i < T; ++i) {
      mean += at(weights, i) * at(d, i);
      if (at(weights, i) > 0) mean_log += at(weights, i) * std::log(mixed(i));
    }
    std::array<S, 3> d_shifts{};
    S d_sharpness = 0;
    for (Index i = 0; i < T; ++i) {
      const S m = mixed(i);
      const S w = at(weights, i);
      if (w > 0) d_sharpness += at(d, i) * w * (std::log(m) - mean_log);
      S& dm = d[static_cast<std::size_t>(i)];
      dm = w > 0 ? by.sharpness * w / m * (dm - mean) : S{0};
      for (Index k = 0; k < 3; ++k) {
        d_shifts[static_cast<std::size_t>(k)] += dm * gated(i + 1 - k);
      }
    }
    shift(d, {by.shifts[2], by.shifts[1], by.shifts[0]});
    S d_gate = 0;
    S mean_content = 0;
    for (Index j = 0; j < T; ++j) {
      const auto k = static_cast<std::size_t>(j);
      const S c = content(j);
      d_gate += d[k] * (c - previous(step, k));
      if (!step.d_previous.empty()) step.d_previous[k] += (S{1} - by.gate) * d[k];
      mean_content += c * d[k];
    }
    for (Index j = 0; j < T; ++j) {
      S& de = d[static_cast<std::size_t>(j)];
      de = by.gate * content(j) * (de - mean_content);
    }
    by.backward(d_gate, d_shifts, d_sharpness, step.d_controls);
  }

 private:
  static constexpr Index size = 5;

  /// The controls as they act.
  struct Controls {
    S gate;
    std::array<S, 3> shifts;
    S sharpness;
    S d_sharpness;

    explicit Controls(std::span<const S> p)
        : gate(sigmoid(p[0])),
          shifts{p[1], p[2], p[3]},
          sharpness(S{1} + softplus(p[4])),
          d_sharpness(sigmoid(p[4])) {
      softmax(Index{3}, shifts.data());
    }

    void backward(S d_gate, std::array<S, 3> d_shifts, S dy, std::span<S> dp) const {
      dp[0] += d_gate * gate * (S{1} - gate);
      softmax_backward(Index{3}, shifts.data(), d_shifts.data());
      for (std::size_t k = 0; k < 3; ++k) dp[k + 1] += d_shifts[k];
      dp[4] += dy * d_sharpness;
    }
  };

  static S sigmoid(S x) { return S{1} / (S{1} + std::exp(-x)); }
  static S softplus(S x) { return std::max(x, S{0}) + std::log1p(std::exp(-std::abs(x))); }
  template <class Span>
  static S at(Span x, Index j) {
    return x[static_cast<std::size_t>(j)];
  }
  static S previous(const AlignmentStep<S>& step, std::size_t j) {
    return step.previous.empty() ? S(j == 0) : step.previous[j];
  }

  /// x_i becomes s(-1) x_{i+1} + s(0) x_i + s(1) x_{i-1}, around the ends.
  static void shift(std::span<S> x, const std::array<S, 3>& s) {
    const S first = x.front();
    S before = x.back();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const S here = x[i];
      const S after = i + 1 < x.size() ? x[i + 1] : first;
      x[i] = s[0] * after + s[1] * here + s[2] * before;
      before = here;
    }
  }
};

}  // namespace attend
