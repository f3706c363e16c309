/// The loop of the searches that never compare hypotheses: greedy and sampling.
#pragma once

#include <concepts>
#include <span>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/log_normaliser.hpp>
#include <attend/search/path.hpp>
#include <attend/search/trace.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// One hypothesis for every entry of `sentences`, column by column: `choose(h, x)` picks a token
/// for hypothesis h from its logits x, where what is forbidden is -Inf, or returns -1 where
/// nothing is left. What ends leaves the state.
template <Decoder D, std::invocable<Index, LogitColumn<typename D::Scalar>> Choose>
[[nodiscard]] std::vector<Hypothesis<typename D::Scalar>> roll_out(
    const D& decoder, const typename D::Memory& memory, const Constraints& constraints,
    const std::vector<Index>& sentences, Choose choose) {
  using S = typename D::Scalar;
  const std::size_t count = sentences.size();
  std::vector<Hypothesis<S>> hypotheses(count);
  if (count == 0) return hypotheses;

  typename D::State state;
  decoder.begin(memory, std::span<const Index>(sentences), state);
  Trace<S> trace;
  std::vector<Path> paths(count, Path{Trace<S>::root});
  std::vector<std::size_t> running(count);
  for (std::size_t h = 0; h < count; ++h) running[h] = h;
  std::vector<Token> tokens(count, constraints.start);
  std::vector<Index> staying;
  Matrix<S> logits(vocabulary_size(decoder, memory), static_cast<Index>(count));

  for (Index step = 1; !running.empty(); ++step) {
    decoder.step(memory, std::span<const Token>(tokens), state);
    decoder.logits(state, View<S>(logits.leftCols(static_cast<Index>(running.size()))));
    staying.clear();
    for (std::size_t i = 0; i < running.size(); ++i) {
      const auto column = static_cast<Index>(i);
      const std::size_t h = running[i];
      const LogitColumn<S> x(logits.col(column).data(), logits.rows());
      const double normaliser = log_normaliser<S>(x, step, sentences[h]);
      constraints.forbid(logits.col(column).data(), step);
      const Token token = choose(static_cast<Index>(h), x);
      if (token < 0) throw_nothing_permitted(step, sentences[h]);

      Path& path = paths[h];
      path.log_probability += static_cast<double>(x[token]) - normaliser;
      path.node =
          trace.extend(path.node, token, trace.keep(attention_of<D>(state, memory, column)));
      const bool finished = token == constraints.end;
      if (finished || step == constraints.max_length(memory.length(sentences[h]))) {
        trace.read(path.node, finished, hypotheses[h]);
        hypotheses[h].log_probability = hypotheses[h].score = path.log_probability;
      } else {
        running[staying.size()] = h;
        tokens[staying.size()] = token;
        staying.push_back(column);
      }
    }
    const bool some_left = staying.size() < running.size();
    running.resize(staying.size());
    tokens.resize(staying.size());
    if (some_left && !staying.empty()) state.select(std::span<const Index>(staying));
  }
  return hypotheses;
}

}  // namespace attend::inline ATTEND_ABI::detail
