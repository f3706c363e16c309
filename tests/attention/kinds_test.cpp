/// Every kind of attention through the engine: one line a kind buys its gradients and its laws.

#include <array>
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
#include <attend/score/adjusted.hpp>
#include <attend/score/linear_bias.hpp>
#include <attend/score/location.hpp>
#include <attend/score/location_sensitive.hpp>
#include <attend/score/pairwise.hpp>
#include <attend/score/relative_positions.hpp>
#include <attend/score/soft_cap.hpp>

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

struct SharpenedKind {
  template <class S>
  static auto make(Random&) {
    return Attention(attend::Dot<S>(), Full{}, attend::Sharpened{1.5});
  }
};
struct SmoothedKind {
  template <class S>
  static auto make(Random&) {
    return Attention(attend::Dot<S>(), Full{}, attend::Smoothed{});
  }
};
struct SparsemaxKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::General<S>({d, d, 0}, random), Full{}, attend::Sparsemax{});
  }
};
struct MonotonicKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::NormalisedAdditive<S>({d, d, 7}, random), Full{}, attend::Monotonic{});
  }
};
struct AddressingKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::Cosine<S>(d), Full{}, attend::MemoryAddressing<S>(d, random));
  }
};
struct LocalPredictiveKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::Additive<S>({d, d, 7}, random), attend::Causal{4},
                     attend::LocalPredictive<S>(d, 6, 2.5, random));
  }
};
struct LocationSensitiveKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(
        attend::LocationSensitive<S>({{d, d, 7}, 3, 4, attend::Past::previous}, random));
  }
};
struct CoverageKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::coverage_score<S>({d, d, 7}, random));
  }
};
struct LocationKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::Location<S>(d, 19, random));
  }
};
struct RelativePositionsKind {
  template <class S>
  static auto make(Random& random) {
    return Attention(attend::Adjusted(attend::Dot<S>(S(0.4)),
                                      attend::RelativePositions<S>(d, 3, S(0.4), random)),
                     attend::Causal{4});
  }
};
/// Caps, then adds relative positions, then subtracts the distance.
struct AdjustedKind {
  template <class S>
  static auto make(Random& random) {
    attend::Adjusted capped(attend::Additive<S>({d, d, 7}, random), attend::SoftCap<S>{S(1.5)});
    attend::Adjusted placed(std::move(capped), attend::LinearBias<S>(2));
    return Attention(std::move(placed), Full{}, attend::Sharpened{});
  }
};
/// A function of one's own that knows where it stands, its gradient derived.
struct PlacedKind {
  template <class S>
  static auto make(Random&) {
    return Attention(attend::learned_score<S>(
        attend::Vector<S>::Ones(2),
        [](const auto& k, const auto& q, const auto& w, attend::Place at) {
          using std::tanh;
          return w(0) * tanh(k.dot(q)) - w(1) * S(0.1) * S(at.key - at.query);
        }));
  }
};
/// The same without a place, with the gradient written down.
struct PairwiseKind {
  template <class S>
  static auto make(Random&) {
    return Attention(attend::pairwise_score<S>(
        [](const auto& k, const auto& q) { return -(k - q).squaredNorm(); },
        [](const auto& k, const auto& q, S de, auto& dk, auto& dq) {
          dk -= 2 * de * (k - q);
          dq += 2 * de * (k - q);
        }));
  }
};

/// One source, queries with a past, and the way there and back. The loss is sum(C o dC) plus
/// sum(weights o dP) where whole columns are there to take the gradient of weights.
template <class A>
struct Scene {
  using S = typename A::Scalar;

  A attention;
  Index first = 0;
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
  std::vector<S> normalisers;
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
    if (!attention.needs_columns()) dP.setZero();
    normalisers.resize(static_cast<std::size_t>(U));
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
    attend::Queries<S> q{p.A_, first};
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
    attention.attend(p.memory[0], queries(p), C, workspace, normalisers, &view);
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
    attention.backward(p.memory[0], q,
                       {C, normalisers, keeps_weights ? weights.data() : nullptr,
                        attention.needs_columns() ? dP.data() : nullptr},
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
                   LocalPredictiveKind, LocationSensitiveKind, CoverageKind, LocationKind,
                   RelativePositionsKind, AdjustedKind, PlacedKind, PairwiseKind>;
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
    EXPECT_TRUE((s.C - s.H * s.weights).isZero(4e-6F));
  }
}

TYPED_TEST(AttentionKinds, GiveAQueryTheSameBitsAloneAndAmongOthers) {
  const Index T = 19;
  auto together = scene<TypeParam, float>(T, 15, 5);
  for (Index u = 0; u < 15; ++u) {
    auto alone = scene<TypeParam, float>(T, 1, 5);
    alone.attention = together.attention;
    alone.first = u;
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

TEST(Location, SaysForHowManyPositionsItWasMade) {
  try {
    scene<LocationKind, float>(20, 1, 9);
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "Location: the source has at least 20 positions, the score was made for 19");
  }
}

TEST(LinearBias, HalvesItsSlopeFromHeadToHead) {
  const attend::LinearBias<double> bias(8);
  EXPECT_EQ(bias.slope(0), 0.5);
  EXPECT_EQ(bias.slope(7), 1.0 / 256);
  EXPECT_THROW((void)bias.slope(8), std::invalid_argument);
  EXPECT_THROW(attend::LinearBias<double>(0), std::invalid_argument);
}

TEST(Pairwise, DerivesTheGradientOfItsEnergy) {
  Random random(3);
  const Matrix<double> K = random_matrix<double>(random, 11, 3);
  const Matrix<double> A = random_matrix<double>(random, 11, 2);
  const auto energy = [](const auto& k, const auto& q) {
    using std::exp, std::log1p, std::sqrt;
    return log1p(exp(k.dot(q))) / sqrt(1 + k.squaredNorm()) - (k - q).cwiseAbs().sum();
  };
  Matrix<double> keys = K;
  Matrix<double> queries = A;
  auto score = attend::pairwise_score<double>(energy);
  Matrix<double> dE = random_matrix<double>(random, 3, 2);
  const Matrix<double> weights = dE;
  Matrix<double> dK = Matrix<double>::Zero(11, 3);
  Matrix<double> dA = Matrix<double>::Zero(11, 2);
  auto gradient = score;
  score.energies_backward(K, A, dE, dK, dA, gradient);
  const auto f = [&] {
    Matrix<double> E(3, 2);
    score.energies(keys, queries, E);
    return E.cwiseProduct(weights).sum();
  };
  reference::expect_gradient("K", keys, dK, f);
  reference::expect_gradient("A", queries, dA, f);
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
  d_memory.resize(std::array<Index, 1>{3}, 2, 0);
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
