/// Words and their tokens.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/utf8.hpp>
#include <attend/text/tokenize.hpp>

namespace attend::inline ATTEND_ABI {

/// The symbols that every vocabulary begins with. Batches are ragged, so there is no padding.
inline constexpr Token unknown_token = 0;
inline constexpr Token start_token = 1;
inline constexpr Token end_token = 2;
inline constexpr std::array<std::string_view, 3> reserved_words{"<unk>", "<s>", "</s>"};

/// Which words a vocabulary takes in.
struct VocabularyOptions {
  std::int64_t min_frequency = 1;  ///< Rarer words become unknown.
  std::int64_t max_size = 0;       ///< Words with the reserved symbols; 0 is no limit.
};

/// Tokens 0, 1, ... for words, and how often each word was counted. Text cannot forge a reserved
/// symbol: `encode` gives `unknown_token` for a word that is spelled like one.
class Vocabulary {
 public:
  class Counter;

  /// The reserved symbols alone.
  Vocabulary() {
    for (const std::string_view word : reserved_words) append(std::string(word), 0);
  }

  [[nodiscard]] Index size() const { return static_cast<Index>(words_.size()); }
  [[nodiscard]] bool contains(std::string_view word) const { return tokens_.contains(word); }

  /// A word's token; `unknown_token` for a word that is not in the vocabulary.
  [[nodiscard]] Token token(std::string_view word) const {
    const auto found = tokens_.find(word);
    return found == tokens_.end() ? unknown_token : found->second;
  }

  /// A token's word. Throws std::out_of_range for a token outside 0 ... size() - 1.
  [[nodiscard]] const std::string& word(Token token) const { return words_[place(token)]; }

  /// How often the word was counted; for `unknown_token`, how often words that were left out were.
  /// Throws std::out_of_range for a token outside 0 ... size() - 1.
  [[nodiscard]] std::int64_t count(Token token) const { return counts_[place(token)]; }

  template <WordRange Words>
  [[nodiscard]] std::vector<Token> encode(Words&& words) const {
    std::vector<Token> tokens;
    if constexpr (requires { std::size(words); }) tokens.reserve(std::size(words));
    for (auto&& element : words) {
      const Token found = token(element);
      const bool forged = found < first_word;
      tokens.push_back(forged ? unknown_token : found);
    }
    return tokens;
  }

  /// The tokens' words. Throws std::out_of_range as `word` does.
  template <class Tokens>
  [[nodiscard]] std::vector<std::string> decode(Tokens&& tokens) const {
    std::vector<std::string> words;
    if constexpr (requires { std::size(tokens); }) words.reserve(std::size(tokens));
    for (const Token token : tokens) words.push_back(word(token));
    return words;
  }

  /// One line `word TAB count` for each word, in the order of tokens.
  [[nodiscard]] std::string to_text() const {
    std::string text;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      text += words_[i] + '\t' + std::to_string(counts_[i]) + '\n';
    }
    return text;
  }

  /// Reads what `to_text` wrote. Throws FormatError with `name`, the line and the reason.
  [[nodiscard]] static Vocabulary from_text(std::string_view text, std::string_view name);

  bool operator==(const Vocabulary& other) const {
    return words_ == other.words_ && counts_ == other.counts_;
  }

 private:
  static constexpr auto first_word = static_cast<Token>(reserved_words.size());

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const {
      return std::hash<std::string_view>{}(word);
    }
  };

  void append(std::string word, std::int64_t count) {
    tokens_.emplace(word, static_cast<Token>(words_.size()));
    words_.push_back(std::move(word));
    counts_.push_back(count);
  }

  [[nodiscard]] std::size_t place(Token token) const {
    if (token < 0 || token >= size()) [[unlikely]] {
      throw std::out_of_range(detail::message(
          "Vocabulary: token ", token, " is outside the vocabulary, expected 0 to ", size() - 1));
    }
    return static_cast<std::size_t>(token);
  }

  /// Why the text cannot be a word of a vocabulary; empty when it can.
  [[nodiscard]] static std::string_view complaint(std::string_view word) {
    if (word.empty()) return "it is empty";
    if (!is_utf8(word)) return "it is not UTF-8";
    if (word.find_first_of(std::string_view("\t\n\r\0", 4)) != std::string_view::npos) {
      return "it holds a tab, a line end or a NUL";
    }
    return {};
  }

  std::unordered_map<std::string, Token, Hash, std::equal_to<>> tokens_;
  std::vector<std::string> words_;
  std::vector<std::int64_t> counts_;
};

