/// ONNX `RNN`, `GRU` and `LSTM` by attend's recurrent layers, with weights that io/onnx.hpp reads.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "case.hpp"
#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/recurrent.hpp>
#include <attend/io/import_parameters.hpp>
#include <attend/io/onnx.hpp>

namespace onnx_conformance {

/// Where (step, batch, direction) stands among an operator's tensors; `layout` 1 has the batch
/// first.
struct RecurrentShape {
  bool batch_first = false;
  Index steps = 0;
  Index batch = 0;
  Index directions = 1;
  Index hidden = 0;

  [[nodiscard]] Index column(Index t, Index b) const {
    return batch_first ? b * steps + t : t * batch + b;
  }
  [[nodiscard]] Index output(Index t, Index b, Index d) const {
    return batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b;
  }
  [[nodiscard]] Index state(Index b, Index d) const {
    return batch_first ? b * directions + d : d * batch + b;
  }
  [[nodiscard]] std::vector<Index> inputs(Index size) const {
    if (batch_first) return {batch, steps, size};
    return {steps, batch, size};
  }
  [[nodiscard]] std::vector<Index> outputs() const {
    if (batch_first) return {batch, steps, directions, hidden};
    return {steps, directions, batch, hidden};
  }
  [[nodiscard]] std::vector<Index> states() const {
    if (batch_first) return {batch, directions, hidden};
    return {directions, batch, hidden};
  }
};

[[nodiscard]] inline RecurrentShape shape_of(const Case& c) {
  const Values& X = c.required(0);
  const Values& R = c.required(2);
  const bool batch_first = c.attribute("layout", 0) == 1;
  return {batch_first, X.size(batch_first ? 1 : 0), X.size(batch_first ? 0 : 1), R.size(0),
          R.size(2)};
}

/// Column `index` of what the numbers hold.
[[nodiscard]] inline auto column(Values& values, Index index, Index rows) {
  return Eigen::Map<Eigen::VectorXf>(values.numbers.data() + index * rows, rows);
}
[[nodiscard]] inline auto column(const Values& values, Index index, Index rows) {
  return Eigen::Map<const Eigen::VectorXf>(values.numbers.data() + index * rows, rows);
}

/// initial_h and, where the cell has one, initial_c, as the layer takes them: for each direction
/// [h] or [h; c].
[[nodiscard]] inline attend::Matrix<float> initial_states(const Case& c,
                                                          const RecurrentShape& shape,
                                                          Index state_rows) {
  attend::Matrix<float> states = attend::Matrix<float>::Zero(state_rows, shape.batch);
  const Index rows = state_rows / shape.directions;
  for (Index part = 0; part * shape.hidden < rows; ++part) {
    const auto input = static_cast<std::size_t>(5 + part);
    c.check(input, shape.states());
    const Values* given = c.input(input);
    if (given == nullptr) continue;
    for (Index d = 0; d < shape.directions; ++d) {
      for (Index b = 0; b < shape.batch; ++b) {
        states.col(b).segment(d * rows + part * shape.hidden, shape.hidden) =
            column(*given, shape.state(b, d), shape.hidden);
      }
    }
  }
  return states;
}

/// Y, Y_h and, where the cell has one, Y_c.
template <class Layer>
[[nodiscard]] Tensors run_layer(const Case& c, const Layer& layer) {
  const RecurrentShape shape = shape_of(c);
  const Values& x = c.required(0);
  std::vector<Index> lengths(static_cast<std::size_t>(shape.batch), shape.steps);
  c.check(4, {shape.batch});
  if (const Values* given = c.input(4)) {
    std::transform(given->numbers.begin(), given->numbers.end(), lengths.begin(),
                   [&](float length) {
                     return std::clamp<Index>(static_cast<Index>(length), 0, shape.steps);
                   });
  }
  const attend::Ragged layout(lengths);
  c.check(0, shape.inputs(layer.input_size()));
  attend::Matrix<float> X(layer.input_size(), layout.columns());
  attend::Matrix<float> H(layer.output_size(), layout.columns());
  for (Index b = 0; b < shape.batch; ++b) {
    for (Index t = 0; t < layout.length(b); ++t) {
      X.col(layout.column(b, t)) = column(x, shape.column(t, b), X.rows());
    }
  }
  const attend::Matrix<float> initial = initial_states(c, shape, layer.state_rows());
  attend::Matrix<float> final;
  typename Layer::Trace trace;
  layer.forward(layout, X, H, trace, {&initial, &final});

  Tensors out = {filled(shape.outputs())};
  for (Index d = 0; d < shape.directions; ++d) {
    for (Index b = 0; b < shape.batch; ++b) {
      for (Index t = 0; t < layout.length(b); ++t) {
        column(*out[0], shape.output(t, b, d), shape.hidden) =
            H.col(layout.column(b, t)).segment(d * shape.hidden, shape.hidden);
      }
    }
  }
  const Index rows = layer.state_rows() / shape.directions;
  for (Index part = 0; part * shape.hidden < rows; ++part) {
    Values& states = *out.emplace_back(filled(shape.states()));
    for (Index d = 0; d < shape.directions; ++d) {
      for (Index b = 0; b < shape.batch; ++b) {
        column(states, shape.state(b, d), shape.hidden) =
            final.col(b).segment(d * rows + part * shape.hidden, shape.hidden);
      }
    }
  }
  return out;
}

/// The weights of a case as a file: W, R and, where given, B and P.
class RecurrentWeights {
 public:
  explicit RecurrentWeights(const Case& c) {
    add(c, "W", 1);
    add(c, "R", 2);
    add(c, "B", 3);
    if (c.op == "LSTM") add(c, "P", 7);
  }

