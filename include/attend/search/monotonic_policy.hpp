/// Translating while the source still arrives, as the monotonic attention says.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/search/spoken_words.hpp>
#include <attend/search/stream.hpp>

namespace attend::inline ATTEND_ABI {

/// `start` and `end` are the target's symbols and must be given.
struct MonotonicPolicyOptions {
  Token start = -1;
  Token end = -1;
  /// Of the target, for the source tokens that were needed so far.
  LengthLimit max_length = {};
  Index minimum_length = 0;
  std::vector<Token> forbidden = {};
  /// Whether a target token begins a word; without it, every token is one.
  std::function<bool(Token)> begins_word = {};
};

/// The policy of a hard monotonic attention (Raffel et al. 2017, arXiv 1704.00784, section 2.2),
/// the sibling of WaitK: reads source words until the attention takes one, then writes. The source
/// is encoded once, as it comes, by an encoder of one direction, and the decoder begins at zero; so
/// a word costs a step of each. The output is the offline one. One object a sentence.
template <class Layer, Decoder D>
class MonotonicPolicy {
 public:
  using S = typename D::Scalar;

  /// `words` is the embedding of the source. Keeps references. Throws std::invalid_argument for
  /// options out of range, an attention that is not hard monotonic, an encoder that reads both
  /// ways, and a decoder that begins with the end of its source.
  MonotonicPolicy(const TextEncoder<Layer>& encoder, const Embedding<S>& words, const D& decoder,
                  MonotonicPolicyOptions options)
      : encoder_(encoder),
        source_words_(words),
        words_(std::move(options.begins_word)),
        stream_(encoder.stack, decoder, stream_options(options)) {
    check_argument(encoder.stack.causal(),
                   "MonotonicPolicy: the encoder reads both ways; make one of one direction");
    check_argument(held_as<Monotonic>(decoder.attention->alignment) != nullptr,
                   "MonotonicPolicy: the attention is not monotonic; use WaitK");
    check_argument(options.end >= 0, "MonotonicPolicy: end is ", options.end,
                   ", expected a token of the vocabulary");
  }

  /// One more source word, as tokens. Throws std::invalid_argument for a word without tokens, and
  /// after finish.
  void push(std::span<const Token> word) {
    check_argument(!word.empty(),
                   "MonotonicPolicy::push: a word has no tokens, expected 1 or more");
    hear(word);
    ends_.push_back(tokens_);
  }

  /// No word follows; `closing` (an end symbol, if sources are trained with one) is read last.
  void finish(std::span<const Token> closing = {}) {
    hear(closing);
    stream_.finish();
  }

  /// The tokens of the target words that are known by now and were not given before.
  [[nodiscard]] std::vector<Token> poll() {
    std::vector<Token> known;
    for (const auto& [token, frames] : stream_.poll()) {
      const Index heard = words_within(frames);
      if (words_.ended_by(token)) words_.give(heard, known);
      words_.write(token);
      if (words_.token_is_word()) words_.give(heard, known);
    }
    if (stream_.done()) words_.give(words_within(stream_.heard()), known);
    return known;
  }

  /// Whether the translation has come to its end.
  [[nodiscard]] bool done() const { return stream_.done(); }
  /// The source words that were read before each target word was whole.
  [[nodiscard]] const std::vector<Index>& delays() const { return words_.delays(); }

 private:
  static StreamOptions stream_options(const MonotonicPolicyOptions& o) {
    return {.start = o.start,
            .end = o.end,
            .max_length = o.max_length,
            .minimum_length = o.minimum_length,
            .forbidden = o.forbidden};
  }

  void hear(std::span<const Token> tokens) {
    if (tokens.empty()) return;
    const Index n = std::ssize(tokens);
    View<S> X = embedded_.resize(source_words_.E.rows(), n);
    source_words_.forward(tokens, X);
    if (encoder_.projection) {
      View<S> projected = projected_.resize(encoder_.projection->output_size(), n);
      encoder_.projection->forward(X, projected);
      stream_.push(projected);
    } else {
      stream_.push(X);
    }
    tokens_ += n;
  }

  /// The words of which the first so many tokens are a part.
  [[nodiscard]] Index words_within(Index tokens) const {
    const auto last = std::ranges::lower_bound(ends_, tokens);
    return std::min<Index>(last - ends_.begin() + (tokens > 0 ? 1 : 0), std::ssize(ends_));
  }

  const TextEncoder<Layer>& encoder_;
  const Embedding<S>& source_words_;
  detail::SpokenWords words_;
  Stream<Layer, D> stream_;
  Index tokens_ = 0;
  /// Where each word ends.
  std::vector<Index> ends_;
  Buffer<S> embedded_;
  Buffer<S> projected_;
};

}  // namespace attend
