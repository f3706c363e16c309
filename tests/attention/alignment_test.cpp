#include <cmath>
#include <limits>
#include <numeric>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/hard.hpp>
#include <attend/attention/local_predictive.hpp>
#include <attend/attention/memory_addressing.hpp>
#include <attend/attention/monotonic.hpp>
#include <attend/attention/monotonic_reader.hpp>
#include <attend/attention/sampled.hpp>
#include <attend/attention/sharpened.hpp>
#include <attend/attention/smoothed.hpp>
#include <attend/attention/sparsemax.hpp>
#include <attend/score/dot.hpp>

namespace {

using attend::AlignmentStep;
using attend::Index;
using attend::Matrix;
using attend::Monotonic;
using attend::MonotonicMode;
using attend::Random;
using attend::Sampled;
using attend::Vector;
using reference::random_matrix;
using Wide = std::vector<long double>;

template <class S>
Vector<S> random_vector(Random& random, Index n, double size = 1) {
  return random_matrix<S>(random, n, 1, size);
}

Wide softmax(const Wide& e) {
  const long double peak = *std::max_element(e.begin(), e.end());
  Wide a(e.size());
  long double sum = 0;
  for (std::size_t j = 0; j < e.size(); ++j) sum += a[j] = std::exp(e[j] - peak);
  for (long double& x : a) x /= sum;
  return a;
}
long double sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }

/// What a function reads beside its energies: the weights before, controls, the equation it has.
struct Around {
  Wide previous;
  Wide controls;
};

struct SharpenedCase {
  template <class S>
  static attend::Sharpened make() {
    return {.beta = 1.7};
  }
  static Wide weights(Wide e, const Around&) {
    for (long double& x : e) x *= 1.7L;
    return softmax(e);
  }
  static constexpr bool distribution = true, shifts = true, permutes = true;
  static constexpr Index longest = 99;
};

struct SmoothedCase {
  template <class S>
  static attend::Smoothed make() {
    return {};
  }
  static Wide weights(Wide e, const Around&) {
    for (long double& x : e) x = sigmoid(x);
    const long double sum = std::accumulate(e.begin(), e.end(), 0.0L);
    for (long double& x : e) x /= sum;
    return e;
  }
  static constexpr bool distribution = true, shifts = false, permutes = true;
  static constexpr Index longest = 99;
};

struct SparsemaxCase {
  template <class S>
  static attend::Sparsemax make() {
    return {};
  }
  /// By sorting: the largest k with 1 + k e_(k) > sum of the k largest.
  static Wide weights(Wide e, const Around&) {
    Wide sorted = e;
    std::sort(sorted.rbegin(), sorted.rend());
    long double sum = 0;
    long double threshold = 0;
    for (std::size_t k = 1; k <= sorted.size(); ++k) {
      sum += sorted[k - 1];
      const auto count = static_cast<long double>(k);
      if (1 + count * sorted[k - 1] > sum) threshold = (sum - 1) / count;
    }
    for (long double& x : e) x = std::max(x - threshold, 0.0L);
    return e;
  }
  static constexpr bool distribution = true, shifts = true, permutes = true;
  static constexpr Index longest = 99;
};

struct ArgmaxCase {
  template <class S>
  static attend::Argmax make() {
    return {};
  }
  static Wide weights(const Wide& e, const Around&) {
    Wide a(e.size());
    a[static_cast<std::size_t>(std::max_element(e.begin(), e.end()) - e.begin())] = 1;
    return a;
  }
  static constexpr bool distribution = true, shifts = true, permutes = true;
  static constexpr Index longest = 99;
};

struct StraightThroughCase : ArgmaxCase {
  template <class S>
  static attend::StraightThrough make() {
    return {};
  }
};

/// Without a generator.
struct SampledCase : ArgmaxCase {
  template <class S>
  static attend::Sampled make() {
    return {};
  }
};