  [[nodiscard]] const attend::TensorFile& file() const { return file_; }
  [[nodiscard]] bool has(const std::string& name) const { return file_.contains(name); }
  [[nodiscard]] attend::OnnxCell names(Index direction) const {
    return {"W", "R", has("B") ? "B" : "", has("P") ? "P" : "", direction};
  }

 private:
  /// With input_forget, f = 1 - i = sigma(-a_i): the rows of f (the third gate) are those of i,
  /// negative.
  void add(const Case& c, const std::string& name, std::size_t input) {
    const Values* given = c.input(input);
    if (given == nullptr) return;
    Values values = *given;
    if (c.op == "LSTM" && c.attribute("input_forget", 0) != 0) {
      const Index hidden = c.required(2).size(2);
      const Index columns = given->rank() == 3 ? given->size(2) : 1;
      const Index gates = name == "P" ? 3 : 4;
      for (Index i = 0; i < std::ssize(values.numbers); ++i) {
        const Index gate = i / (hidden * columns) % gates;
        if (gate == 2) values[i] = -values[i - 2 * hidden * columns];
      }
    }
    file_.insert(name, attend::make_tensor<float>(values.shape, values.numbers));
  }

  attend::TensorFile file_;
};

/// `make(direction)` gives a cell of the right shape, `table(path, names)` what fills it.
template <class Make, class Table>
[[nodiscard]] Tensors run_cells(const Case& c, const RecurrentWeights& weights, Make&& make,
                                Table&& table) {
  using Cell = decltype(make(0));
  const auto direction = c.attribute<std::string>("direction", "forward");
  if (direction == "bidirectional") {
    attend::Bidirectional<Cell> layer(make(0), make(1));
    attend::import_parameters(weights.file(),
                              attend::ImportTable{table("forward.cell", weights.names(0)),
                                                  table("backward.cell", weights.names(1))},
                              layer);
    return run_layer(c, layer);
  }
  const bool forward = direction == "forward";
  if (!forward && direction != "reverse") {
    throw attend::FormatError(c.op + ": the direction " + direction + " is not known");
  }
  attend::Recurrent<Cell> layer(make(0),
                                forward ? attend::Direction::forward : attend::Direction::backward);
  attend::import_parameters(weights.file(), table("cell", weights.names(0)), layer);
  return run_layer(c, layer);
}

/// The functions of one direction, in small letters; `usual` where the case names none.
[[nodiscard]] inline std::vector<std::string> activations(const Case& c, Index direction,
                                                          const std::vector<std::string>& usual) {
  auto all = c.attribute("activations", std::vector<std::string>());
  if (all.empty()) return usual;
  const auto first = static_cast<std::size_t>(direction) * usual.size();
  if (all.size() < first + usual.size()) throw attend::FormatError("too few activations");
  std::vector<std::string> own(all.begin() + static_cast<std::ptrdiff_t>(first),
                               all.begin() + static_cast<std::ptrdiff_t>(first + usual.size()));
  for (std::string& name : own) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  }
  return own;
}

/// Throws FormatError for functions and limits that the cells do not have.
inline void check_usual(const Case& c, const std::vector<std::string>& usual) {
  for (Index d = 0; d < c.required(2).size(0); ++d) {
    if (activations(c, d, usual) != usual) {
      throw attend::FormatError(c.op + ": the cell has no other activations than the usual ones");
    }
  }
}

/// Throws FormatError for a limit of what goes into the functions, which the cells do not have;
/// beyond 16 sigmoid and tanh do not move by more than 1.2e-7.
inline void check_clip(const Case& c) {
  const auto clip = c.attribute("clip", 0.0F);
  bool matters = clip > 0 && clip < 16;
  for (const auto& name : c.attribute("activations", std::vector<std::string>())) {
    matters = matters || (clip > 0 && name != "Tanh" && name != "Sigmoid");
  }
  if (matters) throw attend::FormatError(c.op + ": the cells do not clip");
}

[[nodiscard]] inline Tensors recurrent(const Case& c) {
  check_clip(c);
  const RecurrentWeights weights(c);
  const Index input = c.required(1).size(2);
  const Index hidden = c.required(2).size(2);
  attend::Random random;
  if (c.op == "LSTM") {
    check_usual(c, {"sigmoid", "tanh", "tanh"});
    return run_cells(
        c, weights,
        [&](Index) {
          return attend::Lstm<float>({input, hidden, weights.has("P")}, random);
        },
        attend::onnx_lstm);
  }
  if (c.op == "GRU") {
    check_usual(c, {"sigmoid", "tanh"});
    const bool after = c.attribute("linear_before_reset", 0) != 0;
    const auto form = after ? attend::GruForm::reset_after : attend::GruForm::reset_before;
    return run_cells(
        c, weights,
        [&](Index) {
          return attend::Gru<float>({input, hidden, form}, random);
        },
        after ? attend::onnx_gru : attend::onnx_gru_reset_before);
  }
  return run_cells(
      c, weights,
      [&](Index direction) {
        const std::string f = activations(c, direction, {"tanh"}).front();
        if (f != "tanh" && f != "relu") throw attend::FormatError("RNN: no activation " + f);
        const auto activation =
            f == "relu" ? attend::ElmanActivation::relu : attend::ElmanActivation::tanh;
        return attend::Elman<float>({input, hidden, activation}, random);
      },
      attend::onnx_rnn);
}

}  // namespace onnx_conformance
