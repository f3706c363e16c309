/// Recurrent layers upon each other.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/recurrent.hpp>
#include <attend/layer/dropout.hpp>

namespace attend::inline ATTEND_ABI {

/// Between the layers: dropout on every layer's input but the first's, and a residual connection
/// around every layer but the first whose input and output have the same size.
struct StackOptions {
  double dropout = 0;
  DropoutMask mask = DropoutMask::each_step;
  bool residual = false;
};

/// h^l = layer_l(x^l) [+ x^l] with x^l = dropout(h^{l-1}). `Layer` is Recurrent or Bidirectional.
/// States of all layers stand upon each other, the first layer's on top.
template <class Layer>
class Stacked {
 public:
  using Scalar = typename Layer::Scalar;
  using S = Scalar;
  using StateGradients = typename Layer::StateGradients;

  struct Trace {
    struct Floor {
      typename Layer::Trace layer;
      Buffer<S> input;
      Buffer<S> d_input;
      Dropout<S> dropout;
      Matrix<S> states;
    };
    std::vector<Floor> floors;
  };

  std::vector<Layer> layers;

  Stacked() = default;
  explicit Stacked(std::vector<Layer> from_bottom, StackOptions options = {})
      : layers(std::move(from_bottom)), options_(options) {
    check_argument(!layers.empty(), "Stacked: there are no layers, expected one or more");
    for (std::size_t l = 1; l < layers.size(); ++l) {
      check_size("Stacked", "input size of a layer", layers[l].input_size(),
                 layers[l - 1].output_size());
    }
  }

  static void parameters(auto&& f, auto&... m) { f("layers", m.layers...); }

  [[nodiscard]] const StackOptions& options() const { return options_; }
  [[nodiscard]] Index input_size() const { return layers.front().input_size(); }
  [[nodiscard]] Index output_size() const { return layers.back().output_size(); }
  [[nodiscard]] Index state_rows() const {
    Index rows = 0;
    for (const Layer& layer : layers) rows += layer.state_rows();
    return rows;
  }

  /// Whether an output depends on no later input.
  [[nodiscard]] bool causal() const {
    return std::ranges::all_of(layers, [](const Layer& layer) { return layer.causal(); });
  }

  /// Of the final states of a source's part (state_rows x B), what its next part begins with.
  void begin_chunk(View<S> states) const {
    Index row = 0;
    for (const Layer& layer : layers) {
      layer.begin_chunk(states.middleRows(row, layer.state_rows()));
      row += layer.state_rows();
    }
  }

  /// X (d_x x N, step-major); overwrites H (output_size x N). Dropout only with a generator.
  void forward(const Ragged& layout, ConstView<S> X, View<S> H, Random* random, Trace& trace,
               StatesInOut<S> states = {}) const {
    trace.floors.resize(layers.size());
    split_states(states.initial, trace);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      auto& floor = trace.floors[l];
      const bool top = l + 1 == layers.size();
      View<S> output =
          top ? H : trace.floors[l + 1].input.resize(layers[l].output_size(), layout.columns());
      layers[l].forward(layout, input(l, X, trace), output, floor.layer,
                        {states.initial != nullptr ? &floor.states : nullptr,
                         states.final != nullptr ? &floor.states : nullptr, states.keep});
      if (residual(l)) output += input(l, X, trace);
      if (!top) {
        trace.floors[l + 1].dropout.forward(options_.dropout, options_.mask, layout, random,
                                            output);
      }
    }
    join_states(trace, states.final);
  }

  /// dH (output_size x N); adds to dX (d_x x N) and to `gradient`.
  void backward(const Stacked& transposed, const Ragged& layout, ConstView<S> X, ConstView<S> dH,
                View<S> dX, Trace& trace, Stacked& gradient, StateGradients states = {}) const {
    split_states(states.final, trace);
    for (std::size_t l = layers.size(); l-- > 0;) {
      auto& floor = trace.floors[l];
      const ConstView<S> d_output =
          l + 1 == layers.size() ? dH : ConstView<S>(trace.floors[l + 1].d_input.view());
      View<S> d_input = l == 0 ? dX : floor.d_input.zero(layers[l].input_size(), layout.columns());
      layers[l].backward(transposed.layers[l], layout, input(l, X, trace), d_output, d_input,
                         floor.layer, gradient.layers[l],
                         {states.final != nullptr ? &floor.states : nullptr,
                          states.initial != nullptr ? &floor.states : nullptr});
      if (residual(l)) d_input += d_output;
      if (l > 0) floor.dropout.backward(layout, d_input);
    }
    join_states(trace, states.initial);
  }

 private:
  [[nodiscard]] bool residual(std::size_t l) const {
    return options_.residual && l > 0 && layers[l].input_size() == layers[l].output_size();
  }

  static ConstView<S> input(std::size_t l, ConstView<S> X, const Trace& trace) {
    return l == 0 ? X : trace.floors[l].input.view();
  }

  void split_states(const Matrix<S>* states, Trace& trace) const {
    if (states == nullptr) return;
    check_size("Stacked", "rows of the states", states->rows(), state_rows());
    Index row = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      trace.floors[l].states = states->middleRows(row, layers[l].state_rows());
      row += layers[l].state_rows();
    }
  }

  void join_states(const Trace& trace, Matrix<S>* states) const {
    if (states == nullptr) return;
    states->resize(state_rows(), trace.floors.front().states.cols());
    Index row = 0;
    for (const auto& floor : trace.floors) {
      states->middleRows(row, floor.states.rows()) = floor.states;
      row += floor.states.rows();
    }
  }

  StackOptions options_;
};

}  // namespace attend
