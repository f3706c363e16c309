/// Sentences with names, some of them made up on the spot.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <attend/core/random.hpp>

namespace names {

using attend::Index;

struct Sentence {
  std::string german;
  std::string english;
  int unknown_names = 0;
};

template <class Items>
const auto& pick(const Items& items, attend::Random& random) {
  return items[static_cast<std::size_t>(random.below(static_cast<Index>(items.size())))];
}

/// Three to four syllables: more than five million names.
inline std::string new_name(attend::Random& random) {
  static constexpr std::string_view consonants = "bdfgklmnprstvwz";
  static constexpr std::string_view vowels = "aeiou";
  std::string name;
  for (Index left = 3 + random.below(2); left > 0; --left) {
    name += pick(consonants, random);
    name += pick(vowels, random);
  }
  return name;
}

/// A name that everybody knows, or one that nobody does.
inline std::string name(attend::Random& random, int& unknown) {
  static constexpr std::array<std::string_view, 12> known = {"anna", "ben",   "carla", "david",
                                                             "emma", "felix", "greta", "hans",
                                                             "ida",  "jonas", "klara", "leo"};
  if (random.below(2) == 0) return std::string(pick(known, random));
  ++unknown;
  return new_name(random);
}

struct Pattern {
  std::string_view german;
  std::string_view english;
};

/// A, B and C stand for names; the languages order them differently, and the verbs hide where.
inline constexpr std::array<Pattern, 10> patterns = {{
    {"A sieht B", "A sees B"},
    {"den A sieht B", "B sees A"},
    {"B wird von A gerufen", "A calls B"},
    {"gestern rief A die B an", "A phoned B yesterday"},
    {"die B hat A gestern gesehen", "A saw B yesterday"},
    {"A fährt mit B nach C", "A drives to C with B"},
    {"nach C kommt A ohne B", "A comes to C without B"},
    {"A und B wohnen bei C", "A and B live with C"},
    {"weil A schläft , liest B", "B reads because A sleeps"},
    {"A glaubt , dass B den C kennt", "A believes that B knows C"},
}};

inline std::string fill(std::string_view pattern, const std::array<std::string, 3>& by) {
  std::string text;
  for (const char c : pattern) {
    text += c >= 'A' && c <= 'C' ? by[static_cast<std::size_t>(c - 'A')] : std::string(1, c);
  }
  return text;
}

inline Sentence make_sentence(attend::Random& random) {
  const Pattern& pattern = pick(patterns, random);
  Sentence sentence;
  std::array<std::string, 3> by;
  const std::size_t used = pattern.german.find('C') == pattern.german.npos ? 2 : 3;
  for (std::size_t i = 0; i < used; ++i) by[i] = name(random, sentence.unknown_names);
  sentence.german = fill(pattern.german, by);
  sentence.english = fill(pattern.english, by);
  return sentence;
}

}  // namespace names
