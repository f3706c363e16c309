/// Every kind of attention through the engine: one line a kind buys its gradients and its laws.

#include <cmath>
#include <limits>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>
#include <reference/scores.hpp>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/attention.hpp>
#include <attend/attention/hard.hpp>
#include <attend/attention/local_predictive.hpp>
#include <attend/attention/memory_addressing.hpp>
#include <attend/attention/monotonic.hpp>
#include <attend/attention/sharpened.hpp>
#include <attend/attention/smoothed.hpp>
#include <attend/attention/sparsemax.hpp>
#include <attend/score/location_sensitive.hpp>

namespace {

using attend::Attention;
using attend::Full;
using attend::Index;
using attend::Matrix;
using attend::Memory;
using attend::Random;
using attend::View;
using reference::random_matrix;

constexpr Index d = 5;

template <class S>
struct Kinds {
  static auto sharpened() { return Attention(attend::Dot<S>(), Full{}, attend::Sharpened{1.5}); }
  static auto smoothed() { return Attention(attend::Dot<S>(), Full{}, attend::Smoothed{}); }
  static auto sparsemax(Random& random) {
    return Attention(attend::General<S>({d, d, 0}, random), Full{}, attend::Sparsemax{});
  }
  static auto monotonic(Random& random) {
    return Attention(attend::NormalisedAdditive<S>({d, d, 7}, random), Full{}, attend::Monotonic{});
  }
  static auto addressing(Random& random) {
    return Attention(attend::Cosine<S>(d), Full{}, attend::MemoryAddressing<S>(d, random));
  }
  static auto local_predictive(Random& random) {
    return Attention(attend::Additive<S>({d, d, 7}, random), attend::Causal{4},
                     attend::LocalPredictive<S>(d, 6, 2.5, random));
  }
  static auto location_sensitive(Random& random) {
    return Attention(
        attend::LocationSensitive<S>({{d, d, 7}, 3, 4, attend::Past::previous}, random));
  }
  static auto coverage(Random& random) {
    return Attention(attend::coverage_score<S>({d, d, 7}, random));
  }
};

struct SharpenedKind {
  template <class S>
  static auto make(Random&) {
    return Kinds<S>::sharpened();
  }
};
struct SmoothedKind {
  template <class S>
  static auto make(Random&) {
    return Kinds<S>::smoothed();
  }
};
struct SparsemaxKind {
  template <class S>
  static auto make(Random& random) {
    return Kinds<S>::sparsemax(random);
  }
};
struct MonotonicKind {
  template <class S>
  static auto make(Random& random) {
    return Kinds<S>::monotonic(random);
  }
};
struct AddressingKind {
  template <class S>
  static auto make(Random& random) {
    return Kinds<S>::addressing(random);
  }
};
struct LocalPredictiveKind {
  template <class S>
  static auto make(Random& random) {
    return Kinds<S>::local_predictive(random);
  }
};
struct LocationSensitiveKind {
  template <class S>
  static auto make(Random& random) {
    return Kinds<S>::location_sensitive(random);
  }
};
struct CoverageKind {
  template <class S>
  static auto make(Random& random) {
    return Kinds<S>::coverage(random);
  }
};

/// One source, queries with a past, and the way there and back. The loss is sum(C o dC) plus
/// sum(weights o dP).
template <class A>
struct Scene {
  using S = typename A::Scalar;

  A attention;
  Matrix<S> H;
  Matrix<S> Q;
  Matrix<S> previous;
  Matrix<S> past;
  Matrix<S> dC;
  Matrix<S> dP;

  Matrix<S> C;
  Matrix<S> weights;
  Memory<S> d_memory;
  Matrix<S> dQ;
  Matrix<S> d_previous;
  Matrix<S> d_past;
  A gradient;
  attend::AttentionWorkspace<S> workspace;

  Scene(A a, Index T, Index U, std::uint64_t seed) : attention(std::move(a)), gradient(attention) {
    Random random(seed);
    reference::randomize(attention, random);
    H = random_matrix<S>(random, d, T);
    Q = random_matrix<S>(random, d, U);
    previous = random_matrix<S>(random, T, U).cwiseAbs() / static_cast<S>(T);
    past = random_matrix<S>(random, T, U).cwiseAbs();
    dC = random_matrix<S>(random, d, U);
    dP = random_matrix<S>(random, T, U);
    forward();
  }

