#include "../../examples/translation_toy/toy_language.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "../../examples/translation_toy/arguments.hpp"

namespace {

using attend::Random;
using toy::Case, toy::Clause, toy::NounPhrase, toy::Number, toy::Order, toy::Words;

std::string german(const NounPhrase& phrase, Case role) {
  Words words;
  toy::say_german(words, phrase, role);
  return toy::plain_text(words);
}

std::string german(const Clause& clause, Order order) {
  Words words;
  toy::say_german(words, clause, order);
  return toy::plain_text(words);
}

template <class Said>
std::string english(const Said& said) {
  Words words;
  toy::say_english(words, said);
  return toy::plain_text(words);
}

toy::Verb verb(std::string_view english_plural) {
  for (const toy::Verb& v : toy::verbs) {
    if (v.english[0] == english_plural) return v;
  }
  throw std::invalid_argument("no such verb");
}

const toy::Noun man = toy::people[0], woman = toy::people[3], child = toy::people[6];
const toy::Determiner the = toy::determiners[0], a = toy::determiners[2], my = toy::determiners[3];
const toy::Adjective old = toy::adjectives[0];

TEST(ToyLanguage, MakesMoreThanTwentyThousandDistinctSentences) {
  Random random(3);
  std::set<Words> seen;
  for (int i = 0; i < 30000; ++i) seen.insert(toy::random_sentence(random).german);
  EXPECT_GE(seen.size(), 20000U);
}

TEST(ToyLanguage, GivesASentenceOneTranslation) {
  Random random(4);
  std::map<Words, Words> translations;
  std::size_t repeated = 0;
  for (int i = 0; i < 100000; ++i) {
    toy::Sentence sentence = toy::random_sentence(random);
    const auto [known, is_new] = translations.try_emplace(sentence.german, sentence.english);
    repeated += is_new ? 0 : 1;
    ASSERT_EQ(known->second, sentence.english) << toy::plain_text(sentence.german);
  }
  EXPECT_GT(repeated, 100U) << "too few repetitions to show anything";
}

TEST(ToyLanguage, RepeatsItselfWithTheSameSeed) {
  Random one(5), same(5), other(6);
  const auto first = toy::distinct_sentences(50, one);
  const auto again = toy::distinct_sentences(50, same);
  const auto different = toy::distinct_sentences(50, other);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].german, again[i].german);
    EXPECT_EQ(first[i].english, again[i].english);
  }
  EXPECT_NE(first[0].german, different[0].german);
}

TEST(ToyLanguage, RepeatsNoSentenceOfACorpus) {
  Random random(7);
  std::set<Words> seen;
  for (const toy::Sentence& s : toy::distinct_sentences(4500, random)) seen.insert(s.german);
  EXPECT_EQ(seen.size(), 4500U);
}

TEST(ToyLanguage, Declines) {
  const NounPhrase the_man{.determiner = the, .adjective = old, .noun = man};
  EXPECT_EQ(german(the_man, Case::nominative), "der alte Mann");
  EXPECT_EQ(german(the_man, Case::accusative), "den alten Mann");
  EXPECT_EQ(german(the_man, Case::dative), "dem alten Mann");
  EXPECT_EQ(english(the_man), "the old man");

  const NounPhrase a_man{.determiner = a, .adjective = old, .noun = man};
  EXPECT_EQ(german(a_man, Case::nominative), "ein alter Mann");
  EXPECT_EQ(german(a_man, Case::accusative), "einen alten Mann");
  EXPECT_EQ(english(a_man), "an old man");

  const NounPhrase a_child{.determiner = a, .adjective = old, .noun = child};
  EXPECT_EQ(german(a_child, Case::accusative), "ein altes Kind");

  const NounPhrase my_woman{.determiner = my, .adjective = old, .noun = woman};
  EXPECT_EQ(german(my_woman, Case::nominative), "meine alte Frau");
  EXPECT_EQ(german(my_woman, Case::dative), "meiner alten Frau");

  const NounPhrase my_children{
      .determiner = my, .adjective = old, .noun = child, .number = Number::plural};
  EXPECT_EQ(german(my_children, Case::accusative), "meine alten Kinder");
  EXPECT_EQ(german(my_children, Case::dative), "meinen alten Kindern");

  const NounPhrase three{.count = 3, .adjective = old, .noun = man, .number = Number::plural};
  EXPECT_EQ(german(three, Case::nominative), "drei alte Männer");
  EXPECT_EQ(german(three, Case::dative), "drei alten Männern");
}

