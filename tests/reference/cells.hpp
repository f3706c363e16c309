/// Recurrent cells as their equations have them: scalar loops in long double, one column at a time.
#pragma once

#include <cmath>
#include <vector>

#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>

namespace reference {

using attend::Index;
using Numbers = std::vector<long double>;

inline long double logistic(long double x) { return 1 / (1 + std::exp(-x)); }
inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// A new state, and the largest sum of magnitudes of a pre-activation, for the error's scale.
struct CellStep {
  Numbers state;
  long double magnitude = 0;
};

/// Row i of W x, its magnitudes added to `magnitude`.
template <class M>
long double row_times(const M& W, Index i, const Numbers& x, long double& magnitude) {
  long double sum = 0;
  for (Index k = 0; k < W.cols(); ++k) {
    const long double term = static_cast<long double>(W(i, k)) * x[at(k)];
    sum += term;
    magnitude += std::abs(term);
  }
  return sum;
}

/// h' = f(W x + U h + b).
template <class S>
CellStep cell_step(const attend::Elman<S>& cell, const Numbers& x, const Numbers& h) {
  CellStep next;
  for (Index i = 0; i < cell.hidden_size(); ++i) {
    long double magnitude = 0;
    const long double a =
        row_times(cell.W, i, x, magnitude) + row_times(cell.U, i, h, magnitude) + cell.b(i);
    const bool relu = cell.activation() == attend::ElmanActivation::relu;
    next.state.push_back(relu ? (a > 0 ? a : 0) : std::tanh(a));
    next.magnitude = std::max(next.magnitude, magnitude + std::abs(cell.b(i)));
  }
  return next;
}

/// i, f, g, o stand upon each other in W, U, b; i, f, o in p; the state is [h; c].
template <class S>
CellStep cell_step(const attend::Lstm<S>& cell, const Numbers& x, const Numbers& state) {
  const Index d = cell.hidden_size();
  CellStep next;
  next.state.resize(at(2 * d));
  for (Index j = 0; j < d; ++j) {
    const auto pre_activation = [&](Index gate) {
      long double magnitude = 0;
      const Index row = gate * d + j;
      const long double a = row_times(cell.W, row, x, magnitude) +
                            row_times(cell.U, row, state, magnitude) + cell.b(row);
      next.magnitude = std::max(next.magnitude, magnitude + std::abs(cell.b(row)));
      return a;
    };
    const auto peephole = [&](Index gate, long double c) {
      return cell.p ? static_cast<long double>((*cell.p)(gate * d + j)) * c : 0.0L;
    };
    const long double c = state[at(d + j)];
    const long double i = logistic(pre_activation(0) + peephole(0, c));
    const long double f = logistic(pre_activation(1) + peephole(1, c));
    const long double g = std::tanh(pre_activation(2));
    const long double c_next = f * c + i * g;
    const long double o = logistic(pre_activation(3) + peephole(2, c_next));
    next.state[at(j)] = o * std::tanh(c_next);
    next.state[at(d + j)] = c_next;
  }
  return next;
}

/// r, z, n stand upon each other in W and b; r, z in U_gates.
template <class S>
CellStep cell_step(const attend::Gru<S>& cell, const Numbers& x, const Numbers& h) {
  const Index d = cell.hidden_size();
  CellStep next;
  const auto input = [&](Index gate, Index j) {
    long double magnitude = 0;
    const long double a = row_times(cell.W, gate * d + j, x, magnitude) + cell.b(gate * d + j);
    next.magnitude = std::max(next.magnitude, magnitude + std::abs(cell.b(gate * d + j)));
    return a;
  };
  const auto recurrent = [&](const auto& U, Index row, const Numbers& state) {
    long double magnitude = 0;
    const long double a = row_times(U, row, state, magnitude);
    next.magnitude = std::max(next.magnitude, magnitude);
    return a;
  };
  Numbers r;
  Numbers reset_state;
  for (Index j = 0; j < d; ++j) {
    r.push_back(logistic(input(0, j) + recurrent(cell.U_gates, j, h)));
    reset_state.push_back(r.back() * h[at(j)]);
  }
  for (Index j = 0; j < d; ++j) {
    const long double z = logistic(input(1, j) + recurrent(cell.U_gates, d + j, h));
    long double a = input(2, j);
    if (cell.b_candidate) {
      a += r[at(j)] * (recurrent(cell.U_candidate, j, h) + (*cell.b_candidate)(j));
    } else {
      a += recurrent(cell.U_candidate, j, reset_state);
    }
    next.state.push_back((1 - z) * std::tanh(a) + z * h[at(j)]);
  }
  return next;
}

}  // namespace reference
