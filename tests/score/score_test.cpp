#include <limits>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>
#include <reference/scores.hpp>

#include <gtest/gtest.h>

#include <attend/score/any_score.hpp>

namespace {

using attend::AnyScore;
using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::ScoreConfig;
using attend::View;
using reference::random_matrix;

/// Not a score: it has no way back.
struct NoWayBack {
  using Scalar = float;
  static void parameters(auto&&, auto&...) {}
  Index projected_size(Index d) const { return d; }
  void energies(ConstView<float>, ConstView<float>, View<float>) const {}
};

static_assert(attend::Score<attend::Additive<float>> && attend::Score<attend::Additive<double>>);
static_assert(attend::Score<attend::Concat<float>> && attend::Score<attend::Concat<double>>);
static_assert(attend::Score<attend::Dot<float>> && attend::Score<attend::Dot<double>>);
static_assert(attend::Score<attend::General<float>> && attend::Score<attend::General<double>>);
static_assert(attend::Score<AnyScore<float>> && attend::Score<AnyScore<double>>);
static_assert(!attend::Score<NoWayBack>);
static_assert(!attend::Score<Matrix<float>> && !attend::Score<int>);
static_assert(attend::ProjectsKeys<attend::Additive<float>>);
static_assert(attend::ProjectsKeys<attend::Concat<float>>);
static_assert(attend::ProjectsKeys<attend::General<float>>);
static_assert(!attend::ProjectsKeys<attend::Dot<float>>);
static_assert(attend::ProjectsQueries<attend::Additive<float>>);
static_assert(attend::ProjectsQueries<attend::Concat<float>>);
static_assert(!attend::ProjectsQueries<attend::General<float>>);
static_assert(!attend::ProjectsQueries<attend::Dot<float>>);

/// Keys and queries as the score compares them.
template <class Z, class S>
Matrix<S> projected_keys(const Z& score, const Matrix<S>& H) {
  if constexpr (attend::ProjectsKeys<Z>) {
    if (attend::projects_keys(score)) {
      Matrix<S> K = Matrix<S>::Constant(score.projected_size(H.rows()), H.cols(), S{7});
      score.project_keys(H, K);
      return K;
    }
  }
  return H;
}

template <class Z, class S>
Matrix<S> projected_queries(const Z& score, const Matrix<S>& Q) {
  if constexpr (attend::ProjectsQueries<Z>) {
    if (attend::projects_queries(score)) {
      Matrix<S> A = Matrix<S>::Constant(score.projected_size(Q.rows()), Q.cols(), S{7});
      score.project_queries(Q, A);
      return A;
    }
  }
  return Q;
}

template <class Z, class S>
Matrix<S> energies(const Z& score, const Matrix<S>& H, const Matrix<S>& Q) {
  Matrix<S> E = Matrix<S>::Constant(H.cols(), Q.cols(), S{7});
  score.energies(projected_keys(score, H), projected_queries(score, Q), E);
  return E;
}

template <class Z>
struct Gradients {
  Matrix<double> H;
  Matrix<double> Q;
  Z score;
};

/// The gradients of sum(E o dE), added to numbers that are `from` before.
template <class Z>
Gradients<Z> gradients(const Z& score, const Matrix<double>& H, const Matrix<double>& Q,
                       Matrix<double> dE, double from = 0) {
  Gradients<Z> d{Matrix<double>::Constant(H.rows(), H.cols(), from),
                 Matrix<double>::Constant(Q.rows(), Q.cols(), from), score};
  attend::for_each_parameter([&](auto, auto& p) { attend::values(p).setConstant(from); }, d.score);
  Z transposed = score;
  attend::assign_transposed(score, transposed);
  const Matrix<double> K = projected_keys(score, H);
  const Matrix<double> A = projected_queries(score, Q);
  Matrix<double> dK = Matrix<double>::Zero(K.rows(), K.cols());
  Matrix<double> dA = Matrix<double>::Zero(A.rows(), A.cols());
  View<double> dK_view = attend::projects_keys(score) ? View<double>(dK) : View<double>(d.H);
  View<double> dA_view = attend::projects_queries(score) ? View<double>(dA) : View<double>(d.Q);
  score.energies_backward(K, A, dE, dK_view, dA_view, d.score);
  if constexpr (attend::ProjectsKeys<Z>) {
    score.project_keys_backward(transposed, H, K, dK, d.H, d.score);
  }
  if constexpr (attend::ProjectsQueries<Z>) {
    score.project_queries_backward(transposed, Q, dA, d.Q, d.score);
  }
  return d;
}

template <class Case>
class Scores : public testing::Test {
 protected:
  static ScoreConfig config(Index query, Index key, Index energy) {
    return {Case::same_sizes ? key : query, key, energy};
  }

