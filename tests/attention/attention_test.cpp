#include <cmath>
#include <limits>
#include <reference/attention.hpp>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>
#include <reference/scores.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/attention.hpp>

namespace {

using attend::Attention;
using attend::AttentionWorkspace;
using attend::Causal;
using attend::Full;
using attend::Index;
using attend::KeyRange;
using attend::Matrix;
using attend::Memory;
using attend::Random;
using attend::ScoreConfig;
using attend::View;
using reference::random_matrix;

/// A user's window: a few keys on both sides of the query.
struct Sliding {
  Index reach = 2;
  [[nodiscard]] KeyRange range(Index query, Index T) const {
    return {std::max<Index>(query - reach, 0), std::min(query + reach + 1, T)};
  }
};

std::vector<Full> windows(const Full&, Index, Index) { return {{}}; }
std::vector<Causal> windows(const Causal&, Index T, Index U) { return {{0}, {-2}, {T - U}}; }
std::vector<Sliding> windows(const Sliding&, Index, Index) { return {{2}, {40}}; }

/// Weights and contexts, and the gradients of sum(C o dC), of one source.
template <class A>
struct Pass {
  using S = typename A::Scalar;

  A attention;
  Memory<S> memory;
  Matrix<S> queries;
  Matrix<S> contexts;
  Matrix<S> weights;
  std::vector<S> normalisers;
  AttentionWorkspace<S> workspace;

  Memory<S> d_memory;
  Matrix<S> d_queries;
  A gradient;

  Pass(const A& a, const Matrix<S>& H, const Matrix<S>& Q, Index first = 0) : attention(a) {
    const std::vector<Index> lengths = {H.cols()};
    memory.resize(lengths, H.rows(), attention.key_size(H.rows()));
    memory.values() = H;
    attention.project_keys(memory);
    queries.resize(memory[0].keys.rows(), Q.cols());
    attention.project_queries(Q, queries);
    contexts = Matrix<S>::Constant(H.rows(), Q.cols(), S{7});
    weights = Matrix<S>::Constant(H.cols(), Q.cols(), S{7});
    normalisers.resize(static_cast<std::size_t>(Q.cols()));
    View<S> alignment(weights);
    attention.attend(memory[0], {queries, first}, contexts, workspace, normalisers, &alignment);
  }

  /// Up to the projected keys and queries.
  void engine_backward(const Matrix<S>& dC) {
    d_memory.zero_like(memory);
    gradient = attend::zero_like(attention);
    d_queries = Matrix<S>::Zero(queries.rows(), queries.cols());
    attention.backward(memory[0], {queries}, {contexts, normalisers}, dC, d_queries,
                       d_memory.gradient(0), gradient, workspace);
  }

  /// Returns dQ; dH is then in d_memory's values.
  Matrix<S> backward(const Matrix<S>& Q, const Matrix<S>& dC) {
    engine_backward(dC);
    A transposed = attention;
    attend::assign_transposed(attention, transposed);
    Matrix<S> dQ = Matrix<S>::Zero(Q.rows(), Q.cols());
    attention.project_queries_backward(transposed, Q, d_queries, dQ, gradient);
    attention.project_keys_backward(transposed, memory, d_memory, gradient);
    return dQ;
  }
};

template <class C, class W>
struct Scene {
  using Case = C;
  using Window = W;
};

template <class Scene>
class Attentions : public testing::Test {
 protected:
  using Case = typename Scene::Case;
  using Window = typename Scene::Window;

  static ScoreConfig config() { return {Case::same_sizes ? 5 : 4, 5, 9}; }

  template <class S>
  static auto attention(Window window) {
    return Attention(reference::make_score<Case, S>(config(), 3), window);
  }

