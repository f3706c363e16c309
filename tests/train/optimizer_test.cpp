#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shapes.hpp"
#include <attend/train/adam.hpp>
#include <attend/train/sgd.hpp>

namespace {

using attend::Adam;
using attend::AdamOptions;
using attend::AdamW;
using attend::Fields;
using attend::Index;
using attend::Sgd;
using attend::SgdOptions;
using attend::ThreadPool;

template <class S>
struct Weights {
  attend::Vector<S> w;
  template <class F, class... A>
  static void parameters(F&& f, A&... a) {
    f("w", a.w...);
  }
};

static_assert(attend::Optimizer<Adam<Weights<float>>, Weights<float>>);
static_assert(attend::Optimizer<AdamW<Weights<double>>, Weights<double>>);
static_assert(attend::Optimizer<Sgd<Weights<float>>, Weights<float>>);
static_assert(!attend::Optimizer<Weights<float>, Weights<float>>);

std::vector<double> numbers_in(std::istream& line) {
  std::vector<double> numbers;
  for (std::string word; line >> word;) numbers.push_back(std::strtod(word.c_str(), nullptr));
  return numbers;
}

/// One case of the fixture: PyTorch's weights after each step.
struct Case {
  std::string name;
  std::vector<double> options;
  std::vector<double> first;
  std::vector<std::vector<double>> rates_and_gradients;
  std::vector<std::vector<double>> weights;
};

std::vector<Case> read_cases() {
  std::ifstream file(ATTEND_SOURCE_DIR "/tests/fixtures/optimizers.txt");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    if (line.starts_with("case ")) {
      cases.emplace_back();
      words >> line >> cases.back().name;
      cases.back().options = numbers_in(words);
      std::getline(file, line);
      words = std::istringstream(line);
      cases.back().first = numbers_in(words);
    } else if (cases.back().weights.size() == cases.back().rates_and_gradients.size()) {
      cases.back().rates_and_gradients.push_back(numbers_in(words));
    } else {
      cases.back().weights.push_back(numbers_in(words));
    }
  }
  return cases;
}

template <class S>
Weights<S> weights_of(const std::vector<double>& numbers, Index skip = 0) {
  Weights<S> weights{attend::Vector<S>(std::ssize(numbers) - skip)};
  for (Index i = 0; i < weights.w.size(); ++i) {
    weights.w(i) = static_cast<S>(numbers[static_cast<std::size_t>(i + skip)]);
  }
  return weights;
}

template <class S>
using Step = std::function<void(Weights<S>&, const Weights<S>&, double)>;

template <class S, class O>
Step<S> stepper(O optimizer) {
  return [optimizer](auto& weights, const auto& gradient, double rate) mutable {
    optimizer.step(weights, gradient, rate);
  };
}

template <class S>
Step<S> make_step(const Case& c, const Weights<S>& weights) {
  const auto& o = c.options;
  if (c.name == "sgd") {
    return stepper<S>(
        Sgd(weights, SgdOptions{.momentum = o[0], .weight_decay = o[1], .nesterov = o[2] != 0}));
  }
  const AdamOptions options{.beta1 = o[0], .beta2 = o[1], .epsilon = o[2], .weight_decay = o[3]};
  if (c.name == "adam") return stepper<S>(Adam<Weights<S>>(weights, options));
  return stepper<S>(AdamW<Weights<S>>(weights, options));
}

template <class S>
class Optimizers : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Optimizers, Scalars);

TYPED_TEST(Optimizers, EqualPyTorch) {
  const double tolerance = std::is_same_v<TypeParam, float> ? 1e-6 : 1e-14;
  const auto cases = read_cases();
  ASSERT_EQ(cases.size(), 9u);
  for (const Case& c : cases) {
    auto weights = weights_of<TypeParam>(c.first);
    const auto step = make_step<TypeParam>(c, weights);
    ASSERT_EQ(c.weights.size(), 6u);
    for (std::size_t t = 0; t < c.weights.size(); ++t) {
      const auto& line = c.rates_and_gradients[t];
      step(weights, weights_of<TypeParam>(line, 1), line[0]);
      for (Index i = 0; i < weights.w.size(); ++i) {
        const double expected = c.weights[t][static_cast<std::size_t>(i)];
        EXPECT_NEAR(weights.w(i), expected, tolerance * std::max(1.0, std::abs(expected)))
            << c.name << ", step " << t << ", weight " << i;
      }
    }
  }
}

template <class O, class M>
std::vector<double> bits_after_steps(O optimizer, M model, int threads, double scale) {
  ThreadPool pool(threads);
  for (std::uint64_t t = 0; t < 4; ++t) {
    auto gradient = attend::zero_like(model);
    shapes::randomize(gradient, attend::Random(t));
    optimizer.step(model, gradient, {.rate = 0.01, .gradient_scale = scale}, pool);
  }
  auto bits = shapes::flat(model);
  const auto moments = shapes::flat(optimizer);
  bits.insert(bits.end(), moments.begin(), moments.end());
  return bits;
}

TYPED_TEST(Optimizers, SameBitsForAnyNumberOfThreads) {
  const auto model = shapes::random_parts<TypeParam>(9);
  using M = std::remove_const_t<decltype(model)>;
  const auto check = [&](const auto& optimizer) {
    const auto bits = bits_after_steps(optimizer, model, 1, 0.5);
    for (const int threads : {2, 3, 5}) {
      EXPECT_EQ(bits_after_steps(optimizer, model, threads, 0.5), bits);
    }
  };
  check(Adam<M>(model, {.weight_decay = 0.1}));
  check(AdamW<M>(model, {.weight_decay = 0.1}));
  check(Sgd<M>(model));
  check(Sgd<M>(model, {.momentum = 0.9, .nesterov = true}));
}

