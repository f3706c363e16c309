/// The symbols and limits that every search has in common.
#pragma once

#include <limits>
#include <span>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/search/length.hpp>

namespace attend::inline ATTEND_ABI::detail {

struct Constraints {
  Token start;
  Token end;
  std::span<const Token> forbidden;
  LengthLimit max_length;
  Index minimum_length;

  /// Puts -Inf on what may not be chosen as token number `step` (from 1).
  template <Scalar S>
  void forbid(S* logits, Index step) const {
    for (const Token token : forbidden) logits[token] = -std::numeric_limits<S>::infinity();
    if (step < minimum_length) logits[end] = -std::numeric_limits<S>::infinity();
  }
};

inline void check_token(const char* what, Token token, Index vocabulary_size) {
  check_argument(token >= 0 && token < vocabulary_size, what, " is ", token,
                 ", expected a token of the vocabulary, 0 to ", vocabulary_size - 1);
}

/// Checks the options' symbols and limits. The result refers to `options.forbidden`.
template <class Options>
[[nodiscard]] Constraints constraints(const Options& options, Index vocabulary_size) {
  check_token("start", options.start, vocabulary_size);
  check_token("end", options.end, vocabulary_size);
  for (const Token token : options.forbidden) check_token("forbidden", token, vocabulary_size);
  options.max_length.check();
  check_argument(options.minimum_length >= 0, "minimum_length is ", options.minimum_length,
                 ", expected 0 or more");
  return {options.start, options.end, options.forbidden, options.max_length,
          options.minimum_length};
}

[[noreturn]] inline void throw_nothing_permitted(Index step, Index sentence) {
  throw std::invalid_argument(message(
      "search: at step ", step, " of sentence ", sentence,
      " every token is forbidden or has a logit of -Inf; permit more in `forbidden` or lower "
      "`minimum_length`"));
}

}  // namespace attend::inline ATTEND_ABI::detail
