#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <attend/core/random.hpp>
#include <attend/search/top_candidates.hpp>

namespace {

using attend::Index;
using attend::Token;
using attend::detail::Candidate;
using attend::detail::TopCandidates;

template <class S>
class TopCandidatesOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(TopCandidatesOf, Scalars);

template <class S>
using Columns = std::vector<std::vector<S>>;

template <class S>
attend::detail::LogitColumn<S> view(const std::vector<S>& x) {
  return {x.data(), static_cast<Index>(x.size())};
}

/// Every candidate, fully sorted, k kept.
template <class S>
std::vector<Candidate> sorted(const Columns<S>& columns, const std::vector<double>& before,
                              double normaliser, std::size_t k) {
  std::vector<Candidate> all;
  for (std::size_t r = 0; r < columns.size(); ++r)
    for (std::size_t v = 0; v < columns[r].size(); ++v) {
      const double x = static_cast<double>(columns[r][v]);
      if (std::isfinite(x))
        all.push_back(
            {before[r] + (x - normaliser), x, static_cast<Index>(r), static_cast<Token>(v)});
    }
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return a.log_probability > b.log_probability;
  });
  all.resize(std::min(all.size(), k));
  return all;
}

TYPED_TEST(TopCandidatesOf, IsTheFrontOfAFullSort) {
  attend::Random random(3);
  TopCandidates<TypeParam> top;
  for (const std::size_t size : {1, 2, 7, 127, 128, 129, 1000}) {
    for (const std::size_t k : {1, 2, 5, 12}) {
      for (const double grain : {0.0, 1.0}) {  // whole numbers: ties everywhere
        Columns<TypeParam> columns(4, std::vector<TypeParam>(size));
        for (auto& column : columns)
          for (auto& x : column) {
            const double drawn = 2 * random.normal();
            x = static_cast<TypeParam>(grain > 0 ? std::round(drawn) : drawn);
            if (random.uniform() < 0.05) x = -std::numeric_limits<TypeParam>::infinity();
          }
        const std::vector<double> before = {-1, -1, -2, -3};
        top.reset(static_cast<Index>(k));
        for (std::size_t r = 0; r < columns.size(); ++r)
          top.offer(view(columns[r]), 8, static_cast<Index>(r), before[r]);
        const auto expected = sorted(columns, before, 8, k);
        const auto found = top.sorted();
        ASSERT_EQ(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
          EXPECT_EQ(found[i].log_probability, expected[i].log_probability);
          EXPECT_EQ(found[i].rank, expected[i].rank);
          EXPECT_EQ(found[i].token, expected[i].token);
        }
      }
    }
  }
}

TEST(TopCandidates, OneColumnIsOrderedByItsLogitsWhereTheSumRounds) {
  std::vector<double> x(200, 0.0);
  x[150] = 1e-15;  // lost beside -1e6, and so a tie with every other token
  TopCandidates<double> top;
  top.reset(2);
  top.offer(view(x), 5, 0, -1e6);
  const auto found = top.sorted();
  ASSERT_EQ(found[0].log_probability, found[1].log_probability);
  EXPECT_EQ(found[0].token, 150);
  EXPECT_EQ(found[1].token, 0);
}

TEST(TopCandidates, NothingOfNothing) {
  const std::vector<float> x(3, -std::numeric_limits<float>::infinity());
  TopCandidates<float> top;
  top.reset(3);
  top.offer(view(x), 0, 0, 0);
  EXPECT_TRUE(top.sorted().empty());
}

}  // namespace
