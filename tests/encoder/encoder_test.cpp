/// What holds for every recurrent encoder.
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "encoder/kinds.hpp"
#include "encoder/pass.hpp"
#include "reference/matrices.hpp"
#include <attend/encoder/recurrent.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::GradientReport;
using attend::Index;
using attend::Matrix;
using attend::Ragged;
using attend::Random;
using encoders::Pass;
using encoders::ragged;
using encoders::sequence_of;
using reference::random_matrix;
using reference::same_bits;

template <class Kind>
class Encoders : public testing::Test {};
TYPED_TEST_SUITE(Encoders, encoders::EncoderKinds);

template <class E>
void expect_gradients(const E& encoder, const Ragged& layout, Random& random) {
  Pass<E> pass(encoder, layout, random);
  const auto X = random_matrix<double>(random, encoder.input_size(), layout.columns());
  const auto initial = random_matrix<double>(random, encoder.state_rows(), layout.size());
  auto gradient = zero_like(encoder);
  pass.forward(encoder, X, &initial);
  pass.backward(encoder, X, gradient);

  auto moved = pass;
  GradientReport report = attend::check_parameters(
      encoder, gradient, [&](const auto& e) { return moved.forward(e, X, &initial); },
      {.sample = 25, .random = &random});
  report.add(attend::check_input("X", X, pass.dX, [&](const Matrix<double>& x) {
    return moved.forward(encoder, x, &initial);
  }));
  report.add(attend::check_input("initial", initial, pass.d_initial, [&](const Matrix<double>& s) {
    return moved.forward(encoder, X, &s);
  }));
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_LT(report.worst_error(), 1e-9) << report.message();
}

TYPED_TEST(Encoders, HaveTheGradientOfTheirPass) {
  Random random(31);
  const auto encoder = TypeParam::template make<double>(4, 5, random);
  expect_gradients(encoder, ragged({2, 4, 0, 1, 4}), random);
  expect_gradients(encoder, ragged({1}), random);
}

TYPED_TEST(Encoders, AddToGradients) {
  Random random(32);
  const auto encoder = TypeParam::template make<double>(4, 5, random);
  const Ragged layout = ragged({3, 1, 2});
  Pass<std::remove_const_t<decltype(encoder)>> pass(encoder, layout, random);
  const auto X = random_matrix<double>(random, 4, layout.columns());
  pass.forward(encoder, X, nullptr);
  auto once = zero_like(encoder);
  pass.backward(encoder, X, once);
  const Matrix<double> dX = pass.dX;
  const Matrix<double> d_initial = pass.d_initial;
  auto sum = encoder;
  pass.backward(encoder, X, sum);
  EXPECT_TRUE(pass.dX.isApprox(2 * dX, 1e-14));
  EXPECT_TRUE(same_bits(pass.d_initial, d_initial)) << "the states' gradient is replaced";
  for_each_parameter(
      [](std::string_view name, const auto& before, const auto& added, const auto& after) {
        EXPECT_TRUE(
            attend::values(after).isApprox(attend::values(before) + attend::values(added), 1e-14))
            << name;
      },
      encoder, once, sum);
}

template <class S, class Kind>
void expect_alone_as_in_a_batch() {
  Random random(33);
  const auto encoder = Kind::template make<S>(4, 9, random);
  using E = std::remove_const_t<decltype(encoder)>;
  const Ragged layout = ragged({2, 5, 0, 7, 5, 1, 3, 3, 7});
  Pass<E> batch(encoder, layout, random);
  const auto X = random_matrix<S>(random, 4, layout.columns());
  const auto initial = random_matrix<S>(random, encoder.state_rows(), layout.size());
  auto gradient = zero_like(encoder);
  batch.forward(encoder, X, &initial);
  batch.backward(encoder, X, gradient);
  for (Index b = 0; b < layout.size(); ++b) {
    Pass<E> alone(encoder, ragged({layout.length(b)}), random);
    const auto own = sequence_of(layout, X, b);
    alone.output_weights = sequence_of(layout, batch.output_weights, b);
    alone.final_weights = batch.final_weights.col(b);
    const Matrix<S> own_initial = initial.col(b);
    alone.forward(encoder, own, &own_initial);
    alone.backward(encoder, own, gradient);
    EXPECT_TRUE(same_bits(alone.H, sequence_of(layout, batch.H, b))) << b;
    EXPECT_TRUE(same_bits(alone.final, Matrix<S>(batch.final.col(b)))) << b;
    EXPECT_TRUE(same_bits(alone.dX, sequence_of(layout, batch.dX, b))) << b;
    EXPECT_TRUE(same_bits(alone.d_initial, Matrix<S>(batch.d_initial.col(b)))) << b;
  }
}