  /// Leaves the queries as the engine sees them.
  struct Projected {
    Memory<S> memory;
    Matrix<S> A_;
    Matrix<S> P;
  };
  [[nodiscard]] Projected project() const {
    Projected p;
    const std::vector<Index> lengths = {H.cols()};
    p.memory.resize(lengths, d, attention.key_size(d));
    p.memory.values() = H;
    attention.project_keys(p.memory);
    p.A_.resize(p.memory[0].keys.rows(), Q.cols());
    attention.project_queries(Q, p.A_);
    p.P.resize(attend::control_size(attention.alignment), Q.cols());
    attention.controls(Q, p.P);
    return p;
  }
  [[nodiscard]] attend::Queries<S> queries(const Projected& p) const {
    attend::Queries<S> q{p.A_};
    q.previous = previous.data();
    q.past = past.data();
    q.controls = p.P.data();
    return q;
  }

  S forward() {
    const Projected p = project();
    C = Matrix<S>::Constant(d, Q.cols(), S{7});
    weights = Matrix<S>::Constant(H.cols(), Q.cols(), S{7});
    View<S> view(weights);
    attention.attend(p.memory[0], queries(p), C, workspace, {}, &view);
    return C.cwiseProduct(dC).sum() + weights.cwiseProduct(dP).sum();
  }

