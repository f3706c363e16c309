#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include <attend/text/tokenize.hpp>

namespace {

using attend::join_words;
using attend::split_words;
using Words = std::vector<std::string_view>;

TEST(SplitWords, SplitsAtAnyWhiteSpace) {
  EXPECT_EQ(split_words(""), Words{});
  EXPECT_EQ(split_words(" \t\r\n "), Words{});
  EXPECT_EQ(split_words("one"), Words{"one"});
  EXPECT_EQ(split_words("  ein\tkleines \n Haus "), (Words{"ein", "kleines", "Haus"}));
  EXPECT_EQ(split_words("3\u00A0km\u3000\u9AD8\u3044"), (Words{"3", "km", "\u9AD8\u3044"}));
}

TEST(SplitWords, ZeroWidthAndMalformedBytesBelongToWords) {
  EXPECT_EQ(split_words("a\u200Bb c\xFF"), (Words{"a\u200Bb", "c\xFF"}));
}

TEST(SplitWords, WordsAreViewsIntoTheLine) {
  const std::string line = "ein Haus";
  EXPECT_EQ(split_words(line)[1].data(), line.data() + 4);
}

template <class T>
concept Splittable = requires(T&& line) {
  split_words(std::forward<T>(line));
};
static_assert(Splittable<const std::string&> && Splittable<std::string_view>);
static_assert(Splittable<const char (&)[4]>);
static_assert(!Splittable<std::string>, "views of a temporary would dangle");

TEST(JoinWords, PutsTheSeparatorBetween) {
  EXPECT_EQ(join_words(Words{}), "");
  EXPECT_EQ(join_words(Words{"one"}), "one");
  EXPECT_EQ(join_words(std::array<std::string, 3>{"a", "", "b"}, "--"), "a----b");
}

TEST(JoinWords, SplittingUndoesJoining) {
  std::mt19937 random(7);
  const std::array<std::string, 5> pieces{"a", "\u00DF", "\u4E2D", "-", "\U0001F600"};
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::string> words(random() % 6);
    for (std::string& word : words) {
      for (auto n = 1 + random() % 4; n > 0; --n) word += pieces[random() % pieces.size()];
    }
    const std::string line = join_words(words);
    const Words again = split_words(line);
    ASSERT_TRUE(std::equal(again.begin(), again.end(), words.begin(), words.end())) << line;
  }
}

}  // namespace