/// Lengths with runs of steps beyond and below what is projected at once.
template <class S, class Kind>
void expect_the_same_without_a_trace(attend::Precision precision) {
  Random random(41);
  auto encoder = Kind::template make<S>(4, 9, random);
  attend::set_precision(encoder, precision);
  std::vector<std::vector<Index>> batches = {{130}, {1}, {0}, {}, std::vector<Index>(100, 2)};
  batches.push_back({2, 60, 0, 7, 59, 1, 3, 3, 60});
  for (const auto& lengths : batches) {
    const Ragged layout(lengths);
    Pass<decltype(encoder)> kept(encoder, layout, random);
    const auto X = random_matrix<S>(random, 4, layout.columns());
    const auto initial = random_matrix<S>(random, encoder.state_rows(), layout.size());
    auto nothing = kept;
    nothing.keep = attend::Keep::nothing;
    for (const auto* states : {&initial, static_cast<const Matrix<S>*>(nullptr)}) {
      kept.forward(encoder, X, states);
      nothing.forward(encoder, X, states);
      ASSERT_TRUE(same_bits(nothing.H, kept.H)) << layout.size();
      ASSERT_TRUE(same_bits(nothing.final, kept.final)) << layout.size();
    }
    for (Index b = 0; b < std::min<Index>(layout.size(), 9); ++b) {
      Pass<decltype(encoder)> alone(encoder, ragged({layout.length(b)}), random);
      alone.keep = attend::Keep::nothing;
      alone.forward(encoder, sequence_of(layout, X, b), nullptr);
      ASSERT_TRUE(same_bits(alone.H, sequence_of(layout, nothing.H, b))) << b;
    }
  }
}

TYPED_TEST(Encoders, GiveTheSameBitsWithoutATraceAndInAnyPrecision) {
  for (const auto precision :
       {attend::Precision::full, attend::Precision::bfloat16, attend::Precision::int8}) {
    expect_the_same_without_a_trace<float, TypeParam>(precision);
  }
}

TEST(EncoderErrors, SayThatNothingWasKept) {
  Random random(42);
  const auto encoder = encoders::BothWays<encoders::Gru>::make<double>(4, 5, random);
  Pass<std::remove_const_t<decltype(encoder)>> pass(encoder, ragged({2}), random);
  pass.keep = attend::Keep::nothing;
  const auto X = random_matrix<double>(random, 4, 2);
  auto gradient = zero_like(encoder);
  pass.forward(encoder, X, nullptr);
  try {
    pass.backward(encoder, X, gradient);
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "Recurrent::backward: the pass forward kept nothing; run it with Keep::trace");
  }
}

TYPED_TEST(Encoders, GiveASequenceTheSameBitsInAnyBatch) {
  expect_alone_as_in_a_batch<float, TypeParam>();
  expect_alone_as_in_a_batch<double, TypeParam>();
}

TYPED_TEST(Encoders, KeepTheStateOfAnEmptySequence) {
  Random random(34);
  const auto encoder = TypeParam::template make<float>(4, 5, random);
  using E = std::remove_const_t<decltype(encoder)>;
  for (const Ragged& layout : {ragged({0}), ragged({0, 0}), ragged({3, 0, 1})}) {
    Pass<E> pass(encoder, layout, random);
    const auto X = random_matrix<float>(random, 4, layout.columns());
    const auto initial = random_matrix<float>(random, encoder.state_rows(), layout.size());
    auto gradient = zero_like(encoder);
    pass.forward(encoder, X, &initial);
    pass.backward(encoder, X, gradient);
    for (Index b = 0; b < layout.size(); ++b) {
      if (layout.length(b) > 0) continue;
      EXPECT_EQ(pass.final.col(b), initial.col(b));
      EXPECT_EQ(pass.d_initial.col(b), pass.final_weights.col(b));
    }
  }
}

TYPED_TEST(Encoders, TakeABatchOfNothing) {
  Random random(35);
  const auto encoder = TypeParam::template make<float>(4, 5, random);
  Pass<std::remove_const_t<decltype(encoder)>> pass(encoder, ragged({}), random);
  const Matrix<float> X(4, 0);
  auto gradient = zero_like(encoder);
  EXPECT_EQ(pass.forward(encoder, X, nullptr), 0);
  pass.backward(encoder, X, gradient);
  EXPECT_EQ(pass.final.cols(), 0);
  EXPECT_EQ(squared_norm(gradient), 0);
}

TYPED_TEST(Encoders, BeginFromZeroWithoutStates) {
  Random random(36);
  const auto encoder = TypeParam::template make<float>(4, 5, random);
  const Ragged layout = ragged({2, 3});
  Pass<std::remove_const_t<decltype(encoder)>> pass(encoder, layout, random);
  const auto X = random_matrix<float>(random, 4, layout.columns());
  const Matrix<float> zero = Matrix<float>::Zero(encoder.state_rows(), 2);
  pass.forward(encoder, X, &zero);
  const Matrix<float> H = pass.H;
  pass.forward(encoder, X, nullptr);
  EXPECT_TRUE(same_bits(H, pass.H));
}

