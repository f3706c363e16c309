#include <array>
#include <cstddef>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/kernel/dots.hpp>
#include <attend/kernel/tiles_in_turn.hpp>
#include <attend/kernel/weighted_sum.hpp>

namespace {

using attend::Bringing;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Vector;
using reference::random_matrix;
using reference::same_bits;

template <class S>
class TilesInTurn : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(TilesInTurn, Scalars);

TYPED_TEST(TilesInTurn, HaveTheBitsOfEachAlone) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : {1, 7, 8, 15, 16, 17, 65, 200}) {
    for (const Index n : {0, 1, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 31, 64}) {
      for (const Index upcoming : {0, 1, 8, 9, 64}) {
        const auto bringing = std::array{Bringing::near, Bringing::all, Bringing::few}.at(
            static_cast<std::size_t>(random.below(3)));
        SCOPED_TRACE(testing::Message() << d << " features, keys " << n << ", next " << upcoming);
        const Matrix<S> K = random_matrix<S>(random, d, n);
        const Matrix<S> next = random_matrix<S>(random, d, upcoming);
        const Vector<S> q = random_matrix<S>(random, d, 1);
        const Vector<S> a = random_matrix<S>(random, n, 1);
        Matrix<S> e(n, 1);
        Vector<S> c = q;
        attend::dots<S>(K, q, e);
        attend::add_weighted_columns<S>(K, a.data(), c.data());
        Matrix<S> e_before = Matrix<S>::Constant(n, 1, S{7});
        Vector<S> c_before = q;
        attend::dots_before<S>(K, q.data(), e_before.data(), next, bringing);
        attend::add_weighted_before<S>({K, a.data(), c_before.data()}, next, bringing);
        EXPECT_TRUE(same_bits(n, e_before.data(), e.data()));
        EXPECT_TRUE(same_bits(d, c_before.data(), c.data()));
      }
    }
  }
}

}  // namespace