  template <class S>
  static void expect_reference(Index T, Index U, double tolerance) {
    Random random(static_cast<std::uint64_t>(1000 * T + U));
    const Matrix<S> H = random_matrix<S>(random, config().key, T);
    const Matrix<S> Q = random_matrix<S>(random, config().query, U);
    const auto E = reference::energies<Case>(config(), 3, H, Q);
    for (const Window& window : windows(Window{}, T, U)) {
      const auto expected = reference::attention(E, reference::wide(H), window);
      const Pass pass(attention<S>(window), H, Q);
      const auto near = [&](const Matrix<S>& m, const reference::Wide& wide) {
        return (reference::wide(m) - wide).cwiseAbs().sum() <=
               tolerance * static_cast<double>(1 + wide.size());
      };
      ASSERT_TRUE(near(pass.contexts, expected.contexts)) << "T " << T << ", U " << U;
      ASSERT_TRUE(near(pass.weights, expected.weights)) << "T " << T << ", U " << U;
      for (Index u = 0; u < U; ++u) {
        const auto i = static_cast<std::size_t>(u);
        if (std::isinf(expected.normalisers[i])) {
          ASSERT_EQ(pass.normalisers[i], std::numeric_limits<S>::infinity());
        } else {
          ASSERT_NEAR(pass.normalisers[i], static_cast<double>(expected.normalisers[i]),
                      10 * tolerance);
        }
      }
    }
  }
};

using reference::AdditiveCase, reference::AnyCase, reference::DotCase, reference::GeneralCase,
    reference::ScaledDotCase;
using Scenes =
    testing::Types<Scene<AdditiveCase, Full>, Scene<AdditiveCase, Causal>,
                   Scene<AdditiveCase, Sliding>, Scene<DotCase, Full>, Scene<DotCase, Causal>,
                   Scene<DotCase, Sliding>, Scene<ScaledDotCase, Causal>, Scene<GeneralCase, Full>,
                   Scene<GeneralCase, Sliding>, Scene<AnyCase<AdditiveCase>, Full>,
                   Scene<AnyCase<DotCase>, Causal>>;
TYPED_TEST_SUITE(Attentions, Scenes);

TYPED_TEST(Attentions, EqualTheDefinition) {
  for (const Index T : {0, 1, 2, 63, 64, 65, 130}) {
    for (const Index U : {1, 2, 31, 32, 33, 35}) {
      this->template expect_reference<double>(T, U, 1e-14);
      this->template expect_reference<float>(T, U, 1e-6);
    }
  }
}

TYPED_TEST(Attentions, HaveTheirGradients) {
  struct Sizes {
    Index T, U;
  };
  const auto c = this->config();
  for (const auto [T, U] :
       {Sizes{0, 2}, Sizes{1, 1}, Sizes{7, 5}, Sizes{66, 3}, Sizes{4, 34}, Sizes{12, 17}}) {
    Random random(5);
    Matrix<double> H = random_matrix<double>(random, c.key, T);
    Matrix<double> Q = random_matrix<double>(random, c.query, U);
    const Matrix<double> dC = random_matrix<double>(random, c.key, U);
    for (const auto& window : windows(typename TypeParam::Window{}, T, U)) {
      auto attention = this->template attention<double>(window);
      Pass pass(attention, H, Q);
      const Matrix<double> dQ = pass.backward(Q, dC);
      AttentionWorkspace<double> workspace;
      Matrix<double> C(c.key, U);
      const auto f = [&] {
        attention.attend(H, Q, C, workspace);
        return C.cwiseProduct(dC).sum();
      };
      reference::expect_gradient("H", H, pass.d_memory.values(), f);
      reference::expect_gradient("Q", Q, dQ, f);
      reference::expect_parameter_gradients(attention, pass.gradient, f);
    }
  }
}

TYPED_TEST(Attentions, GiveAQueryTheSameBitsInAnyCompanyOfItsKind) {
  struct Company {
    Index U, part;
  };
  const Index T = 70;
  const auto c = this->config();
  Random random(6);
  const Matrix<float> H = random_matrix<float>(random, c.key, T);
  // Few queries against two; many against the fewest that are many.
  for (const auto [U, part] : {Company{15, 2}, Company{67, 16}}) {
    const Matrix<float> Q = random_matrix<float>(random, c.query, U);
    for (const auto& window : windows(typename TypeParam::Window{}, T, U)) {
      const auto attention = this->template attention<float>(window);
      const Pass together(attention, H, Q);
      for (Index u = 0; u + part <= U; u += part == 2 ? 1 : 13) {
        const Pass apart(attention, H, Matrix<float>(Q.middleCols(u, part)), u);
        ASSERT_TRUE(reference::same_bits<float>(
            apart.contexts, Matrix<float>(together.contexts.middleCols(u, part))));
        ASSERT_TRUE(reference::same_bits<float>(
            apart.weights, Matrix<float>(together.weights.middleCols(u, part))));
        for (Index i = 0; i < part; ++i) {
          ASSERT_EQ(apart.normalisers[static_cast<std::size_t>(i)],
                    together.normalisers[static_cast<std::size_t>(u + i)]);
        }
      }
    }
  }
}

TYPED_TEST(Attentions, KeepHiddenPositionsHidden) {
  const Index T = 68;
  const auto c = this->config();
  Random random(7);
  for (const Index U : {6, 17})
    for (const auto& window : windows(typename TypeParam::Window{}, T, U)) {
      const Matrix<double> H = random_matrix<double>(random, c.key, T);
      const Matrix<double> Q = random_matrix<double>(random, c.query, U);
      const Matrix<double> dC = random_matrix<double>(random, c.key, U);
      const auto attention = this->template attention<double>(window);
      Pass clean(attention, H, Q);
      clean.engine_backward(dC);
      for (const Index hidden : {0, 1, 4, 9, 63, 67}) {
        for (const double poison : {std::nan(""), std::numeric_limits<double>::infinity()}) {
          Matrix<double> poisoned = H;
          poisoned.col(hidden).setConstant(poison);
          Pass pass(attention, poisoned, Q);
          pass.engine_backward(dC);
          bool hidden_from_all = true;
          for (Index u = 0; u < U; ++u) {
            const KeyRange seen = window.range(u, T);
            if (seen.begin <= hidden && hidden < seen.end) {
              hidden_from_all = false;
              continue;
            }
            ASSERT_EQ(pass.contexts.col(u), clean.contexts.col(u)) << hidden << " from " << u;
            ASSERT_EQ(pass.weights.col(u), clean.weights.col(u)) << hidden << " from " << u;
            ASSERT_EQ(pass.weights(hidden, u), 0) << hidden << " from " << u;
            ASSERT_EQ(pass.d_queries.col(u), clean.d_queries.col(u)) << hidden << " from " << u;
          }
          if (!hidden_from_all) continue;
          ASSERT_EQ(pass.d_memory.values(), clean.d_memory.values()) << hidden;
          ASSERT_EQ(pass.d_memory.keys(), clean.d_memory.keys()) << hidden;
          ASSERT_TRUE((pass.d_memory.values().col(hidden).array() == 0).all()) << hidden;
          attend::for_each_parameter(
              [](std::string_view name, const auto& p, const auto& q) {
                ASSERT_EQ(attend::values(p), attend::values(q)) << name;
              },
              pass.gradient, clean.gradient);
        }
      }
    }
}

TYPED_TEST(Attentions, WeighWithDistributions) {
  const auto c = this->config();
  Random random(8);
  for (const Index T : {0, 1, 65}) {
    const Index U = 33;
    const Matrix<float> H = random_matrix<float>(random, c.key, T, 3);
    const Matrix<float> Q = random_matrix<float>(random, c.query, U, 3);
    for (const auto& window : windows(typename TypeParam::Window{}, T, U)) {
      const Pass pass(this->template attention<float>(window), H, Q);
      for (Index u = 0; u < U; ++u) {
        const KeyRange seen = window.range(u, T);
        const bool blind = seen.begin >= seen.end;
        EXPECT_NEAR(pass.weights.col(u).sum(), blind ? 0 : 1, 2e-6);
        EXPECT_TRUE((pass.weights.col(u).array() >= 0).all());
        if (blind) {
          EXPECT_TRUE((pass.contexts.col(u).array() == 0).all());
        }
        for (Index t = 0; t < T; ++t) {
          if (t < seen.begin || t >= seen.end) {
            ASSERT_EQ(pass.weights(t, u), 0);
          }
        }
      }
    }
  }
}

TYPED_TEST(Attentions, AddTheirGradients) {
  const Index T = 9;
  const Index U = 4;
  const auto c = this->config();
  Random random(9);
  const Matrix<double> H = random_matrix<double>(random, c.key, T);
  const Matrix<double> Q = random_matrix<double>(random, c.query, U);
  const Matrix<double> dC = random_matrix<double>(random, c.key, U);
  for (const auto& window : windows(typename TypeParam::Window{}, T, U)) {
    Pass once(this->template attention<double>(window), H, Q);
    once.engine_backward(dC);
    Pass twice = once;
    twice.attention.backward(twice.memory[0], {twice.queries}, {twice.contexts, twice.normalisers},
                             dC, twice.d_queries, twice.d_memory.gradient(0), twice.gradient,
                             twice.workspace);
    EXPECT_TRUE(twice.d_queries.isApprox(2 * once.d_queries, 1e-13));
    EXPECT_TRUE(twice.d_memory.values().isApprox(2 * once.d_memory.values(), 1e-13));
    EXPECT_TRUE(twice.d_memory.keys().isApprox(2 * once.d_memory.keys(), 1e-13));
    attend::for_each_parameter(
        [](std::string_view name, const auto& p, const auto& q) {
          EXPECT_LE((attend::values(p) - 2 * attend::values(q)).norm(),
                    1e-13 * (1 + attend::values(q).norm()))
              << name;
        },
        twice.gradient, once.gradient);
  }
}

/// Any energies at all: queries are the unit vectors, so that key t is row t of E.
template <class S, class W = Full>
struct GivenEnergies {
  Matrix<S> contexts;
  Matrix<S> weights;
  Matrix<S> d_values;
  Matrix<S> d_energies;

