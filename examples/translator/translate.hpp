/// Lines to translations, with a few threads.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "translation_model.hpp"
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/train/parallel.hpp>

namespace translator {

struct SearchOptions {
  Index beam = 5;
  double alpha = 1;
  Index n_best = 1;
  int threads = 1;
};

using Candidates = std::vector<attend::Hypothesis<float>>;

inline constexpr Index sentences_at_once = 32;

/// Translates encoded sources (with end symbols); for each the n best, best first. The unknown
/// symbol is never chosen. Sentences of similar length are searched together, and none depends on
/// the others.
inline std::vector<Candidates> search(const Model& model,
                                      const std::vector<std::vector<Token>>& sources,
                                      const SearchOptions& options, attend::ThreadPool& pool) {
  const auto count = static_cast<Index>(sources.size());
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  std::vector<Index> order(sources.size());
  for (Index i = 0; i < count; ++i) order[at(i)] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return sources[at(a)].size() > sources[at(b)].size(); });
  std::vector<Candidates> found(sources.size());
  const Index batches = (count + sentences_at_once - 1) / sentences_at_once;
  pool.run(batches, [&](Index batch) {
    const Index first = batch * sentences_at_once;
    const Index n = std::min(sentences_at_once, count - first);
    std::vector<std::span<const Token>> part;
    for (Index i = 0; i < n; ++i) part.emplace_back(sources[at(order[at(first + i)])]);
    Model::Workspace workspace;
    attend::RecurrentMemory<float> memory;
    model.remember(attend::TokenBatch(part), workspace, memory);
    auto best = attend::beam_search(model.decoder, memory,
                                    {.beam = options.beam,
                                     .n_best = options.n_best,
                                     .length_penalty = attend::LengthPenalty::power(options.alpha),
                                     .start = model.options().start,
                                     .end = model.options().end,
                                     .forbidden = {attend::unknown_token}});
    for (Index i = 0; i < n; ++i) found[at(order[at(first + i)])] = std::move(best[at(i)]);
  });
  return found;
}

}  // namespace translator
