/// A recurrent layer that reads both ways.
#pragma once

#include <utility>

#include <attend/encoder/recurrent.hpp>

namespace attend::inline ATTEND_ABI {

/// How the two directions become one annotation.
enum class Merge { concatenate, sum };

template <Scalar S>
struct BidirectionalTrace {
  RecurrentTrace<S> forward;
  RecurrentTrace<S> backward;
  Buffer<S> half;
  Matrix<S> forward_states;
  Matrix<S> backward_states;
};

/// h_j = [forward h_j; backward h_j] (Schuster, Paliwal 1997; Bahdanau et al. 2015, section 3.2),
/// or their sum. States are [forward; backward].
template <Cell C>
class Bidirectional {
 public:
  using Scalar = typename C::Scalar;
  using S = Scalar;
  using Trace = BidirectionalTrace<S>;

  Recurrent<C> left_to_right;
  Recurrent<C> right_to_left;

  Bidirectional() = default;
  Bidirectional(C forward_cell, C backward_cell, Merge merge = Merge::concatenate)
      : left_to_right(std::move(forward_cell), Direction::forward),
        right_to_left(std::move(backward_cell), Direction::backward),
        merge_(merge) {
    check_size("Bidirectional", "input size of the backward cell", right_to_left.input_size(),
               left_to_right.input_size());
    if (merge == Merge::sum) {
      check_size("Bidirectional", "hidden size of the backward cell, to be summed,",
                 right_to_left.output_size(), left_to_right.output_size());
    }
  }

  static void parameters(auto&& f, auto&... m) {
    f("forward", m.left_to_right...);
    f("backward", m.right_to_left...);
  }

  [[nodiscard]] Merge merge() const { return merge_; }
  [[nodiscard]] Index input_size() const { return left_to_right.input_size(); }
  [[nodiscard]] Index output_size() const {
    return merge_ == Merge::sum ? left_to_right.output_size()
                                : left_to_right.output_size() + right_to_left.output_size();
  }
  [[nodiscard]] Index state_rows() const {
    return left_to_right.state_rows() + right_to_left.state_rows();
  }

  [[nodiscard]] bool causal() const { return false; }

  /// What the next part of a source begins with: the forward half alone goes on.
  void begin_chunk(View<S> states) const {
    const Index d = left_to_right.state_rows();
    left_to_right.begin_chunk(states.topRows(d));
    right_to_left.begin_chunk(states.bottomRows(states.rows() - d));
  }

  /// X (d_x x N, step-major); overwrites H (output_size x N). Throws ShapeError.
  void forward(const Ragged& layout, ConstView<S> X, View<S> H, Trace& trace,
               StatesInOut<S> states = {}) const {
    check_shape("Bidirectional::forward", "H", H, output_size(), layout.columns());
    split_states(states.initial, trace);
    const auto with = [&](Matrix<S>& own) {
      return StatesInOut<S>{states.initial != nullptr ? &own : nullptr,
                            states.final != nullptr ? &own : nullptr, states.keep};
    };
    const Index d = left_to_right.output_size();
    left_to_right.forward(layout, X, H.topRows(d), trace.forward, with(trace.forward_states));
    if (merge_ == Merge::concatenate) {
      right_to_left.forward(layout, X, H.bottomRows(H.rows() - d), trace.backward,
                            with(trace.backward_states));
    } else {
      View<S> half = trace.half.resize(d, layout.columns());
      right_to_left.forward(layout, X, half, trace.backward, with(trace.backward_states));
      H += half;
    }
    join_states(trace, states.final);
  }

  using StateGradients = typename Recurrent<C>::StateGradients;

  /// dH (output_size x N); adds to dX (d_x x N) and to `gradient`.
  void backward(const Bidirectional& transposed, const Ragged& layout, ConstView<S> X,
                ConstView<S> dH, View<S> dX, Trace& trace, Bidirectional& gradient,
                StateGradients states = {}) const {
    check_shape("Bidirectional::backward", "dH", dH, output_size(), layout.columns());
    split_states(states.final, trace);
    const auto with = [&](Matrix<S>& own) {
      return StateGradients{states.final != nullptr ? &own : nullptr,
                            states.initial != nullptr ? &own : nullptr};
    };
    const Index d = left_to_right.output_size();
    left_to_right.backward(transposed.left_to_right, layout, X, dH.topRows(d), dX, trace.forward,
                           gradient.left_to_right, with(trace.forward_states));
    right_to_left.backward(transposed.right_to_left, layout, X,
                           dH.bottomRows(right_to_left.output_size()), dX, trace.backward,
                           gradient.right_to_left, with(trace.backward_states));
    join_states(trace, states.initial);
  }

 private:
  void split_states(const Matrix<S>* states, Trace& trace) const {
    if (states == nullptr) return;
    check_size("Bidirectional", "rows of the states", states->rows(), state_rows());
    trace.forward_states = states->topRows(left_to_right.state_rows());
    trace.backward_states = states->bottomRows(right_to_left.state_rows());
  }

  void join_states(const Trace& trace, Matrix<S>* states) const {
    if (states == nullptr) return;
    states->resize(state_rows(), trace.forward_states.cols());
    states->topRows(left_to_right.state_rows()) = trace.forward_states;
    states->bottomRows(right_to_left.state_rows()) = trace.backward_states;
  }

  Merge merge_ = Merge::concatenate;
};

}  // namespace attend
