/// `translator translate`.
#pragma once

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "../output.hpp"
#include "simultaneous.hpp"
#include "translate.hpp"
#include <attend/io/atomic_file.hpp>
#include <attend/text/corpus.hpp>
#include <attend/view/heat_map.hpp>
#include <attend/view/moses.hpp>
#include <attend/view/svg.hpp>

namespace translator {

struct TranslateCommand {
  std::string model;
  SearchOptions search;
  /// "", "moses", "heatmap", or "svg" and the folder.
  std::string alignments;
  std::string folder;
  /// Source words that are heard before the first target word is said; 0: whole lines.
  Index wait_k = 0;
  /// "" or "monotonic": when words are said while others are heard.
  std::string policy = {};

  [[nodiscard]] bool interprets() const { return wait_k > 0 || !policy.empty(); }
};

/// The weights of a hypothesis between words: summed over a source word's pieces, averaged over a
/// target word's. The end symbols are words of their own.
inline attend::WordAlignment word_alignment(const TranslationModel& translator,
                                            const std::string& source,
                                            const std::vector<Token>& source_tokens,
                                            const attend::Hypothesis<float>& hypothesis) {
  std::vector<Token> target_tokens = hypothesis.tokens;
  if (hypothesis.finished) target_tokens.push_back(attend::end_token);
  const auto rows = translator.languages.source.word_of_token(source_tokens);
  const auto columns = translator.languages.target.word_of_token(target_tokens);
  const auto words = [](const std::vector<Index>& of) { return of.empty() ? 0 : of.back() + 1; };
  attend::Matrix<double> sums = attend::Matrix<double>::Zero(words(rows), words(columns));
  attend::Vector<double> pieces = attend::Vector<double>::Zero(words(columns));
  for (std::size_t u = 0; u < columns.size(); ++u) {
    pieces[columns[u]] += 1;
    for (std::size_t t = 0; t < rows.size(); ++t) {
      sums(rows[t], columns[u]) +=
          static_cast<double>(hypothesis.weights(static_cast<Index>(t), static_cast<Index>(u)));
    }
  }
  for (Index u = 0; u < sums.cols(); ++u) sums.col(u) /= pieces[u];
  const auto named = [](const Language& language, const std::string& line, Index count) {
    const auto line_words = language.words_of(line);
    std::vector<std::string> names(line_words.begin(), line_words.end());
    names.resize(static_cast<std::size_t>(count), "</s>");
    return names;
  };
  const auto& [source_language, target_language] = translator.languages;
  const std::string target = spell(translator.languages, source, hypothesis);
  return attend::WordAlignment(named(source_language, source, sums.rows()),
                               named(target_language, target, sums.cols()), sums);
}

/// Prints what was found for one line, and its alignments as asked.
class Printer {
 public:
  Printer(const TranslationModel& translator, const TranslateCommand& command)
      : translator_(translator), command_(command) {}

  void print(const std::string& source, const std::vector<Token>& tokens, const Candidates& best) {
    for (const auto& hypothesis : best) {
      std::string line = spell(translator_.languages, source, hypothesis);
      if (command_.search.n_best > 1) {
        char score[40];
        std::snprintf(score, sizeof score, " ||| %.4f", hypothesis.score);
        line = std::to_string(number_) + " ||| " + line + score;
      }
      if (!command_.alignments.empty()) line += aligned(source, tokens, hypothesis);
      std::cout << line << '\n';
    }
    ++number_;
  }

 private:
  std::string aligned(const std::string& source, const std::vector<Token>& tokens,
                      const attend::Hypothesis<float>& hypothesis) {
    const auto alignment = word_alignment(translator_, source, tokens, hypothesis);
    if (command_.alignments == "moses") {
      return " ||| " +
             attend::to_moses(attend::hard_alignment(
                 alignment.weights(), {.source_end = true, .target_end = hypothesis.finished}));
    }
    if (command_.alignments == "heatmap") return "\n" + attend::heat_map(alignment);
    const auto path = std::filesystem::path(command_.folder) / (std::to_string(++drawn_) + ".svg");
    attend::write_atomically(path, attend::svg_heat_map(alignment));
    return "";
  }

  const TranslationModel& translator_;
  const TranslateCommand& command_;
  std::size_t number_ = 0;
  std::size_t drawn_ = 0;
};

/// Everything that can be wrong, before the first line is read.
inline void check(const TranslateCommand& command, const Recipe& recipe) {
  check(command.search, recipe);
  attend::check_argument(command.alignments.empty() || attends(recipe),
                         "--alignments: ", command.model,
                         " has no attention; take a model of another --score");
  check_at_least("--wait-k", command.wait_k, 0);
  attend::check_argument(command.policy.empty() || command.policy == "monotonic", "--policy is '",
                         command.policy, "', expected monotonic");
  attend::check_argument(command.wait_k == 0 || command.policy.empty(),
                         "--wait-k is a policy of its own; leave --policy out");
  const bool reads = recipe.encoder == "causal" && recipe.alignment.starts_with("monotonic");
  attend::check_argument(command.policy.empty() || reads, "--policy monotonic: ", command.model,
                         " was not trained with --encoder causal and --alignment monotonic");
  attend::check_argument(
      !command.interprets() || (command.alignments.empty() && command.search.n_best == 1),
      command.wait_k > 0 ? "--wait-k" : "--policy",
      " says one word after the other and goes neither with --n-best nor with --alignments");
  if (command.alignments == "svg") output::make_folder(command.folder);
}

template <class Begin>
int interpret(const Languages& languages, Begin begin) {
  Interpreter<Begin> interpreter(languages, std::move(begin));
  const Index sentences = interpreter.run();
  if (sentences == 0) {
    throw std::invalid_argument("standard input is empty; give words to translate");
  }
  std::fprintf(stderr, "%td sentences; average lagging %.2f source words\n", sentences,
               interpreter.average_lagging());
  return 0;
}

inline int translate(const TranslateCommand& command) {
  TranslationModel translator = load_model(command.model);
  check(command, translator.recipe);
  prepare(translator.model, command.search);
  if (command.wait_k > 0) {
    return interpret(translator.languages, wait_k_policy(translator, command.wait_k));
  }
  if (!command.policy.empty()) {
    return interpret(translator.languages, monotonic_policy(translator));
  }
  attend::ThreadPool pool(command.search.threads);
  Printer printer(translator, command);
  // A person at a terminal waits for each line; a file is read a thousand lines at a time.
  const std::size_t lines_at_once = isatty(STDIN_FILENO) == 1 ? 1 : 1024;
  std::size_t number = 0;
  std::vector<std::string> lines;
  const auto flush = [&] {
    std::vector<std::vector<Token>> sources;
    for (const std::string& line : lines) {
      sources.push_back(translator.languages.source.encode(line));
    }
    const auto found = search(translator.model, sources, command.search, pool);
    for (std::size_t i = 0; i < lines.size(); ++i) printer.print(lines[i], sources[i], found[i]);
    std::cout.flush();
    lines.clear();
  };
  for (std::string line; std::getline(std::cin, line);) {
    lines.emplace_back(attend::clean_line(line, "standard input", ++number));
    if (lines.size() >= lines_at_once) flush();
  }
  flush();
  if (number == 0) throw std::invalid_argument("standard input is empty; give lines to translate");
  return 0;
}

}  // namespace translator
