/// One cell of a recurrent decoder.
#pragma once

#include <optional>

#include <attend/cell/cell.hpp>
#include <attend/core/buffer.hpp>
#include <attend/kernel/product.hpp>
#include <attend/layer/dropout.hpp>

namespace attend::inline ATTEND_ABI {

/// A cell's part of the steps of N columns; `input` only where it is the layer below.
template <Scalar S>
struct DecoderCellTrace {
  Buffer<S> input;
  Buffer<S> gates;
  Buffer<S> previous;
  Buffer<S> states;
  Buffer<S> d_gates;
  Buffer<S> d_states;
  Dropout<S> dropout;

  [[nodiscard]] ConstView<S> hidden(Index first, Index n, Index rows) const {
    return states.columns(first, n).topRows(rows);
  }
  [[nodiscard]] View<S> d_hidden(Index first, Index n, Index rows) {
    return d_states.columns(first, n).topRows(rows);
  }
};

/// A cell and the weights of its second input: the context (Bahdanau's C), or the fed back readout
/// (Luong's input feeding). Columns [first, first + n) of the trace are one step.
template <Cell C>
struct DecoderCell {
  using Scalar = typename C::Scalar;
  using S = Scalar;

  C cell;
  std::optional<PanelMatrix<S>> beside;

  static void parameters(auto&& f, auto&... m) {
    f("cell", m.cell...);
    f("beside", m.beside...);
  }

  void resize(Index N, bool keeps_input, DecoderCellTrace<S>& trace) const {
    if (keeps_input) trace.input.resize(cell.input_size(), N);
    trace.gates.resize(cell.gate_rows(), N);
    trace.previous.resize(cell.state_rows(), N);
    trace.states.resize(cell.state_rows(), N);
  }

  void zero_gradients(Index N, DecoderCellTrace<S>& trace) const {
    trace.d_gates.resize(cell.gate_rows(), N);
    trace.d_states.zero(cell.state_rows(), N);
  }

  /// The trace's gates hold W x + b; `second` (d x n) is looked at if there are weights for it.
  /// `running` (state_rows x n), the states before, becomes those after.
  void step(Index first, Index n, ConstView<S> second, View<S> running,
            DecoderCellTrace<S>& trace) const {
    View<S> G = trace.gates.columns(first, n);
    if (beside) multiply_add(*beside, second, G.topRows(cell.input_rows()));
    trace.previous.columns(first, n) = running;
    cell.step(G, trace.previous.columns(first, n), trace.states.columns(first, n));
    running = trace.states.columns(first, n);
  }

  /// dS (state_rows x n), the gradient of the states after, to which d_states is added, becomes
  /// that of the states before; adds to that of the second input.
  void step_backward(const DecoderCell& transposed, Index first, Index n, View<S> dS,
                     View<S> d_second, DecoderCellTrace<S>& trace) const {
    View<S> dG = trace.d_gates.columns(first, n);
    dS += trace.d_states.columns(first, n);
    cell.step_backward(transposed.cell, trace.gates.columns(first, n),
                       trace.previous.columns(first, n), trace.states.columns(first, n), dS, dG);
    if (beside) multiply_add(*transposed.beside, dG.topRows(cell.input_rows()), d_second);
  }

  /// Weight gradients over all columns at once; X (d_x x N) and `second` are the inputs.
  void add_gradient(ConstView<S> X, ConstView<S> second, const DecoderCellTrace<S>& trace,
                    DecoderCell& gradient) const {
    const ConstView<S> dG = trace.d_gates.view();
    cell.add_gradient(X, trace.previous.view(), trace.gates.view(), dG, gradient.cell);
    if (beside) add_outer<S>(dG.topRows(cell.input_rows()), second, *gradient.beside);
  }
};

}  // namespace attend
