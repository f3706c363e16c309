/// What search returns.
#pragma once

#include <vector>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// One output of greedy search, beam search or sampling. |Y| counts every token that was chosen,
/// the end symbol with it, here and wherever search speaks of a length.
template <Scalar S>
struct Hypothesis {
  /// Without the start symbol and without the end symbol.
  std::vector<Token> tokens;
  /// What the hypothesis is ranked by: for a beam `log_probability / lp(|Y|) + cp`, else the
  /// log-probability itself.
  double score = 0;
  /// log P(Y | X) in nats, the end symbol included where it was reached. It is the model's own:
  /// forbidden tokens, temperature and truncation do not change it.
  double log_probability = 0;
  /// (T x |Y|): column u is the attention at the step that chose token u. A finished hypothesis
  /// has `tokens.size() + 1` columns, the last for the end symbol, an unfinished one
  /// `tokens.size()`. A decoder without attention gives (0 x |Y|).
  Matrix<S> weights;
  /// Whether the end symbol was reached; false where the length limit stopped it.
  bool finished = false;
};

}  // namespace attend
