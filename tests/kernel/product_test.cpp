#include <cmath>
#include <cstring>
#include <limits>
#include <reference/product.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/core/random.hpp>
#include <attend/kernel/product.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::PanelMatrix;
using attend::Random;
using attend::ShapeError;
using attend::Sweep;
using attend::Vector;

const Index awkward[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65, 257};

struct Sizes {
  Index m, k, n;
};

/// Every pair of awkward sizes in every two roles, the third one in turn.
std::vector<Sizes> awkward_sizes() {
  std::vector<Sizes> sizes;
  Index turn = 0;
  for (const Index a : awkward) {
    for (const Index b : awkward) {
      const Index c = awkward[turn++ * 5 % 13];
      sizes.push_back({a, b, c});
      sizes.push_back({c, a, b});
      sizes.push_back({b, c, a});
    }
  }
  return sizes;
}

/// Numbers of both signs and of sizes between 1e-3 and 1e3.
template <class S>
Matrix<S> random_matrix(Random& random, Index rows, Index cols) {
  return Matrix<S>::NullaryExpr(rows, cols, [&] {
    return static_cast<S>(random.uniform(-1, 1) * std::pow(10.0, random.uniform(-3, 3)));
  });
}

template <class S>
bool same_bits(const Matrix<S>& a, const Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(S)) == 0);
}

/// A block of a larger matrix. What surrounds it is NaN, so that reading it shows and writing it
/// shows too.
template <class S>
class Framed {
 public:
  explicit Framed(const Matrix<S>& m) : whole_(surroundings(m)), rows_(m.rows()), cols_(m.cols()) {
    whole_.block(2, 1, rows_, cols_) = m;
  }
  auto block() { return whole_.block(2, 1, rows_, cols_); }
  Matrix<S> matrix() { return block(); }
  bool frame_is_untouched() {
    Matrix<S> rest = whole_;
    const Matrix<S> expected = surroundings(matrix());
    rest.block(2, 1, rows_, cols_) = expected.block(2, 1, rows_, cols_);
    return same_bits<S>(rest, expected);
  }

 private:
  static Matrix<S> surroundings(const Matrix<S>& m) {
    return Matrix<S>::Constant(m.rows() + 5, m.cols() + 3, std::numeric_limits<S>::quiet_NaN());
  }
  Matrix<S> whole_;
  Index rows_, cols_;
};

template <class S>
class Product : public testing::Test {
 protected:
  using Dense = Matrix<S>;
  Random random{1};

  Dense numbers(Index rows, Index cols) { return random_matrix<S>(random, rows, cols); }

  static Dense packed(const Dense& W, const Dense& X, Dense Y) {
    attend::multiply_add(PanelMatrix<S>(W), X, Y);
    return Y;
  }
  static Dense plain(const Dense& A, const Dense& B, Dense C) {
    attend::multiply_add<S>(A, B, C);
    return C;
  }
  static Dense transposed(const Dense& A, const Dense& B, Dense C) {
    const Dense B_transposed = B.transpose();
    attend::multiply_transposed_add<S>(A, B_transposed, C);
    return C;
  }
  static Dense outer(const Dense& A, const Dense& B, const Dense& C) {
    const Dense B_transposed = B.transpose();
    PanelMatrix<S> W(C);
    attend::add_outer<S>(A, B_transposed, W);
    return W.matrix();
  }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Product, Scalars);

TYPED_TEST(Product, EqualsTheThreeLoopsAndAdds) {
  for (const auto [m, k, n] : awkward_sizes()) {
    const auto A = this->numbers(m, k);
    const auto B = this->numbers(k, n);
    const auto C = this->numbers(m, n);
    const auto Y = this->packed(A, B, C);
    reference::expect_product<TypeParam>(
        Y, C, k, [&](Index i, Index l) { return A(i, l); },
        [&](Index l, Index j) { return B(l, j); });
    if (this->HasFatalFailure()) return;
    // Every product is the same chain of multiply-adds, so they agree to the bit.
    ASSERT_TRUE(same_bits<TypeParam>(this->plain(A, B, C), Y)) << m << " " << k << " " << n;
    ASSERT_TRUE(same_bits<TypeParam>(this->transposed(A, B, C), Y)) << m << " " << k << " " << n;
    ASSERT_TRUE(same_bits<TypeParam>(this->outer(A, B, C), Y)) << m << " " << k << " " << n;
  }
}

