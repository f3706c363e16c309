#include <variant>

#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include "cell/unrolled.hpp"
#include "reference/matrices.hpp"
#include <attend/cell/any_cell.hpp>

namespace {

using attend::AnyCell;
using attend::Random;

template <class Kind>
class AnyCells : public testing::Test {};
using Kinds = testing::Types<cells::ElmanTanh, cells::ElmanRelu, cells::Lstm, cells::LstmPeepholes,
                             cells::GruResetBefore, cells::GruResetAfter>;
TYPED_TEST_SUITE(AnyCells, Kinds);

/// There and back, behind the choice and before it.
TYPED_TEST(AnyCells, HaveTheBitsOfTheCellTheyHold) {
  Random random(1);
  const auto plain = TypeParam::template plain<float>(4, 7, random);
  const AnyCell<float> any = plain;
  EXPECT_EQ(any.input_size(), plain.input_size());
  EXPECT_EQ(any.hidden_size(), plain.hidden_size());
  EXPECT_EQ(any.state_rows(), plain.state_rows());
  EXPECT_EQ(any.gate_rows(), plain.gate_rows());
  EXPECT_EQ(any.input_rows(), plain.input_rows());
  EXPECT_EQ(parameter_count(any), parameter_count(plain));

  Random again = random;
  cells::Unrolled<std::remove_const_t<decltype(plain)>> one(plain, {3, 2}, random);
  cells::Unrolled<AnyCell<float>> other(any, {3, 2}, again);
  const auto X = reference::random_matrix<float>(random, 4, 5);
  const auto initial = reference::random_matrix<float>(random, plain.state_rows(), 3);
  EXPECT_EQ(one.forward(plain, X, initial), other.forward(any, X, initial));
  auto gradient = zero_like(plain);
  AnyCell<float> any_gradient = zero_like(any);
  one.backward(plain, X, gradient);
  other.backward(any, X, any_gradient);
  EXPECT_TRUE(reference::same_bits(one.states, other.states));
  EXPECT_TRUE(reference::same_bits(one.dX, other.dX));
  EXPECT_TRUE(reference::same_bits(one.d_initial, other.d_initial));
  EXPECT_GT(squared_norm(gradient), 0);
  EXPECT_EQ(squared_norm(any_gradient), squared_norm(gradient));
}

TEST(AnyCellKinds, DoNotMix) {
  Random random(2);
  const AnyCell<float> gru = cells::GruResetAfter::plain<float>(2, 3, random);
  AnyCell<float> lstm = cells::Lstm::plain<float>(2, 3, random);
  EXPECT_THROW(add_parameters(lstm, gru), std::bad_variant_access);
  static_assert(!AnyCell<float>::is_kind<attend::Gru<double>>);
  static_assert(!std::is_constructible_v<AnyCell<float>, attend::Matrix<float>>);
}

}  // namespace
