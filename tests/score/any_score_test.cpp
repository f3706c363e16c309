#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/score/any_score.hpp>

namespace {

using attend::AnyScore;
using attend::Random;

template <class Z>
std::vector<std::string> parameter_names(const Z& score) {
  std::vector<std::string> names;
  attend::for_each_parameter([&](std::string_view name, const auto&) { names.emplace_back(name); },
                             score);
  return names;
}

TEST(AnyScore, HasTheParametersOfItsKind) {
  Random random(1);
  using Names = std::vector<std::string>;
  const AnyScore<float> additive = attend::Additive<float>({2, 3, 4}, random);
  const AnyScore<float> concat = attend::Concat<float>({2, 3, 4}, random);
  const AnyScore<float> general = attend::General<float>({2, 3, 0}, random);
  const AnyScore<float> dot = attend::Dot<float>();
  EXPECT_EQ(parameter_names(additive), (Names{"W", "U", "b", "v"}));
  EXPECT_EQ(parameter_names(concat), (Names{"W_q", "W_h", "v"}));
  EXPECT_EQ(parameter_names(general), (Names{"W_a"}));
  EXPECT_EQ(parameter_names(dot), Names{});
  EXPECT_EQ(attend::parameter_count(additive), 4 * 2 + 4 * 3 + 4 + 4);
}

TEST(AnyScore, ProjectsWhatItsKindProjects) {
  Random random(1);
  const AnyScore<float> additive = attend::Additive<float>({2, 3, 4}, random);
  const AnyScore<float> general = attend::General<float>({2, 3, 0}, random);
  const AnyScore<float> dot = attend::Dot<float>();
  EXPECT_TRUE(attend::projects_keys(additive) && attend::projects_queries(additive));
  EXPECT_TRUE(attend::projects_keys(general) && !attend::projects_queries(general));
  EXPECT_FALSE(attend::projects_keys(dot) || attend::projects_queries(dot));
  EXPECT_EQ(additive.projected_size(3), 4);
  EXPECT_EQ(general.projected_size(3), 2);
  EXPECT_EQ(dot.projected_size(3), 3);
}

}  // namespace
