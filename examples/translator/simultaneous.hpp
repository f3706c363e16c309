/// `translator translate --wait-k`: translates while the words arrive.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "translation_model.hpp"
#include <attend/search/wait_k.hpp>
#include <attend/text/average_lagging.hpp>

namespace translator {

/// Reads standard input word by word and writes each target word as soon as it is known; a line end
/// ends a sentence.
class Interpreter {
 public:
  Interpreter(const TranslationModel& translator, Index k) : translator_(translator), k_(k) {}

  /// Until standard input ends. Returns the sentences, of which blank ones are not counted.
  Index run() {
    std::string word;
    for (char c = 0; std::cin.get(c);) {
      if (std::isspace(static_cast<unsigned char>(c)) == 0) {
        word += c;
        continue;
      }
      hear(word);
      if (c == '\n') end_sentence();
    }
    hear(word);
    if (sentence_) end_sentence();
    return sentences_;
  }

  /// The mean of the sentences' average lagging, in source words.
  [[nodiscard]] double average_lagging() const {
    return lagging_ / static_cast<double>(std::max<Index>(sentences_, 1));
  }

 private:
  using WaitK = attend::WaitK<Model>;

  void hear(std::string& word) {
    if (word.empty()) return;
    if (!sentence_) begin_sentence();
    std::vector<Token> tokens = translator_.languages.source.encode(word);
    tokens.pop_back();  // Its end symbol: the sentence goes on.
    if (!tokens.empty()) {
      sentence_->push(tokens);
      ++words_;
      say();
    }
    word.clear();
  }

  void begin_sentence() {
    const Language& target = translator_.languages.target;
    attend::WaitKOptions options{.k = k_,
                                 .start = translator_.model.options().start,
                                 .end = translator_.model.options().end,
                                 .forbidden = {attend::unknown_token}};
    if (target.has_subwords()) {
      options.begins_word = [&target](Token token) { return target.begins_word(token); };
    }
    sentence_.emplace(translator_.model, options);
    words_ = 0;
    silent_ = true;
  }

  void say() {
    const std::vector<Token> known = sentence_->poll();
    if (known.empty()) return;
    if (!silent_) std::cout << ' ';
    silent_ = false;
    std::cout << translator_.languages.target.decode(known) << std::flush;
  }

  void end_sentence() {
    if (sentence_) {
      sentence_->finish(std::span(&attend::end_token, 1));
      say();
      lagging_ += attend::average_lagging(sentence_->delays(), words_);
      ++sentences_;
      sentence_.reset();
    }
    std::cout << '\n' << std::flush;
  }

  const TranslationModel& translator_;
  Index k_;
  std::optional<WaitK> sentence_;
  Index words_ = 0;
  bool silent_ = true;
  Index sentences_ = 0;
  double lagging_ = 0;
};

}  // namespace translator
