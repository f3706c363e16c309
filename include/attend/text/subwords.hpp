/// Sub-words through SentencePiece (Kudo & Richardson 2018, arXiv 1808.06226). The only header that
/// needs that library: link attend::sentencepiece.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <attend/core/error.hpp>
#include <attend/core/utf8.hpp>
#include <attend/text/vocabulary.hpp>

namespace attend::inline ATTEND_ABI {

enum class SubwordKind {
  unigram,    ///< The likeliest pieces of a unigram model (arXiv 1804.10959).
  byte_pairs  ///< Merges of frequent pairs, BPE (arXiv 1508.07909).
};

struct SubwordOptions {
  Index size = 8000;  ///< Pieces, with the reserved symbols.
  SubwordKind kind = SubwordKind::unigram;
  double character_coverage = 1;           ///< 0.98 ... 1; 0.9995 suits Chinese and Japanese.
  bool exact_size = true;                  ///< false: as many pieces as the text yields, at most.
  std::string normalization = "nmt_nfkc";  ///< A rule of SentencePiece, or "identity".
};

/// Pieces of words and their tokens; reserved tokens are those of Vocabulary. A const value whose
/// copies share one model, which threads may share too.
class Subwords {
 public:
  /// Learns pieces from lines, in memory, with one thread: the same lines give the same bytes.
  /// SentencePiece is told, for the whole process, to print nothing. Throws std::invalid_argument,
  /// saying what to do, for options that SentencePiece refuses, for a size above what the lines
  /// yield (with `exact_size`) or below their number of characters, and for lines that are blank
  /// one and all or not UTF-8.
  [[nodiscard]] static Subwords train(std::span<const std::string> lines,
                                      const SubwordOptions& options = {});

  /// Reads what `to_bytes` wrote, or a model file of SentencePiece's own whose reserved symbols are
  /// 0, 1 and 2. Throws FormatError with `name` and the reason.
  [[nodiscard]] static Subwords from_bytes(std::string bytes, std::string_view name);

  /// The model as SentencePiece writes it.
  [[nodiscard]] const std::string& to_bytes() const { return model_->bytes; }

  [[nodiscard]] Index size() const { return model_->processor.GetPieceSize(); }

  [[nodiscard]] std::vector<Token> encode(std::string_view line) const {
    std::vector<int> ids;
    require(model_->processor.Encode(line, &ids), "encode");
    return {ids.begin(), ids.end()};
  }

  /// The line that the tokens spell, without start and end. Throws std::out_of_range for a token
  /// outside 0 ... size() - 1.
  [[nodiscard]] std::string decode(std::span<const Token> tokens) const {
    for (const Token token : tokens) check(token);
    std::string line;
    require(model_->processor.Decode(std::vector<int>(tokens.begin(), tokens.end()), &line),
            "decode");
    return line;
  }

  /// A token's piece; U+2581 in it stands for a space. Throws std::out_of_range as `decode` does.
  [[nodiscard]] const std::string& word(Token token) const {
    check(token);
    return model_->processor.IdToPiece(token);
  }

  /// A piece's token; `unknown_token` for what is no piece.
  [[nodiscard]] Token token(std::string_view piece) const {
    return model_->processor.PieceToId(piece);
  }

 private:
  struct Model {
    sentencepiece::SentencePieceProcessor processor;
    std::string bytes;
  };

  explicit Subwords(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  void check(Token token) const {
    if (token < 0 || token >= size()) [[unlikely]] {
      throw std::out_of_range(detail::message(
          "Subwords: token ", token, " is outside the vocabulary, expected 0 to ", size() - 1));
    }
  }

  static void require(const sentencepiece::util::Status& status, std::string_view what) {
    if (!status.ok()) [[unlikely]] {
      throw std::runtime_error(detail::message("Subwords: ", what, ": ", status.ToString()));
    }
  }

  std::shared_ptr<const Model> model_;
};

namespace detail {

/// The form in which SentencePiece takes sentences from memory.
class SentenceLines : public sentencepiece::SentenceIterator {
 public:
  explicit SentenceLines(std::span<const std::string> lines) : lines_(lines) {}
  [[nodiscard]] bool done() const override { return next_ >= lines_.size(); }
  void Next() override { ++next_; }
  [[nodiscard]] const std::string& value() const override { return lines_[next_]; }
  [[nodiscard]] sentencepiece::util::Status status() const override { return {}; }

