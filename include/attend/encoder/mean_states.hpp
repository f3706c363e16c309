/// The mean of a source's annotations, as the state that a recurrent decoder begins with.
#pragma once

#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/kernel/bias.hpp>

namespace attend::inline ATTEND_ABI {

/// s_b = sum_t h_t / T, and 0 where there is nothing. H (d_h x N, sentence-major); overwrites
/// `states` (d_h x B).
template <Scalar S>
void mean_states(const Ragged& layout, ConstView<std::type_identity_t<S>> H, Matrix<S>& states) {
  states.setZero(H.rows(), layout.size());
  for (Index b = 0; b < layout.size(); ++b) {
    View<S> mean = View<S>(states).col(b);
    for (Index t = 0; t < layout.length(b); ++t) mean += H.col(layout.start(b) + t);
    if (layout.length(b) > 0) mean /= static_cast<S>(layout.length(b));
  }
}

/// s = sum_t h_t / T:  dh_t += ds / T. `shares` is scratch.
template <Scalar S>
void mean_states_backward(const Ragged& layout, const Matrix<S>& d_states, Buffer<S>& shares,
                          View<std::type_identity_t<S>> dH) {
  View<S> each = shares.resize(d_states.rows(), d_states.cols());
  for (Index b = 0; b < layout.size(); ++b) {
    if (layout.length(b) == 0) continue;
    each.col(b) = d_states.col(b);
    each.col(b) *= S{1} / static_cast<S>(layout.length(b));
    add_to_columns(each.col(b), dH.middleCols(layout.start(b), layout.length(b)));
  }
}

}  // namespace attend
