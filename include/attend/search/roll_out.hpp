/// The loop of the searches that never compare hypotheses: greedy and sampling.
#pragma once

#include <concepts>
#include <numeric>
#include <span>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/log_normaliser.hpp>
#include <attend/search/path.hpp>
#include <attend/search/search_workspace.hpp>
#include <attend/search/trace.hpp>

namespace attend::inline ATTEND_ABI::detail {

struct RollOutRules {
  Constraints constraints;
  /// The sentence of each hypothesis.
  std::vector<Index> sentences;
};

/// The hypotheses of `rules`, column by column: `choose(h, x)` picks a token for hypothesis h from
/// its logits x, where what is forbidden is -Inf, or returns -1 where nothing is left. What ends
/// leaves the state.
template <Decoder D, std::invocable<Index, LogitColumn<typename D::Scalar>> Choose>
[[nodiscard]] std::vector<Hypothesis<typename D::Scalar>> roll_out(const D& decoder,
                                                                   const typename D::Memory& memory,
                                                                   const RollOutRules& rules,
                                                                   SearchWorkspace<D>& w,
                                                                   Choose choose) {
  using S = typename D::Scalar;
  const auto& [constraints, sentences] = rules;
  const std::size_t count = sentences.size();
  std::vector<Hypothesis<S>> hypotheses(count);
  if (count == 0) return hypotheses;

  decoder.begin(memory, std::span<const Index>(sentences), w.state);
  w.logits.resize(vocabulary_size(decoder, memory), static_cast<Index>(count));
  w.trace.clear();
  w.paths.assign(count, Path{Trace<S>::root});
  w.tokens.assign(count, constraints.start);
  w.running.resize(count);
  std::iota(w.running.begin(), w.running.end(), std::size_t{0});

  for (Index step = 1; !w.running.empty(); ++step) {
    decoder.step(memory, std::span<const Token>(w.tokens), w.state);
    decoder.logits(w.state, w.logits.columns(0, static_cast<Index>(w.running.size())));
    w.parents.clear();
    for (std::size_t i = 0; i < w.running.size(); ++i) {
      const auto column = static_cast<Index>(i);
      const std::size_t h = w.running[i];
      const LogitColumn<S> x(w.logits.column(column), w.logits.rows());
      const double normaliser = log_normaliser<S>(x, step, sentences[h]);
      constraints.forbid(w.logits.column(column), step);
      const Token token = choose(static_cast<Index>(h), x);
      if (token < 0) throw_nothing_permitted(step, sentences[h]);

      Path& path = w.paths[h];
      path.log_probability += static_cast<double>(x[token]) - normaliser;
      path.node =
          w.trace.extend(path.node, token, w.trace.keep(attention_of<D>(w.state, memory, column)));
      const bool finished = token == constraints.end;
      if (finished || step == constraints.max_length(memory.length(sentences[h]))) {
        w.trace.read(path.node, finished, hypotheses[h]);
        hypotheses[h].log_probability = hypotheses[h].score = path.log_probability;
      } else {
        w.running[w.parents.size()] = h;
        w.tokens[w.parents.size()] = token;
        w.parents.push_back(column);
      }
    }
    const bool some_left = w.parents.size() < w.running.size();
    w.running.resize(w.parents.size());
    w.tokens.resize(w.parents.size());
    if (some_left && !w.parents.empty()) w.state.select(std::span<const Index>(w.parents));
  }
  return hypotheses;
}

}  // namespace attend::inline ATTEND_ABI::detail