  void backward(bool keeps_weights = true) {
    Projected p = project();
    d_memory.zero_like(p.memory);
    gradient = attend::zero_like(attention);
    dQ = Matrix<S>::Zero(d, Q.cols());
    d_previous = Matrix<S>::Zero(H.cols(), Q.cols());
    d_past = d_previous;
    Matrix<S> dA = Matrix<S>::Zero(p.A_.rows(), Q.cols());
    Matrix<S> dcontrols = Matrix<S>::Zero(p.P.rows(), Q.cols());
    auto q = queries(p);
    q.d_previous = d_previous.data();
    q.d_past = d_past.data();
    q.d_controls = dcontrols.data();
    attention.backward(p.memory[0], q, {C, {}, keeps_weights ? weights.data() : nullptr, dP.data()},
                       dC, dA, d_memory.gradient(0), gradient, workspace);
    A transposed = attention;
    attend::assign_transposed(attention, transposed);
    attention.project_queries_backward(transposed, Q, dA, dQ, gradient);
    attention.controls_backward(transposed, Q, dcontrols, dQ, gradient);
    attention.project_keys_backward(transposed, p.memory, d_memory, gradient);
  }
};

template <class Kind, class S>
auto scene(Index T, Index U, std::uint64_t seed) {
  Random random(1);
  auto attention = Kind::template make<S>(random);
  return Scene<decltype(attention)>(attention, T, U, seed);
}

template <class Kind>
class AttentionKinds : public testing::Test {};
using All =
    testing::Types<SharpenedKind, SmoothedKind, SparsemaxKind, MonotonicKind, AddressingKind,
                   LocalPredictiveKind, LocationSensitiveKind, CoverageKind>;
TYPED_TEST_SUITE(AttentionKinds, All);

TYPED_TEST(AttentionKinds, HaveTheirGradients) {
  for (const Index T : {1, 9}) {
    auto s = scene<TypeParam, double>(T, 2, 3);
    for (const bool keeps_weights : {true, false}) {
      s.forward();
      s.backward(keeps_weights);
      const auto f = [&] { return s.forward(); };
      const Matrix<double> dH = s.d_memory.values();
      reference::expect_gradient("H", s.H, dH, f);
      reference::expect_gradient("Q", s.Q, s.dQ, f);
      reference::expect_gradient("previous", s.previous, s.d_previous, f);
      reference::expect_gradient("past", s.past, s.d_past, f);
      reference::expect_parameter_gradients(s.attention, s.gradient, f);
    }
  }
}

TYPED_TEST(AttentionKinds, MixValuesByTheirWeights) {
  for (const Index T : {1, 2, 17}) {
    auto s = scene<TypeParam, float>(T, 3, 4);
    EXPECT_TRUE((s.weights.array() >= 0).all());
    EXPECT_TRUE((s.weights.colwise().sum().array() <= 1 + 2e-6F).all());
    EXPECT_TRUE((s.C - s.H * s.weights).isZero(2e-6F));
  }
}

TYPED_TEST(AttentionKinds, GiveAQueryTheSameBitsAloneAndAmongOthers) {
  const Index T = 19;
  auto together = scene<TypeParam, float>(T, 20, 5);
  for (Index u = 0; u < 20; ++u) {
    auto alone = scene<TypeParam, float>(T, 1, 5);
    alone.attention = together.attention;
    alone.attention.window = together.attention.window;
    if constexpr (requires { alone.attention.window.offset; }) alone.attention.window.offset += u;
    alone.H = together.H;
    alone.Q = together.Q.col(u);
    alone.previous = together.previous.col(u);
    alone.past = together.past.col(u);
    alone.dC = together.dC.col(u);
    alone.dP = together.dP.col(u);
    alone.forward();
    ASSERT_EQ(alone.C, together.C.col(u)) << u;
    ASSERT_EQ(alone.weights, together.weights.col(u)) << u;
  }
}

TYPED_TEST(AttentionKinds, KeepHiddenKeysHidden) {
  auto s = scene<TypeParam, double>(9, 1, 6);
  auto poisoned = s;
  const std::vector<char> kept = {1, 1, 1, 1, 0, 1, 1, 0, 1};
  const auto hide = [&](auto& x) {
    auto p = x.project();
    auto q = x.queries(p);
    q.keep = {reinterpret_cast<const bool*>(kept.data()), 1, 0};
    View<double> view(x.weights);
    x.attention.attend(p.memory[0], q, x.C, x.workspace, {}, &view);
  };
  poisoned.H.col(4).setConstant(std::nan(""));
  poisoned.H.col(7).setConstant(std::numeric_limits<double>::infinity());
  hide(s);
  hide(poisoned);
  EXPECT_EQ(s.C, poisoned.C);
  EXPECT_EQ(s.weights, poisoned.weights);
  EXPECT_EQ(s.weights(4, 0), 0);
  EXPECT_EQ(s.weights(7, 0), 0);
  EXPECT_TRUE(s.C.allFinite());
}

TEST(LocationSensitive, AddsTheFilteredPastToTheAdditiveScore) {
  auto s = scene<LocationSensitiveKind, double>(9, 1, 7);
  const auto& z = s.attention.score;
  Matrix<double> f = Matrix<double>::Zero(3, 9);
  for (Index t = 0; t < 9; ++t) {
    for (Index w = 0; w < 4; ++w) {
      const Index from = t + w - 2;
      if (from >= 0 && from < 9) f.col(t) += z.F->col(w) * s.past(from, 0);
    }
  }
  const Matrix<double> W = reference::wide(z.W).cast<double>();
  const Matrix<double> U = reference::wide(z.U).cast<double>();
  Matrix<double> x = U * s.H + z.L * f;
  x.colwise() += *z.b + W * s.Q.col(0);
  attend::Vector<double> e = x.array().tanh().matrix().transpose() * z.v;
  e = (e.array() - e.maxCoeff()).exp();
  EXPECT_TRUE(s.weights.col(0).isApprox(e / e.sum(), 1e-13));
}

TEST(LocationSensitive, WithoutAPastIsAdditive) {
  auto s = scene<CoverageKind, double>(9, 2, 8);
  s.past.setZero();
  s.forward();
  const Attention additive(static_cast<const attend::Additive<double>&>(s.attention.score));
  Matrix<double> C(d, 2);
  additive.attend(s.H, s.Q, C, s.workspace);
  EXPECT_TRUE(C.isApprox(s.C, 1e-13));
}

TEST(LocalPredictive, ComputesNothingBeyondItsReach) {
  Random random(1);
  const Index T = 40;
  Attention attention(attend::Dot<float>(), Full{},
                      attend::LocalPredictive<float>(d, 6, 3, random));
  Matrix<float> H = random_matrix<float>(random, d, T);
  const Matrix<float> Q = random_matrix<float>(random, d, 1);
  Matrix<float> P(6, 1);
  attention.controls(Q, P);
  const std::span<const float> controls(P.data(), 6);
  const float p = attention.alignment.centre(controls, T);
  for (Index t = 0; t < T; ++t) {
    if (std::abs(static_cast<float>(t) - p) > 3) H.col(t).setConstant(std::nanf(""));
  }
  Matrix<float> C(d, 1);
  Matrix<float> weights;
  attend::AttentionWorkspace<float> workspace;
  attention.attend(H, Q, C, workspace, weights);
  EXPECT_TRUE(C.allFinite());
  EXPECT_EQ((weights.array() > 0).count(), 6);
}

TEST(Softmax, InTilesTakesNoGradientOfItsWeights) {
  const Attention attention(attend::Dot<float>{});
  const Matrix<float> H = Matrix<float>::Ones(2, 3);
  Matrix<float> d_query = Matrix<float>::Zero(2, 1);
  Memory<float> d_memory;
  attend::AttentionWorkspace<float> workspace;
  auto gradient = attention;
  try {
    attention.backward({H, H}, {H.leftCols(1)}, {H.leftCols(1), {}, nullptr, H.data()},
                       H.leftCols(1), d_query, d_memory.gradient(0), gradient, workspace);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("use Sharpened{}"), std::string::npos);
  }
}

}  // namespace