  GivenEnergies(const Matrix<S>& E, const Matrix<S>& V, W window = {}) {
    const Index T = E.rows();
    const Index U = E.cols();
    const Attention attention(attend::Dot<S>(), window);
    const Matrix<S> K = E.transpose();
    const Matrix<S> units = Matrix<S>::Identity(U, U);
    AttentionWorkspace<S> workspace;
    contexts.resize(V.rows(), U);
    weights.resize(T, U);
    std::vector<S> normalisers(static_cast<std::size_t>(U));
    View<S> alignment(weights);
    attention.attend({K, V}, {units}, contexts, workspace, normalisers, &alignment);
    d_values = Matrix<S>::Zero(V.rows(), T);
    Matrix<S> dK = Matrix<S>::Zero(U, T);
    Matrix<S> dA = Matrix<S>::Zero(U, U);
    auto gradient = attention;
    const Matrix<S> dC = Matrix<S>::Ones(V.rows(), U);
    attention.backward({K, V}, {units}, {contexts, normalisers}, dC, dA, {dK, d_values}, gradient,
                       workspace);
    d_energies = dK.transpose();
  }
};

template <class S>
class Softmaxes : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Softmaxes, Scalars);

TYPED_TEST(Softmaxes, OfExtremeEnergiesEqualTheDefinition) {
  using S = TypeParam;
  Random random(1);
  for (const Index T : {1, 64, 65, 130}) {
    for (const Index U : {1, 4, 33}) {
      const Matrix<S> V = random_matrix<S>(random, 3, T);
      for (const double size : {1.0, 30.0, 1e4}) {
        const Matrix<S> E = random_matrix<S>(random, T, U, size);
        const GivenEnergies<S> given(E, V);
        const auto expected = reference::attention(reference::wide(E), reference::wide(V), Full{});
        // A rounding of an energy is a relative change of a weight.
        const long double error = (4 + size) * std::numeric_limits<S>::epsilon();
        EXPECT_LE((reference::wide(given.weights) - expected.weights).cwiseAbs().maxCoeff(), error);
        EXPECT_LE((reference::wide(given.contexts) - expected.contexts).cwiseAbs().maxCoeff(),
                  2 * error);
        EXPECT_TRUE(given.d_values.allFinite() && given.d_energies.allFinite());
      }
    }
  }
}