/// By what may happen: every way to pass or take each key, from each key that was taken before.
template <MonotonicMode mode>
struct MonotonicCase {
  template <class S>
  static Monotonic make() {
    return {.mode = mode};
  }
  static Wide weights(const Wide& e, const Around& around) {
    Wide a(e.size());
    for (std::size_t from = 0; from < e.size(); ++from) {
      long double reached = around.previous[from];
      for (std::size_t j = from; j < e.size(); ++j) {
        a[j] += reached * sigmoid(e[j]);
        reached *= 1 - sigmoid(e[j]);
      }
    }
    return a;
  }
  static constexpr bool distribution = false, shifts = false, permutes = false;
  /// Of weights that are exact.
  static constexpr Index longest = mode == MonotonicMode::parallel ? 9 : 99;
};

struct MemoryAddressingCase {
  template <class S>
  static attend::MemoryAddressing<S> make() {
    Random random(1);
    return {3, random};
  }
  static Wide weights(const Wide& e, const Around& around) {
    const Wide& p = around.controls;
    const Wide content = softmax(e);
    const Wide s = softmax({p[1], p[2], p[3]});
    const std::size_t T = e.size();
    Wide w(T);
    long double sum = 0;
    for (std::size_t i = 0; i < T; ++i) {
      long double m = 0;
      for (std::size_t j = 0; j < T; ++j) {
        const long double h = sigmoid(p[0]) * content[j] + (1 - sigmoid(p[0])) * around.previous[j];
        for (int k = -1; k <= 1; ++k) {
          const auto shifted =
              (static_cast<long>(j) + k + static_cast<long>(T)) % static_cast<long>(T);
          if (shifted == static_cast<long>(i)) m += h * s[static_cast<std::size_t>(k + 1)];
        }
      }
      sum += w[i] = std::pow(m, 1 + std::log1p(std::exp(p[4])));
    }
    for (long double& x : w) x /= sum;
    return w;
  }
  static constexpr bool distribution = true, shifts = true, permutes = false;
  static constexpr Index longest = 99;
};

/// Keys are the memory's from the third on; the reach is so wide that it holds them all.
struct LocalPredictiveCase {
  static constexpr double reach = 99;
  template <class S>
  static attend::LocalPredictive<S> make() {
    Random random(1);
    return {3, 5, reach, random};
  }
  static Wide weights(const Wide& e, const Around& around) {
    Wide a = softmax(e);
    const auto position_net = make<double>();
    long double logit = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      logit += position_net.v_p(static_cast<Index>(i)) * std::tanh(around.controls[i]);
    }
    const long double p = static_cast<long double>(e.size() + 2) * sigmoid(logit);
    for (std::size_t j = 0; j < a.size(); ++j) {
      const long double away = 2 + static_cast<long double>(j) - p;
      a[j] *= std::exp(-away * away / (reach * reach / 2));
    }
    return a;
  }
  static constexpr bool distribution = false, shifts = true, permutes = false;
  static constexpr Index longest = 99;
};

/// One query over T keys, and the gradient of sum(a o da).
template <class Case, class S>
struct Scene {
  using Function = decltype(Case::template make<S>());
  Function function = Case::template make<S>();
  Function gradient = attend::zero_like(function);
  Vector<S> energies;
  Vector<S> previous;
  Vector<S> controls;
  Vector<S> d_previous;
  Vector<S> d_controls;

  Scene(Index T, std::uint64_t seed, double size = 1) {
    Random random(seed);
    energies = random_vector<S>(random, T, size);
    previous = random_vector<S>(random, T).cwiseAbs();
    previous /= previous.sum();
    controls = random_vector<S>(random, 5);
    controls(0) += S{1.5};
    d_previous = Vector<S>::Zero(T);
    d_controls = Vector<S>::Zero(5);
  }

