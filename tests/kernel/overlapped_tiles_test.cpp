#include <reference/differences.hpp>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/kernel/additive_energy.hpp>
#include <attend/kernel/overlapped_tiles.hpp>

namespace {

using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Vector;
using attend::View;
using reference::random_matrix;
using reference::same_bits;

/// Columns of keys and of values.
const Index awkward[] = {0, 1, 3, 4, 7, 8, 9, 16, 17, 31};

template <class S>
class BesideSum : public testing::Test {
 protected:
  struct Outcome {
    Matrix<S> e;
    Vector<S> c;
  };

  static void expect_equal(const Outcome& once, const Outcome& apart) {
    EXPECT_TRUE(same_bits(once.e.size(), once.e.data(), apart.e.data()));
    EXPECT_TRUE(same_bits(once.c.size(), once.c.data(), apart.c.data()));
  }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(BesideSum, Scalars);

TYPED_TEST(BesideSum, InnerProductsHaveTheirBits) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : {1, 15, 16, 65, 200}) {
    for (const Index n : awkward) {
      for (const Index m : awkward) {
        SCOPED_TRACE(testing::Message() << d << " features, keys " << n << ", values " << m);
        const Matrix<S> K = random_matrix<S>(random, d, n);
        const Matrix<S> V = random_matrix<S>(random, d, m);
        const Vector<S> q = random_matrix<S>(random, d, 1);
        const Vector<S> a = random_matrix<S>(random, m, 1);
        typename TestFixture::Outcome apart{Matrix<S>(n, 1), q};
        auto once = apart;
        attend::dots<S>(K, q, apart.e);
        attend::add_weighted_columns<S>(V, a.data(), apart.c.data());
        attend::dots_beside_sum<S>(K, q.data(), once.e.data(), {V, a.data(), once.c.data()});
        this->expect_equal(once, apart);
      }
    }
  }
}

TYPED_TEST(BesideSum, AdditiveEnergiesHaveTheirBitsBesideValuesOfAnySize) {
  using S = TypeParam;
  Random random(2);
  for (const Index d_e : {1, 17, 64, 130}) {
    for (const Index d_v : {1, 16, 130, 200}) {
      for (const Index n : awkward) {
        for (const Index m : awkward) {
          SCOPED_TRACE(testing::Message() << d_e << " features, " << d_v << " of values, keys " << n
                                          << ", values " << m);
          Matrix<S> K = random_matrix<S>(random, d_e, n);
          Matrix<S> q = random_matrix<S>(random, d_e, 1);
          attend::double_powers<S>(K);
          attend::double_powers<S>(q);
          const Matrix<S> V = random_matrix<S>(random, d_v, m);
          const Vector<S> v = random_matrix<S>(random, d_e, 1);
          const Vector<S> a = random_matrix<S>(random, m, 1);
          typename TestFixture::Outcome apart{Matrix<S>(n, 1), random_matrix<S>(random, d_v, 1)};
          const auto fresh = apart;
          attend::additive_energies<S>(K, q, v, apart.e);
          attend::add_weighted_columns<S>(V, a.data(), apart.c.data());
          for (const bool far : {false, true}) {
            auto once = fresh;
            attend::additive_energies_beside_sum<S>(K, q.data(), v, once.e.data(),
                                                    {V, a.data(), once.c.data(), far});
            this->expect_equal(once, apart);
          }
        }
      }
    }
  }
}

}  // namespace
