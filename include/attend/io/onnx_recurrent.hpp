/// Recurrent cells and layers as ONNX's operators.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <attend/cell/any_cell.hpp>
#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>
#include <attend/core/types.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/recurrent.hpp>
#include <attend/io/onnx_graph.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// The blocks of d_h rows in that order.
template <Scalar S>
[[nodiscard]] Matrix<S> gates_in_order(const Matrix<S>& M, const std::vector<Index>& order) {
  const Index height = M.rows() / std::ssize(order);
  Matrix<S> result(M.rows(), M.cols());
  Index row = 0;
  for (const Index gate : order) {
    result.middleRows(row, height) = M.middleRows(gate * height, height);
    row += height;
  }
  return result;
}

template <Scalar S>
[[nodiscard]] Matrix<S> upon_each_other(const Matrix<S>& upper, const Matrix<S>& lower) {
  Matrix<S> both(upper.rows() + lower.rows(), upper.cols());
  both << upper, lower;
  return both;
}

/// As ONNX stores them: row by row, one direction behind the other.
template <Scalar S>
[[nodiscard]] std::vector<S> by_rows(const std::vector<const Matrix<S>*>& directions) {
  std::vector<S> elements;
  for (const Matrix<S>* M : directions) {
    for (Index i = 0; i < M->rows(); ++i) {
      for (Index j = 0; j < M->cols(); ++j) elements.push_back((*M)(i, j));
    }
  }
  return elements;
}

}  // namespace detail

/// One direction of an operator: W (gates x d_x), R (gates x d_h), B (2 gates: of W, of R) with the
/// gates in ONNX's order, of which gate i is ours number order[i]; peepholes P (3 d_h) or none.
template <Scalar S>
struct OnnxRecurrent {
  std::string op;
  std::vector<Index> order;
  Matrix<S> W;
  Matrix<S> R;
  Vector<S> B;
  Vector<S> P = {};
  std::vector<OnnxAttribute> attributes = {};
  std::string activation = {};  ///< Where it is not the operator's own.

  [[nodiscard]] Index hidden_size() const { return R.cols(); }
  [[nodiscard]] bool keeps_cell() const { return op == "LSTM"; }

  /// More features behind those of x, with these weights, the gates in our order.
  void add_input(const Matrix<S>& weights) {
    W.conservativeResize(Eigen::NoChange, W.cols() + weights.cols());
    W.rightCols(weights.cols()) = detail::gates_in_order<S>(weights, order);
  }
};

/// Gates z r h. Where the reset comes after the product the candidate has a bias of its own.
template <Scalar S>
[[nodiscard]] OnnxRecurrent<S> onnx_recurrent(const Gru<S>& cell) {
  const std::vector<Index> order{1, 0, 2};
  const bool after = cell.form() == GruForm::reset_after;
  Vector<S> B = Vector<S>::Zero(2 * cell.input_rows());
  B.head(cell.input_rows()) = detail::gates_in_order<S>(cell.b, order);
  if (after) B.tail(cell.hidden_size()) = *cell.b_candidate;
  const Matrix<S> U = detail::upon_each_other<S>(cell.U_gates.matrix(), cell.U_candidate.matrix());
  return {"GRU",
          order,
          detail::gates_in_order<S>(cell.W.matrix(), order),
          detail::gates_in_order<S>(U, order),
          std::move(B),
          {},
          {{"linear_before_reset", Index{after}}}};
}

/// Gates i o f c, peepholes i o f.
template <Scalar S>
[[nodiscard]] OnnxRecurrent<S> onnx_recurrent(const Lstm<S>& cell) {
  const std::vector<Index> order{0, 3, 1, 2};
  Vector<S> B = Vector<S>::Zero(2 * cell.input_rows());
  B.head(cell.input_rows()) = detail::gates_in_order<S>(cell.b, order);
  OnnxRecurrent<S> result{"LSTM", order, detail::gates_in_order<S>(cell.W.matrix(), order),
                          detail::gates_in_order<S>(cell.U.matrix(), order), std::move(B)};
  if (cell.p) result.P = detail::gates_in_order<S>(*cell.p, {0, 2, 1});
  return result;
}

template <Scalar S>
[[nodiscard]] OnnxRecurrent<S> onnx_recurrent(const Elman<S>& cell) {
  Vector<S> B = Vector<S>::Zero(2 * cell.input_rows());
  B.head(cell.input_rows()) = cell.b;
  OnnxRecurrent<S> result{"RNN", {0}, cell.W.matrix(), cell.U.matrix(), std::move(B)};
  if (cell.activation() == ElmanActivation::relu) {
    result.activation = "Relu";
  }
  return result;
}