  template <class V>
  static auto span(V& v) {
    return std::span(v.data(), static_cast<std::size_t>(v.size()));
  }
  [[nodiscard]] AlignmentStep<S> step() {
    AlignmentStep<S> s;
    s.first_key = 2;
    s.keys = energies.size() + 2;
    s.previous = span(previous);
    s.d_previous = span(d_previous);
    s.controls = span(controls);
    s.d_controls = span(d_controls);
    return s;
  }
  Vector<S> align() {
    Vector<S> a = energies;
    function.align(span(a), step());
    return a;
  }
  Vector<S> backward(const Vector<S>& weights, Vector<S> d) {
    function.align_backward(std::span<const S>(span(energies)), std::span<const S>(span(weights)),
                            span(d), step(), gradient);
    return d;
  }
  [[nodiscard]] Wide expected() const {
    const auto wide = [](const Vector<S>& v) { return Wide(v.data(), v.data() + v.size()); };
    return Case::weights(wide(energies), {wide(previous), wide(controls)});
  }
};

static_assert(attend::AlignmentFunction<attend::Softmax, float>);
static_assert(attend::AlignmentFunction<attend::Sharpened, float>);
static_assert(attend::AlignmentFunction<attend::Smoothed, float>);
static_assert(attend::AlignmentFunction<attend::Sparsemax, float>);
static_assert(attend::AlignmentFunction<attend::Argmax, float>);
static_assert(attend::AlignmentFunction<attend::StraightThrough, float>);
static_assert(attend::AlignmentFunction<Sampled, float>);
static_assert(attend::AlignmentFunction<Monotonic, float>);
static_assert(attend::AlignmentFunction<attend::LocalPredictive<float>, float>);
static_assert(attend::AlignmentFunction<attend::MemoryAddressing<float>, float>);

template <class Case>
class Alignments : public testing::Test {};
using Cases = testing::Types<SharpenedCase, SmoothedCase, SparsemaxCase, ArgmaxCase,
                             StraightThroughCase, SampledCase, MonotonicCase<MonotonicMode::exact>,
                             MonotonicCase<MonotonicMode::parallel>, MemoryAddressingCase,
                             LocalPredictiveCase>;
TYPED_TEST_SUITE(Alignments, Cases);

template <class Case, class S>
void expect_equation(double tolerance) {
  for (const Index T : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31}) {
    if (T > Case::longest) break;
    for (const double size : {0.3, 4.0}) {
      Scene<Case, S> scene(T, static_cast<std::uint64_t>(T), size);
      const Vector<S> a = scene.align();
      const Wide expected = scene.expected();
      for (Index j = 0; j < T; ++j) {
        ASSERT_NEAR(a(j), static_cast<double>(expected[static_cast<std::size_t>(j)]), tolerance)
            << T << " " << size << " " << j;
      }
    }
  }
}

TYPED_TEST(Alignments, AreTheirEquation) {
  expect_equation<TypeParam, double>(1e-12);
  expect_equation<TypeParam, float>(1e-5);
}

template <class Case>
class DifferentiableAlignments : public testing::Test {};
using DifferentiableCases =
    testing::Types<SharpenedCase, SmoothedCase, SparsemaxCase, MonotonicCase<MonotonicMode::exact>,
                   MonotonicCase<MonotonicMode::parallel>, MemoryAddressingCase,
                   LocalPredictiveCase>;
TYPED_TEST_SUITE(DifferentiableAlignments, DifferentiableCases);

TYPED_TEST(DifferentiableAlignments, HaveTheirGradients) {
  for (const Index T : {1, 2, 3, 9, 17}) {
    Scene<TypeParam, double> scene(T, 40 + static_cast<std::uint64_t>(T));
    Random random(3);
    const Vector<double> da = random_vector<double>(random, T);
    const Vector<double> de = scene.backward(scene.align(), da);
    const Vector<double> d_previous = scene.d_previous;
    const Vector<double> d_controls = scene.d_controls;
    const auto gradient = scene.gradient;
    const auto f = [&] { return scene.align().dot(da); };
    reference::expect_gradient("e", scene.energies, de, f);
    reference::expect_gradient("previous", scene.previous, d_previous, f);
    reference::expect_gradient("controls", scene.controls, d_controls, f);
    reference::expect_parameter_gradients(scene.function, gradient, f);
    scene.backward(scene.align(), da);
    EXPECT_TRUE(scene.d_previous.isApprox(2 * d_previous, 1e-14)) << "adds";
    EXPECT_TRUE(scene.d_controls.isApprox(2 * d_controls, 1e-14)) << "adds";
  }
}

