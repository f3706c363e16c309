/// A vocabulary that grows with the words of one source.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

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
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] == word) return static_cast<Token>(size_ + static_cast<Index>(i));
    }
    words_.emplace_back(word);
    return static_cast<Token>(size() - 1);
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

}  // namespace attend