/// Counts words and builds a vocabulary of them.
class Vocabulary::Counter {
 public:
  /// Counts one occurrence. A word spelled like a reserved symbol counts as unknown. Throws
  /// std::invalid_argument for a word that is empty, not UTF-8, or holds a tab, line end or NUL.
  void add(std::string_view word, std::int64_t times = 1) {
    check_argument(times >= 0, "Vocabulary::Counter: a word was counted ", times,
                   " times, expected 0 or more");
    if (const auto found = seen_.tokens_.find(word); found != seen_.tokens_.end()) {
      const bool forged = found->second < first_word;
      seen_.counts_[seen_.place(forged ? unknown_token : found->second)] += times;
      return;
    }
    const std::string_view reason = complaint(word);
    check_argument(reason.empty(),
                   "Vocabulary::Counter: what was given as a word is not one: ", reason,
                   "; split lines with split_words");
    seen_.append(std::string(word), times);
  }

  /// Counts each word of a sentence.
  template <WordRange Words>
  void add(Words&& words) {
    for (auto&& word : words) add(std::string_view(word));
  }

  /// The words by falling count, ties in the order of their bytes; so the order of the text does
  /// not matter. Throws std::invalid_argument for a negative frequency or size, or a size without
  /// room for a word beside the reserved symbols.
  [[nodiscard]] Vocabulary build(const VocabularyOptions& options = {}) const {
    check(options);
    std::vector<Token> order;
    for (Token token = first_word; token < seen_.size(); ++token) order.push_back(token);
    std::sort(order.begin(), order.end(), [this](Token a, Token b) {
      const std::int64_t count_a = seen_.count(a), count_b = seen_.count(b);
      return count_a != count_b ? count_a > count_b : seen_.word(a) < seen_.word(b);
    });
    Vocabulary vocabulary;
    vocabulary.counts_[unknown_token] = seen_.count(unknown_token);
    for (const Token token : order) {
      const bool room = options.max_size == 0 || vocabulary.size() < options.max_size;
      if (room && seen_.count(token) >= options.min_frequency) {
        vocabulary.append(seen_.word(token), seen_.count(token));
      } else {
        vocabulary.counts_[unknown_token] += seen_.count(token);
      }
    }
    return vocabulary;
  }

 private:
  static void check(const VocabularyOptions& options) {
    check_argument(options.min_frequency >= 0, "Vocabulary: min_frequency is ",
                   options.min_frequency, ", expected 0 or more");
    const auto reserved = static_cast<std::int64_t>(reserved_words.size());
    check_argument(options.max_size == 0 || options.max_size > reserved, "Vocabulary: max_size is ",
                   options.max_size, ", expected 0 (no limit) or more than the ", reserved,
                   " reserved symbols");
  }

  Vocabulary seen_;  ///< In the order in which words came.
};

inline Vocabulary Vocabulary::from_text(std::string_view text, std::string_view name) {
  Vocabulary vocabulary;
  std::size_t line_number = 0;
  const auto require = [&](bool condition, const auto&... reason) {
    if (!condition) [[unlikely]] {
      throw FormatError(detail::message(name, ": line ", line_number, ": ", reason...));
    }
  };
  for (std::size_t begin = 0; begin < text.size();) {
    ++line_number;
    const std::size_t end = text.find('\n', begin);
    require(end != text.npos, "no line feed at the end; the text is cut off");
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;

    const std::size_t tab = line.find('\t');
    require(tab != line.npos, "no tab, expected a word, a tab and its count");
    const std::string_view word = line.substr(0, tab);
    const std::string_view digits = line.substr(tab + 1);
    const std::string_view reason = complaint(word);
    require(reason.empty(), "the word is not a word: ", reason);
    std::int64_t count = -1;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    require(parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size() && count >= 0,
            "'", is_utf8(digits) ? digits : "bytes that are not UTF-8",
            "' is not a count, expected a whole number from 0");

    if (const std::size_t i = line_number - 1; i < reserved_words.size()) {
      require(word == reserved_words[i], "'", word, "' stands where the reserved symbol '",
              reserved_words[i], "' is expected");
      vocabulary.counts_[i] = count;
    } else {
      require(!vocabulary.contains(word), "'", word, "' stands there for the second time");
      vocabulary.append(std::string(word), count);
    }
  }
  if (line_number < reserved_words.size()) {
    ++line_number;
    require(false, "the text ends, expected the reserved symbol '", reserved_words[line_number - 1],
            "'");
  }
  return vocabulary;
}

}  // namespace attend
