#include <concepts>
#include <type_traits>

#include <Eigen/Core>
#include <gtest/gtest.h>

#include <attend/core/types.hpp>

namespace {

using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Vector;
using attend::View;

/// The entry at (row, col) tells where it is.
template <class S>
Matrix<S> numbered(Index rows, Index cols) {
  return Matrix<S>::NullaryExpr(
      rows, cols, [](Index row, Index col) { return static_cast<S>(100 * row + col); });
}

template <class S>
class Views : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Views, Scalars);

TYPED_TEST(Views, ReadAMatrixWhereItLies) {
  const Matrix<TypeParam> m = numbered<TypeParam>(3, 4);
  const ConstView<TypeParam> view(m);
  EXPECT_EQ(view.data(), m.data());
  EXPECT_EQ(view.rows(), 3);
  EXPECT_EQ(view.cols(), 4);
  EXPECT_EQ(view.outerStride(), 3);
  EXPECT_EQ(view, m);
}

TYPED_TEST(Views, ReadABlockWhereItLies) {
  const Matrix<TypeParam> m = numbered<TypeParam>(5, 6);
  const ConstView<TypeParam> view(m.block(1, 2, 3, 4));
  EXPECT_EQ(view.data(), &m(1, 2));
  EXPECT_EQ(view.outerStride(), 5);
  EXPECT_EQ(view, m.block(1, 2, 3, 4));
}

TYPED_TEST(Views, ReadAVectorAsOneColumn) {
  const Vector<TypeParam> v = numbered<TypeParam>(7, 1);
  const ConstView<TypeParam> view(v);
  EXPECT_EQ(view.data(), v.data());
  EXPECT_EQ(view.rows(), 7);
  EXPECT_EQ(view.cols(), 1);
}

TYPED_TEST(Views, ReadMemoryThatSomebodyElseOwns) {
  const TypeParam numbers[] = {0, 1, -1, 10, 11, -1, 20, 21, -1};
  const ConstView<TypeParam> view(numbers, 2, 3, 3);
  Matrix<TypeParam> expected(2, 3);
  expected << 0, 10, 20,  //
      1, 11, 21;
  EXPECT_EQ(view, expected);
}

TYPED_TEST(Views, HoldSequencesOfLengthZero) {
  const Matrix<TypeParam> nothing(4, 0);
  const ConstView<TypeParam> view(nothing);
  EXPECT_EQ(view.rows(), 4);
  EXPECT_EQ(view.cols(), 0);
  EXPECT_EQ(view.sum(), TypeParam(0));
}

TYPED_TEST(Views, WriteIntoTheMatrixTheyShow) {
  Matrix<TypeParam> m = Matrix<TypeParam>::Zero(4, 5);
  View<TypeParam> view(m);
  view.col(2).setConstant(3);
  EXPECT_EQ(m.sum(), TypeParam(12));
  EXPECT_EQ(m(3, 2), TypeParam(3));
}

TYPED_TEST(Views, WriteIntoABlockAndNowhereElse) {
  Matrix<TypeParam> m = Matrix<TypeParam>::Zero(5, 6);
  View<TypeParam> view(m.block(1, 2, 3, 2));
  view.setOnes();
  EXPECT_EQ(m.sum(), TypeParam(6));
  EXPECT_EQ(m.block(1, 2, 3, 2).sum(), TypeParam(6));
}

TYPED_TEST(Views, AssigningCopiesNumbersAndDoesNotRebind) {
  Matrix<TypeParam> to = Matrix<TypeParam>::Zero(2, 3);
  Matrix<TypeParam> from = numbered<TypeParam>(2, 3);
  View<TypeParam> target(to);
  const View<TypeParam> source(from);
  target = source;
  EXPECT_EQ(target.data(), to.data());
  EXPECT_EQ(to, from);
  target = TypeParam(2) * from;
  EXPECT_EQ(to, TypeParam(2) * from);
}

TYPED_TEST(Views, CopyingAViewShowsTheSameMemory) {
  Matrix<TypeParam> m = Matrix<TypeParam>::Zero(2, 2);
  const View<TypeParam> view(m);
  View<TypeParam> copy(view);
  copy(1, 1) = 5;
  EXPECT_EQ(m(1, 1), TypeParam(5));
}

TYPED_TEST(Views, AViewThatWritesConvertsToOneThatReads) {
  Matrix<TypeParam> m = numbered<TypeParam>(6, 3);
  const View<TypeParam> writes(m.topRows(2));
  const ConstView<TypeParam> reads(writes);
  EXPECT_EQ(reads.data(), m.data());
  EXPECT_EQ(reads.outerStride(), 6);
}

