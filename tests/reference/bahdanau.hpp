/// Bahdanau's decoder as its equations have it, one number at a time: the oracle for the recurrent
/// decoder of that order with a GRU (reset_after), an additive score and a tanh readout.
#pragma once

#include <cmath>
#include <vector>

#include <attend/core/types.hpp>

namespace reference {

using Numbers = std::vector<double>;

template <class P>
Numbers product(const P& W, const Numbers& x) {
  Numbers y(static_cast<std::size_t>(W.rows()), 0.0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      y[i] += W(static_cast<attend::Index>(i), static_cast<attend::Index>(k)) * x[k];
    }
  }
  return y;
}

inline Numbers operator+(Numbers a, const Numbers& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

template <class V>
Numbers column(const V& v, attend::Index j = 0) {
  Numbers x;
  for (attend::Index i = 0; i < v.rows(); ++i) x.push_back(v(i, j));
  return x;
}

inline Numbers tanh(Numbers x) {
  for (double& value : x) value = std::tanh(value);
  return x;
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct BahdanauStep {
  Numbers weights;
  Numbers logits;
};

template <class D>
class BahdanauDecoder {
 public:
  /// H: one vector for each source position.
  BahdanauDecoder(const D& decoder, std::vector<Numbers> H, const Numbers& final_states)
      : d_(decoder), H_(std::move(H)) {
    s_ = tanh(product(d_.bridge.W, final_states) + column(d_.bridge.b));
  }

  BahdanauStep step(attend::Token word) {
    BahdanauStep out;
    out.weights = align();
    Numbers c(static_cast<std::size_t>(d_.config().annotation), 0.0);
    for (std::size_t j = 0; j < H_.size(); ++j) {
      for (std::size_t i = 0; i < c.size(); ++i) c[i] += out.weights[j] * H_[j][i];
    }
    const Numbers Ey = column(d_.embedding.E, word);
    s_ = gru(Ey, c);
    const auto& r = d_.readout;
    const Numbers t = product(r.W_s, s_) + product(*r.W_c, c) + product(*r.W_y, Ey) + column(r.b);
    out.logits = product(*d_.output.W, tanh(t)) + column(d_.output.b);
    return out;
  }

 private:
  /// a_ij = softmax_j v' tanh(W s_{i-1} + U h_j + b).
  [[nodiscard]] Numbers align() const {
    const auto& z = d_.attention->score;
    Numbers a;
    double sum = 0;
    for (const Numbers& h : H_) {
      const Numbers hidden = tanh(product(z.W, s_) + product(z.U, h) + column(*z.b));
      double e = 0;
      for (std::size_t i = 0; i < hidden.size(); ++i) {
        e += z.v(static_cast<attend::Index>(i)) * hidden[i];
      }
      a.push_back(std::exp(e));
      sum += a.back();
    }
    for (double& weight : a) weight /= sum;
    return a;
  }

  /// s_i = cell(E y_{i-1}, C c_i, s_{i-1}).
  [[nodiscard]] Numbers gru(const Numbers& Ey, const Numbers& c) const {
    const auto& cell = d_.cells.front().cell;
    const std::size_t h = s_.size();
    const Numbers x = product(cell.W, Ey) + product(*d_.cells.front().beside, c) + column(cell.b);
    const Numbers gates = product(cell.U_gates, s_);
    const Numbers u = product(cell.U_candidate, s_) + column(*cell.b_candidate);
    Numbers next(h);
    for (std::size_t i = 0; i < h; ++i) {
      const double r = sigmoid(x[i] + gates[i]);
      const double z = sigmoid(x[h + i] + gates[h + i]);
      const double n = std::tanh(x[2 * h + i] + r * u[i]);
      next[i] = (1 - z) * n + z * s_[i];
    }
    return next;
  }

  const D& d_;
  std::vector<Numbers> H_;
  Numbers s_;
};

}  // namespace reference
