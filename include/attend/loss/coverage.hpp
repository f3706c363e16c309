/// Losses on how a sentence's weights cover its source.
#pragma once

#include <algorithm>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// sum_t sum_i min(a_it, c_it), c_it = sum_{s<t} a_is: See, Liu, Manning 2017 (arXiv 1704.04368,
/// eq. 12-13); looking again where one has looked costs. Weights a (T x U), a column a step. It is
/// not divided by anything.
template <Scalar S>
[[nodiscard]] S coverage_loss(ConstView<S> weights) {
  S loss = 0;
  for (Index i = 0; i < weights.rows(); ++i) {
    S covered = 0;
    for (Index t = 0; t < weights.cols(); ++t) {
      loss += std::min(weights(i, t), covered);
      covered += weights(i, t);
    }
  }
  return loss;
}

/// da_it += scale ([a_it < c_it] + the number of later steps s with c_is <= a_is). d (T x U).
template <Scalar S>
void coverage_loss_backward(ConstView<S> weights, std::type_identity_t<S> scale,
                            View<std::type_identity_t<S>> d) {
  check_shape("coverage_loss_backward", "d", d, weights.rows(), weights.cols());
  for (Index i = 0; i < weights.rows(); ++i) {
    const auto for_each_step = [&](auto&& body) {
      S covered = 0;
      for (Index t = 0; t < weights.cols(); ++t) {
        body(t, weights(i, t) < covered);
        covered += weights(i, t);
      }
    };
    Index later = 0;
    for_each_step([&](Index, bool less) { later += less ? 0 : 1; });
    for_each_step([&](Index t, bool less) {
      later -= less ? 0 : 1;
      d(i, t) += scale * static_cast<S>((less ? 1 : 0) + later);
    });
  }
}

namespace detail {

/// 1 - sum_t a_it.
template <Scalar S>
[[nodiscard]] S missing_weight(const ConstView<S>& weights, Index i) {
  S missing = 1;
  for (Index t = 0; t < weights.cols(); ++t) missing -= weights(i, t);
  return missing;
}

}  // namespace detail

/// sum_i (1 - sum_t a_it)^2: the doubly stochastic penalty of Xu et al. 2015 (arXiv 1502.03044,
/// eq. 14); all of the source should be looked at. Weights a (T x U).
template <Scalar S>
[[nodiscard]] S doubly_stochastic_penalty(ConstView<S> weights) {
  S loss = 0;
  for (Index i = 0; i < weights.rows(); ++i) {
    const S missing = detail::missing_weight<S>(weights, i);
    loss += missing * missing;
  }
  return loss;
}

/// da_it -= 2 scale (1 - sum_s a_is). d (T x U).
template <Scalar S>
void doubly_stochastic_penalty_backward(ConstView<S> weights, std::type_identity_t<S> scale,
                                        View<std::type_identity_t<S>> d) {
  check_shape("doubly_stochastic_penalty_backward", "d", d, weights.rows(), weights.cols());
  for (Index i = 0; i < weights.rows(); ++i) {
    const S missing = detail::missing_weight<S>(weights, i);
    for (Index t = 0; t < d.cols(); ++t) d(i, t) -= 2 * scale * missing;
  }
}

}  // namespace attend
