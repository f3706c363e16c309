#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <attend/text/edit_distance.hpp>

namespace {

using attend::edit_counts;
using attend::edit_distance;
using attend::EditCounts;
using attend::ErrorRate;
using Words = std::vector<std::string>;
using Items = std::vector<int>;

/// The definition, without a table.
std::int64_t by_definition(std::string_view a, std::string_view b) {
  if (a.empty()) return static_cast<std::int64_t>(b.size());
  if (b.empty()) return static_cast<std::int64_t>(a.size());
  const auto matched = by_definition(a.substr(1), b.substr(1)) + (a[0] == b[0] ? 0 : 1);
  return std::min({matched, by_definition(a.substr(1), b) + 1, by_definition(a, b.substr(1)) + 1});
}

std::string random_text(std::mt19937& random, unsigned longest) {
  std::string text(random() % (longest + 1), ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 3);
  return text;
}

TEST(EditDistance, KnownWords) {
  using std::string_view;
  EXPECT_EQ(edit_distance(string_view("kitten"), string_view("sitting")), 3);
  EXPECT_EQ(edit_distance(string_view("intention"), string_view("execution")), 5);
  EXPECT_EQ(edit_distance(string_view(""), string_view("abc")), 3);
  EXPECT_EQ(edit_distance(string_view(""), string_view("")), 0);
  EXPECT_EQ(edit_distance(Words{"ein", "Haus"}, std::vector<string_view>{"das", "Haus"}), 1);
}

TEST(EditCounts, NameTheOperations) {
  EXPECT_EQ(edit_counts(Items{1, 2, 3}, Items{1, 2, 3}), EditCounts{});
  EXPECT_EQ(edit_counts(Items{1, 9, 3}, Items{1, 2, 3}), EditCounts{.substitutions = 1});
  EXPECT_EQ(edit_counts(Items{1, 2, 9, 3}, Items{1, 2, 3}), EditCounts{.insertions = 1});
  EXPECT_EQ(edit_counts(Items{1, 3}, Items{1, 2, 3}), EditCounts{.deletions = 1});
  EXPECT_EQ(edit_counts(Items{}, Items{1, 2, 3}), EditCounts{.deletions = 3});
  EXPECT_EQ(edit_counts(Items{1, 2}, Items{}), EditCounts{.insertions = 2});
  EXPECT_EQ(edit_counts(Items{1, 2}, Items{2, 1}), EditCounts{.substitutions = 2})
      << "not an insertion and a deletion, which cost the same";
}

TEST(EditDistance, EqualsItsDefinition) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 300; ++trial) {
    const std::string a = random_text(random, 6);
    const std::string b = random_text(random, 6);
    ASSERT_EQ(edit_distance(a, b), by_definition(a, b)) << a << " and " << b;
  }
}

TEST(EditDistance, IsAMetric) {
  std::mt19937 random(12);
  for (int trial = 0; trial < 500; ++trial) {
    const std::string a = random_text(random, 20);
    const std::string b = random_text(random, 20);
    const std::string c = random_text(random, 20);
    const EditCounts forth = edit_counts(a, b);
    const EditCounts back = edit_counts(b, a);
    ASSERT_EQ(forth.substitutions, back.substitutions);
    ASSERT_EQ(forth.insertions, back.deletions);
    ASSERT_EQ(forth.deletions, back.insertions);
    ASSERT_EQ(forth.insertions - forth.deletions,
              static_cast<std::int64_t>(a.size()) - static_cast<std::int64_t>(b.size()));
    ASSERT_EQ(forth.distance() == 0, a == b);
    ASSERT_LE(edit_distance(a, c), forth.distance() + edit_distance(b, c));
  }
}

TEST(ErrorRate, IsEditsForEachReferenceItem) {
  ErrorRate rate;
  EXPECT_EQ(rate.rate(), 0);
  EXPECT_EQ(rate.exact_rate(), 1);
  rate.add(Words{"ein", "Haus"}, Words{"ein", "Haus"});
  rate.add(Words{"das", "Haus", "da"}, Words{"ein", "Haus"});
  EXPECT_DOUBLE_EQ(rate.rate(), 2.0 / 4.0);
  EXPECT_DOUBLE_EQ(rate.exact_rate(), 0.5);
  EXPECT_EQ(rate.edits, (EditCounts{.substitutions = 1, .insertions = 1}));
}

TEST(ErrorRate, WithoutReferenceItems) {
  ErrorRate rate;
  rate.add(Items{}, Items{});
  EXPECT_EQ(rate.rate(), 0);
  EXPECT_EQ(rate.exact_rate(), 1);
  rate.add(Items{4}, Items{});
  EXPECT_EQ(rate.rate(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(rate.exact_rate(), 0.5);
}

TEST(ErrorRate, TheBestReferenceCounts) {
  ErrorRate rate;
  rate.add_best(Items{1, 2, 3}, std::vector<Items>{{9}, {1, 2, 4}, {1, 2, 3, 4}, {1, 2}});
  EXPECT_EQ(rate.edits, EditCounts{.deletions = 1}) << "of equals, the longest";
  EXPECT_EQ(rate.reference_length, 4);
  rate.add_best(Items{}, std::vector<Items>{{1}, {}});
  EXPECT_EQ(rate.exact, 1);
  EXPECT_EQ(rate.sequences, 2);
}

TEST(ErrorRate, WithoutReferencesIsRefused) {
  try {
    ErrorRate().add_best(Items{1}, std::vector<Items>{});
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "ErrorRate: no references, expected at least one");
  }
}

TEST(ErrorRate, SumsOverParts) {
  std::mt19937 random(13);
  ErrorRate whole;
  ErrorRate parts;
  for (int part = 0; part < 4; ++part) {
    ErrorRate one;
    for (int i = 0; i < 10; ++i) {
      const std::string a = random_text(random, 8);
      const std::string b = random_text(random, 8);
      whole.add(a, b);
      one.add(a, b);
    }
    parts += one;
  }
  EXPECT_EQ(parts, whole);
}

}  // namespace