template <Scalar S>
[[nodiscard]] OnnxRecurrent<S> onnx_recurrent(const AnyCell<S>& cell) {
  return std::visit([](const auto& c) { return onnx_recurrent<S>(c); }, cell.choice());
}

/// The directions of a layer, the first forward if there are two, and the attribute that says so.
template <Scalar S>
struct OnnxDirections {
  std::vector<OnnxRecurrent<S>> cells;
  std::string direction = "forward";
  Merge merge = Merge::concatenate;
};

template <Cell C>
[[nodiscard]] OnnxDirections<typename C::Scalar> onnx_directions(const Recurrent<C>& layer) {
  return {{onnx_recurrent(layer.cell)},
          layer.direction() == Direction::forward ? "forward" : "reverse"};
}

template <Cell C>
[[nodiscard]] OnnxDirections<typename C::Scalar> onnx_directions(const Bidirectional<C>& layer) {
  return {{onnx_recurrent(layer.left_to_right.cell), onnx_recurrent(layer.right_to_left.cell)},
          "bidirectional",
          layer.merge()};
}

/// Outputs (T x n x d_h of the layer) and final states (n x state_rows).
struct OnnxLayer {
  std::string outputs;
  std::string states;
};

/// Adds a layer that reads X (T x n x d_x) from `initial` (n x state_rows, of one direction) or,
/// where that is empty, from zeros.
template <Scalar S>
OnnxLayer add_onnx_layer(OnnxGraph& graph, const std::string& name, const OnnxDirections<S>& layer,
                         const std::string& X, const std::string& initial = {}) {
  const OnnxRecurrent<S>& first = layer.cells.front();
  const Index directions = std::ssize(layer.cells);
  const Index h = first.hidden_size();
  std::vector<const Matrix<S>*> W;
  std::vector<const Matrix<S>*> R;
  std::vector<S> B;
  std::vector<S> P;
  for (const OnnxRecurrent<S>& cell : layer.cells) {
    W.push_back(&cell.W);
    R.push_back(&cell.R);
    B.insert(B.end(), cell.B.begin(), cell.B.end());
    P.insert(P.end(), cell.P.begin(), cell.P.end());
  }
  const auto tensor = [&](const std::string& part, Index rows, Index cols,
                          const std::vector<S>& elements) {
    std::vector<Index> shape{directions, rows};
    if (cols > 0) shape.push_back(cols);
    return graph.constant<S>(name + "." + part, std::move(shape), elements);
  };
  std::vector<std::string> inputs{
      X, tensor("W", first.W.rows(), first.W.cols(), detail::by_rows(W)),
      tensor("R", first.R.rows(), h, detail::by_rows(R)), tensor("B", first.B.size(), 0, B), ""};
  if (!initial.empty()) {
    const std::size_t parts = first.keeps_cell() ? 2 : 1;
    for (const std::string& part : graph.split(initial, std::vector<Index>(parts, h), 1)) {
      inputs.push_back(graph.unsqueeze(part, 0));
    }
  }
  if (!P.empty()) {
    inputs.resize(7);
    inputs.push_back(tensor("P", first.P.size(), 0, P));
  }
  std::vector<OnnxAttribute> attributes{{"hidden_size", h}, {"direction", layer.direction}};
  for (const OnnxAttribute& attribute : first.attributes) attributes.push_back(attribute);
  if (!first.activation.empty()) {
    attributes.emplace_back("activations",
                            std::vector<std::string>(layer.cells.size(), first.activation));
  }
  const auto made = graph.node(first.op, inputs, first.keeps_cell() ? 3 : 2, attributes);
  // Y is T x directions x n x d_h, Y_h and Y_c are directions x n x d_h.
  const std::string Y = graph.transpose(made[0], {0, 2, 1, 3});
  const std::string states = graph.concatenate({made.begin() + 1, made.end()}, 2);
  return {layer.merge == Merge::sum
              ? graph.node("ReduceSum", {Y, graph.integers({2})}, {{"keepdims", Index{0}}})
              : graph.reshape(Y, {0, 0, directions * h}),
          graph.reshape(graph.transpose(states, {1, 0, 2}), {0, -1})};
}

}  // namespace attend