 private:
  std::span<const std::string> lines_;
  std::size_t next_ = 0;
};

/// SentencePiece's reason without the place in its source that stands before it.
[[nodiscard]] inline std::string sentencepiece_reason(const sentencepiece::util::Status& status) {
  const std::string text = status.ToString();
  const std::size_t bracket = text.rfind("] ");
  std::string reason = bracket == text.npos ? text : text.substr(bracket + 2);
  while (reason.ends_with(' ') || reason.ends_with('.')) reason.pop_back();
  return reason.empty() ? text : reason;
}

inline std::unordered_map<std::string, std::string> sentencepiece_arguments(
    const SubwordOptions& options, std::size_t longest_line) {
  return {
      {"model_type", options.kind == SubwordKind::unigram ? "unigram" : "bpe"},
      {"vocab_size", std::to_string(options.size)},
      {"character_coverage", std::to_string(options.character_coverage)},
      {"normalization_rule_name", options.normalization},
      {"hard_vocab_limit", options.exact_size ? "true" : "false"},
      {"unk_id", std::to_string(unknown_token)},
      {"bos_id", std::to_string(start_token)},
      {"eos_id", std::to_string(end_token)},
      {"pad_id", "-1"},
      {"max_sentence_length", std::to_string(longest_line)},  // it skips longer ones in silence
      {"shuffle_input_sentence", "false"},
      {"num_threads", "1"},
      {"minloglevel", "3"},
  };
}

}  // namespace detail

inline Subwords Subwords::train(std::span<const std::string> lines, const SubwordOptions& options) {
  std::size_t longest = 10;  // The least that SentencePiece takes for a longest line.
  bool blank = true;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    check_argument(is_utf8(lines[i]), "Subwords: line ", i + 1, " is not UTF-8");
    longest = std::max(longest, lines[i].size());
    blank = blank && split_words(std::string_view(lines[i])).empty();
  }
  check_argument(!blank, "Subwords: all of the ", lines.size(),
                 " lines are blank, expected text to learn from");

  detail::SentenceLines sentences(lines);
  std::string bytes;
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      detail::sentencepiece_arguments(options, longest), &sentences, &bytes);
  check_argument(status.ok(), "Subwords: SentencePiece cannot learn ", options.size,
                 " pieces from these ", lines.size(),
                 " lines: ", detail::sentencepiece_reason(status),
                 "; choose another size, give more text, or set exact_size = false to take as many "
                 "as there are");
  return from_bytes(std::move(bytes), "SentencePiece's new model");
}

inline Subwords Subwords::from_bytes(std::string bytes, std::string_view name) {
  auto model = std::make_shared<Model>();
  model->bytes = std::move(bytes);
  const auto status = model->processor.LoadFromSerializedProto(model->bytes);
  if (!status.ok()) {
    throw FormatError(detail::message(
        name, ": not a model of SentencePiece: ", detail::sentencepiece_reason(status)));
  }
  for (std::size_t i = 0; i < reserved_words.size(); ++i) {
    const auto id = static_cast<int>(i);
    const bool there = model->processor.GetPieceSize() > id;
    const std::string piece = there ? model->processor.IdToPiece(id) : "nothing";
    if (piece != reserved_words[i]) {
      throw FormatError(detail::message(name, ": token ", i, " is '", piece, "', expected '",
                                        reserved_words[i],
                                        "'; train with unk_id 0, bos_id 1, eos_id 2"));
    }
  }
  return Subwords(std::move(model));
}

}  // namespace attend