TYPED_TEST(Softmaxes, OfOppositeExtremesChooseTheGreatest) {
  using S = TypeParam;
  for (const Index greatest : {0, 5, 63, 64, 99}) {
    Matrix<S> E = Matrix<S>::Constant(100, 2, S(-1e4));
    E.row(greatest).setConstant(S(1e4));
    const Matrix<S> V = Matrix<S>::NullaryExpr(
        2, 100, [](Index i, Index t) { return static_cast<S>(i == 0 ? t : -t); });
    const GivenEnergies<S> given(E, V);
    EXPECT_EQ(given.weights(greatest, 0), 1);
    EXPECT_LE((given.contexts.col(1) - V.col(greatest)).norm(), S(1e-30));
    EXPECT_TRUE(given.d_energies.isZero(S(1e-6)));
  }
}

TYPED_TEST(Softmaxes, AreInvariantToAShift) {
  using S = TypeParam;
  Random random(2);
  // Multiples of 1/64, so that the shift itself is exact.
  Matrix<S> E = (random_matrix<S>(random, 70, 5, 200).array().round() / 64).matrix();
  const Matrix<S> V = random_matrix<S>(random, 4, 70);
  const GivenEnergies<S> here(E, V);
  for (const double shift : {-1000.0, 512.0, 10000.0}) {
    const GivenEnergies<S> there((E.array() + static_cast<S>(shift)).matrix(), V);
    EXPECT_TRUE(reference::same_bits(there.contexts, here.contexts)) << shift;
    const S error = S(1e4) * std::numeric_limits<S>::epsilon();
    EXPECT_TRUE(there.weights.isApprox(here.weights, error)) << shift;
  }
}

