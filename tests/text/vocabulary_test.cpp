#include <map>
#include <memory>
#include <random>
#include <reference/message_of.hpp>
#include <string>

#include <gtest/gtest.h>

#include <attend/text/vocabulary.hpp>

namespace {

using attend::end_token;
using attend::start_token;
using attend::Token;
using attend::unknown_token;
using attend::Vocabulary;
using reference::message_of;
using Words = std::vector<std::string>;
using Tokens = std::vector<Token>;
using namespace std::string_literals;

Vocabulary vocabulary_of(std::string_view text, attend::VocabularyOptions options = {}) {
  Vocabulary::Counter counter;
  counter.add(attend::split_words(text));
  return counter.build(options);
}

TEST(Vocabulary, BeginsWithTheReservedSymbols) {
  const Vocabulary vocabulary;
  EXPECT_EQ(vocabulary.size(), 3);
  EXPECT_EQ(vocabulary.word(unknown_token), "<unk>");
  EXPECT_EQ(vocabulary.word(start_token), "<s>");
  EXPECT_EQ(vocabulary.word(end_token), "</s>");
  EXPECT_EQ(vocabulary.token("</s>"), end_token);
  EXPECT_EQ(vocabulary.token("Haus"), unknown_token);
  EXPECT_EQ(Vocabulary::Counter().build(), vocabulary);
}

TEST(Vocabulary, OrdersByCountThenBytes) {
  const Vocabulary vocabulary = vocabulary_of("b \u00E4 c a c b c a d");
  Words words;
  for (Token t = 3; t < vocabulary.size(); ++t) words.push_back(vocabulary.word(t));
  EXPECT_EQ(words, (Words{"c", "a", "b", "d", "\u00E4"}));
  EXPECT_EQ(vocabulary.count(vocabulary.token("c")), 3);
  EXPECT_EQ(vocabulary.count(vocabulary.token("d")), 1);
  EXPECT_EQ(vocabulary.count(start_token), 0);
}

TEST(Vocabulary, RareWordsAndLateWordsBecomeUnknown) {
  const Vocabulary frequent = vocabulary_of("a a a b b c d", {.min_frequency = 2});
  EXPECT_EQ(frequent.size(), 5);
  EXPECT_EQ(frequent.count(unknown_token), 2);
  EXPECT_TRUE(frequent.contains("b"));
  EXPECT_FALSE(frequent.contains("c"));

  const Vocabulary small = vocabulary_of("a a a b b c d", {.max_size = 4});
  EXPECT_EQ(small.size(), 4);
  EXPECT_EQ(small.word(3), "a");
  EXPECT_EQ(small.count(unknown_token), 4);
}

TEST(Vocabulary, OptionsAreChecked) {
  EXPECT_EQ(
      message_of<std::invalid_argument>([] { (void)vocabulary_of("a", {.min_frequency = -1}); }),
      "Vocabulary: min_frequency is -1, expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([] { (void)vocabulary_of("a", {.max_size = 3}); }),
            "Vocabulary: max_size is 3, expected 0 (no limit) or more than the 3 reserved symbols");
}

TEST(Vocabulary, EncodesAndDecodes) {
  const Vocabulary vocabulary = vocabulary_of("ein kleines Haus");
  const Tokens tokens = vocabulary.encode(Words{"ein", "gro\u00DFes", "Haus"});
  EXPECT_EQ(vocabulary.decode(tokens), (Words{"ein", "<unk>", "Haus"}));
  EXPECT_EQ(vocabulary.encode(Words{}), Tokens{});
  EXPECT_EQ(vocabulary.decode(Tokens{}), Words{});
}

TEST(Vocabulary, TextCannotForgeReservedSymbols) {
  const Vocabulary vocabulary = vocabulary_of("a </s> <s> a <unk>");
  EXPECT_EQ(vocabulary.size(), 4);
  EXPECT_EQ(vocabulary.count(unknown_token), 3);
  EXPECT_EQ(vocabulary.encode(Words{"</s>", "a", "<s>"}),
            (Tokens{unknown_token, 3, unknown_token}));
}

TEST(Vocabulary, TokensOutsideAreRefused) {
  const Vocabulary vocabulary;
  EXPECT_EQ(message_of<std::out_of_range>([&] { (void)vocabulary.word(3); }),
            "Vocabulary: token 3 is outside the vocabulary, expected 0 to 2");
  EXPECT_EQ(message_of<std::out_of_range>([&] { (void)vocabulary.count(-1); }),
            "Vocabulary: token -1 is outside the vocabulary, expected 0 to 2");
  EXPECT_THROW((void)vocabulary.decode(Tokens{0, 99}), std::out_of_range);
}

TEST(VocabularyCounter, WhatIsNoWordIsRefused) {
  Vocabulary::Counter counter;
  const auto add = [&](std::string_view word) {
    return message_of<std::invalid_argument>([&] { counter.add(word); });
  };
  const std::string begin = "Vocabulary::Counter: what was given as a word is not one: ";
  const std::string end = "; split lines with split_words";
  EXPECT_EQ(add(""), begin + "it is empty" + end);
  EXPECT_EQ(add("\xFF"), begin + "it is not UTF-8" + end);
  const std::string held = begin + "it holds a tab, a line end or a NUL" + end;
  for (const std::string& word : {"a\tb"s, "a\n"s, "\r"s, "a\0"s}) {
    EXPECT_EQ(add(word), held);
  }
  EXPECT_EQ(message_of<std::invalid_argument>([&] { counter.add("a", -2); }),
            "Vocabulary::Counter: a word was counted -2 times, expected 0 or more");
}

TEST(Vocabulary, ACopyStandsOnItsOwn) {
  auto original = std::make_unique<Vocabulary>(vocabulary_of("a b c"));
  const Vocabulary copy = *original;
  original.reset();
  EXPECT_EQ(copy.token("b"), 4);
  EXPECT_EQ(copy.word(4), "b");
}

TEST(VocabularyText, IsOneLineForEachWord) {
  EXPECT_EQ(vocabulary_of("b a b").to_text(), "<unk>\t0\n<s>\t0\n</s>\t0\nb\t2\na\t1\n");
}

TEST(VocabularyText, BadTextIsRefusedWithItsPlace) {
  const auto read = [](const std::string& text) {
    return message_of<attend::FormatError>([&] { (void)Vocabulary::from_text(text, "v"); });
  };
  const std::string head = "<unk>\t0\n<s>\t0\n</s>\t0\n";
  EXPECT_EQ(read(""), "v: line 1: the text ends, expected the reserved symbol '<unk>'");
  EXPECT_EQ(read("<unk>\t0\n<s>\t0\n"),
            "v: line 3: the text ends, expected the reserved symbol '</s>'");
  EXPECT_EQ(read("a\t1\n"), "v: line 1: 'a' stands where the reserved symbol '<unk>' is expected");
  EXPECT_EQ(read(head + "a\t1\na\t2\n"), "v: line 5: 'a' stands there for the second time");
  EXPECT_EQ(read(head + "<s>\t1\n"), "v: line 4: '<s>' stands there for the second time");
  EXPECT_EQ(read(head + "a 1\n"), "v: line 4: no tab, expected a word, a tab and its count");
  EXPECT_EQ(read(head + "\n"), "v: line 4: no tab, expected a word, a tab and its count");
  EXPECT_EQ(read(head + "\t1\n"), "v: line 4: the word is not a word: it is empty");
  EXPECT_EQ(read(head + "\xFF\t1\n"), "v: line 4: the word is not a word: it is not UTF-8");
  for (const std::string_view count :
       {"", "x", "-1", "1.5", " 1", "1\t2", "1\r", "99999999999999999999"}) {
    EXPECT_EQ(read(attend::detail::message(head, "a\t", count, '\n')),
              attend::detail::message("v: line 4: '", count,
                                      "' is not a count, expected a whole number from 0"));
  }
  EXPECT_EQ(read(head + "a\t\xFF\n"),
            "v: line 4: 'bytes that are not UTF-8' is not a count, "
            "expected a whole number from 0");
  EXPECT_EQ(read(head + "a\t1"), "v: line 4: no line feed at the end; the text is cut off");
}

TEST(VocabularyText, RandomVocabulariesRoundTripAndForgetTheOrderOfText) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 100; ++trial) {
    Words text;
    std::map<std::string, std::int64_t> expected;
    for (auto n = random() % 60; n > 0; --n) {
      text.push_back("w\u00DF" + std::to_string(random() % 20));
      ++expected[text.back()];
    }
    Vocabulary::Counter counter;
    counter.add(text);
    const attend::VocabularyOptions options{.min_frequency = static_cast<int>(random() % 4),
                                            .max_size = trial % 2 == 0 ? 0 : 8};
    const Vocabulary vocabulary = counter.build(options);
    EXPECT_EQ(Vocabulary::from_text(vocabulary.to_text(), "round trip"), vocabulary);

    std::int64_t total = 0;
    for (Token t = 0; t < vocabulary.size(); ++t) {
      EXPECT_EQ(vocabulary.token(vocabulary.word(t)), t);
      total += vocabulary.count(t);
      if (t > end_token) {
        EXPECT_EQ(vocabulary.count(t), expected.at(vocabulary.word(t)));
      }
      if (t > end_token + 1) {
        EXPECT_LE(vocabulary.count(t), vocabulary.count(t - 1));
      }
    }
    EXPECT_EQ(total, static_cast<std::int64_t>(text.size()));

    std::shuffle(text.begin(), text.end(), random);
    Vocabulary::Counter shuffled;
    shuffled.add(text);
    EXPECT_EQ(shuffled.build(options), vocabulary);
  }
}

}  // namespace
