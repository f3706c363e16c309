/// A recurrent layer: one cell, one direction.
#pragma once

#include <algorithm>
#include <utility>

#include <attend/cell/cell.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/encoding.hpp>

namespace attend::inline ATTEND_ABI {

enum class Direction { forward, backward };

/// What a layer keeps of a pass for its way back, and a pass that keeps nothing for its own steps.
template <Scalar S>
struct RecurrentTrace {
  Keep kept = Keep::trace;
  Buffer<S> gates;
  Buffer<S> previous;
  Buffer<S> states;
  Buffer<S> d_gates;
  Buffer<S> running;
};

/// States that go in and come out; null means zeros in, or not wanted out. All (state_rows x B), in
/// the order of the batch. And what else the pass keeps.
template <Scalar S>
struct StatesInOut {
  const Matrix<S>* initial = nullptr;
  Matrix<S>* final = nullptr;
  Keep keep = Keep::trace;
};

/// h_t = cell(x_t, h_{t-1}) from the first step to the last, or h_t = cell(x_t, h_{t+1}) from each
/// sequence's own last step to its first. Input products of all steps are one product; a step then
/// multiplies only the recurrent weights with the sequences still running.
template <Cell C>
class Recurrent {
 public:
  using Scalar = typename C::Scalar;
  using S = Scalar;
  using Trace = RecurrentTrace<S>;

  C cell;

  Recurrent() = default;
  explicit Recurrent(C c, Direction direction = Direction::forward)
      : cell(std::move(c)), direction_(direction) {}

  static void parameters(auto&& f, auto&... m) { f("cell", m.cell...); }

  [[nodiscard]] Direction direction() const { return direction_; }
  [[nodiscard]] Index input_size() const { return cell.input_size(); }
  [[nodiscard]] Index output_size() const { return cell.hidden_size(); }
  [[nodiscard]] Index state_rows() const { return cell.state_rows(); }
  /// Whether an output depends on no later input.
  [[nodiscard]] bool causal() const { return direction_ == Direction::forward; }

  /// Of the final states of a source's part (state_rows x B), what its next part begins with: all,
  /// or, reading backwards, zeros.
  void begin_chunk(View<S> states) const {
    if (!causal()) states.setZero();
  }

  /// X (d_x x N, step-major); overwrites H (d_h x N). A sequence of length 0 keeps its initial
  /// state. Throws ShapeError.
  void forward(const Ragged& layout, ConstView<S> X, View<S> H, Trace& trace,
               StatesInOut<S> states = {}) const {
    check_shape("Recurrent::forward", "X", X, input_size(), layout.columns());
    check_shape("Recurrent::forward", "H", H, output_size(), layout.columns());
    trace.kept = states.keep;
    if (states.keep == Keep::trace) {
      forward_with_trace(layout, X, H, trace, states);
    } else {
      forward_in_runs(layout, X, H, trace, states);
    }
  }

  /// The gradients of forward's states; null means zeros in, or not wanted out.
  struct StateGradients {
    const Matrix<S>* final = nullptr;
    Matrix<S>* initial = nullptr;
  };

  /// h_t = cell(x_t, h_{t-1}), last step first. dH (d_h x N); adds to dX (d_x x N) and to
  /// `gradient`.
  void backward(const Recurrent& transposed, const Ragged& layout, ConstView<S> X, ConstView<S> dH,
                View<S> dX, Trace& trace, Recurrent& gradient, StateGradients states = {}) const {
    check_shape("Recurrent::backward", "dH", dH, output_size(), layout.columns());
    check_argument(trace.kept == Keep::trace,
                   "Recurrent::backward: the pass forward kept nothing; run it with Keep::trace");
    View<S> dG = trace.d_gates.resize(cell.gate_rows(), layout.columns());
    View<S> dS = trace.running.resize(cell.state_rows(), layout.size());
    load_states(layout, states.final, dS);
    for (Index i = layout.steps() - 1; i >= 0; --i) {
      const Index t = step_at(layout, i);
      const Index first = layout.offset(t);
      const Index n = layout.count(t);
      dS.topRows(output_size()).leftCols(n) += dH.middleCols(first, n);
      cell.step_backward(transposed.cell, trace.gates.columns(first, n),
                         trace.previous.columns(first, n), trace.states.columns(first, n),
                         dS.leftCols(n), dG.middleCols(first, n));
    }
    cell.input_backward(transposed.cell, dG, dX);
    cell.add_gradient(X, trace.previous.view(), trace.gates.view(), dG, gradient.cell);
    if (states.initial != nullptr) store_states(layout, dS, *states.initial);
  }