TYPED_TEST(Product, MultiplyOverwrites) {
  using M = Matrix<TypeParam>;
  // 512 rows are more panels than a tile of one column takes.
  for (const Index m : {17, 512}) {
    for (const Index n : awkward) {
      const M W = this->numbers(m, 9);
      const M X = this->numbers(9, n);
      M Y = M::Constant(m, n, std::numeric_limits<TypeParam>::quiet_NaN());
      attend::multiply(PanelMatrix<TypeParam>(W), X, Y);
      EXPECT_TRUE(same_bits<TypeParam>(Y, this->packed(W, X, M::Zero(m, n)))) << m << " " << n;
    }
  }
}

TYPED_TEST(Product, MultiplyOfPlainColumnsOverwrites) {
  using M = Matrix<TypeParam>;
  for (const auto [m, k, n] : awkward_sizes()) {
    const M A = this->numbers(m, k);
    const M B = this->numbers(k, n);
    M C = M::Constant(m, n, std::numeric_limits<TypeParam>::quiet_NaN());
    attend::multiply<TypeParam>(attend::ConstView<TypeParam>(A), B, C);
    ASSERT_TRUE(same_bits<TypeParam>(C, this->plain(A, B, M::Zero(m, n))))
        << m << " " << k << " " << n;
  }
  M C = M::Ones(3, 2);
  attend::multiply<TypeParam>(attend::ConstView<TypeParam>(M(3, 0)), M(0, 2), C);
  EXPECT_EQ(C, M::Zero(3, 2));
}

TYPED_TEST(Product, BeginsWithABias) {
  using M = Matrix<TypeParam>;
  for (const auto [m, k, n] : awkward_sizes()) {
    const M W = this->numbers(m, k);
    const M X = this->numbers(k, n);
    const Vector<TypeParam> b = this->numbers(m, 1);
    M Y = M::Constant(m, n, std::numeric_limits<TypeParam>::quiet_NaN());
    for (const Sweep sweep : {Sweep::there, Sweep::back}) {
      attend::multiply(PanelMatrix<TypeParam>(W), X, b, Y, sweep);
      ASSERT_TRUE(same_bits<TypeParam>(Y, this->packed(W, X, b.replicate(1, n))))
          << m << " " << k << " " << n;
    }
  }
}

TYPED_TEST(Product, AColumnHasTheSameBitsAloneAndInAnyBatch) {
  using M = Matrix<TypeParam>;
  for (const Index m : {1, 7, 33, 65}) {
    for (const Index k : {1, 9, 257, 513}) {
      const Index n = 31;
      const M W = this->numbers(m, k);
      const M X = this->numbers(k, n);
      const M Y0 = this->numbers(m, n);
      const M Y = this->packed(W, X, Y0);
      for (Index count = 1; count <= n; ++count) {
        for (Index first = 0; first + count <= n; first += count) {
          const M expected = Y.middleCols(first, count);
          const M X_part = X.middleCols(first, count);
          const M Y_part = Y0.middleCols(first, count);
          ASSERT_TRUE(same_bits<TypeParam>(this->packed(W, X_part, Y_part), expected));
          ASSERT_TRUE(same_bits<TypeParam>(this->plain(W, X_part, Y_part), expected));
          ASSERT_TRUE(same_bits<TypeParam>(this->transposed(W, X_part, Y_part), expected));
          ASSERT_TRUE(same_bits<TypeParam>(this->outer(W, X_part, Y_part), expected));
        }
      }
    }
  }
}

