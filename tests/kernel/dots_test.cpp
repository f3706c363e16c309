#include <cmath>
#include <limits>
#include <reference/matrices.hpp>
#include <string>

#include <gtest/gtest.h>

#include <attend/kernel/dots.hpp>

namespace {

using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::View;
using reference::random_matrix;

const Index awkward[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65};

template <class S>
class Dots : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Dots, Scalars);

template <class S>
Matrix<S> dots_of(const Matrix<S>& K, const Matrix<S>& A) {
  Matrix<S> E = Matrix<S>::Constant(K.cols(), A.cols(), S{7});
  attend::dots<S>(K, A, E);
  return E;
}

template <class S>
void expect_within_stated_error(const Matrix<S>& K, const Matrix<S>& A) {
  const Matrix<S> E = dots_of(K, A);
  const double chain = static_cast<double>(K.rows()) / attend::packet::width<S> + 5;
  for (Index u = 0; u < A.cols(); ++u) {
    for (Index t = 0; t < K.cols(); ++t) {
      long double sum = 0;
      long double magnitude = 0;
      for (Index i = 0; i < K.rows(); ++i) {
        const long double term = static_cast<long double>(K(i, t)) * A(i, u);
        sum += term;
        magnitude += std::abs(term);
      }
      const auto error = static_cast<double>(std::abs(E(t, u) - sum));
      ASSERT_LE(error, chain * std::numeric_limits<S>::epsilon() * static_cast<double>(magnitude))
          << "d " << K.rows() << ", key " << t << " of " << K.cols() << ", query " << u << " of "
          << A.cols();
    }
  }
}

TYPED_TEST(Dots, EqualTheLoopWithinTheStatedError) {
  Random random(1);
  for (const Index d : awkward) {
    for (const Index n : awkward) {
      for (const Index U : {1, 2, 3, 4, 5, 9}) {
        expect_within_stated_error(random_matrix<TypeParam>(random, d, n),
                                   random_matrix<TypeParam>(random, d, U));
      }
    }
  }
  // More keys than several tiles of queries meet at a time.
  expect_within_stated_error(random_matrix<TypeParam>(random, 65, 400),
                             random_matrix<TypeParam>(random, 65, 9));
}

TYPED_TEST(Dots, OfNothingAreZeroAndOfNoColumnsAreNone) {
  EXPECT_EQ(dots_of<TypeParam>(Matrix<TypeParam>(0, 5), Matrix<TypeParam>(0, 3)),
            Matrix<TypeParam>::Zero(5, 3));
  EXPECT_EQ(dots_of<TypeParam>(Matrix<TypeParam>(3, 0), Matrix<TypeParam>(3, 2)).size(), 0);
  EXPECT_EQ(dots_of<TypeParam>(Matrix<TypeParam>(3, 2), Matrix<TypeParam>(3, 0)).size(), 0);
}

TYPED_TEST(Dots, OfLargeAndSmallNumbersAreFinite) {
  using S = TypeParam;
  Random random(2);
  const Matrix<S> large = random_matrix<S>(random, 65, 9, 1e4);
  expect_within_stated_error<S>(large, large);
  const Matrix<S> tiny = Matrix<S>::Constant(17, 3, std::numeric_limits<S>::denorm_min());
  EXPECT_TRUE(dots_of<S>(tiny, large.topLeftCorner(17, 2)).allFinite());
}

TYPED_TEST(Dots, GiveAPairTheSameBitsInAnyCompany) {
  using S = TypeParam;
  Random random(3);
  for (const Index d : {1, 7, 17, 65}) {
    const Matrix<S> K = random_matrix<S>(random, d, d == 65 ? 400 : 13);
    const Matrix<S> A = random_matrix<S>(random, d, 11);
    const Matrix<S> E = dots_of(K, A);
    for (Index u = 0; u < A.cols(); ++u) {
      for (Index t = 0; t < K.cols(); ++t) {
        const Matrix<S> alone = dots_of<S>(K.col(t), A.col(u));
        ASSERT_TRUE(reference::same_bits(1, alone.data(), &E(t, u))) << "d " << d;
      }
    }
  }
}

TYPED_TEST(Dots, ReadAndWriteOnlyTheirBlocks) {
  using S = TypeParam;
  const S nan = std::numeric_limits<S>::quiet_NaN();
  Random random(4);
  for (const Index d : {3, 16, 19}) {
    const Matrix<S> K = random_matrix<S>(random, d, 6);
    const Matrix<S> A = random_matrix<S>(random, d, 5);
    Matrix<S> K_frame = Matrix<S>::Constant(d + 3, 8, nan);
    Matrix<S> A_frame = Matrix<S>::Constant(d + 2, 7, nan);
    Matrix<S> E_frame = Matrix<S>::Constant(6 + 4, 7, S{42});
    K_frame.block(1, 1, d, 6) = K;
    A_frame.block(1, 1, d, 5) = A;
    attend::dots<S>(K_frame.block(1, 1, d, 6), A_frame.block(1, 1, d, 5),
                    View<S>(E_frame.block(2, 1, 6, 5)));
    EXPECT_EQ(E_frame.block(2, 1, 6, 5), dots_of(K, A));
    E_frame.block(2, 1, 6, 5).setConstant(S{42});
    EXPECT_TRUE((E_frame.array() == S{42}).all());
  }
}

TYPED_TEST(Dots, SayWhichShapeIsWrong) {
  using S = TypeParam;
  const Matrix<S> K(4, 3);
  const Matrix<S> A(5, 2);
  Matrix<S> E(3, 2);
  try {
    attend::dots<S>(K, A, E);
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "dots: A is (5 x 2), expected (4 x 2)");
  }
  Matrix<S> transposed(2, 3);
  try {
    attend::dots<S>(K, A.topRows(4), transposed);
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "dots: E is (2 x 3), expected (3 x 2)");
  }
}

}  // namespace
