/// Lines to translations, with a few threads.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "interrupt.hpp"
#include "search_options.hpp"
#include "translation_model.hpp"
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/train/parallel.hpp>

namespace translator {

using Candidates = std::vector<attend::Hypothesis<float>>;

inline constexpr Index sentences_at_once = 32;

/// A blank line translates to a blank line.
inline Candidates blank_translation(const Model& model) {
  const Index rows = model.decoder.attends() ? 1 : 0;
  return {{.tokens = {}, .weights = attend::Matrix<float>::Ones(rows, 1), .finished = true}};
}

/// Makes a loaded model what the options say of it.
inline void prepare(Model& model, const SearchOptions& options) {
  attend::untie(model);
  attend::set_precision(model, *attend::precision_named(options.precision));
  if (options.hard) make_hard(model);
}

/// What a thread keeps from batch to batch: to get memory anew costs as much as to translate.
struct SearchMemory {
  Model::Workspace workspace;
  attend::AnyDecoder<float>::Memory memory;
  attend::SearchWorkspace<attend::AnyDecoder<float>> searches;
};

/// Translates encoded sources (with end symbols); for each the n best, best first. Sentences of
/// similar length are searched together, and none depends on the others. Throws Interrupted.
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
  const std::vector<Token> forbidden(options.copy_unknown ? 0 : 1, attend::unknown_token);
  pool.run_with<SearchMemory>(batches, [&](Index batch, SearchMemory& own) {
    leave_if_interrupted();
    const Index first = batch * sentences_at_once;
    const Index n = std::min(sentences_at_once, count - first);
    std::vector<std::span<const Token>> part;
    for (Index i = 0; i < n; ++i) part.emplace_back(sources[at(order[at(first + i)])]);
    model.remember(attend::TokenBatch(part), own.workspace, own.memory);
    auto best = attend::beam_search(model.decoder, own.memory,
                                    {.beam = options.beam,
                                     .n_best = options.n_best,
                                     .length_penalty = attend::LengthPenalty::power(options.alpha),
                                     .start = model.options().start,
                                     .end = model.options().end,
                                     .forbidden = forbidden},
                                    own.searches);
    for (Index i = 0; i < n; ++i) {
      const bool blank = part[at(i)].size() == 1;
      found[at(order[at(first + i)])] = blank ? blank_translation(model) : std::move(best[at(i)]);
    }
  });
  return found;
}

/// The line that a translation of `source` spells. An unknown symbol becomes the source word that
/// was attended to most.
inline std::string spell(const Languages& languages, const std::string& source,
                         const attend::Hypothesis<float>& hypothesis) {
  const auto& tokens = hypothesis.tokens;
  if (std::ranges::find(tokens, attend::unknown_token) == tokens.end()) {
    return languages.target.decode(tokens);
  }
  const auto source_words = languages.source.words_of(source);
  std::vector<std::string> words;
  for (std::size_t u = 0; u < tokens.size(); ++u) {
    Index place = 0;
    hypothesis.weights.col(static_cast<Index>(u)).head(std::ssize(source_words)).maxCoeff(&place);
    words.push_back(tokens[u] == attend::unknown_token
                        ? std::string(source_words[static_cast<std::size_t>(place)])
                        : languages.target.decode(std::span(&tokens[u], 1)));
  }
  return attend::join_words(words);
}

}  // namespace translator