TEST(ToyLanguage, Counts) {
  for (const auto& [n, german_form, english_form] :
       {std::tuple{2, "zwei", "two"}, std::tuple{12, "zwölf", "twelve"},
        std::tuple{20, "zwanzig", "twenty"}, std::tuple{21, "einundzwanzig", "twenty one"},
        std::tuple{23, "dreiundzwanzig", "twenty three"},
        std::tuple{99, "neunundneunzig", "ninety nine"}}) {
    Words source, target;
    toy::say_german_numeral(source, n);
    toy::say_english_numeral(target, n);
    EXPECT_EQ(toy::plain_text(source), german_form);
    EXPECT_EQ(toy::plain_text(target), english_form);
  }
}

TEST(ToyLanguage, PutsTheVerbWhereGermanHasIt) {
  Clause clause{.subject = {.pronoun = toy::pronouns[0]},
                .verb = verb("call"),
                .object = NounPhrase{.determiner = the, .noun = woman},
                .time = toy::times[0]};
  EXPECT_EQ(german(clause, Order::subject_first), "er ruft heute die Frau an");
  EXPECT_EQ(german(clause, Order::time_first), "heute ruft er die Frau an");
  EXPECT_EQ(german(clause, Order::verb_first), "ruft er heute die Frau an");
  EXPECT_EQ(german(clause, Order::verb_last), "er heute die Frau anruft");
  EXPECT_EQ(english(clause), "he calls the woman today");

  clause.tense = toy::Tense::perfect;
  EXPECT_EQ(german(clause, Order::subject_first), "er hat heute die Frau angerufen");
  EXPECT_EQ(german(clause, Order::verb_last), "er heute die Frau angerufen hat");
  EXPECT_EQ(english(clause), "he called the woman today");

  clause.modal = toy::modals[0];
  EXPECT_EQ(german(clause, Order::subject_first), "er will heute die Frau anrufen");
  EXPECT_EQ(german(clause, Order::verb_last), "er heute die Frau anrufen will");
  EXPECT_EQ(english(clause), "he wants to call the woman today");
}

TEST(ToyLanguage, TellsSheFromTheyByTheVerbAlone) {
  Clause clause{.subject = {.pronoun = toy::pronouns[1]}, .verb = verb("fall asleep")};
  EXPECT_EQ(german(clause, Order::verb_last), "sie einschläft");
  EXPECT_EQ(english(clause), "she falls asleep");
  clause.subject.pronoun = toy::pronouns[3];
  EXPECT_EQ(german(clause, Order::verb_last), "sie einschlafen");
  EXPECT_EQ(english(clause), "they fall asleep");
  clause.tense = toy::Tense::perfect;
  EXPECT_EQ(german(clause, Order::subject_first), "sie sind eingeschlafen");
}

TEST(ToyLanguage, GivesToARecipient) {
  const Clause clause{.subject = {.phrase = {.determiner = the, .noun = man}},
                      .verb = verb("give back"),
                      .recipient = NounPhrase{.determiner = the, .noun = woman},
                      .object = NounPhrase{.determiner = my, .noun = toy::things[4]}};
  EXPECT_EQ(german(clause, Order::subject_first), "der Mann gibt der Frau mein Buch zurück");
  EXPECT_EQ(english(clause), "the man gives back my book to the woman");
}

TEST(ToyArguments, ReadsFlags) {
  const char* const values[] = {"toy", "--seed", "7", "--svg", "a.svg", "--chart", "b.svg"};
  const toy::Arguments arguments = toy::parse_arguments(7, values);
  EXPECT_EQ(arguments.seed, 7U);
  EXPECT_EQ(arguments.alignment, "a.svg");
  EXPECT_EQ(arguments.accuracy, "b.svg");
}

TEST(ToyArguments, RefusesWhatItDoesNotKnow) {
  const auto complaint = [](std::vector<const char*> values) -> std::string {
    values.insert(values.begin(), "toy");
    try {
      static_cast<void>(toy::parse_arguments(static_cast<int>(values.size()), values.data()));
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(complaint({"--seed", "x1"}), "--seed is 'x1', expected a whole number from 0");
  EXPECT_EQ(complaint({"--seed", ""}), "--seed is '', expected a whole number from 0");
  EXPECT_EQ(complaint({"--svg"}), "--svg needs a value");
  EXPECT_EQ(complaint({"--fast", "1"}),
            "'--fast' is unknown; use --seed N, --svg FILE, --chart FILE");
}

}  // namespace
