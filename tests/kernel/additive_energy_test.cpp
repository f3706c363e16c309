#include <cmath>
#include <limits>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/kernel/additive_energy.hpp>

namespace {

using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Vector;
using attend::View;
using reference::random_matrix;

const Index awkward[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65, 130};

template <class S>
Matrix<S> powers(Matrix<S> X) {
  attend::double_powers<S>(View<S>(X));
  return X;
}

/// sum_i v_i tanh(a_it + b_iu), from a and b.
template <class S>
Matrix<S> energies(const Matrix<S>& a, const Matrix<S>& b, const Vector<S>& v) {
  Matrix<S> E = Matrix<S>::Constant(a.cols(), b.cols(), S{7});
  attend::additive_energies<S>(powers(a), powers(b), v, View<S>(E));
  return E;
}

template <class S>
void expect_within_stated_error(const Matrix<S>& a, const Matrix<S>& b, const Vector<S>& v) {
  const Matrix<S> E = energies(a, b, v);
  long double magnitude = 0;
  for (Index i = 0; i < v.size(); ++i) magnitude += std::abs(static_cast<long double>(v(i)));
  const long double bound = 4 * std::numeric_limits<S>::epsilon() * magnitude;
  for (Index u = 0; u < b.cols(); ++u) {
    for (Index t = 0; t < a.cols(); ++t) {
      long double sum = 0;
      for (Index i = 0; i < v.size(); ++i) {
        sum += v(i) * std::tanh(static_cast<long double>(a(i, t)) + b(i, u));
      }
      ASSERT_LE(std::abs(E(t, u) - sum), bound)
          << "d " << v.size() << ", key " << t << " of " << a.cols() << ", query " << u;
    }
  }
}

template <class S>
class AdditiveEnergies : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(AdditiveEnergies, Scalars);

TYPED_TEST(AdditiveEnergies, EqualTheLoopWithinTheStatedError) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : awkward) {
    for (const Index n : awkward) {
      const double size = n % 2 == 0 ? 1 : 6;
      expect_within_stated_error<S>(random_matrix<S>(random, d, n, size),
                                    random_matrix<S>(random, d, 3, size),
                                    random_matrix<S>(random, d, 1));
    }
  }
}

TYPED_TEST(AdditiveEnergies, AreExactToTheClamp) {
  using S = TypeParam;
  Random random(2);
  const double limit = static_cast<double>(attend::exponent_limit<S>);
  expect_within_stated_error<S>(random_matrix<S>(random, 65, 9, limit),
                                random_matrix<S>(random, 65, 9, limit),
                                random_matrix<S>(random, 65, 1));
}

TYPED_TEST(AdditiveEnergies, OfExtremesAreFiniteAndSaturated) {
  using S = TypeParam;
  const Index d = 17;
  const Vector<S> v = Vector<S>::LinSpaced(d, S{-1}, S{2});
  for (const double a : {-1e4, 0.0, 1e4}) {
    for (const double b : {-1e4, 0.0, 1e4}) {
      const Matrix<S> E = energies<S>(Matrix<S>::Constant(d, 5, static_cast<S>(a)),
                                      Matrix<S>::Constant(d, 2, static_cast<S>(b)), v);
      const S expected = v.sum() * static_cast<S>(std::tanh(a + b));
      const S error = 8 * std::numeric_limits<S>::epsilon() * v.cwiseAbs().sum();
      EXPECT_LE((E.array() - expected).abs().maxCoeff(), error) << a << " " << b;
    }
  }
}

TYPED_TEST(AdditiveEnergies, GiveAPairTheSameBitsInAnyCompany) {
  using S = TypeParam;
  Random random(3);
  for (const Index d : {1, 7, 17, 65, 130}) {
    // Of some keys the products are too large for a reciprocal.
    Matrix<S> a = random_matrix<S>(random, d, 11, 3);
    for (const Index t : {2, 3, 9}) a.col(t) *= attend::exponent_limit<S> / 3;
    a(d - 1, 1) = std::numeric_limits<S>::quiet_NaN();
    const Matrix<S> b = random_matrix<S>(random, d, 6, 3);
    const Vector<S> v = random_matrix<S>(random, d, 1);
    const Matrix<S> E = energies(a, b, v);
    for (Index u = 0; u < b.cols(); ++u) {
      for (Index t = 0; t < a.cols(); ++t) {
        const Matrix<S> alone = energies<S>(a.col(t), b.col(u), v);
        ASSERT_TRUE(reference::same_bits(1, alone.data(), &E(t, u))) << "d " << d;
      }
    }
  }
}

TYPED_TEST(AdditiveEnergies, OfNoKeysNoQueriesAndNoFeatures) {
  using S = TypeParam;
  EXPECT_EQ(energies<S>(Matrix<S>(3, 0), Matrix<S>::Zero(3, 2), Vector<S>::Ones(3)).size(), 0);
  EXPECT_EQ(energies<S>(Matrix<S>::Zero(3, 2), Matrix<S>(3, 0), Vector<S>::Ones(3)).size(), 0);
  EXPECT_EQ(energies<S>(Matrix<S>(0, 2), Matrix<S>(0, 3), Vector<S>(0)), Matrix<S>::Zero(2, 3));
}

