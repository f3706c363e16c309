/// The choice of one token, for searches of one hypothesis that go step by step.
#pragma once

#include <limits>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/greedy.hpp>
#include <attend/search/log_normaliser.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// The likeliest token of a state's one hypothesis as token number `step` (from 1); not the end
/// symbol unless it `may_end`. Throws as greedy does. Allocates nothing once warm.
template <Decoder D>
[[nodiscard]] Token next_token(const D& decoder, const typename D::State& state,
                               const Constraints& constraints, Index step, bool may_end,
                               Buffer<typename D::Scalar>& memory) {
  using S = typename D::Scalar;
  View<S> logits = memory.resize(decoder.vocabulary_size(), 1);
  decoder.logits(state, logits);
  const LogitColumn<S> x(logits.data(), logits.rows());
  static_cast<void>(log_normaliser<S>(x, step, 0));
  constraints.forbid(logits.data(), step);
  if (!may_end) logits(constraints.end, 0) = -std::numeric_limits<S>::infinity();
  const Token next = arg_max<S>(x);
  if (next < 0) throw_nothing_permitted(step, 0);
  return next;
}

}  // namespace attend::inline ATTEND_ABI::detail