TYPED_TEST(Softmaxes, FollowAPermutationOfTheMemory) {
  using S = TypeParam;
  Random random(3);
  const Index T = 130;
  const Matrix<S> E = random_matrix<S>(random, T, 5, 4);
  const Matrix<S> V = random_matrix<S>(random, 4, T);
  std::vector<Index> order;
  for (Index t = 0; t < T; ++t) order.push_back(t);
  random.shuffle(order);
  const GivenEnergies<S> straight(E, V);
  const GivenEnergies<S> shuffled(E(order, Eigen::all), V(Eigen::all, order));
  const S error = 100 * std::numeric_limits<S>::epsilon();
  EXPECT_TRUE(shuffled.weights.isApprox(straight.weights(order, Eigen::all), error));
  EXPECT_TRUE(shuffled.contexts.isApprox(straight.contexts, error));
}

TYPED_TEST(Softmaxes, OfNothingButMinusInfinityAreZero) {
  using S = TypeParam;
  const Matrix<S> E = Matrix<S>::Constant(70, 3, -std::numeric_limits<S>::infinity());
  Matrix<S> K = E.transpose();
  const Matrix<S> V = Matrix<S>::Ones(2, 70);
  const Matrix<S> units = Matrix<S>::Ones(3, 1);
  AttentionWorkspace<S> workspace;
  Matrix<S> C = Matrix<S>::Constant(2, 1, S{7});
  std::vector<S> normalisers(1);
  const Attention<attend::Dot<S>> attention;
  attention.attend({K, V}, {units}, C, workspace, normalisers);
  EXPECT_EQ(C, Matrix<S>::Zero(2, 1));
  EXPECT_EQ(normalisers[0], std::numeric_limits<S>::infinity());
}

TYPED_TEST(Softmaxes, OfBlindQueriesHaveNoGradient) {
  using S = TypeParam;
  Random random(4);
  const Matrix<S> E = random_matrix<S>(random, 5, 4);
  const Matrix<S> V = random_matrix<S>(random, 3, 5);
  const GivenEnergies<S, Causal> given(E, V, Causal{-2});
  EXPECT_TRUE((given.contexts.leftCols(2).array() == 0).all());
  EXPECT_TRUE((given.weights.leftCols(2).array() == 0).all());
  EXPECT_TRUE((given.d_energies.leftCols(2).array() == 0).all());
  EXPECT_TRUE((given.d_values.rightCols(3).array() == 0).all());
  EXPECT_EQ(given.weights(0, 2), 1);
  EXPECT_TRUE(given.contexts.allFinite() && given.d_values.allFinite());
}

