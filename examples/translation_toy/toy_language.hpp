/// A toy German with its English translations, made by a small grammar.
///
/// A random *derivation* says who does what to whom, when and where; two functions say it in German
/// and in English. German puts the verb of a subordinate clause last, splits separable verbs, moves
/// the subject behind the verb when something else comes first, declines, and says
/// three-and-twenty. A German sentence has one translation; of one clause alone there are more than
/// 10^19.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "toy_derivation.hpp"
#include "toy_words.hpp"
#include <attend/text/tokenize.hpp>

namespace toy {

using Words = std::vector<std::string>;

/// A sentence and its translation. A word that goes on in the next one ends in "@@", the usual mark
/// of sub-words: drei@@ und@@ zwanzig.
struct Sentence {
  Words german;
  Words english;
};

/// As people write it.
inline std::string plain_text(const Words& words) {
  std::string text = attend::join_words(words);
  for (const std::string_view joint : {"@@ ", " ,"}) {
    for (auto at = text.find(joint); at != text.npos; at = text.find(joint, at)) {
      text.replace(at, joint.size(), joint == " ," ? "," : "");
    }
  }
  return text;
}

/// Where a German clause has its verb.
enum class Order {
  subject_first,  ///< der Mann ruft heute die Frau an
  time_first,     ///< heute ruft der Mann die Frau an
  verb_first,     ///< ruft der Mann heute die Frau an (behind a subordinate clause)
  verb_last       ///< dass der Mann heute die Frau anruft
};

/// Appends a phrase of one or more words.
inline void say(Words& words, std::string_view phrase) {
  for (const std::string_view word : attend::split_words(phrase)) words.emplace_back(word);
}

template <class List, class Key>
constexpr auto at(const List& list, Key key) {
  return list[static_cast<std::size_t>(key)];
}

inline void say_german_numeral(Words& words, int n) {
  if (n <= 12) return say(words, at(small_numerals, n - 2).german);
  if (n % 10 == 1) words.emplace_back("ein@@");
  if (n % 10 >= 2) words.push_back(std::string(at(small_numerals, n % 10 - 2).german) + "@@");
  if (n % 10 != 0) words.emplace_back("und@@");
  say(words, at(tens, n / 10 - 2).german);
}

inline void say_english_numeral(Words& words, int n) {
  if (n <= 12) return say(words, at(small_numerals, n - 2).english);
  say(words, at(tens, n / 10 - 2).english);
  if (n % 10 == 1) words.emplace_back("one");
  if (n % 10 >= 2) say(words, at(small_numerals, n % 10 - 2).english);
}

inline void say_german(Words& words, const NounPhrase& phrase, Case role) {
  const bool plural = phrase.number == Number::plural;
  const std::size_t column = plural ? 3 : static_cast<std::size_t>(phrase.noun.gender);
  const Declension declension = phrase.determiner.declension;
  const std::string stem(phrase.determiner.stem);
  const auto ending = [&](const Endings& table) { return std::string(at(table, role)[column]); };
  if (declension == Declension::article) words.push_back(ending(articles));
  if (declension == Declension::strong) words.push_back(stem + ending(strong_endings));
  if (declension == Declension::mixed) words.push_back(stem + ending(mixed_endings));
  if (phrase.count > 0) say_german_numeral(words, phrase.count);
  if (phrase.adjective) {
    const Endings& table = declension == Declension::none    ? strong_endings
                           : declension == Declension::mixed ? adjectives_after_mixed
                                                             : adjectives_after_strong;
    words.push_back(std::string(phrase.adjective->stem) + ending(table));
  }
  std::string noun(plural ? phrase.noun.plural : phrase.noun.singular);
  if (plural && role == Case::dative && !noun.ends_with('n')) noun += 'n';
  words.push_back(std::move(noun));
}

inline void say_english(Words& words, const NounPhrase& phrase) {
  const bool plural = phrase.number == Number::plural;
  const std::size_t first = words.size();
  say(words, plural ? phrase.determiner.english_plural : phrase.determiner.english);
  if (phrase.count > 0) say_english_numeral(words, phrase.count);
  if (phrase.adjective) say(words, phrase.adjective->english);
  say(words, plural ? phrase.noun.english_plural : phrase.noun.english);
  const bool vowel = std::string_view("aeiou").find(words[first + 1].front()) != std::string::npos;
  if (words[first] == "a" && vowel) words[first] = "an";
}

inline void say_german(Words& words, const Clause& clause, Order order) {
  const auto& [subject, verb, tense, modal, recipient, object, place, time] = clause;
  const Number number = subject.number();
  const std::string particle(verb.particle);
  std::string finite(at(verb.german, number));  // the part of the verb that moves
  std::string last = particle;                  // and the part that stays at the end
  if (modal) {
    finite = at(modal->german, number);
    last = particle + std::string(at(verb.german, Number::plural));
  } else if (tense == Tense::perfect) {
    finite = at(verb.frame == change ? sein : haben, number);
    last = particle + std::string(verb.participle);
  }
  const auto say_subject = [&words, &subject = clause.subject] {
    if (subject.pronoun) return say(words, subject.pronoun->german);
    say_german(words, subject.phrase, Case::nominative);
  };

  if (order == Order::time_first) say(words, time->german);
  if (order == Order::subject_first || order == Order::verb_last) say_subject();
  if (order != Order::verb_last) say(words, finite);
  if (order == Order::time_first || order == Order::verb_first) say_subject();
  if (time && order != Order::time_first) say(words, time->german);
  if (recipient) say_german(words, *recipient, Case::dative);
  if (object) say_german(words, *object, Case::accusative);
  if (place) {
    say(words, place->preposition.german);
    say_german(words, place->phrase, Case::dative);
  }
  const bool joined = order == Order::verb_last && !modal && tense == Tense::present;
  say(words, joined ? particle + finite : last);
  if (order == Order::verb_last && !joined) say(words, finite);
}

inline void say_english(Words& words, const Clause& clause) {
  const auto& [subject, verb, tense, modal, recipient, object, place, time] = clause;
  if (subject.pronoun) {
    say(words, subject.pronoun->english);
  } else {
    say_english(words, subject.phrase);
  }
  const bool third = subject.number() == Number::singular;
  if (modal) {
    say(words, third ? modal->english_third : modal->english);
    say(words, verb.english[0]);
  } else if (tense == Tense::perfect) {
    say(words, verb.english[2]);
  } else {
    say(words, verb.english[third ? 1 : 0]);
  }
  if (object) say_english(words, *object);
  if (recipient) {
    say(words, "to");
    say_english(words, *recipient);
  }
  if (place) {
    say(words, place->preposition.english);
    say_english(words, place->phrase);
  }
  if (time) say(words, time->english);
}

/// Appends `conjunction other`, the verb last.
inline void say_german_reason(Words& words, const Derivation& d) {
  say(words, d.conjunction.german);
  say_german(words, d.other, Order::verb_last);
}

inline Words german(const Derivation& d) {
  Words words;
  const bool time_first = d.time_first && d.main.time;
  switch (d.form) {
    case Form::reported:
      say(words, d.opening.german);
      say(words, ", dass");
      say_german(words, d.main, Order::verb_last);
      return words;
    case Form::reason_first:
      say_german_reason(words, d);
      say(words, ",");
      say_german(words, d.main, Order::verb_first);
      return words;
    case Form::statement:
    case Form::with_reason:
      say_german(words, d.main, time_first ? Order::time_first : Order::subject_first);
  }
  if (d.form == Form::with_reason) {
    say(words, ",");
    say_german_reason(words, d);
  }
  return words;
}

inline Words english(const Derivation& d) {
  Words words;
  if (d.form == Form::reported) {
    say(words, d.opening.english);
    say(words, "that");
  }
  if (d.form == Form::reason_first) {
    say(words, d.conjunction.english);
    say_english(words, d.other);
    say(words, ",");
  }
  say_english(words, d.main);
  if (d.form == Form::with_reason) {
    say(words, d.conjunction.english);
    say_english(words, d.other);
  }
  return words;
}

/// A sentence of the language, by chance.
inline Sentence random_sentence(Random& random) {
  const Derivation derivation = random_derivation(random);
  return {german(derivation), english(derivation)};
}

/// So many sentences, no German one twice.
inline std::vector<Sentence> distinct_sentences(std::size_t count, Random& random) {
  std::vector<Sentence> sentences;
  std::set<Words> seen;
  while (sentences.size() < count) {
    Sentence sentence = random_sentence(random);
    if (seen.insert(sentence.german).second) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

/// The first sentence from `first` on that has the German word in it and is short enough to look
/// at; `first` where there is none.
inline std::size_t find_example(const std::vector<Sentence>& sentences, std::size_t first,
                                std::string_view word) {
  for (std::size_t i = first; i < sentences.size(); ++i) {
    const Words& words = sentences[i].german;
    if (words.size() <= 14 && std::find(words.begin(), words.end(), word) != words.end()) return i;
  }
  return first;
}

}  // namespace toy