/// A trace keeps nothing of the batch before, whatever its size was.
TYPED_TEST(Encoders, UseATraceAgain) {
  Random random(37);
  const auto encoder = TypeParam::template make<float>(4, 5, random);
  using E = std::remove_const_t<decltype(encoder)>;
  Pass<E> used(encoder, ragged({6, 3, 0, 5}), random);
  auto gradient = zero_like(encoder);
  const auto before = random_matrix<float>(random, 4, 14);
  used.forward(encoder, before, nullptr);
  used.backward(encoder, before, gradient);
  Pass<E> fresh(encoder, ragged({2, 3}), random);
  Pass<E> again = fresh;
  again.trace = used.trace;
  const auto X = random_matrix<float>(random, 4, 5);
  fresh.forward(encoder, X, nullptr);
  fresh.backward(encoder, X, gradient);
  again.forward(encoder, X, nullptr);
  again.backward(encoder, X, gradient);
  EXPECT_TRUE(same_bits(fresh.H, again.H));
  EXPECT_TRUE(same_bits(fresh.dX, again.dX));
  EXPECT_TRUE(same_bits(fresh.final, again.final));
  EXPECT_TRUE(same_bits(fresh.d_initial, again.d_initial));
}

/// NaN in one sequence stays in that sequence.
TYPED_TEST(Encoders, KeepSequencesApart) {
  Random random(38);
  const auto encoder = TypeParam::template make<float>(4, 5, random);
  const Ragged layout = ragged({3, 4, 2});
  Pass<std::remove_const_t<decltype(encoder)>> pass(encoder, layout, random);
  auto X = random_matrix<float>(random, 4, layout.columns());
  X.col(layout.column(1, 2)).setConstant(std::numeric_limits<float>::quiet_NaN());
  auto gradient = zero_like(encoder);
  pass.forward(encoder, X, nullptr);
  pass.backward(encoder, X, gradient);
  for (const Index b : {0, 2}) {
    EXPECT_TRUE(sequence_of(layout, pass.H, b).allFinite()) << b;
    EXPECT_TRUE(sequence_of(layout, pass.dX, b).allFinite()) << b;
    EXPECT_TRUE(pass.final.col(b).allFinite()) << b;
  }
  EXPECT_FALSE(sequence_of(layout, pass.H, 1).allFinite());
}

template <class F>
void expect_shape_error(F&& f, const std::string& sentence) {
  try {
    f();
    FAIL() << "expected: " << sentence;
  } catch (const attend::ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find(sentence), std::string::npos) << e.what();
  }
}

TYPED_TEST(Encoders, RefuseOtherShapes) {
  Random random(39);
  const auto encoder = TypeParam::template make<float>(4, 5, random);
  const Ragged layout = ragged({2, 1});
  Pass<std::remove_const_t<decltype(encoder)>> pass(encoder, layout, random);
  const auto X = random_matrix<float>(random, 4, 3);
  const auto low = random_matrix<float>(random, 3, 3);
  const auto wide = random_matrix<float>(random, 4, 5);
  expect_shape_error([&] { pass.forward(encoder, low, nullptr); },
                     "::forward: X is (3 x 3), expected (4 x 3)");
  expect_shape_error([&] { pass.forward(encoder, wide, nullptr); },
                     "::forward: X is (4 x 5), expected (4 x 3)");
  const Matrix<float> states = Matrix<float>::Zero(encoder.state_rows(), 3);
  expect_shape_error([&] { pass.forward(encoder, X, &states); }, "states is (");
  const Matrix<float> few = Matrix<float>::Zero(encoder.state_rows() - 1, 2);
  expect_shape_error([&] { pass.forward(encoder, X, &few); }, "states");
  const Index rows = encoder.output_size();
  pass.H.resize(rows + 1, 3);
  expect_shape_error([&] { pass.forward(encoder, X, nullptr); },
                     "::forward: H is (" + std::to_string(rows + 1) + " x 3), expected (" +
                         std::to_string(rows) + " x 3)");
  pass.H.resize(rows, 3);
  pass.forward(encoder, X, nullptr);
  auto gradient = zero_like(encoder);
  pass.output_weights.resize(rows + 1, 3);
  expect_shape_error([&] { pass.backward(encoder, X, gradient); },
                     "::backward: dH is (" + std::to_string(rows + 1) + " x 3), expected (" +
                         std::to_string(rows) + " x 3)");
  pass.output_weights.setZero(rows, 3);
  pass.dX.resize(4, 2);
  expect_shape_error([&] { pass.backward(encoder, X, gradient); }, "is (4 x 2), expected (4 x 3)");
}

}  // namespace
