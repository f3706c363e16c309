/// A cell over the steps of a ragged batch, there and back, as an encoder drives it.
#pragma once

#include <vector>

#include "reference/matrices.hpp"
#include <attend/cell/cell.hpp>

namespace cells {

using attend::Index;
using attend::Matrix;

/// Step t has `counts[t]` columns, never more than the step before. The loss is a weighted sum of
/// every element of every state.
template <class C>
struct Unrolled {
  using S = typename C::Scalar;

  std::vector<Index> counts;
  Matrix<S> weights;
  Matrix<S> G, P, states;
  Matrix<S> dG, dX, d_initial;

  Unrolled(const C& cell, std::vector<Index> columns, attend::Random& random)
      : counts(std::move(columns)) {
    Index all = 0;
    for (const Index n : counts) all += n;
    weights = reference::random_matrix<S>(random, cell.state_rows(), all);
    G.resize(cell.gate_rows(), all);
    P.resize(cell.state_rows(), all);
    states.resize(cell.state_rows(), all);
    dG.resize(cell.gate_rows(), all);
    dX.setZero(cell.input_size(), all);
    d_initial.setZero(cell.state_rows(), counts.front());
  }

  [[nodiscard]] Index columns() const { return weights.cols(); }

  S forward(const C& cell, const Matrix<S>& X, const Matrix<S>& initial) {
    cell.project(X, G);
    Index first = 0;
    Index previous = 0;
    for (std::size_t t = 0; t < counts.size(); ++t) {
      const Index n = counts[t];
      if (t == 0)
        P.leftCols(n) = initial;
      else
        P.middleCols(first, n) = states.middleCols(previous, n);
      cell.step(G.middleCols(first, n), P.middleCols(first, n), states.middleCols(first, n));
      previous = first;
      first += n;
    }
    return (weights.array() * states.array()).sum();
  }

  /// After forward. Adds to dX and the gradient; overwrites d_initial.
  void backward(const C& cell, const Matrix<S>& X, C& gradient) {
    C transposed = cell;
    attend::assign_transposed(cell, transposed);
    d_initial.setZero();
    Index first = columns();
    for (std::size_t t = counts.size(); t-- > 0;) {
      const Index n = counts[t];
      first -= n;
      d_initial.leftCols(n) += weights.middleCols(first, n);
      cell.step_backward(transposed, G.middleCols(first, n), P.middleCols(first, n),
                         states.middleCols(first, n), d_initial.leftCols(n),
                         dG.middleCols(first, n));
    }
    cell.input_backward(transposed, dG, dX);
    cell.add_gradient(X, P, G, dG, gradient);
  }
};

}  // namespace cells
