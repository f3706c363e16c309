/// `translator translate --wait-k` and `--policy`: translates while the words arrive.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "translation_model.hpp"
#include <attend/core/choice.hpp>
#include <attend/search/monotonic_policy.hpp>
#include <attend/search/wait_k.hpp>
#include <attend/text/average_lagging.hpp>

namespace translator {

/// What the policies are told alike.
template <class Options>
Options policy_options(const TranslationModel& translator) {
  const Language& target = translator.languages.target;
  Options options{.start = translator.model.options().start,
                  .end = translator.model.options().end,
                  .forbidden = {attend::unknown_token}};
  if (target.has_subwords()) {
    options.begins_word = [&target](Token token) { return target.begins_word(token); };
  }
  return options;
}

/// Makes a WaitK for each sentence.
inline auto wait_k_policy(const TranslationModel& translator, Index k) {
  return [&translator, k] {
    auto options = policy_options<attend::WaitKOptions>(translator);
    options.k = k;
    return attend::WaitK<Model>(translator.model, std::move(options));
  };
}

/// Makes a MonotonicPolicy for each sentence. The translator's attention becomes a hard one; it is
/// monotonic and the encoder causal.
inline auto monotonic_policy(TranslationModel& translator) {
  using Layer = attend::Recurrent<attend::AnyCell<float>>;
  make_hard(translator.model);
  const auto& decoder =
      std::get<attend::AnyRecurrentDecoder<float>>(translator.model.decoder.choice());
  const auto& encoder = std::get<attend::TextEncoder<Layer>>(translator.model.encoder.choice());
  return [&translator, &encoder, &decoder] {
    return attend::MonotonicPolicy(
        encoder, encoder.embedding ? *encoder.embedding : decoder.embedding, decoder,
        policy_options<attend::MonotonicPolicyOptions>(translator));
  };
}

/// Reads standard input word by word and writes each target word as soon as it is known; a line end
/// ends a sentence. `begin()` makes the policy of a sentence.
template <class Begin>
class Interpreter {
 public:
  Interpreter(const Languages& languages, Begin begin)
      : languages_(languages), begin_(std::move(begin)) {}

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
  void hear(std::string& word) {
    if (word.empty()) return;
    if (!sentence_) begin_sentence();
    std::vector<Token> tokens = languages_.source.encode(word);
    tokens.pop_back();  // Its end symbol: the sentence goes on.
    if (!tokens.empty()) {
      sentence_->push(tokens);
      ++words_;
      say();
    }
    word.clear();
  }

  void begin_sentence() {
    sentence_.emplace(begin_());
    words_ = 0;
    silent_ = true;
  }

  void say() {
    const std::vector<Token> known = sentence_->poll();
    if (known.empty()) return;
    if (!silent_) std::cout << ' ';
    silent_ = false;
    std::cout << languages_.target.decode(known) << std::flush;
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

  const Languages& languages_;
  Begin begin_;
  std::optional<std::invoke_result_t<Begin&>> sentence_;
  Index words_ = 0;
  bool silent_ = true;
  Index sentences_ = 0;
  double lagging_ = 0;
};

}  // namespace translator