TYPED_TEST(Alignments, WeighWithDistributions) {
  for (const Index T : {1, 8, 33}) {
    for (const double size : {1.0, 1e4}) {
      Scene<TypeParam, float> scene(T, 7, size);
      const Vector<float> a = scene.align();
      ASSERT_TRUE((a.array() >= 0).all());
      if (TypeParam::distribution) {
        EXPECT_NEAR(a.sum(), 1, 2e-6);
      } else {
        EXPECT_LE(a.sum(), 1 + 2e-6F);
      }
      const Vector<float> d = scene.backward(a, Vector<float>::Ones(T));
      EXPECT_TRUE(d.allFinite() && scene.d_previous.allFinite() && scene.d_controls.allFinite());
    }
  }
}

TYPED_TEST(Alignments, FollowShiftsAndPermutationsWhereTheyShould) {
  Scene<TypeParam, double> scene(19, 8);
  const Vector<double> a = scene.align();
  Vector<double> energies = scene.energies;
  if (TypeParam::shifts) {
    scene.energies.array() += 512;
    EXPECT_TRUE(scene.align().isApprox(a, 1e-11));
  }
  if (TypeParam::permutes) {
    std::vector<Index> order(19);
    std::iota(order.begin(), order.end(), Index{0});
    Random random(4);
    random.shuffle(order);
    scene.energies = energies(order);
    EXPECT_TRUE(scene.align().isApprox(a(order), 1e-13));
  }
}

TYPED_TEST(Alignments, OfMinusInfinityAreZeroThere) {
  Scene<TypeParam, double> scene(9, 9);
  scene.energies(4) = -std::numeric_limits<double>::infinity();
  const Vector<double> a = scene.align();
  EXPECT_TRUE(a.allFinite());
  if (!std::is_same_v<TypeParam, MemoryAddressingCase>) {
    EXPECT_LT(a(4), 1e-300);
  }
  EXPECT_TRUE(scene.backward(a, Vector<double>::Ones(9)).allFinite());
}

TEST(Sharpened, OfATemperatureNearZeroIsArgmax) {
  Scene<SharpenedCase, double> soft(9, 1);
  soft.function.beta = 1e5;
  Scene<ArgmaxCase, double> hard(9, 1);
  EXPECT_TRUE(soft.align().isApprox(hard.align(), 1e-12));
}

TEST(Sparsemax, IsExactlyZeroFarFromTheBest) {
  Scene<SparsemaxCase, float> scene(3, 1);
  scene.energies << 2.0F, 1.5F, 0.5F;
  EXPECT_EQ(scene.align(), Vector<float>((Vector<float>(3) << 0.75F, 0.25F, 0.0F).finished()));
}

TEST(StraightThrough, LearnsAsASoftmaxDoes) {
  Scene<StraightThroughCase, double> hard(9, 2);
  Scene<SharpenedCase, double> soft(9, 2);
  soft.function.beta = 1;
  Random random(3);
  const Vector<double> da = random_vector<double>(random, 9);
  EXPECT_TRUE(hard.backward(hard.align(), da).isApprox(soft.backward(soft.align(), da), 1e-13));
}

TEST(Argmax, LearnsNothing) {
  Scene<ArgmaxCase, double> scene(9, 2);
  EXPECT_EQ(scene.backward(scene.align(), Vector<double>::Ones(9)), Vector<double>::Zero(9));
}

