#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/train/schedule.hpp>

namespace {

using attend::ConstantRate;
using attend::Fields;
using attend::InverseSquareRoot;
using attend::Plateau;
using attend::Schedule;
using attend::ScheduleUnit;
using attend::StepDecay;

TEST(Schedule, Constant) {
  const Schedule schedule(ConstantRate{.rate = 0.25});
  EXPECT_EQ(schedule.rate({}), 0.25);
  EXPECT_EQ(schedule.rate({.epoch = 9, .update = 12345}), 0.25);
  EXPECT_FALSE(schedule.needs_evaluations());
}

TEST(Schedule, InverseSquareRootIsTheEquationOfThePaper) {
  const Schedule schedule(InverseSquareRoot::of_dimension(512, 4000, 2));
  for (const std::int64_t t : {1, 2, 100, 3999, 4000, 4001, 100000}) {
    const auto step = static_cast<double>(t);
    const double expected =
        2 * std::pow(512, -0.5) * std::min(std::pow(step, -0.5), step * std::pow(4000, -1.5));
    EXPECT_NEAR(schedule.rate({.update = t - 1}), expected, 1e-15) << t;
  }
}

TEST(Schedule, InverseSquareRootPeaksWhereWarmUpEnds) {
  const Schedule schedule(InverseSquareRoot{.peak = 0.5, .warmup = 10});
  EXPECT_EQ(schedule.rate({.update = 9}), 0.5);
  EXPECT_LT(schedule.rate({.update = 8}), 0.5);
  EXPECT_LT(schedule.rate({.update = 10}), 0.5);
  EXPECT_DOUBLE_EQ(schedule.rate({.update = 0}), 0.05);
  EXPECT_DOUBLE_EQ(schedule.rate({.update = 39}), 0.25);
}

TEST(Schedule, PlateauFallsAfterPatience) {
  Schedule schedule(Plateau{.rate = 1, .factor = 0.5, .patience = 2, .minimum = 0.2});
  EXPECT_TRUE(schedule.needs_evaluations());
  const std::vector<double> scores{1, 2, 2, 3, 1, 1, 1, 4, 0, 0, 0, 0, std::nan(""), 0};
  const std::vector<double> rates{1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    schedule.evaluated(scores[i]);
    EXPECT_EQ(schedule.rate({}), rates[i]) << i;
  }
}

TEST(Schedule, PlateauMinimumNeverRaisesTheRate) {
  const Schedule schedule(Plateau{.rate = 0.1, .minimum = 0.5});
  EXPECT_EQ(schedule.rate({}), 0.1);
}

TEST(Schedule, StepDecayAsLuongHalves) {
  const Schedule schedule(StepDecay{.rate = 1, .factor = 0.5, .after = 5, .every = 1});
  const std::vector<double> rates{1, 1, 1, 1, 1, 0.5, 0.25, 0.125};
  for (std::int64_t epoch = 0; epoch < 8; ++epoch) {
    EXPECT_EQ(schedule.rate({.epoch = epoch, .update = 1000 * epoch}),
              rates[static_cast<std::size_t>(epoch)]);
  }
}

TEST(Schedule, StepDecayByUpdates) {
  const Schedule schedule(
      StepDecay{.rate = 1, .factor = 0.1, .after = 3, .every = 2, .unit = ScheduleUnit::update});
  const std::vector<double> rates{1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.001};
  for (std::int64_t update = 0; update < 8; ++update) {
    EXPECT_DOUBLE_EQ(schedule.rate({.epoch = 7, .update = update}),
                     rates[static_cast<std::size_t>(update)]);
  }
}

TEST(Schedule, FieldsAreTheWholeState) {
  const Plateau plateau{.rate = 1, .factor = 0.7, .patience = 3};
  const std::vector<double> scores{0.1, 0.3, 0.2, 0.2, 0.2, 0.2, 0.4, 0.1, 0.1, 0.1, 0.1};
  for (std::size_t cut = 0; cut <= scores.size(); ++cut) {
    Schedule whole(plateau);
    Schedule first(plateau);
    for (std::size_t i = 0; i < cut; ++i) first.evaluated(scores[i]);
    Fields fields;
    first.put_fields(fields);
    Schedule second(plateau);
    second.get_fields(fields);
    for (std::size_t i = cut; i < scores.size(); ++i) second.evaluated(scores[i]);
    for (const double score : scores) whole.evaluated(score);
    EXPECT_EQ(second.rate({}), whole.rate({}));
  }
}

template <class K>
std::string refusal(const K& kind) {
  try {
    (void)Schedule(kind);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Schedule, OptionsAreChecked) {
  EXPECT_EQ(refusal(ConstantRate{.rate = -1}),
            "Schedule: the rate is -1, expected a finite number of 0 or more");
  EXPECT_EQ(refusal(InverseSquareRoot::of_dimension(512, 0)),
            "Schedule: warmup is 0, expected 1 or more");
  EXPECT_EQ(refusal(Plateau{.patience = 0}), "Schedule: patience is 0, expected 1 or more");
  EXPECT_EQ(refusal(Plateau{.factor = 1.5}), "Schedule: factor is 1.5, expected in (0, 1]");
  EXPECT_EQ(refusal(StepDecay{.factor = 0}), "Schedule: factor is 0, expected in (0, 1]");
  EXPECT_EQ(refusal(StepDecay{.every = 0}), "Schedule: every is 0, expected 1 or more");
  EXPECT_EQ(refusal(StepDecay{.after = -1}), "Schedule: after is -1, expected 0 or more");
  EXPECT_EQ(refusal(Schedule::Kind(Plateau{.patience = 0})),
            "Schedule: patience is 0, expected 1 or more");
}

}  // namespace