TYPED_TEST(Product, AColumnHasTheSameBitsInABatchOfSeveralBlocks) {
  using M = Matrix<TypeParam>;
  const Index n = 2 * attend::detail::column_block + 7;
  const M W = this->numbers(37, 300);
  const M X = this->numbers(300, n);
  const M Y = this->packed(W, X, M::Zero(37, n));
  EXPECT_TRUE(same_bits<TypeParam>(this->plain(W, X, M::Zero(37, n)), Y));
  for (Index j = 0; j < n; ++j) {
    EXPECT_TRUE(same_bits<TypeParam>(this->packed(W, X.col(j), M::Zero(37, 1)), Y.col(j))) << j;
  }
}

/// Weights that no second-level cache keeps for the next product, met by few columns.
TYPED_TEST(Product, AColumnHasTheSameBitsWhereWeightsComeFromAfar) {
  using S = TypeParam;
  const Matrix<S> plain = this->numbers(1100, 130);
  const Matrix<S> X = this->numbers(130, 6);
  for (const auto precision : {attend::Precision::full, attend::Precision::bfloat16}) {
    PanelMatrix<S> W(plain);
    W.set_precision(precision);
    Matrix<S> alone(plain.rows(), X.cols());
    for (Index j = 0; j < X.cols(); ++j) {
      attend::multiply(W, attend::ConstView<S>(X.middleCols(j, 1)),
                       attend::View<S>(alone.middleCols(j, 1)));
    }
    for (Index n = 2; n <= X.cols(); ++n) {
      Matrix<S> together = Matrix<S>::Constant(plain.rows(), n, S{7});
      attend::multiply(W, attend::ConstView<S>(X.leftCols(n)), attend::View<S>(together));
      EXPECT_TRUE(same_bits<S>(together, alone.leftCols(n))) << n;
    }
  }
}

TYPED_TEST(Product, ARowHasTheSameBitsInAnyMatrix) {
  using M = Matrix<TypeParam>;
  const M W = this->numbers(67, 40);
  const M X = this->numbers(40, 5);
  const M Y = this->packed(W, X, M::Zero(67, 5));
  for (Index i = 0; i < 67; ++i) {
    const M row = W.row(i);
    const M expected = Y.row(i);
    EXPECT_TRUE(same_bits<TypeParam>(this->packed(row, X, M::Zero(1, 5)), expected)) << i;
    EXPECT_TRUE(same_bits<TypeParam>(this->plain(row, X, M::Zero(1, 5)), expected)) << i;
  }
}

TYPED_TEST(Product, AChainMayBeCutAnywhere) {
  using M = Matrix<TypeParam>;
  const Index k = 530;
  const PanelMatrix<TypeParam> W(this->numbers(19, k));
  const M X = this->numbers(k, 7);
  M whole = M::Zero(19, 7);
  attend::multiply_add(W, X, whole);
  for (const Index cut : {0, 1, 100, 256, 257, 529, 530}) {
    M parts = M::Zero(19, 7);
    attend::multiply_add(W.columns(0, cut), X.topRows(cut), parts);
    attend::multiply_add(W.columns(cut, k - cut), X.bottomRows(k - cut), parts);
    EXPECT_TRUE(same_bits<TypeParam>(parts, whole)) << cut;
  }
}

TYPED_TEST(Product, ReadBackHasTheSameBits) {
  using M = Matrix<TypeParam>;
  using attend::Precision;
  for (const Index m : {19, 200}) {
    PanelMatrix<TypeParam> W(this->numbers(m, 530));
    for (const Precision precision : {Precision::full, Precision::bfloat16, Precision::int8}) {
      W.set_precision(precision);
      for (const Index n : {1, 2, 5, 14}) {
        const M X = this->numbers(530, n);
        M there = M::Zero(m, n);
        M back = there;
        attend::multiply_add(W, X, there);
        attend::multiply_add(W, X, back, attend::Sweep::back);
        EXPECT_TRUE(same_bits<TypeParam>(there, back)) << m << " x " << n;
      }
    }
  }
}