 private:
  /// Columns whose gates are made at once when nothing is kept: enough for a fast product, and few
  /// enough that the steps find them in the second-level cache.
  static constexpr Index columns_at_once = 96;

  void forward_with_trace(const Ragged& layout, ConstView<S> X, View<S> H, Trace& trace,
                          StatesInOut<S> states) const {
    const Index rows = cell.state_rows();
    View<S> G = trace.gates.resize(cell.gate_rows(), layout.columns());
    View<S> P = trace.previous.resize(rows, layout.columns());
    View<S> all = trace.states.resize(rows, layout.columns());
    cell.project(X, G);
    View<S> running = trace.running.resize(rows, layout.size());
    load_states(layout, states.initial, running);
    for (Index i = 0; i < layout.steps(); ++i) {
      const Index t = step_at(layout, i);
      const Index first = layout.offset(t);
      const Index n = layout.count(t);
      P.middleCols(first, n) = running.leftCols(n);
      cell.step(G.middleCols(first, n), P.middleCols(first, n), all.middleCols(first, n),
                sweep(i, n));
      running.leftCols(n) = all.middleCols(first, n);
    }
    H = all.topRows(output_size());
    if (states.final != nullptr) store_states(layout, running, *states.final);
  }

  /// The states go back and forth between two buffers: step i reads the i-th modulo 2.
  void forward_in_runs(const Ragged& layout, ConstView<S> X, View<S> H, Trace& trace,
                       StatesInOut<S> states) const {
    View<S> even = trace.running.resize(cell.state_rows(), layout.size());
    View<S> odd = trace.previous.resize(cell.state_rows(), layout.size());
    load_states(layout, states.initial, even);
    odd = even;
    for (Index i = 0; i < layout.steps();) {
      const Index end = end_of_run(layout, i);
      const Index first = layout.offset(std::min(step_at(layout, i), step_at(layout, end - 1)));
      const Index last = std::max(step_at(layout, i), step_at(layout, end - 1));
      const Index columns = layout.offset(last) + layout.count(last) - first;
      View<S> G = trace.gates.resize(cell.gate_rows(), columns);
      cell.project(X.middleCols(first, columns), G);
      for (; i < end; ++i) {
        const Index t = step_at(layout, i);
        const Index n = layout.count(t);
        View<S> before = i % 2 == 0 ? even : odd;
        View<S> after = i % 2 == 0 ? odd : even;
        cell.step(G.middleCols(layout.offset(t) - first, n), before.leftCols(n), after.leftCols(n),
                  sweep(i, n));
        H.middleCols(layout.offset(t), n) = after.topLeftCorner(output_size(), n);
      }
    }
    if (states.final == nullptr) return;
    states.final->resize(cell.state_rows(), layout.size());
    for (Index b = 0; b < layout.size(); ++b) {
      // Backwards all sequences end at the last step; one without steps is in both buffers.
      const Index steps = direction_ == Direction::forward ? layout.length(b) : layout.steps();
      View<S>(*states.final).col(b) = (steps % 2 == 0 ? even : odd).col(layout.rank(b));
    }
  }

  /// Steps [i, end): as many as have no more than `columns_at_once` columns, but at least one.
  [[nodiscard]] Index end_of_run(const Ragged& layout, Index i) const {
    Index columns = layout.count(step_at(layout, i++));
    while (i < layout.steps() && columns + layout.count(step_at(layout, i)) <= columns_at_once) {
      columns += layout.count(step_at(layout, i++));
    }
    return i;
  }

  [[nodiscard]] Index step_at(const Ragged& layout, Index i) const {
    return direction_ == Direction::forward ? i : layout.steps() - 1 - i;
  }

  /// Every other step of one or two sequences reads the recurrent weights back. More of them
  /// compute longer than they read, and what is read in the order of memory comes by itself.
  static Sweep sweep(Index i, Index sequences) {
    return i % 2 == 0 || sequences > 2 ? Sweep::there : Sweep::back;
  }

  static void load_states(const Ragged& layout, const Matrix<S>* states, View<S> running) {
    if (states == nullptr) {
      running.setZero();
      return;
    }
    check_shape("Recurrent", "states", *states, running.rows(), layout.size());
    for (Index r = 0; r < layout.size(); ++r) running.col(r) = states->col(layout.sequence(r));
  }

  static void store_states(const Ragged& layout, ConstView<S> running, Matrix<S>& states) {
    states.resize(running.rows(), running.cols());
    for (Index r = 0; r < layout.size(); ++r)
      View<S>(states).col(layout.sequence(r)) = running.col(r);
  }

  Direction direction_ = Direction::forward;
};

}  // namespace attend
