#include <cmath>
#include <limits>
#include <reference/matrices.hpp>
#include <vector>

#include <gtest/gtest.h>

#include <attend/kernel/softmax.hpp>

namespace {

using attend::Index;
using attend::OnlineSoftmax;
using attend::Random;
using attend::Vector;
using reference::random_matrix;

template <class S>
class OnlineSoftmaxOf : public testing::Test {
 protected:
  static constexpr S infinity = std::numeric_limits<S>::infinity();

  struct Outcome {
    /// Of all tiles, as they stand beside the last m.
    Vector<S> weights;
    S sum;
    S normaliser;
    int shrinks = 0;
  };

  /// Takes the energies in tiles of at most `most` keys.
  static Outcome take(const Vector<S>& energies, Index most) {
    std::vector<S> memory(OnlineSoftmax<S>::size, S{42});
    Outcome outcome{energies, 0, 0};
    OnlineSoftmax<S>(memory.data()).begin();
    EXPECT_TRUE(OnlineSoftmax<S>(memory.data()).fresh());
    for (Index t = 0; t < energies.size(); t += most) {
      OnlineSoftmax<S>(memory.data())
          .take(std::min(most, energies.size() - t), outcome.weights.data() + t, [&](S shrink) {
            EXPECT_GT(t, 0) << "nothing stands before the first tile";
            EXPECT_LT(shrink, 1);
            outcome.weights.head(t) *= shrink;
            ++outcome.shrinks;
          });
    }
    const OnlineSoftmax<S> last(memory.data());
    outcome.sum = last.sum();
    outcome.normaliser = last.normaliser();
    return outcome;
  }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(OnlineSoftmaxOf, Scalars);

TYPED_TEST(OnlineSoftmaxOf, TilesIsThatOfAllKeys) {
  using S = TypeParam;
  Random random(1);
  for (const Index n : {1, 2, 7, 8, 9, 16, 17, 31, 64, 65}) {
    for (const Index most : {1, 3, 7, 8, 9, 16, 64}) {
      for (const double size : {1.0, 30.0, 1e4}) {
        const Vector<S> e = random_matrix<S>(random, n, 1, size);
        const auto outcome = this->take(e, most);
        const Vector<double> exact = (e.template cast<double>().array() - e.maxCoeff()).exp();
        const double epsilon = std::numeric_limits<S>::epsilon();
        EXPECT_NEAR(outcome.sum, exact.sum(), 4 * static_cast<double>(n) * epsilon * exact.sum());
        EXPECT_NEAR(outcome.normaliser, e.maxCoeff() + std::log(exact.sum()),
                    8 * size * epsilon * (1 + std::log(n)));
        for (Index t = 0; t < n; ++t) {
          EXPECT_NEAR(outcome.weights(t), exact(t), 8 * epsilon)
              << "key " << t << " of " << n << " in tiles of " << most << ", energies to " << size;
        }
      }
    }
  }
}

TYPED_TEST(OnlineSoftmaxOf, TilesThatDoNotExceedTheLargestShrinksNothing) {
  using S = TypeParam;
  Vector<S> e = Vector<S>::Constant(40, S{3});
  e(5) = 7;
  EXPECT_EQ(this->take(e, 8).shrinks, 0);
  e(8) = 7;
  EXPECT_EQ(this->take(e, 8).shrinks, 0);
  e(39) = 9;
  EXPECT_EQ(this->take(e, 8).shrinks, 1);
}

TYPED_TEST(OnlineSoftmaxOf, KeysThatAreHiddenAreNothing) {
  using S = TypeParam;
  Vector<S> e = Vector<S>::Constant(33, -this->infinity);
  const auto blind = this->take(e, 8);
  EXPECT_EQ(blind.sum, 0);
  EXPECT_TRUE(blind.weights.isZero(0));
  e(20) = -5;
  const auto seeing = this->take(e, 8);
  EXPECT_EQ(seeing.shrinks, 0);
  EXPECT_EQ(seeing.sum, 1);
  EXPECT_EQ(seeing.normaliser, -5);
  EXPECT_EQ(seeing.weights(20), 1);
  EXPECT_EQ(seeing.weights.sum(), 1);
}

TYPED_TEST(OnlineSoftmaxOf, ANumberThatIsNoneIsNone) {
  using S = TypeParam;
  for (const Index at : {0, 7, 8, 12}) {
    Vector<S> e = Vector<S>::Constant(13, S{2});
    e(at) = std::numeric_limits<S>::quiet_NaN();
    EXPECT_TRUE(std::isnan(this->take(e, 8).sum)) << at;
  }
}

}  // namespace
