/// ONNX's recurrent operators: conventions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <attend/io/import_table.hpp>

namespace attend::inline ATTEND_ABI {

/// The tensors of an operator: W (directions x gates x input), R (directions x gates x hidden),
/// B (directions x 2 gates: of W, of R), P (directions x 3 hidden); `direction` counts from 0.
/// Without B and P: leave the names empty.
struct OnnxCell {
  std::string W;
  std::string R;
  std::string B = {};
  std::string P = {};
  Index direction = 0;
};

namespace detail {

/// Of one direction's `gates` those from `first`, as many as `order` has, in that order.
[[nodiscard]] inline Weights onnx_weights(const std::string& tensor, const OnnxCell& cell,
                                          Index gates, Index first, std::vector<Index> order) {
  return Weights([tensor, direction = cell.direction, gates, first,
                  order = std::move(order)](const Rectangle& wanted) {
    const Index height = wanted.rows / static_cast<Index>(order.size());
    const Index row = (direction * gates + first) * height;
    return attend::gates(rows(flattened(tensor, 2), row), order).pieces(wanted);
  });
}

/// One direction's half of the biases: of W (0) or of R (1).
[[nodiscard]] inline Weights onnx_bias(const OnnxCell& cell, Index half, std::vector<Index> order) {
  if (cell.B.empty()) return zeros();
  return part(gates(columns(transposed(cell.B), cell.direction), std::move(order)), half);
}

}  // namespace detail

/// LSTM: gates i o f c, peepholes i o f; ours i f g o and i f o.
[[nodiscard]] inline ImportTable onnx_lstm(const std::string& cell, const OnnxCell& from) {
  const std::vector<Index> order{0, 2, 3, 1};
  ImportTable table = {
      {cell + ".W", detail::onnx_weights(from.W, from, 4, 0, order)},
      {cell + ".U", detail::onnx_weights(from.R, from, 4, 0, order)},
      {cell + ".b", sum(detail::onnx_bias(from, 0, order), detail::onnx_bias(from, 1, order))}};
  if (!from.P.empty()) {
    table.append(
        ImportTable{{cell + ".p", gates(columns(transposed(from.P), from.direction), {0, 2, 1})}});
  }
  return table;
}

/// RNN: one gate.
[[nodiscard]] inline ImportTable onnx_rnn(const std::string& cell, const OnnxCell& from) {
  return {{cell + ".W", detail::onnx_weights(from.W, from, 1, 0, {0})},
          {cell + ".U", detail::onnx_weights(from.R, from, 1, 0, {0})},
          {cell + ".b", sum(detail::onnx_bias(from, 0, {0}), detail::onnx_bias(from, 1, {0}))}};
}

namespace detail {

[[nodiscard]] inline ImportTable onnx_gru_weights(const std::string& cell, const OnnxCell& from) {
  return {{cell + ".W", onnx_weights(from.W, from, 3, 0, {1, 0, 2})},
          {cell + ".U_gates", onnx_weights(from.R, from, 3, 0, {1, 0})},
          {cell + ".U_candidate", onnx_weights(from.R, from, 3, 2, {0})}};
}

}  // namespace detail

/// GRU with linear_before_reset = 0: gates z r h, for a Gru that resets before; biases add up.
[[nodiscard]] inline ImportTable onnx_gru_reset_before(const std::string& cell,
                                                       const OnnxCell& from) {
  return {detail::onnx_gru_weights(cell, from),
          {cell + ".b",
           sum(detail::onnx_bias(from, 0, {1, 0, 2}), detail::onnx_bias(from, 1, {1, 0, 2}))}};
}

/// GRU with linear_before_reset = 1: gates z r h, for a Gru that resets after.
[[nodiscard]] inline ImportTable onnx_gru(const std::string& cell, const OnnxCell& from) {
  const Weights b = from.B.empty() ? zeros() : columns(transposed(from.B), from.direction);
  return {detail::onnx_gru_weights(cell, from),
          {cell + ".b",
           stacked({sum(part(b, 1), part(b, 4)), sum(part(b, 0), part(b, 3)), part(b, 2)})},
          {cell + ".b_candidate", part(b, 5)}};
}

}  // namespace attend