TYPED_TEST(Softmaxes, OfManySourcesEqualEachAlone) {
  using S = TypeParam;
  Random random(5);
  const ScoreConfig config{4, 5, 9};
  const Attention attention(reference::make_score<reference::AdditiveCase, S>(config, 3));
  const std::vector<Index> lengths = {7, 0, 65, 1};
  Memory<S> memory;
  memory.resize(lengths, 5, attention.key_size(5));
  memory.values() = random_matrix<S>(random, 5, memory.values().cols());
  attention.project_keys(memory);
  AttentionWorkspace<S> workspace;
  for (Index b = 0; b < memory.size(); ++b) {
    const Matrix<S> Q = random_matrix<S>(random, 4, 3);
    Matrix<S> A(9, 3);
    attention.project_queries(Q, A);
    Matrix<S> C(5, 3);
    attention.attend(memory[b], {A}, C, workspace);
    const Pass alone(attention, Matrix<S>(memory[b].values), Q);
    EXPECT_TRUE(reference::same_bits(C, alone.contexts)) << b;
  }
}

/// What `f` throws.
template <class F>
std::string shape_error(F&& f) {
  try {
    f();
  } catch (const attend::ShapeError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(AttentionErrors, SayWhichShapeIsWrong) {
  Random random(1);
  const Attention attention(attend::Additive<float>({4, 5, 9}, random));
  const Matrix<float> H = Matrix<float>::Ones(5, 7);
  const Matrix<float> Q = Matrix<float>::Ones(4, 2);
  AttentionWorkspace<float> workspace;
  Matrix<float> C(5, 2);
  Matrix<float> wrong(3, 3);
  View<float> wrong_view(wrong);
  EXPECT_EQ(shape_error([&] { attention.attend(H, Q, wrong, workspace); }),
            "Attention::attend: C is (3 x 3), expected (5 x 2)");
  EXPECT_EQ(shape_error([&] { attention.attend(H, Q, C, workspace, &wrong_view); }),
            "Attention::attend: weights is (3 x 3), expected (7 x 2)");
  EXPECT_EQ(shape_error([&] {
              attention.attend({H, H}, {Q}, C, workspace);
            }),
            "Attention::attend: projected queries is (4 x 2), expected (5 x 2)");
  EXPECT_NE(shape_error([&] { attention.attend(Q, Q, C, workspace); }), "nothing");
}

TEST(AttentionErrors, SayWhichSizeIsWrongOfWhatIsProjected) {
  const Attention attention(attend::Dot<float>{});
  const Matrix<float> K = Matrix<float>::Ones(4, 7);
  const Matrix<float> A = Matrix<float>::Ones(4, 2);
  const Matrix<float> six = Matrix<float>::Ones(5, 6);
  const Matrix<float> V = Matrix<float>::Ones(5, 7);
  AttentionWorkspace<float> workspace;
  Matrix<float> C(5, 2);
  std::vector<float> normalisers(2);
  const std::span<float> one = std::span(normalisers).first(1);
  EXPECT_EQ(shape_error([&] {
              attention.attend({K, six}, {A}, C, workspace);
            }),
            "Attention::attend: number of values is 6, expected 7");
  EXPECT_EQ(shape_error([&] {
              attention.attend({K, V}, {A}, C, workspace, one);
            }),
            "Attention::attend: number of normalisers is 1, expected 2");
  Matrix<float> dA = A;
  Matrix<float> dK = K;
  Matrix<float> dV = V;
  Attention gradient = attention;
  const auto error_of_backward = [&](const Matrix<float>& contexts, std::span<const float> kept,
                                     const Matrix<float>& dC, Matrix<float>& to) {
    return shape_error([&] {
      attention.backward({K, V}, {A}, {contexts, kept}, dC, to, {dK, dV}, gradient, workspace);
    });
  };
  EXPECT_EQ(error_of_backward(A, normalisers, C, dA),
            "Attention::backward: C is (4 x 2), expected (5 x 2)");
  EXPECT_EQ(error_of_backward(C, one, C, dA),
            "Attention::backward: number of normalisers is 1, expected 2");
  EXPECT_EQ(error_of_backward(C, normalisers, A, dA),
            "Attention::backward: dC is (4 x 2), expected (5 x 2)");
  EXPECT_EQ(error_of_backward(C, normalisers, C, dK),
            "Attention::backward: dA is (4 x 7), expected (4 x 2)");
}

}  // namespace