TYPED_TEST(Optimizers, ScaleTheGradientOnTheWay) {
  const auto model = weights_of<TypeParam>({1, -2, 3});
  const auto gradient = weights_of<TypeParam>({0.5, 4, -2});
  auto quarter = gradient;
  quarter.w *= TypeParam(0.25);
  ThreadPool pool;
  const auto check = [&](auto optimizer) {
    auto other = optimizer;
    auto a = model;
    auto b = model;
    optimizer.step(a, gradient, {.rate = 0.1, .gradient_scale = 0.25}, pool);
    other.step(b, quarter, 0.1);
    EXPECT_EQ(a.w, b.w);
    EXPECT_NE(a.w, model.w);
  };
  using M = Weights<TypeParam>;
  check(Adam<M>(model, {.weight_decay = 0.1}));
  check(AdamW<M>(model, {.weight_decay = 0.1}));
  check(Sgd<M>(model, {.weight_decay = 0.1}));
  check(Sgd<M>(model, {.momentum = 0.5, .weight_decay = 0.1}));
}

TYPED_TEST(Optimizers, PaddingOfPackedWeightsStaysZero) {
  auto model = shapes::random_parts<TypeParam>(9);
  using M = decltype(model);
  Adam<M> adam(model, {.weight_decay = 0.1});
  for (std::uint64_t t = 0; t < 3; ++t) adam.step(model, shapes::random_parts<TypeParam>(t), 0.1);
  const auto rebuilt = attend::PanelMatrix<TypeParam>(model.packed.matrix());
  EXPECT_TRUE(attend::values(rebuilt) == attend::values(model.packed));
}

TYPED_TEST(Optimizers, MomentsOfUnusedWeightsNeverBecomeDenormal) {
  auto model = weights_of<TypeParam>({1, 2, 3});
  Adam<Weights<TypeParam>> adam(model, {.beta1 = 0.5, .beta2 = 0.6});
  adam.step(model, weights_of<TypeParam>({1e-3, -1, 1e3}), 0.1);
  const auto zero = attend::zero_like(model);
  for (int t = 0; t < 3000; ++t) {
    adam.step(model, zero, 0.1);
    for (const auto& moment : {adam.first_moment(), adam.second_moment()}) {
      for (const TypeParam x : moment.w) ASSERT_TRUE(x == 0 || std::isnormal(x)) << t;
    }
  }
  const TypeParam tiny = std::numeric_limits<TypeParam>::min() * 1000;
  EXPECT_LT(adam.first_moment().w.cwiseAbs().maxCoeff(), tiny);
  EXPECT_LT(adam.second_moment().w.maxCoeff(), tiny);
}

TYPED_TEST(Optimizers, AdamSurvivesAGradientWhoseSquareOverflows) {
  auto model = weights_of<TypeParam>({1, 2});
  Adam<Weights<TypeParam>> adam(model);
  adam.step(model, weights_of<TypeParam>({std::is_same_v<TypeParam, float> ? 1e25 : 1e200, 1}),
            0.1);
  EXPECT_TRUE(model.w.allFinite());
  EXPECT_TRUE(adam.second_moment().w.allFinite());
}

TYPED_TEST(Optimizers, FieldsAndMomentsAreTheWholeState) {
  const auto model = shapes::random_parts<TypeParam>(9);
  using M = std::remove_const_t<decltype(model)>;
  const auto check = [&](auto stepped, auto fresh) {
    auto a = model;
    stepped.step(a, shapes::random_parts<TypeParam>(1), 0.1);
    stepped.step(a, shapes::random_parts<TypeParam>(2), 0.1);
    Fields fields;
    stepped.put_fields(fields);
    fresh.get_fields(fields);
    attend::set_zero(fresh);
    attend::add_parameters(fresh, stepped);
    auto b = a;
    stepped.step(a, shapes::random_parts<TypeParam>(3), 0.1);
    fresh.step(b, shapes::random_parts<TypeParam>(3), 0.1);
    EXPECT_EQ(shapes::flat(a), shapes::flat(b));
  };
  check(Adam<M>(model), Adam<M>(model));
  check(AdamW<M>(model), AdamW<M>(model));
  check(Sgd<M>(model, {.momentum = 0.9}), Sgd<M>(model, {.momentum = 0.9}));
  EXPECT_TRUE(shapes::flat(Sgd<M>(model)).empty());
}

template <class O, class Options>
std::string refusal(const Options& options) {
  try {
    O optimizer(weights_of<double>({1}), options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(OptimizerOptions, AreChecked) {
  using A = Adam<Weights<double>>;
  using G = Sgd<Weights<double>>;
  EXPECT_EQ(refusal<A>(AdamOptions{.beta1 = 1}), "Adam: beta1 is 1, expected in [0, 1)");
  EXPECT_EQ(refusal<A>(AdamOptions{.beta2 = -0.5}), "Adam: beta2 is -0.5, expected in [0, 1)");
  EXPECT_EQ(refusal<A>(AdamOptions{.epsilon = 0}), "Adam: epsilon is 0, expected more than 0");
  EXPECT_EQ(refusal<A>(AdamOptions{.weight_decay = -1}),
            "Adam: weight_decay is -1, expected 0 or more");
  EXPECT_EQ(refusal<G>(SgdOptions{.momentum = 1}), "Sgd: momentum is 1, expected in [0, 1)");
  EXPECT_EQ(refusal<G>(SgdOptions{.weight_decay = -1}),
            "Sgd: weight_decay is -1, expected 0 or more");
  EXPECT_EQ(refusal<G>(SgdOptions{.nesterov = true}), "Sgd: nesterov needs momentum, which is 0");
}

}  // namespace
