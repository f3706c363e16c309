#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include "encoder/pass.hpp"
#include <attend/encoder/bidirectional.hpp>

namespace {

using attend::Bidirectional;
using attend::Direction;
using attend::Index;
using attend::Matrix;
using attend::Merge;
using attend::Random;
using attend::Recurrent;
using reference::random_matrix;
using reference::same_bits;

template <class S>
class BidirectionalEncoder : public testing::Test {
 protected:
  Random random{51};
  attend::Gru<S> forward_cell = cells::GruResetAfter::plain<S>(3, 7, random);
  attend::Gru<S> backward_cell = cells::GruResetAfter::plain<S>(3, 7, random);
  attend::Ragged layout = encoders::ragged({4, 0, 6, 1});
  Matrix<S> X = random_matrix<S>(random, 3, layout.columns());

  Matrix<S> outputs(const auto& encoder) {
    encoders::Pass<std::remove_cvref_t<decltype(encoder)>> pass(encoder, layout, random);
    pass.forward(encoder, X, nullptr);
    return pass.H;
  }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(BidirectionalEncoder, Scalars);

TYPED_TEST(BidirectionalEncoder, StandsOnTwoLayersOfOneDirection) {
  using S = TypeParam;
  const auto there = this->outputs(Recurrent(this->forward_cell));
  const auto back = this->outputs(Recurrent(this->backward_cell, Direction::backward));
  const Bidirectional both(this->forward_cell, this->backward_cell);
  EXPECT_EQ(both.output_size(), 14);
  EXPECT_EQ(both.state_rows(), 14);
  EXPECT_EQ(both.merge(), Merge::concatenate);
  const auto H = this->outputs(both);
  EXPECT_TRUE(same_bits(Matrix<S>(H.topRows(7)), there));
  EXPECT_TRUE(same_bits(Matrix<S>(H.bottomRows(7)), back));

  const Bidirectional sum(this->forward_cell, this->backward_cell, Merge::sum);
  EXPECT_EQ(sum.output_size(), 7);
  EXPECT_TRUE(same_bits(this->outputs(sum), Matrix<S>(there + back)));
}

TYPED_TEST(BidirectionalEncoder, EndsForwardAtTheEndAndBackwardAtTheBeginning) {
  using S = TypeParam;
  const Bidirectional both(this->forward_cell, this->backward_cell);
  encoders::Pass<std::remove_const_t<decltype(both)>> pass(both, this->layout, this->random);
  pass.forward(both, this->X, nullptr);
  for (const Index b : {0, 2, 3}) {
    const Index last = this->layout.column(b, this->layout.length(b) - 1);
    EXPECT_EQ(pass.final.col(b).head(7), pass.H.col(last).head(7));
    EXPECT_EQ(pass.final.col(b).tail(7), pass.H.col(this->layout.column(b, 0)).tail(7));
  }
  EXPECT_EQ(pass.final.col(1).norm(), S{0});
}

TYPED_TEST(BidirectionalEncoder, MayHaveDirectionsOfTwoSizes) {
  using S = TypeParam;
  const auto small = cells::GruResetAfter::plain<S>(3, 2, this->random);
  const Bidirectional both(this->forward_cell, small);
  EXPECT_EQ(both.output_size(), 9);
  const auto H = this->outputs(both);
  EXPECT_TRUE(same_bits(Matrix<S>(H.topRows(7)), this->outputs(Recurrent(this->forward_cell))));
  EXPECT_TRUE(
      same_bits(Matrix<S>(H.bottomRows(2)), this->outputs(Recurrent(small, Direction::backward))));
}

TYPED_TEST(BidirectionalEncoder, RefusesCellsThatDoNotGoTogether) {
  using S = TypeParam;
  const auto message = [&](Index input, Index hidden, Merge merge) -> std::string {
    try {
      const Bidirectional both(this->forward_cell,
                               cells::GruResetAfter::plain<S>(input, hidden, this->random), merge);
    } catch (const attend::ShapeError& e) {
      return e.what();
    }
    return "nothing";
  };
  EXPECT_EQ(message(3, 2, Merge::concatenate), "nothing");
  EXPECT_EQ(message(3, 2, Merge::sum),
            "Bidirectional: hidden size of the backward cell, to be summed, is 2, expected 7");
  EXPECT_EQ(message(4, 7, Merge::concatenate),
            "Bidirectional: input size of the backward cell is 4, expected 3");
}

}  // namespace