TYPED_TEST(AdditiveEnergies, SayWhichShapeIsWrong) {
  using S = TypeParam;
  const Vector<S> v = Vector<S>::Ones(4);
  const Matrix<S> K = Matrix<S>::Ones(4, 3);
  Matrix<S> E(3, 2);
  try {
    const Matrix<S> A = Matrix<S>::Ones(5, 2);
    attend::additive_energies<S>(K, A, v, View<S>(E));
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "additive_energies: A is (5 x 2), expected (4 x 2)");
  }
  try {
    const Matrix<S> A = Matrix<S>::Ones(4, 2);
    attend::additive_energies<S>(K.leftCols(2), A, v, View<S>(E));
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "additive_energies: K is (4 x 2), expected (4 x 3)");
  }
}

TYPED_TEST(AdditiveEnergies, PowersAreClampedAndStayInTheirBlock) {
  using S = TypeParam;
  const S limit = attend::exponent_limit<S>;
  for (const Index d : {1, 5, 16, 21}) {
    Matrix<S> frame = Matrix<S>::Constant(d + 3, 5, S{42});
    auto block = frame.block(2, 1, d, 3);
    block.col(0).setConstant(static_cast<S>(-1e4));
    block.col(1).setConstant(S{0.5});
    block.col(2).setConstant(static_cast<S>(1e4));
    attend::double_powers<S>(View<S>(block));
    const S error = 4 * std::numeric_limits<S>::epsilon();
    for (Index i = 0; i < d; ++i) {
      EXPECT_NEAR(block(i, 0) / std::exp(-2 * limit), S{1}, error);
      EXPECT_NEAR(block(i, 1) / std::exp(S{1}), S{1}, error);
      EXPECT_NEAR(block(i, 2) / std::exp(2 * limit), S{1}, error);
    }
    block.setConstant(S{42});
    EXPECT_TRUE((frame.array() == S{42}).all());
  }
}

TEST(AdditiveEnergiesBackward, AreTheDerivatives) {
  Random random(5);
  for (const Index d : {1, 3, 8, 17, 31}) {
    for (const Index n : {1, 4, 7}) {
      Matrix<double> a = random_matrix<double>(random, d, n, 2);
      Matrix<double> b = random_matrix<double>(random, d, 3, 2);
      Vector<double> v = random_matrix<double>(random, d, 1);
      const Matrix<double> dE = random_matrix<double>(random, n, 3);
      Matrix<double> da = Matrix<double>::Zero(d, n);
      Matrix<double> db = Matrix<double>::Zero(d, 3);
      Vector<double> dv = Vector<double>::Zero(d);
      attend::additive_energies_backward<double>(powers(a), powers(b), v, dE, View<double>(da),
                                                 View<double>(db), dv);
      const auto f = [&] { return energies(a, b, v).cwiseProduct(dE).sum(); };
      reference::expect_gradient("a", a, da, f);
      reference::expect_gradient("b", b, db, f);
      reference::expect_gradient("v", v, dv, f);
    }
  }
}

TEST(AdditiveEnergiesBackward, Adds) {
  Random random(6);
  const Index d = 19;
  const Matrix<double> K = powers(random_matrix<double>(random, d, 5));
  const Matrix<double> A = powers(random_matrix<double>(random, d, 2));
  const Vector<double> v = random_matrix<double>(random, d, 1);
  const Matrix<double> dE = random_matrix<double>(random, 5, 2);
  const auto backward = [&](double from) {
    Matrix<double> all = Matrix<double>::Constant(d, 5 + 2 + 1, from);
    Vector<double> dv = all.col(7);
    attend::additive_energies_backward<double>(K, A, v, dE, View<double>(all.leftCols(5)),
                                               View<double>(all.middleCols(5, 2)), dv);
    all.col(7) = dv;
    return all;
  };
  EXPECT_TRUE(backward(3).isApprox(backward(0) + Matrix<double>::Constant(d, 8, 3), 1e-14));
}

TEST(AdditiveEnergiesBackward, OfExtremesVanish) {
  const Index d = 9;
  const Vector<float> v = Vector<float>::Ones(d);
  const Matrix<float> K = powers<float>(Matrix<float>::Constant(d, 3, 1e4F));
  const Matrix<float> A = powers<float>(Matrix<float>::Constant(d, 2, 1e4F));
  Matrix<float> dK = Matrix<float>::Zero(d, 3);
  Matrix<float> dA = Matrix<float>::Zero(d, 2);
  Vector<float> dv = Vector<float>::Zero(d);
  const Matrix<float> dE = Matrix<float>::Ones(3, 2);
  attend::additive_energies_backward<float>(K, A, v, dE, View<float>(dK), View<float>(dA), dv);
  EXPECT_LE(dK.cwiseAbs().maxCoeff(), 1e-16F);
  EXPECT_LE(dA.cwiseAbs().maxCoeff(), 1e-16F);
  EXPECT_EQ(dv, Vector<float>::Constant(d, 6));
}

}  // namespace
