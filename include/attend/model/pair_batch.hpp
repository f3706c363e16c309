/// What a sequence-to-sequence model learns from: sources and their targets.
#pragma once

#include <span>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/image_batch.hpp>
#include <attend/core/ragged.hpp>

namespace attend::inline ATTEND_ABI {

/// A source and its target, without start symbols; both end with the end symbol if the caller's
/// vocabulary has one.
struct SentencePair {
  std::vector<Token> source;
  std::vector<Token> target;
  /// For a decoder that copies: the source's words as the target would have them, tokens of its
  /// vocabulary and behind it of the source's own ExtendedVocabulary, which targets then may have.
  std::vector<Token> copies = {};
};

/// Pairs as ragged batches, sources and targets each ranked by their own lengths.
class PairBatch {
 public:
  TokenBatch source;
  TokenBatch target;
  /// Without tokens where no pair has copies.
  TokenBatch copies;

  /// Reuses its memory. Throws ShapeError where a pair's copies are not as many as its source.
  void assign(std::span<const SentencePair* const> pairs) {
    sources_.clear();
    targets_.clear();
    copies_.clear();
    for (const SentencePair* pair : pairs) {
      sources_.emplace_back(pair->source);
      targets_.emplace_back(pair->target);
      if (pair->copies.empty()) continue;
      check_size("PairBatch", "number of copies", std::ssize(pair->copies),
                 std::ssize(pair->source));
      copies_.resize(targets_.size() - 1);
      copies_.emplace_back(pair->copies);
    }
    if (!copies_.empty()) copies_.resize(targets_.size());
    source.assign(sources_);
    target.assign(targets_);
    copies.assign(copies_);
  }

 private:
  std::vector<std::span<const Token>> sources_;
  std::vector<std::span<const Token>> targets_;
  std::vector<std::span<const Token>> copies_;
};

/// A source that is no sentence, and the words for it, which end as a SentencePair's target.
/// `Source` is the batch of such sources.
template <class Source>
struct Captioned {
  typename Source::Item source;
  std::vector<Token> target;
};

template <Scalar S>
using CaptionedImage = Captioned<ImageBatch<S>>;

template <class Source>
class CaptionBatch {
 public:
  Source source;
  TokenBatch target;

  /// Reuses its memory. Throws what Source::assign throws.
  void assign(std::span<const Captioned<Source>* const> pairs) {
    source.assign(
        pairs, [](const auto* pair) -> const auto& { return pair->source; });
    targets_.clear();
    for (const Captioned<Source>* pair : pairs) targets_.emplace_back(pair->target);
    target.assign(targets_);
  }

 private:
  std::vector<std::span<const Token>> targets_;
};

}  // namespace attend