TYPED_TEST(Product, AnOuterProductMayBeCutAnywhere) {
  using M = Matrix<TypeParam>;
  const Index n = 530;  // more columns of X than stay near
  const M dY = this->numbers(3, n);
  const M X = this->numbers(1100, n);
  PanelMatrix<TypeParam> whole(3, 1100);
  attend::add_outer<TypeParam>(dY, X, whole);
  for (const Index cut : {1, 128, 129, 238}) {
    PanelMatrix<TypeParam> parts(3, 1100);
    attend::add_outer<TypeParam>(dY.leftCols(cut), X.leftCols(cut), parts);
    attend::add_outer<TypeParam>(dY.rightCols(n - cut), X.rightCols(n - cut), parts);
    EXPECT_TRUE(same_bits<TypeParam>(parts.matrix(), whole.matrix())) << cut;
  }
}

TYPED_TEST(Product, BlocksOfLargerMatricesAreReadAndWrittenAlone) {
  using M = Matrix<TypeParam>;
  for (const auto [m, k, n] : awkward_sizes()) {
    if (m * k * n > 20'000) continue;
    const M A = this->numbers(m, k);
    const M B = this->numbers(k, n);
    const M C = this->numbers(m, n);
    const M expected = this->packed(A, B, C);
    Framed<TypeParam> A_in(A);
    Framed<TypeParam> B_in(B);
    const M B_t = B.transpose();
    Framed<TypeParam> B_t_in(B_t);
    for (int kind = 0; kind < 3; ++kind) {
      Framed<TypeParam> out(C);
      if (kind == 0) attend::multiply_add(PanelMatrix<TypeParam>(A), B_in.block(), out.block());
      if (kind == 1) attend::multiply_add<TypeParam>(A_in.block(), B_in.block(), out.block());
      if (kind == 2) {
        attend::multiply_transposed_add<TypeParam>(A_in.block(), B_t_in.block(), out.block());
      }
      ASSERT_TRUE(same_bits<TypeParam>(out.matrix(), expected)) << kind;
      ASSERT_TRUE(out.frame_is_untouched()) << kind;
    }
    PanelMatrix<TypeParam> dW(C);
    attend::add_outer<TypeParam>(A_in.block(), B_t_in.block(), dW);
    ASSERT_TRUE(same_bits<TypeParam>(dW.matrix(), expected));
  }
}

TYPED_TEST(Product, OuterLeavesPaddingZero) {
  using S = TypeParam;
  for (const Index m : awkward) {
    PanelMatrix<S> dW(m, 9);
    attend::add_outer<S>(this->numbers(m, 300), this->numbers(9, 300), dW);
    for (Index i = m; i < dW.panels() * dW.panel_rows; ++i) {
      for (Index j = 0; j < 9; ++j) {
        const Index panel = (dW.panels() - 1) * dW.panel_stride();
        ASSERT_EQ(dW.data()[panel + j * dW.panel_rows + i % dW.panel_rows], S{0}) << m;
      }
    }
  }
}

TYPED_TEST(Product, NotANumberStaysInItsColumn) {
  using M = Matrix<TypeParam>;
  const M W = this->numbers(33, 10);
  M X = this->numbers(10, 12);
  const M clean = this->packed(W, X, M::Zero(33, 12));
  X(3, 5) = std::numeric_limits<TypeParam>::quiet_NaN();
  X(4, 5) = std::numeric_limits<TypeParam>::infinity();
  M Y = this->packed(W, X, M::Zero(33, 12));
  EXPECT_TRUE(Y.col(5).array().isNaN().all());
  Y.col(5) = clean.col(5);
  EXPECT_TRUE(same_bits<TypeParam>(Y, clean));
}

TYPED_TEST(Product, KeepsDenormalsAndLargeNumbers) {
  using S = TypeParam;
  using M = Matrix<S>;
  const S denormal = std::numeric_limits<S>::denorm_min();
  EXPECT_EQ(this->packed(M::Constant(3, 1, denormal), M::Ones(1, 2), M::Zero(3, 2)),
            M::Constant(3, 2, denormal));
  EXPECT_EQ(this->packed(M::Constant(3, 3, S{1e4F}), M::Constant(3, 2, S{-1e4F}), M::Zero(3, 2)),
            M::Constant(3, 2, S{-3e8F}));
}

TYPED_TEST(Product, OfNothingAddsNothing) {
  using S = TypeParam;
  using M = Matrix<S>;
  for (const Index m : {0, 1, 20}) {
    for (const Index k : {0, 1, 300}) {
      for (const Index n : {0, 1, 20}) {
        if (m != 0 && k != 0 && n != 0) continue;
        const M A = this->numbers(m, k);
        const M B = this->numbers(k, n);
        const M C = this->numbers(m, n);
        EXPECT_TRUE(same_bits<S>(this->packed(A, B, C), C)) << m << " " << k << " " << n;
        EXPECT_TRUE(same_bits<S>(this->plain(A, B, C), C)) << m << " " << k << " " << n;
        EXPECT_TRUE(same_bits<S>(this->transposed(A, B, C), C)) << m << " " << k << " " << n;
        EXPECT_TRUE(same_bits<S>(this->outer(A, B, C), C)) << m << " " << k << " " << n;
        M Y = C;
        attend::multiply(PanelMatrix<S>(A), B, Y);
        EXPECT_EQ(Y, M::Zero(m, n));
      }
    }
  }
}

template <class Action>
std::string shape_error(Action action) {
  try {
    action();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TYPED_TEST(Product, SaysWhichShapeIsWrong) {
  using S = TypeParam;
  using M = Matrix<S>;
  const PanelMatrix<S> W(M::Zero(3, 4));
  const M A = M::Zero(3, 4);
  const M good_X(4, 5);
  const M bad_X(6, 5);
  M good_Y = M::Zero(3, 5);
  M bad_Y = M::Zero(3, 6);
  const auto packed = [&](const M& X, M& Y) {
    return shape_error([&] { attend::multiply_add(W, X, Y); });
  };
  EXPECT_EQ(packed(bad_X, good_Y), "multiply_add: X is (6 x 5), expected (4 x 5)");
  EXPECT_EQ(packed(good_X, bad_Y), "multiply_add: Y is (3 x 6), expected (3 x 5)");
  EXPECT_EQ(shape_error([&] { attend::multiply(W, bad_X, good_Y); }),
            "multiply_add: X is (6 x 5), expected (4 x 5)");
  const Vector<S> bad_b(2);
  EXPECT_EQ(shape_error([&] { attend::multiply(W, good_X, bad_b, good_Y); }),
            "multiply: size of b is 2, expected 3");
  const auto plain = [&](const M& B, M& C) {
    return shape_error([&] { attend::multiply_add<S>(A, B, C); });
  };
  EXPECT_EQ(plain(bad_X, good_Y), "multiply_add: B is (6 x 5), expected (4 x 5)");
  EXPECT_NE(plain(good_X, bad_Y), "nothing was thrown");
  EXPECT_EQ(shape_error([&] { attend::multiply<S>(attend::ConstView<S>(A), bad_X, good_Y); }),
            "multiply: B is (6 x 5), expected (4 x 5)");
  M tall = M::Zero(7, 5);
  EXPECT_EQ(shape_error([&] { attend::multiply<S>(attend::ConstView<S>(A), good_X, tall); }),
            "multiply: C is (7 x 5), expected (3 x 5)");
  EXPECT_EQ(plain(good_X, tall), "multiply_add: C is (7 x 5), expected (3 x 5)");
  const M rows = M::Zero(5, 4);
  const M bad_rows = M::Zero(5, 6);
  const auto transposed = [&](const M& B, M& C) {
    return shape_error([&] { attend::multiply_transposed_add<S>(A, B, C); });
  };
  EXPECT_EQ(transposed(bad_rows, good_Y),
            "multiply_transposed_add: B is (5 x 6), expected (5 x 4)");
  EXPECT_EQ(transposed(rows, tall), "multiply_transposed_add: C is (7 x 5), expected (3 x 5)");
  PanelMatrix<S> dW(3, 4);
  const auto outer = [&](const M& dY, const M& X) {
    return shape_error([&] { attend::add_outer<S>(dY, X, dW); });
  };
  EXPECT_EQ(outer(tall, good_X), "add_outer: dY is (7 x 5), expected (3 x 5)");
  EXPECT_EQ(outer(good_Y, bad_X), "add_outer: X is (6 x 5), expected (4 x 5)");
}

}  // namespace
