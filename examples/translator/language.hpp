/// One side of a translation: from lines to tokens and back.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/io/tensor_file.hpp>
#include <attend/text/tokenize.hpp>
#include <attend/text/vocabulary.hpp>
#ifdef ATTEND_HAS_SENTENCEPIECE
#include <attend/text/subwords.hpp>
#endif

namespace translator {

using attend::Index;
using attend::Token;

/// Whole words, or sub-words where SentencePiece is installed.
class Language {
 public:
  static Language of_words(std::span<const std::string> lines, Index min_frequency) {
    attend::Vocabulary::Counter counter;
    for (const std::string& line : lines) counter.add(attend::split_words(line));
    return Language(counter.build({.min_frequency = min_frequency, .max_size = 0}));
  }

  static Language of_subwords([[maybe_unused]] std::span<const std::string> lines, Index size) {
#ifdef ATTEND_HAS_SENTENCEPIECE
    try {
      return Language(attend::Subwords::train(
          lines, {.size = size, .exact_size = false, .normalization = "identity"}));
    } catch (const std::invalid_argument& error) {
      const std::string reason = error.what();
      throw std::invalid_argument("--subwords " + std::to_string(size) + ": " +
                                  reason.substr(0, reason.find("; choose another size")) +
                                  "; give another number, or 0 for whole words");
    }
#else
    throw_without_subwords("--subwords " + std::to_string(size));
#endif
  }

  [[nodiscard]] Index size() const {
#ifdef ATTEND_HAS_SENTENCEPIECE
    if (subwords_) return subwords_->size();
#endif
    return words_.size();
  }

  [[nodiscard]] std::string_view unit() const { return has_subwords() ? "sub-words" : "words"; }

  /// The tokens of a line and the end symbol.
  [[nodiscard]] std::vector<Token> encode(std::string_view line) const {
    std::vector<Token> tokens;
#ifdef ATTEND_HAS_SENTENCEPIECE
    if (subwords_) tokens = subwords_->encode(line);
#endif
    if (!has_subwords()) tokens = words_.encode(attend::split_words(line));
    tokens.push_back(attend::end_token);
    return tokens;
  }

  /// The line that tokens spell.
  [[nodiscard]] std::string decode(std::span<const Token> tokens) const {
#ifdef ATTEND_HAS_SENTENCEPIECE
    if (subwords_) return subwords_->decode(tokens);
#endif
    return attend::join_words(words_.decode(tokens));
  }

  /// For each token the word of the line that it belongs to, counted from 0.
  [[nodiscard]] std::vector<Index> word_of_token(std::span<const Token> tokens) const {
    std::vector<Index> words;
    Index word = -1;
    for (const Token token : tokens) {
      if (word < 0 || begins_word(token)) ++word;
      words.push_back(word);
    }
    return words;
  }

  /// The words of a line as `word_of_token` counts them: sub-words know no white space but blanks.
  [[nodiscard]] std::vector<std::string_view> words_of(const std::string& line) const {
    if (!has_subwords()) return attend::split_words(line);
    std::vector<std::string_view> words;
    for (std::size_t begin = 0; (begin = line.find_first_not_of(' ', begin)) != line.npos;) {
      const std::size_t end = std::min(line.find(' ', begin), line.size());
      words.push_back(std::string_view(line).substr(begin, end - begin));
      begin = end;
    }
    return words;
  }

  [[nodiscard]] bool has_subwords() const {
#ifdef ATTEND_HAS_SENTENCEPIECE
    return subwords_.has_value();
#else
    return false;
#endif
  }

  [[nodiscard]] bool begins_word([[maybe_unused]] Token token) const {
#ifdef ATTEND_HAS_SENTENCEPIECE
    // A piece that begins with U+2581 begins a word; the end symbol stands alone.
    if (subwords_) {
      return token == attend::end_token || subwords_->word(token).starts_with("\u2581");
    }
#endif
    return true;
  }

  void store(attend::TensorFile& file, const std::string& name) const {
#ifdef ATTEND_HAS_SENTENCEPIECE
    if (subwords_) {
      file.insert_bytes(name + ".subwords", subwords_->to_bytes());
      return;
    }
#endif
    file.insert_bytes(name + ".words", words_.to_text());
  }

  static Language load(const attend::TensorFile& file, const std::string& name) {
    const std::string place = file.source + ": " + name;
    if (file.tensors.contains(name + ".subwords")) {
#ifdef ATTEND_HAS_SENTENCEPIECE
      return Language(
          attend::Subwords::from_bytes(std::string(file.bytes(name + ".subwords")), place));
#else
      throw_without_subwords(file.source);
#endif
    }
    return Language(attend::Vocabulary::from_text(file.bytes(name + ".words"), place));
  }

 private:
  explicit Language(attend::Vocabulary words) : words_(std::move(words)) {}
#ifdef ATTEND_HAS_SENTENCEPIECE
  explicit Language(attend::Subwords subwords) : subwords_(std::move(subwords)) {}
#else
  [[noreturn]] static void throw_without_subwords(const std::string& what) {
    throw std::invalid_argument(what +
                                " needs SentencePiece: install libsentencepiece-dev and "
                                "build again, or use words (no --subwords)");
  }
#endif

  attend::Vocabulary words_;
#ifdef ATTEND_HAS_SENTENCEPIECE
  std::optional<attend::Subwords> subwords_;
#endif
};

}  // namespace translator
