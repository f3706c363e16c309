/// How good a model is: BLEU, perplexity, word errors, speed, and BLEU by source length.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "translate.hpp"
#include <attend/text/bleu.hpp>
#include <attend/text/corpus.hpp>
#include <attend/text/edit_distance.hpp>
#include <attend/text/tokenize.hpp>
#include <attend/train/batches.hpp>

namespace translator {

/// Sources of [lower, upper] words; an open bucket has no upper.
struct LengthBucket {
  std::size_t lower = 0;
  std::size_t upper = 0;
  bool open = false;
  std::size_t sentences = 0;
  attend::BleuStatistics statistics;
};

struct Evaluation {
  attend::Bleu bleu;
  attend::Loss loss;
  attend::ErrorRate errors;
  double words_per_second = 0;
  std::vector<LengthBucket> buckets;
};

inline attend::SentencePair encode_pair(const Languages& languages, const std::string& source,
                                        const std::string& target) {
  return {languages.source.encode(source), languages.target.encode(target)};
}

inline std::vector<attend::SentencePair> encode_pairs(const Languages& languages,
                                                      const attend::ParallelText& text) {
  std::vector<attend::SentencePair> pairs;
  pairs.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    pairs.push_back(encode_pair(languages, text.source[i], text.target[i]));
  }
  return pairs;
}

/// The best translation of every line.
inline std::vector<std::string> translate_lines(const Model& model, const Languages& languages,
                                                const std::vector<std::string>& lines,
                                                const SearchOptions& options,
                                                attend::ThreadPool& pool) {
  std::vector<std::vector<Token>> sources;
  sources.reserve(lines.size());
  for (const std::string& line : lines) sources.push_back(languages.source.encode(line));
  const std::vector<Candidates> found = search(model, sources, options, pool);
  std::vector<std::string> translations;
  translations.reserve(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    translations.push_back(spell(languages, lines[i], found[i].front()));
  }
  return translations;
}

/// The loss of pairs, in nats per target token; threads change nothing.
inline attend::Loss loss_of(const Model& model, const std::vector<attend::SentencePair>& pairs,
                            attend::ThreadPool& pool) {
  const auto count = static_cast<Index>(pairs.size());
  std::vector<attend::Loss> losses((pairs.size() + sentences_at_once - 1) / sentences_at_once);
  struct LossMemory {
    Model::Batch batch;
    Model::Workspace workspace;
  };
  pool.run_with<LossMemory>(static_cast<Index>(losses.size()), [&](Index part, LossMemory& own) {
    std::vector<const attend::SentencePair*> some;
    const Index first = part * sentences_at_once;
    for (Index i = first; i < std::min(first + sentences_at_once, count); ++i) {
      some.push_back(&pairs[static_cast<std::size_t>(i)]);
    }
    own.batch.assign(some);
    losses[static_cast<std::size_t>(part)] = model.loss(own.batch, own.workspace);
  });
  attend::Loss sum;
  for (const attend::Loss& loss : losses) sum += loss;
  return sum;
}

/// Buckets of five source words, the last open.
inline std::vector<LengthBucket> bleu_by_length(const attend::ParallelText& text,
                                                const std::vector<std::string>& translations,
                                                std::size_t width = 5, std::size_t count = 6) {
  std::vector<LengthBucket> buckets(count);
  for (std::size_t k = 0; k < count; ++k) {
    buckets[k].lower = k * width + 1;
    buckets[k].upper = (k + 1) * width;
    buckets[k].open = k + 1 == count;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t words = std::max<std::size_t>(attend::split_words(text.source[i]).size(), 1);
    LengthBucket& bucket = buckets[std::min((words - 1) / width, count - 1)];
    bucket.statistics += attend::bleu_statistics(translations[i], text.target[i]);
    ++bucket.sentences;
  }
  return buckets;
}

/// Errors in words. Lines with the same source are one sequence, their targets alternatives of
/// which the closest counts: the pronunciations of a word.
inline attend::ErrorRate word_errors(const attend::ParallelText& text,
                                     const std::vector<std::string>& translations) {
  struct Answers {
    std::string_view translation;
    std::vector<std::vector<std::string_view>> references;
  };
  std::map<std::string_view, Answers> by_source;
  for (std::size_t i = 0; i < text.size(); ++i) {
    Answers& answers = by_source[text.source[i]];
    answers.translation = translations[i];
    answers.references.push_back(attend::split_words(text.target[i]));
  }
  attend::ErrorRate errors;
  for (const auto& [source, answers] : by_source) {
    errors.add_best(attend::split_words(answers.translation), answers.references);
  }
  return errors;
}

inline Evaluation evaluate(const TranslationModel& translator, const attend::ParallelText& text,
                           const SearchOptions& options, attend::ThreadPool& pool) {
  Evaluation result;
  result.loss = loss_of(translator.model, encode_pairs(translator.languages, text), pool);
  const auto before = std::chrono::steady_clock::now();
  const auto translations =
      translate_lines(translator.model, translator.languages, text.source, options, pool);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - before;
  std::size_t words = 0;
  for (const std::string& line : translations) words += attend::split_words(line).size();
  result.words_per_second = static_cast<double>(words) / seconds.count();
  result.bleu = attend::bleu(translations, text.target);
  result.errors = word_errors(text, translations);
  result.buckets = bleu_by_length(text, translations);
  return result;
}

}  // namespace translator