  template <class S>
  static void expect_equation(ScoreConfig c, double tolerance) {
    Random random(static_cast<std::uint64_t>(c.query + 100 * c.key + 10000 * c.energy));
    const Matrix<S> H = random_matrix<S>(random, c.key, 6);
    const Matrix<S> Q = random_matrix<S>(random, c.query, 5);
    const auto score = reference::make_score<Case, S>(c, 3);
    const Matrix<S> E = energies(score, H, Q);
    const auto expected = reference::energies<Case>(c, 3, H, Q);
    for (Index i = 0; i < E.size(); ++i) {
      ASSERT_NEAR(E(i), static_cast<double>(expected(i)), tolerance)
          << c.query << " " << c.key << " " << c.energy;
    }
  }
};

using Cases = testing::Types<
    reference::AdditiveCase, reference::ConcatCase, reference::GeneralCase, reference::DotCase,
    reference::ScaledDotCase, reference::NormalisedAdditiveCase, reference::CosineCase,
    reference::ScaledGeneralCase, reference::AnyCase<reference::AdditiveCase>,
    reference::AnyCase<reference::ConcatCase>, reference::AnyCase<reference::GeneralCase>,
    reference::AnyCase<reference::DotCase>, reference::AnyCase<reference::ScaledDotCase>>;
TYPED_TEST_SUITE(Scores, Cases);

TYPED_TEST(Scores, AreTheirEquation) {
  const Index sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65};
  for (Index i = 0; i < 12; ++i) {
    const auto c = this->config(sizes[i], sizes[(i * 5 + 1) % 12], sizes[(i * 7 + 4) % 12]);
    this->template expect_equation<double>(c, 1e-12);
    this->template expect_equation<float>(c, 2e-4);
  }
}

TYPED_TEST(Scores, HaveTheirGradients) {
  for (const auto& c : {this->config(5, 7, 9), this->config(1, 1, 1), this->config(9, 4, 17)}) {
    Random random(5);
    Matrix<double> H = random_matrix<double>(random, c.key, 6);
    Matrix<double> Q = random_matrix<double>(random, c.query, 4);
    const Matrix<double> dE = random_matrix<double>(random, 6, 4);
    auto score = reference::make_score<TypeParam, double>(c, 4);
    const auto d = gradients(score, H, Q, dE);
    const auto f = [&] { return energies(score, H, Q).cwiseProduct(dE).sum(); };
    reference::expect_gradient("H", H, d.H, f);
    reference::expect_gradient("Q", Q, d.Q, f);
    reference::expect_parameter_gradients(score, d.score, f);
  }
}

TYPED_TEST(Scores, AddTheirGradients) {
  const auto c = this->config(5, 7, 9);
  Random random(6);
  const Matrix<double> H = random_matrix<double>(random, c.key, 6);
  const Matrix<double> Q = random_matrix<double>(random, c.query, 4);
  const Matrix<double> dE = random_matrix<double>(random, 6, 4);
  const auto score = reference::make_score<TypeParam, double>(c, 4);
  const auto d = gradients(score, H, Q, dE);
  const auto more = gradients(score, H, Q, dE, 2);
  EXPECT_TRUE((more.H.array() - 2).matrix().isApprox(d.H, 1e-13));
  EXPECT_TRUE((more.Q.array() - 2).matrix().isApprox(d.Q, 1e-13));
  attend::for_each_parameter(
      [](std::string_view name, const auto& p, const auto& q) {
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) EXPECT_NEAR(p(i, j) - 2, q(i, j), 1e-13) << name;
        }
      },
      more.score, d.score);
}

TYPED_TEST(Scores, GiveAPairTheSameBitsInAnyCompany) {
  const auto c = this->config(9, 17, 31);
  Random random(7);
  const Matrix<float> H = random_matrix<float>(random, c.key, 13);
  const Matrix<float> Q = random_matrix<float>(random, c.query, 11);
  const auto score = reference::make_score<TypeParam, float>(c, 4);
  const Matrix<float> E = energies(score, H, Q);
  for (Index u = 0; u < Q.cols(); ++u) {
    for (Index t = 0; t < H.cols(); ++t) {
      const Matrix<float> alone = energies<decltype(score), float>(score, H.col(t), Q.col(u));
      ASSERT_TRUE(reference::same_bits(1, alone.data(), &E(t, u)));
    }
  }
}

TYPED_TEST(Scores, OfExtremesAreFinite) {
  const auto c = this->config(9, 9, 9);
  const auto score = reference::make_score<TypeParam, float>(c, 4);
  for (const float h : {-1e4F, 1e4F}) {
    for (const float q : {-1e4F, 1e4F}) {
      const Matrix<float> H = Matrix<float>::Constant(c.key, 5, h);
      const Matrix<float> Q = Matrix<float>::Constant(c.query, 2, q);
      EXPECT_TRUE(energies(score, H, Q).allFinite());
    }
  }
}

TYPED_TEST(Scores, OfNoKeysAreNone) {
  const auto c = this->config(3, 4, 5);
  const auto score = reference::make_score<TypeParam, double>(c, 4);
  const Matrix<double> Q = Matrix<double>::Ones(c.query, 2);
  EXPECT_EQ(energies(score, Matrix<double>(c.key, 0), Q).size(), 0);
}

}  // namespace
