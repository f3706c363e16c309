/// Words of an output that is given while its source still arrives.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Keeps the tokens of a word until it is whole, which the first token of the next word tells, and
/// how many source words were heard before each word was given.
class SpokenWords {
 public:
  /// Without `begins_word` every token is a word.
  explicit SpokenWords(std::function<bool(Token)> begins_word)
      : begins_word_(std::move(begins_word)) {}

  [[nodiscard]] bool token_is_word() const { return !begins_word_; }
  /// Whether there is a word and `next` is not a part of it.
  [[nodiscard]] bool ended_by(Token next) const {
    return !word_.empty() && (!begins_word_ || begins_word_(next));
  }

  void write(Token token) {
    word_.push_back(token);
    ++tokens_;
  }

  /// The word, if there is one, is whole: its tokens go behind `known`.
  void give(Index heard, std::vector<Token>& known) {
    if (word_.empty()) return;
    for (const Token token : word_) known.push_back(token);
    word_.clear();
    delays_.push_back(heard);
  }

  /// Written so far, given or not.
  [[nodiscard]] Index tokens() const { return tokens_; }
  [[nodiscard]] const std::vector<Index>& delays() const { return delays_; }

 private:
  std::function<bool(Token)> begins_word_;
  std::vector<Token> word_;
  Index tokens_ = 0;
  std::vector<Index> delays_;
};

}  // namespace attend::inline ATTEND_ABI::detail
