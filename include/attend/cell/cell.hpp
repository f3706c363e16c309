/// The Cell concept: what encoders and decoders need to know of a recurrent cell.
#pragma once

#include <concepts>
#include <string_view>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

/// A recurrent cell, split so that a whole sequence's input products are one product.
///
/// Sizes: `input_size()` d_x; `hidden_size()` d_h; `state_rows()`, of which the first d_h are the
/// hidden state; `gate_rows()` rows of a trace G, of which inputs fill the first `input_rows()`.
///
/// - `project(X, G)`: overwrites the input rows of G (gate_rows x n) with W X + b.
/// - `step(G, P, S, sweep)`: from the states P (state_rows x n) before to S after; G becomes what
///   the way back needs. P and S do not overlap. For one or two columns large weights are read
///   faster if every other step is `Sweep::back`; without, it is `there`.
/// - `step_backward(transposed, G, P, S, dS, dG)`: dS, the gradient of S, becomes that of P; dG is
///   overwritten.
/// - `input_backward(transposed, dG, dX)`: dX += W' dG.
/// - `add_gradient(X, P, G, dG, gradient)`: the gradient of every parameter, over all columns at
/// once.
///
/// `transposed` is made by assign_transposed.
template <class C>
concept Cell = Parameterized<C> && std::copyable<C> &&
    requires(const C& cell, C& gradient, ConstView<typename C::Scalar> in,
             View<typename C::Scalar> out) {
  { cell.input_size() } -> std::convertible_to<Index>;
  { cell.hidden_size() } -> std::convertible_to<Index>;
  { cell.state_rows() } -> std::convertible_to<Index>;
  { cell.gate_rows() } -> std::convertible_to<Index>;
  { cell.input_rows() } -> std::convertible_to<Index>;
  cell.project(in, out);
  cell.step(out, in, out);
  cell.step(out, in, out, Sweep::back);
  cell.step_backward(cell, in, in, in, out, out);
  cell.input_backward(cell, in, out);
  cell.add_gradient(in, in, in, in, gradient);
};

namespace detail {

/// Throws ShapeError unless the gates of a step and the states before and after fit the cell.
template <class C, class G, class P, class S>
void check_step(std::string_view where, const C& cell, const G& gates, const P& previous,
                const S& states) {
  check_shape(where, "G", gates, cell.gate_rows(), gates.cols());
  check_shape(where, "P", previous, cell.state_rows(), gates.cols());
  check_shape(where, "S", states, cell.state_rows(), gates.cols());
}

}  // namespace detail

struct CellConfig {
  Index input = 0;
  Index hidden = 0;
};

}  // namespace attend
