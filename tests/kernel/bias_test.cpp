#include <reference/matrices.hpp>
#include <reference/message_of.hpp>

#include <gtest/gtest.h>

#include <attend/kernel/bias.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Vector;
using reference::random_matrix;

const Index awkward[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65};

template <class S>
class Bias : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Bias, Scalars);

TYPED_TEST(Bias, ItsGradientAddsColumnsOneAfterTheOther) {
  Random random(2);
  for (const Index m : awkward) {
    for (const Index n : awkward) {
      const Matrix<TypeParam> dY = random_matrix<TypeParam>(random, m + 3, n);
      Vector<TypeParam> db = random_matrix<TypeParam>(random, m, 1);
      Vector<TypeParam> expected = db;
      for (Index j = 0; j < n; ++j) {
        for (Index i = 0; i < m; ++i) expected[i] += dY(i + 2, j);
      }
      attend::add_columns(dY.middleRows(2, m), db);
      EXPECT_EQ(db, expected) << m << " x " << n;
    }
  }
}

TYPED_TEST(Bias, SaysWhatDoesNotFit) {
  const Matrix<TypeParam> Y(4, 2);
  Vector<TypeParam> db(3);
  EXPECT_EQ(reference::message_of<attend::ShapeError>([&] { attend::add_columns(Y, db); }),
            "add_columns: rows of dY is 4, expected 3");
}

}  // namespace
