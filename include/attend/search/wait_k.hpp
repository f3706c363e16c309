/// Translating while the source still arrives.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/types.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/length.hpp>
#include <attend/search/next_token.hpp>
#include <attend/search/spoken_words.hpp>

namespace attend::inline ATTEND_ABI {

/// `start` and `end` are the target's symbols and must be given.
struct WaitKOptions {
  /// Source words that are read before the first target word is written.
  Index k = 3;
  Token start = -1;
  Token end = -1;
  /// Of the target, for the source tokens read so far.
  LengthLimit max_length = {};
  Index minimum_length = 0;
  std::vector<Token> forbidden = {};
  /// Whether a target token begins a word; without it, every token is one.
  std::function<bool(Token)> begins_word = {};
};

/// Wait-k (Ma et al. 2019, arXiv 1810.08398, eq. 7): target word t is the likeliest one given the
/// first g(t) = min(k + t - 1, |x|) source words, whatever else has arrived by then, so the output
/// does not depend on how the words come. The prefix is encoded anew for every word and what was
/// written is fed again: any Seq2Seq serves, and a step costs as much as a short translation. The
/// end symbol is chosen only after the last source word. One object a sentence.
template <class Model>
class WaitK {
 public:
  using S = typename Model::Scalar;

  /// Throws std::invalid_argument for options out of range. Keeps a reference to the model.
  WaitK(const Model& model, WaitKOptions options)
      : model_(model), options_(std::move(options)), words_(options_.begins_word) {
    check_argument(options_.k >= 1, "WaitK: k is ", options_.k, ", expected 1 or more");
    static_cast<void>(constraints());
  }

  /// One more source word, as tokens. Throws std::invalid_argument for a word without tokens, and
  /// after finish.
  void push(std::span<const Token> word) {
    check_argument(!finished_, "WaitK::push: the source is finished; begin another object");
    check_argument(!word.empty(), "WaitK::push: a word has no tokens, expected 1 or more");
    source_.insert(source_.end(), word.begin(), word.end());
    ends_.push_back(std::ssize(source_));
  }

  /// No word follows; `closing` (an end symbol, if sources are trained with one) is read last.
  void finish(std::span<const Token> closing = {}) {
    check_argument(!finished_, "WaitK::finish: the source is finished already");
    finished_ = true;
    source_.insert(source_.end(), closing.begin(), closing.end());
  }

  /// The tokens of the target words that are known by now and were not given before.
  [[nodiscard]] std::vector<Token> poll() {
    std::vector<Token> known;
    while (!done_ && (finished_ || words_needed() <= words_read())) write(known);
    return known;
  }

  /// Whether the translation has come to its end.
  [[nodiscard]] bool done() const { return done_; }
  /// g(t), the source words that were read before target word t was written.
  [[nodiscard]] const std::vector<Index>& delays() const { return words_.delays(); }

 private:
  [[nodiscard]] detail::Constraints constraints() const {
    return detail::constraints(options_, model_.decoder.vocabulary_size());
  }
  [[nodiscard]] Index words_read() const { return std::ssize(ends_); }
  /// For the target word that is written now.
  [[nodiscard]] Index words_needed() const { return options_.k + std::ssize(words_.delays()); }
  [[nodiscard]] bool sees_all() const { return words_needed() > words_read(); }
  [[nodiscard]] Index tokens_seen() const {
    return sees_all() ? std::ssize(source_) : ends_[static_cast<std::size_t>(words_needed()) - 1];
  }

  /// Chooses one token; what is a whole word by that goes to `known`.
  void write(std::vector<Token>& known) {
    look();
    const Index heard = std::min(words_needed(), words_read());
    const Token next = detail::next_token(model_.decoder, state_, constraints(), std::ssize(fed_),
                                          sees_all(), logits_);
    const bool ends = next == options_.end;
    if (ends || words_.ended_by(next)) {
      words_.give(heard, known);
      done_ = ends;
      return;
    }
    words_.write(next);
    feed(next);
    const bool full = words_.tokens() >= options_.max_length(tokens_seen());
    if (full || words_.token_is_word()) words_.give(heard, known);
    done_ = full && sees_all();
  }

  /// Encodes the prefix, unless it was the last one, and feeds what was written.
  void look() {
    if (seen_ == tokens_seen()) return;
    seen_ = tokens_seen();
    const std::span<const Token> prefix(source_.data(), static_cast<std::size_t>(seen_));
    model_.remember(TokenBatch(std::array{prefix}), workspace_, memory_);
    const Index sentence = 0;
    model_.decoder.begin(memory_, std::span(&sentence, 1), state_);
    const std::vector<Token> before = std::exchange(fed_, {});
    feed(options_.start);
    for (std::size_t i = 1; i < before.size(); ++i) feed(before[i]);
  }

  void feed(Token token) {
    fed_.push_back(token);
    model_.decoder.step(memory_, std::span<const Token>(&token, 1), state_);
  }

  const Model& model_;
  WaitKOptions options_;
  std::vector<Token> source_;
  /// Where each word ends in it.
  std::vector<Index> ends_;
  bool finished_ = false;
  bool done_ = false;
  detail::SpokenWords words_;
  Index seen_ = -1;
  std::vector<Token> fed_;
  typename Model::Workspace workspace_;
  decltype(Model::Workspace::memory) memory_;
  decltype(Model::Workspace::state) state_;
  Buffer<S> logits_;
};

}  // namespace attend
