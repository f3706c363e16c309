/// What a sentence says, before it is said in a language.
#pragma once

#include <iterator>
#include <optional>

#include "toy_words.hpp"
#include <attend/core/random.hpp>

namespace toy {

using attend::Random;

struct NounPhrase {
  Determiner determiner = no_determiner;
  int count = 0;  ///< 0 for none.
  std::optional<Adjective> adjective = {};
  Noun noun = {};
  Number number = Number::singular;
};

/// A pronoun, or a phrase.
struct Subject {
  std::optional<Pronoun> pronoun = {};
  NounPhrase phrase = {};
  [[nodiscard]] Number number() const { return pronoun ? pronoun->number : phrase.number; }
};

enum class Tense { present, perfect };

/// "in the garden", "with the old friend".
struct Place {
  Phrase preposition;
  NounPhrase phrase;
};

struct Clause {
  Subject subject = {};
  Verb verb = {};
  Tense tense = Tense::present;
  std::optional<Modal> modal = {};
  std::optional<NounPhrase> recipient = {};
  std::optional<NounPhrase> object = {};
  std::optional<Place> place = {};
  std::optional<Phrase> time = {};
};

/// One clause or two.
enum class Form {
  statement,     ///< main
  with_reason,   ///< main, because other
  reason_first,  ///< because other, main
  reported       ///< I know that main
};

struct Derivation {
  Form form = Form::statement;
  Clause main;
  Clause other;
  Phrase conjunction;
  Phrase opening;
  bool time_first = false;
};

inline bool chance(Random& random, double probability) { return random.uniform() < probability; }

template <class List>
const auto& choose(const List& list, Random& random) {
  return list[static_cast<std::size_t>(random.below(std::ssize(list)))];
}

template <class Nouns>
NounPhrase random_phrase(const Nouns& nouns, Random& random) {
  NounPhrase phrase{.noun = choose(nouns, random)};
  if (chance(random, 0.15)) {
    phrase.number = Number::plural;
  } else {
    phrase.determiner = choose(determiners, random);
    const bool plural = phrase.determiner.has_plural && chance(random, 0.35);
    phrase.number = plural ? Number::plural : Number::singular;
  }
  const bool bare = phrase.determiner.declension == Declension::none;
  const bool plural = phrase.number == Number::plural;
  if (plural && phrase.determiner.takes_numeral && (bare || chance(random, 0.3))) {
    phrase.count = chance(random, 0.4) ? 2 + static_cast<int>(random.below(11))
                                       : 20 + static_cast<int>(random.below(80));
  }
  if (chance(random, 0.4)) phrase.adjective = choose(adjectives, random);
  return phrase;
}

inline Clause random_clause(Random& random) {
  Clause clause{.verb = choose(verbs, random)};
  if (chance(random, 0.45)) {
    clause.subject.pronoun = choose(pronouns, random);
  } else {
    clause.subject.phrase = random_phrase(people, random);
  }
  if (chance(random, 0.25)) {
    clause.modal = choose(modals, random);
  } else if (chance(random, 0.35)) {
    clause.tense = Tense::perfect;
  }
  const Frame frame = clause.verb.frame;
  const bool to_person = frame == person || (frame == anything && chance(random, 0.5));
  if (frame == gift) clause.recipient = random_phrase(people, random);
  if (frame != nothing && frame != change) {
    clause.object = to_person ? random_phrase(people, random) : random_phrase(things, random);
  }
  if (chance(random, 0.15)) {
    clause.place = chance(random, 0.6) ? Place{{"in", "in"}, random_phrase(places, random)}
                                       : Place{{"mit", "with"}, random_phrase(people, random)};
  }
  if (chance(random, 0.35)) {
    clause.time =
        clause.tense == Tense::perfect ? choose(past_times, random) : choose(times, random);
  }
  return clause;
}

inline Derivation random_derivation(Random& random) {
  Derivation derivation{.main = random_clause(random),
                        .other = random_clause(random),
                        .conjunction = choose(conjunctions, random),
                        .opening = choose(openings, random),
                        .time_first = chance(random, 0.5)};
  const double form = random.uniform();
  derivation.form = form < 0.40   ? Form::statement
                    : form < 0.65 ? Form::with_reason
                    : form < 0.80 ? Form::reason_first
                                  : Form::reported;
  return derivation;
}

}  // namespace toy
