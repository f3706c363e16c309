/// Words that a decoder may copy from its source.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/ragged.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// The words of a batch of sources as the decoder would write them: tokens of its vocabulary, and
/// from its size on those of each source's own ExtendedVocabulary.
class CopiedWords {
 public:
  /// `words` has the sources' own layout. Reuses its memory.
  void assign(const TokenBatch& words) {
    to_sentence_major(words, tokens_);
    starts_.assign(1, 0);
    for (const Index length : words.layout.lengths()) starts_.push_back(starts_.back() + length);
    end_ = 0;
    for (const Token token : tokens_) {
      check_argument(token >= 0, "CopiedWords: token ", token, " is negative");
      end_ = std::max<Index>(end_, token + 1);
    }
  }
  void clear() { starts_.clear(); }

  /// Whether they are known.
  [[nodiscard]] bool empty() const { return starts_.empty(); }
  /// Behind the largest token.
  [[nodiscard]] Index end() const { return empty() ? 0 : end_; }

  /// Those of source b.
  [[nodiscard]] std::span<const Token> operator[](Index b) const {
    const auto at = static_cast<std::size_t>(b);
    return std::span(tokens_).subspan(static_cast<std::size_t>(starts_[at]),
                                      static_cast<std::size_t>(starts_[at + 1] - starts_[at]));
  }

 private:
  std::vector<Token> tokens_;
  std::vector<Index> starts_;
  Index end_ = 0;
};

/// l becomes log P, P(w) = p_gen softmax(l)_w + (1 - p_gen) sum_{i: source_i = w} a_i (See, Liu,
/// Manning 2017, arXiv 1704.04368, eq. 9); -Inf for words that neither has. l begins with the V
/// logits and has room for all that the source has. Where the source is empty, p_gen is 1.
template <Scalar S>
void mix_log_probabilities(std::span<S> l, Index V, S generate, std::span<const S> weights,
                           std::span<const Token> source) {
  if (source.empty()) generate = 1;
  softmax(V, l.data());
  for (S& p : l.first(static_cast<std::size_t>(V))) p *= generate;
  std::ranges::fill(l.subspan(static_cast<std::size_t>(V)), S{0});
  for (std::size_t i = 0; i < source.size(); ++i) {
    l[static_cast<std::size_t>(source[i])] += (S{1} - generate) * weights[i];
  }
  for (S& p : l) p = std::log(p);
}

}  // namespace attend