/// The expectation over all samples of the estimated gradient of -R is that of E[-R] itself, with
/// any baseline; and the entropy's term is its gradient.
TEST(Sampled, EstimatesTheGradientOfTheExpectedReward) {
  Scene<SampledCase, double> scene(6, 5);
  scene.function = Sampled{.reinforce = 1, .entropy = 0.3, .soft = 0};
  Random random(6);
  const Vector<double> reward = random_vector<double>(random, 6);
  Vector<double> p;
  Scene<SharpenedCase, double> soft(6, 5);
  soft.function.beta = 1;
  const auto objective = [&] {
    soft.energies = scene.energies;
    p = soft.align();
    return -p.dot(reward) + 0.3 * p.dot(p.array().log().matrix());
  };
  objective();
  Vector<double> mean = Vector<double>::Zero(6);
  for (Index s = 0; s < 6; ++s) {
    Vector<double> d = Vector<double>::Zero(6);
    const Vector<double> weights = Vector<double>::Unit(6, s);
    auto step = scene.step();
    step.advantage = reward(s) - 0.7;
    scene.function.align_backward(std::span<const double>(scene.span(scene.energies)),
                                  std::span<const double>(scene.span(weights)), scene.span(d), step,
                                  scene.function);
    mean += p(s) * d;
  }
  reference::expect_gradient("e", scene.energies, mean, objective);
}

TEST(Sampled, DrawsWithItsProbabilitiesAndMixesWithSoftWeights) {
  Scene<SampledCase, double> scene(4, 5);
  Scene<SharpenedCase, double> soft(4, 5);
  soft.function.beta = 1;
  const Vector<double> p = soft.align();
  const Random random(9);
  Vector<double> counts = Vector<double>::Zero(4);
  int soft_steps = 0;
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    auto step = scene.step();
    step.random = &random;
    step.query = i;
    Vector<double> a = scene.energies;
    scene.function.align(scene.span(a), step);
    if (a.maxCoeff() == 1) {
      counts += a;
    } else {
      ++soft_steps;
      ASSERT_TRUE(a.isApprox(p, 1e-14));
    }
  }
  EXPECT_NEAR(soft_steps, draws / 2, 4 * std::sqrt(draws / 4.0));
  const double n = counts.sum();
  for (Index j = 0; j < 4; ++j) {
    EXPECT_NEAR(counts(j) / n, p(j), 4 * std::sqrt(p(j) * (1 - p(j)) / n)) << j;
  }
}

TEST(MovingBaseline, FollowsTheRewards) {
  attend::MovingBaseline baseline;
  EXPECT_EQ(baseline.advantage(-5), 0);
  EXPECT_DOUBLE_EQ(baseline.advantage(-3), 2);
  EXPECT_DOUBLE_EQ(baseline.average, -4.8);
}

TEST(Monotonic, InParallelIsNotExactOnLongInputs) {
  Scene<MonotonicCase<MonotonicMode::exact>, float> exact(400, 1);
  Scene<MonotonicCase<MonotonicMode::parallel>, float> parallel(400, 1);
  // The query before took key 300; 300 passed keys make the product too small for a float.
  exact.energies.setConstant(0.5F);
  parallel.energies = exact.energies;
  exact.previous.setZero();
  exact.previous(300) = 1;
  parallel.previous = exact.previous;
  EXPECT_NEAR(exact.align().sum(), 1, 1e-5);
  EXPECT_LT(parallel.align().sum(), 1e-3);
}

TEST(Monotonic, WithCertainEnergiesIsHard) {
  Scene<MonotonicCase<MonotonicMode::exact>, double> scene(30, 4);
  scene.energies = (scene.energies.array() > 0.6).select(Vector<double>::Constant(30, 60), -60.0);
  for (Index from = 0; from < 30; ++from) {
    scene.previous = Vector<double>::Unit(30, from);
    scene.function.mode = MonotonicMode::exact;
    const Vector<double> expected = scene.align();
    scene.function.mode = MonotonicMode::hard;
    EXPECT_TRUE((scene.align() - expected).isZero(1e-20)) << from;
  }
}