TYPED_TEST(Views, AColumnOfAViewIsAView) {
  Matrix<TypeParam> m = numbered<TypeParam>(4, 3);
  const Matrix<TypeParam> before = m;
  const View<TypeParam> writes(m.bottomRows(3));
  const ConstView<TypeParam> reads(writes);
  static_assert(std::same_as<decltype(writes.col(1)), View<TypeParam>>);
  static_assert(std::same_as<decltype(reads.col(1)), ConstView<TypeParam>>);
  EXPECT_EQ(reads.col(2), before.col(2).tail(3));
  EXPECT_EQ(reads.col(1).dot(writes.col(2)), before.col(1).tail(3).dot(before.col(2).tail(3)));
  EXPECT_EQ(writes.col(1).dot(reads.col(2)), reads.col(1).dot(reads.col(2)));
  EXPECT_EQ(reads.col(0).reshaped().head(2), before.col(0).segment(1, 2));
  writes.col(0) += TypeParam(2) * reads.col(2);
  EXPECT_EQ(m.col(0).tail(3), before.col(0).tail(3) + TypeParam(2) * before.col(2).tail(3));
  writes.middleCols(1, 2).setConstant(7);
  EXPECT_TRUE((m.bottomRightCorner(3, 2).array() == TypeParam(7)).all());
  EXPECT_EQ(m.row(0), before.row(0));
}

TYPED_TEST(Views, ABlockOfAViewIsAView) {
  Matrix<TypeParam> m = numbered<TypeParam>(5, 6);
  const Matrix<TypeParam> before = m;
  const View<TypeParam> writes(m.block(1, 1, 4, 4));
  const ConstView<TypeParam> reads(writes);
  const auto expect_blocks = [&](const auto& view) {
    EXPECT_EQ(view.block(1, 2, 2, 1), before.block(2, 3, 2, 1));
    EXPECT_EQ(view.topRows(3), before.block(1, 1, 3, 4));
    EXPECT_EQ(view.middleRows(1, 2), before.block(2, 1, 2, 4));
    EXPECT_EQ(view.bottomRows(1), before.block(4, 1, 1, 4));
    EXPECT_EQ(view.leftCols(2), before.block(1, 1, 4, 2));
    EXPECT_EQ(view.middleCols(2, 1), before.block(1, 3, 4, 1));
    EXPECT_EQ(view.rightCols(3), before.block(1, 2, 4, 3));
    EXPECT_EQ(view.rightCols(0).size(), 0);
  };
  expect_blocks(writes);
  expect_blocks(reads);
  static_assert(std::same_as<decltype(writes.topRows(1)), View<TypeParam>>);
  static_assert(std::same_as<decltype(reads.topRows(1)), ConstView<TypeParam>>);
}

TYPED_TEST(Views, BlocksAreWrittenAlone) {
  Matrix<TypeParam> m = numbered<TypeParam>(5, 6);
  Matrix<TypeParam> expected = m;
  View<TypeParam> view(m);
  view.block(1, 2, 3, 2).setZero();
  expected.block(1, 2, 3, 2).setZero();
  EXPECT_EQ(m, expected);
  view.topRows(2) = ConstView<TypeParam>(expected.bottomRows(2));
  expected.topRows(2) = expected.bottomRows(2).eval();
  EXPECT_EQ(m, expected);
  view.leftCols(2) += m.rightCols(2);
  expected.leftCols(2) += expected.rightCols(2);
  EXPECT_EQ(m, expected);
}

template <class From, class To>
constexpr bool converts = std::is_convertible_v<From, To>;

using Plain = Matrix<float>;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Strided = Eigen::Map<Plain, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
using Sum = decltype(std::declval<Plain>() + std::declval<Plain>());

static_assert(converts<Plain, ConstView<float>>);
static_assert(converts<const Plain&, ConstView<float>>);
static_assert(converts<Plain&, View<float>>);
static_assert(converts<Eigen::Block<Plain>, View<float>>);
static_assert(converts<View<float>, ConstView<float>>);
static_assert(converts<View<float>&, ConstView<float>>);

// What would need a copy, or would lose what is written, does not convert.
static_assert(!converts<Matrix<double>, ConstView<float>>);
static_assert(!converts<RowMajor, ConstView<float>>);
static_assert(!converts<Strided, ConstView<float>>);
static_assert(!converts<Sum, ConstView<float>>);
static_assert(!converts<Eigen::Transpose<Plain>, ConstView<float>>);
static_assert(!converts<const Plain&, View<float>>);
static_assert(!converts<ConstView<float>, View<float>>);
static_assert(!converts<ConstView<float>&, View<float>>);

static_assert(attend::Scalar<float> && attend::Scalar<double>);
static_assert(!attend::Scalar<int> && !attend::Scalar<long double> && !attend::Scalar<const float>);

}  // namespace
