#include <limits>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/view/weighed_words.hpp>

namespace {

using attend::weighed_words;
using Words = std::vector<std::string>;
constexpr auto colour = attend::WeighedWordsStyle::colour;

TEST(WeighedWords, TellThePercentOfHeavyWords) {
  const std::vector<float> weights = {0.1F, 0.61F, 0.29F};
  EXPECT_EQ(weighed_words(Words{"a", "charming", "film"}, weights), "a charming film");
  const std::vector<float> others = {0.05F, 0.8F, 0.05F, 0.1F};
  EXPECT_EQ(weighed_words(Words{"a", "charming", "film", "."}, others), "a charming(80%) film .");
  EXPECT_EQ(weighed_words(Words{"bad"}, std::vector<float>{1}), "bad");
  EXPECT_EQ(weighed_words(Words{}, std::vector<float>{}), "");
}

TEST(WeighedWords, AreColouredByTheirShareOfTheHeaviest) {
  const auto light = attend::heat_colour(0);
  const auto deep = attend::heat_colour(1);
  const auto with = [](attend::Colour c, const std::string& front, const std::string& word) {
    return "\x1b[48;2;" + std::to_string(c.red) + ";" + std::to_string(c.green) + ";" +
           std::to_string(c.blue) + ";38;5;" + front + "m" + word + "\x1b[0m";
  };
  EXPECT_EQ(weighed_words(Words{"a", "gem"}, std::vector<float>{0, 0.4F}, colour),
            with(light, "16", "a") + " " + with(deep, "231", "gem"));
  EXPECT_EQ(weighed_words(Words{"a"}, std::vector<float>{0}, colour), with(light, "16", "a"));
}

TEST(WeighedWords, DoNotControlTheTerminal) {
  EXPECT_EQ(weighed_words(Words{"\x1b[2J", "\xff"}, std::vector<float>{0.5F, 0.5F}),
            "\xEF\xBF\xBD[2J \xEF\xBF\xBD");
}

TEST(WeighedWords, SayWhatIsWrong) {
  using reference::message_of;
  EXPECT_EQ(message_of<attend::ShapeError>([] {
              (void)weighed_words(Words{"a", "b"}, std::vector<float>{1});
            }),
            "weighed_words: number of weights is 1, expected 2");
  EXPECT_EQ(message_of([] { (void)weighed_words(Words{"a"}, std::vector<float>{-1}); }),
            "weighed_words: weight 0 is -1, expected a finite number of 0 or more");
  EXPECT_EQ(message_of([] {
              const float infinity = std::numeric_limits<float>::infinity();
              (void)weighed_words(Words{"a", "b"}, std::vector<float>{0, infinity});
            }),
            "weighed_words: weight 1 is inf, expected a finite number of 0 or more");
}

}  // namespace