TEST(Monotonic, FindsItsNoiseOnTheWayBack) {
  Scene<MonotonicCase<MonotonicMode::exact>, double> scene(12, 4);
  scene.function.noise = 1;
  const Random random(8);
  auto step = scene.step();
  step.random = &random;
  step.query = 3;
  const auto align = [&] {
    Vector<double> a = scene.energies;
    scene.function.align(scene.span(a), step);
    return a;
  };
  EXPECT_FALSE(align().isApprox(scene.align()));
  Random other(3);
  const Vector<double> da = random_vector<double>(other, 12);
  Vector<double> d = da;
  const Vector<double> a = align();
  scene.function.align_backward(std::span<const double>(scene.span(scene.energies)),
                                std::span<const double>(scene.span(a)), scene.span(d), step,
                                scene.function);
  reference::expect_gradient("e", scene.energies, d, [&] { return align().dot(da); });
}

TEST(MonotonicReader, TakesWhatHardModeTakesInLinearTime) {
  Random random(2);
  const Index T = 60;
  const Index U = 150;
  const Matrix<float> H = random_matrix<float>(random, 5, T);
  const Matrix<float> Q = random_matrix<float>(random, 5, U);
  const attend::Dot<float> score(0.5F);
  const Monotonic hard{.mode = MonotonicMode::hard};
  Vector<float> previous = Vector<float>::Unit(T, 0);
  attend::MonotonicReader reader;
  attend::Buffer<float> scratch;
  Matrix<float> c(5, 1);
  for (Index u = 0; u < U; ++u) {
    Vector<float> a = (H.transpose() * Q.col(u)) * 0.5F;
    AlignmentStep<float> step;
    step.previous = {previous.data(), static_cast<std::size_t>(T)};
    hard.align(std::span(a.data(), static_cast<std::size_t>(T)), step);
    reader.read(score, attend::MemoryView<float>{H, H}, Q.col(u), c, scratch);
    EXPECT_EQ(c.col(0), H * a) << u;
    previous = a;
  }
  EXPECT_EQ(reader.position(), T);
  EXPECT_EQ(c.col(0).norm(), 0);
  EXPECT_LE(reader.energies(), T + 4 * U);
}

TEST(MemoryAddressing, TurnsTheWeightsBeforeWhenItsGateIsShut) {
  Scene<MemoryAddressingCase, double> scene(7, 3);
  scene.controls << -200, -200, -200, 200, 30;
  scene.previous = Vector<double>::Unit(7, 6);
  EXPECT_TRUE(scene.align().isApprox(Vector<double>::Unit(7, 0), 1e-12));
  scene.controls << -200, 200, -200, -200, 30;
  scene.previous = Vector<double>::Unit(7, 0);
  EXPECT_TRUE(scene.align().isApprox(Vector<double>::Unit(7, 6), 1e-12));
}

TEST(MemoryAddressing, MakesItsControlsFromQueries) {
  Random random(1);
  attend::MemoryAddressing<double> addressing(3, random);
  Matrix<double> Q = random_matrix<double>(random, 3, 4);
  const Matrix<double> dP = random_matrix<double>(random, 5, 4);
  auto transposed = addressing;
  attend::assign_transposed(addressing, transposed);
  auto gradient = attend::zero_like(addressing);
  Matrix<double> dQ = Matrix<double>::Zero(3, 4);
  addressing.controls_backward(transposed, Q, dP, dQ, gradient);
  const auto f = [&] {
    Matrix<double> P(5, 4);
    addressing.controls(Q, P);
    return P.cwiseProduct(dP).sum();
  };
  reference::expect_gradient("Q", Q, dQ, f);
  reference::expect_parameter_gradients(addressing, gradient, f);
}

}  // namespace
