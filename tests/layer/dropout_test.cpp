#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/layer/dropout.hpp>

namespace {

using attend::Dropout;
using attend::DropoutMask;
using attend::Index;
using attend::Matrix;
using attend::Ragged;
using attend::Random;
using reference::same_bits;

template <class S>
class DropoutLayer : public testing::Test {
 protected:
  Ragged layout{std::vector<Index>{3, 5, 0, 2, 5}};
  Random random{1};

  Matrix<S> masks(double p, DropoutMask kind, Index rows, Random* generator) {
    Matrix<S> X = Matrix<S>::Ones(rows, layout.columns());
    dropout.forward(p, kind, layout, generator, X);
    return X;
  }
  Dropout<S> dropout;
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(DropoutLayer, Scalars);

TYPED_TEST(DropoutLayer, DropsAsOftenAsItIsTold) {
  using S = TypeParam;
  for (const double p : {0.1, 0.3, 0.5, 0.9}) {
    for (const Index rows : {1, 3, 250}) {
      Matrix<S> mask(rows, 40000 / rows);
      attend::draw_mask<S>(p, this->random, mask);
      const auto count = static_cast<double>(mask.size());
      const double dropped = static_cast<double>((mask.array() == S{0}).count()) / count;
      const double deviation = std::sqrt(p * (1 - p) / count);
      EXPECT_NEAR(dropped, p, 5 * deviation + 1.0 / 65536) << rows << " rows";
      const S kept = static_cast<S>(1 / (1 - p));
      for (Index i = 0; i < mask.size(); ++i) {
        const S m = mask.data()[i];
        ASSERT_TRUE(m == S{0} || std::abs(m - kept) < S{1e-3F} * kept) << m;
      }
      EXPECT_NEAR(mask.template cast<double>().mean(), 1, 5 * deviation / (1 - p) + 1e-3)
          << "the expectation stays";
    }
  }
}

/// Neither rows, which share a draw of four, nor columns go together.
TYPED_TEST(DropoutLayer, DropsElementsIndependently) {
  using S = TypeParam;
  Matrix<S> mask(9, 20000);
  attend::draw_mask<S>(0.5, this->random, mask);
  const Matrix<double> signs = (mask.template cast<double>().array() - 1).matrix();
  const Matrix<double> rows = signs * signs.transpose() / 20000;
  EXPECT_LT((rows - Matrix<double>::Identity(9, 9)).cwiseAbs().maxCoeff(), 5 / std::sqrt(20000));
  const double neighbours = (signs.leftCols(19999).array() * signs.rightCols(19999).array()).mean();
  EXPECT_NEAR(neighbours, 0, 5 / std::sqrt(9 * 20000.0));
}

TYPED_TEST(DropoutLayer, UsesTheSameMaskOnTheWayBack) {
  using S = TypeParam;
  for (const DropoutMask kind :
       {DropoutMask::each_step, DropoutMask::same_over_time, DropoutMask::whole_steps}) {
    const Matrix<S> mask = this->masks(0.4, kind, 11, &this->random);
    const auto gradient = reference::random_matrix<S>(this->random, 11, this->layout.columns());
    Matrix<S> dX = gradient;
    this->dropout.backward(this->layout, dX);
    EXPECT_TRUE(same_bits(dX, Matrix<S>(gradient.array() * mask.array())));
    Matrix<S> by_steps = gradient;
    for (Index t = 0; t < this->layout.steps(); ++t) {
      const Index first = this->layout.offset(t);
      const Index n = this->layout.count(t);
      this->dropout.apply(first, n, by_steps.middleCols(first, n));
    }
    EXPECT_TRUE(same_bits(by_steps, dX)) << "step by step as all at once";
  }
}

TYPED_TEST(DropoutLayer, SameOverTimeDrawsOneMaskForEachSequence) {
  using S = TypeParam;
  const Matrix<S> mask = this->masks(0.5, DropoutMask::same_over_time, 40, &this->random);
  for (Index b = 0; b < this->layout.size(); ++b) {
    for (Index t = 1; t < this->layout.length(b); ++t) {
      EXPECT_EQ(mask.col(this->layout.column(b, t)), mask.col(this->layout.column(b, 0)));
    }
  }
  EXPECT_NE(mask.col(this->layout.column(0, 0)), mask.col(this->layout.column(1, 0)));
}

TYPED_TEST(DropoutLayer, EachStepDrawsAMaskForEachColumn) {
  using S = TypeParam;
  const Matrix<S> mask = this->masks(0.5, DropoutMask::each_step, 40, &this->random);
  for (Index j = 0; j < mask.cols(); ++j) {
    for (Index k = 0; k < j; ++k) EXPECT_NE(mask.col(j), mask.col(k));
  }
}

TYPED_TEST(DropoutLayer, WholeStepsKeepsOrDropsEachColumn) {
  using S = TypeParam;
  const Matrix<S> mask = this->masks(0.5, DropoutMask::whole_steps, 40, &this->random);
  for (Index j = 0; j < mask.cols(); ++j) EXPECT_TRUE((mask.col(j).array() == mask(0, j)).all());
  EXPECT_EQ(mask.minCoeff(), 0);
  EXPECT_EQ(mask.maxCoeff(), 2);
}

TYPED_TEST(DropoutLayer, IsTheIdentityWithoutProbabilityOrGenerator) {
  using S = TypeParam;
  const Random before = this->random;
  for (const DropoutMask kind :
       {DropoutMask::each_step, DropoutMask::same_over_time, DropoutMask::whole_steps}) {
    EXPECT_TRUE((this->masks(0, kind, 5, &this->random).array() == S{1}).all());
    EXPECT_TRUE((this->masks(0.5, kind, 5, nullptr).array() == S{1}).all());
  }
  EXPECT_EQ(this->random.state(), before.state()) << "nothing is drawn";
  (void)this->masks(0.5, DropoutMask::each_step, 5, &this->random);
  (void)this->masks(0, DropoutMask::each_step, 5, &this->random);
  Matrix<S> dX = Matrix<S>::Ones(5, this->layout.columns());
  this->dropout.backward(this->layout, dX);
  EXPECT_TRUE((dX.array() == S{1}).all()) << "the masks of the pass before are gone";
}

TYPED_TEST(DropoutLayer, DrawsTheSameMasksForTheSameSeed) {
  using S = TypeParam;
  Random one(7);
  Random again(7);
  Random other(8);
  const Matrix<S> mask = this->masks(0.5, DropoutMask::each_step, 21, &one);
  EXPECT_TRUE(same_bits(mask, this->masks(0.5, DropoutMask::each_step, 21, &again)));
  EXPECT_FALSE(same_bits(mask, this->masks(0.5, DropoutMask::each_step, 21, &other)));
  EXPECT_FALSE(same_bits(mask, this->masks(0.5, DropoutMask::each_step, 21, &one)));
}

TYPED_TEST(DropoutLayer, RefusesWhatIsNoProbability) {
  Matrix<TypeParam> mask(2, 2);
  for (const auto& [p, text] :
       {std::pair<double, std::string>{1, "1"}, {1.5, "1.5"}, {-0.25, "-0.25"}}) {
    try {
      attend::draw_mask<TypeParam>(p, this->random, mask);
      FAIL() << p;
    } catch (const std::invalid_argument& e) {
      EXPECT_EQ(std::string(e.what()), "dropout: the probability is " + text + ", expected [0, 1)");
    }
  }
  EXPECT_THROW(
      attend::draw_mask<TypeParam>(std::numeric_limits<double>::quiet_NaN(), this->random, mask),
      std::invalid_argument);
  EXPECT_THROW(this->masks(1, DropoutMask::each_step, 2, &this->random), std::invalid_argument);
}

TYPED_TEST(DropoutLayer, RefusesOtherShapes) {
  using S = TypeParam;
  (void)this->masks(0.5, DropoutMask::each_step, 4, &this->random);
  Matrix<S> wide = Matrix<S>::Ones(4, 16);
  try {
    this->dropout.backward(this->layout, wide);
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "Dropout::apply: X is (4 x 16), expected (4 x 15)");
  }
  Matrix<S> low = Matrix<S>::Ones(3, 2);
  try {
    this->dropout.apply(0, 2, low);
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "Dropout::apply: X is (3 x 2), expected (4 x 2)");
  }
}

TYPED_TEST(DropoutLayer, RefusesWhatIsNoProbabilityWithoutAGeneratorToo) {
  for (const double p : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THROW(this->dropout.draw(p, DropoutMask::each_step, this->layout, 4, nullptr),
                 std::invalid_argument);
  }
}

}  // namespace
