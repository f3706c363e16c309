/// A vocabulary that grows with the words of one source.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/text/vocabulary.hpp>

namespace attend::inline ATTEND_ABI {

/// Words of one source that a vocabulary of `size` words does not have get the tokens size,
/// size + 1, ... in the order in which they come, so that a pointer-generator can copy them: See,
/// Liu, Manning 2017 (arXiv 1704.04368, section 2.2).
class ExtendedVocabulary {
 public:
  explicit ExtendedVocabulary(Index size) : size_(size) {}

  /// Words of the vocabulary and of the source.
  [[nodiscard]] Index size() const { return size_ + std::ssize(words_); }

  /// The token of a word outside the vocabulary, a new one the first time.
  Token add(std::string_view word) {
    const Token known = find(word, unknown_token);
    if (known != unknown_token) return known;
    words_.emplace_back(word);
    return static_cast<Token>(size() - 1);
  }

  /// The token of one of the source's own words, or `otherwise`.
  [[nodiscard]] Token find(std::string_view word, Token otherwise) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] == word) return static_cast<Token>(size_ + static_cast<Index>(i));
    }
    return otherwise;
  }

  /// The word of a token from size on. Throws std::invalid_argument for another.
  [[nodiscard]] const std::string& word(Token token) const {
    check_argument(token >= size_ && token < size(), "ExtendedVocabulary: token ", token,
                   " is not one of the source's own, which are ", size_, " to ", size() - 1);
    return words_[static_cast<std::size_t>(token - size_)];
  }

 private:
  Index size_;
  std::vector<std::string> words_;
};

/// A source's words as a decoder that copies them names them (SentencePair::copies): tokens of the
/// target's vocabulary, else of `own`, to which they are added.
[[nodiscard]] inline std::vector<Token> encode_copies(const Vocabulary& target,
                                                      std::span<const std::string_view> source,
                                                      ExtendedVocabulary& own) {
  std::vector<Token> tokens = target.encode(source);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == unknown_token) tokens[i] = own.add(source[i]);
  }
  return tokens;
}

/// A target's words: tokens of its vocabulary, else the source's own, else unknown.
[[nodiscard]] inline std::vector<Token> encode_with(const Vocabulary& target,
                                                    std::span<const std::string_view> words,
                                                    const ExtendedVocabulary& own) {
  std::vector<Token> tokens = target.encode(words);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == unknown_token) tokens[i] = own.find(words[i], unknown_token);
  }
  return tokens;
}

/// The words of tokens of both. Throws std::out_of_range and std::invalid_argument as they do.
[[nodiscard]] inline std::vector<std::string> decode_with(const Vocabulary& target,
                                                          std::span<const Token> tokens,
                                                          const ExtendedVocabulary& own) {
  std::vector<std::string> words;
  for (const Token token : tokens) {
    words.push_back(token < target.size() ? target.word(token) : own.word(token));
  }
  return words;
}

}  // namespace attend
