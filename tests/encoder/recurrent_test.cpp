#include <limits>

#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include "encoder/pass.hpp"
#include "reference/cells.hpp"
#include <attend/encoder/recurrent.hpp>

namespace {

using attend::Direction;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Recurrent;
using reference::Numbers;
using reference::random_matrix;

template <class Kind>
class RecurrentEncoder : public testing::Test {};
using Kinds = testing::Types<cells::ElmanTanh, cells::ElmanRelu, cells::Lstm, cells::LstmPeepholes,
                             cells::GruResetBefore, cells::GruResetAfter>;
TYPED_TEST_SUITE(RecurrentEncoder, Kinds);

Numbers numbers(const auto& column) { return Numbers(column.begin(), column.end()); }

/// Every sequence by itself, a scalar loop over its steps in the layer's direction.
template <class S, class Kind>
void expect_loop(Direction direction) {
  Random random(41);
  const Recurrent layer(Kind::template plain<S>(6, 9, random), direction);
  const auto layout = encoders::ragged({3, 0, 8, 1, 5});
  encoders::Pass<std::remove_const_t<decltype(layer)>> pass(layer, layout, random);
  const auto X = random_matrix<S>(random, 6, layout.columns());
  const auto initial = random_matrix<S>(random, layer.state_rows(), layout.size());
  pass.forward(layer, X, &initial);
  const double tolerance = 200 * static_cast<double>(std::numeric_limits<S>::epsilon());
  for (Index b = 0; b < layout.size(); ++b) {
    Numbers state = numbers(initial.col(b));
    for (Index i = 0; i < layout.length(b); ++i) {
      const Index t = direction == Direction::forward ? i : layout.length(b) - 1 - i;
      const Index column = layout.column(b, t);
      state = reference::cell_step(layer.cell, numbers(X.col(column)), state).state;
      for (Index k = 0; k < layer.output_size(); ++k) {
        const double expected = static_cast<double>(state[reference::at(k)]);
        ASSERT_NEAR(pass.H(k, column), expected, tolerance * (1 + std::abs(expected)))
            << "sequence " << b << ", step " << t;
      }
    }
    for (Index k = 0; k < layer.state_rows(); ++k) {
      const double expected = static_cast<double>(state[reference::at(k)]);
      ASSERT_NEAR(pass.final(k, b), expected, tolerance * (1 + std::abs(expected))) << b;
    }
  }
}

TYPED_TEST(RecurrentEncoder, IsALoopOverEachSequence) {
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    expect_loop<float, TypeParam>(direction);
    expect_loop<double, TypeParam>(direction);
  }
}

TYPED_TEST(RecurrentEncoder, ContinuesWhereItsStateEnded) {
  Random random(42);
  const Recurrent layer(TypeParam::template plain<float>(3, 7, random));
  using Layer = std::remove_const_t<decltype(layer)>;
  const auto X = random_matrix<float>(random, 3, 9);
  encoders::Pass<Layer> whole(layer, encoders::ragged({9}), random);
  whole.forward(layer, X, nullptr);
  encoders::Pass<Layer> first(layer, encoders::ragged({4}), random);
  first.forward(layer, X.leftCols(4), nullptr);
  encoders::Pass<Layer> rest(layer, encoders::ragged({5}), random);
  rest.forward(layer, X.rightCols(5), &first.final);
  EXPECT_TRUE(reference::same_bits(rest.H, Matrix<float>(whole.H.rightCols(5))));
  EXPECT_TRUE(reference::same_bits(rest.final, whole.final));
}

TYPED_TEST(RecurrentEncoder, BackwardIsForwardOfTheMirroredSequence) {
  Random random(43);
  const auto cell = TypeParam::template plain<float>(3, 7, random);
  const Recurrent there(cell);
  const Recurrent back(cell, Direction::backward);
  EXPECT_EQ(back.direction(), Direction::backward);
  encoders::Pass<std::remove_const_t<decltype(there)>> pass(there, encoders::ragged({6}), random);
  auto mirrored = pass;
  const auto X = random_matrix<float>(random, 3, 6);
  const Matrix<float> reversed = X.rowwise().reverse();
  pass.forward(there, X, nullptr);
  mirrored.forward(back, reversed, nullptr);
  EXPECT_TRUE(reference::same_bits(pass.H, Matrix<float>(mirrored.H.rowwise().reverse())));
  EXPECT_TRUE(reference::same_bits(pass.final, mirrored.final));
}

}  // namespace
