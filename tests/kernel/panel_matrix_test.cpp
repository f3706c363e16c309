#include <cmath>
#include <limits>
#include <reference/message_of.hpp>
#include <set>

#include <gtest/gtest.h>

#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/product.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::PanelMatrix;
using attend::Vector;

const Index awkward[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129};

/// The sum of the absolute values of what is stored beyond the matrix's own elements.
template <class S>
S padding(PanelMatrix<S> m) {
  std::set<const S*> own;
  for (Index i = 0; i < m.rows(); ++i) {
    for (Index j = 0; j < m.cols(); ++j) own.insert(&m(i, j));
  }
  S sum = 0;
  for (Index k = 0; k < m.size(); ++k) {
    if (!own.contains(m.data() + k)) sum += std::abs(m.data()[k]);
  }
  return sum;
}

template <class S>
class Panels : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Panels, Scalars);

TYPED_TEST(Panels, HoldAMatrix) {
  using S = TypeParam;
  for (const Index rows : awkward) {
    for (const Index cols : awkward) {
      const Matrix<S> m = Matrix<S>::Random(rows, cols);
      const PanelMatrix<S> packed(m);
      ASSERT_EQ(packed.rows(), rows);
      ASSERT_EQ(packed.cols(), cols);
      ASSERT_EQ(packed.matrix(), m);
      ASSERT_EQ(packed.size(), packed.panels() * packed.panel_stride());
      ASSERT_LT(packed.panels() * packed.panel_rows - rows, packed.panel_rows);
      ASSERT_EQ(padding(packed), S{0});
    }
  }
}

TYPED_TEST(Panels, EveryElementHasItsOwnPlaceColumnByColumnInItsPanel) {
  using S = TypeParam;
  PanelMatrix<S> m(67, 5);
  constexpr Index height = PanelMatrix<S>::panel_rows;
  for (Index i = 0; i < 67; ++i) {
    for (Index j = 0; j < 5; ++j) {
      EXPECT_EQ(&m(i, j) - m.data(), i / height * m.panel_stride() + j * height + i % height);
      EXPECT_LT(&m(i, j) - m.data(), m.size());
    }
  }
}

TYPED_TEST(Panels, AreZeroWhenMade) {
  using S = TypeParam;
  PanelMatrix<S> m(Matrix<S>::Ones(9, 9));
  m.resize(5, 20);
  EXPECT_EQ(m.matrix(), (Matrix<S>::Zero(5, 20)));
  EXPECT_EQ(padding(m), S{0});
  EXPECT_EQ(PanelMatrix<S>().size(), 0);
  EXPECT_EQ(PanelMatrix<S>().panels(), 0);
}

TYPED_TEST(Panels, TakeAnExpression) {
  using S = TypeParam;
  const Matrix<S> m = Matrix<S>::Random(9, 4);
  PanelMatrix<S> packed(3, 3);
  packed = S{2} * m.transpose();
  EXPECT_EQ(packed.matrix(), (Matrix<S>(S{2} * m.transpose())));
  packed = m;
  EXPECT_EQ(packed.matrix(), m);
  EXPECT_EQ(padding(packed), S{0});
}

TYPED_TEST(Panels, ColumnsAreAMatrixOfTheirOwn) {
  using S = TypeParam;
  const Matrix<S> m = Matrix<S>::Random(35, 9);
  const PanelMatrix<S> packed(m);
  for (Index first = 0; first <= 9; ++first) {
    for (Index count = 0; first + count <= 9; ++count) {
      const auto part = packed.columns(first, count);
      ASSERT_EQ(part.rows, 35);
      ASSERT_EQ(part.cols, count);
      Matrix<S> read = Matrix<S>::Zero(35, count);
      attend::multiply_add(part, Matrix<S>::Identity(count, count).eval(), read);
      ASSERT_EQ(read, m.middleCols(first, count));
    }
  }
  EXPECT_EQ(packed.view().data, packed.data());
  EXPECT_EQ(packed.view().cols, 9);
}

TYPED_TEST(Panels, TransposeAnyShape) {
  using S = TypeParam;
  PanelMatrix<S> reused;
  for (const Index rows : awkward) {
    for (const Index cols : awkward) {
      const Matrix<S> m = Matrix<S>::Random(rows, cols);
      const PanelMatrix<S> packed(m);
      reused.assign_transposed(packed);
      ASSERT_EQ(reused.matrix(), m.transpose());
      ASSERT_EQ(padding(reused), S{0});
      PanelMatrix<S> back;
      back.assign_transposed(reused);
      ASSERT_EQ(back.matrix(), m);
      Matrix<S> wider(rows + 3, cols + 2);
      wider.setConstant(std::numeric_limits<S>::quiet_NaN());
      wider.topLeftCorner(rows, cols) = m;
      back.assign_transposed(attend::ConstView<S>(wider.topLeftCorner(rows, cols)));
      ASSERT_EQ(back.matrix(), m.transpose());
      ASSERT_EQ(padding(back), S{0});
    }
  }
}

TYPED_TEST(Panels, TransposeReusesItsMemory) {
  using S = TypeParam;
  PanelMatrix<S> transposed(Matrix<S>::Random(7, 40));
  const S* before = transposed.data();
  const Matrix<S> m = Matrix<S>::Random(40, 7);
  transposed.assign_transposed(PanelMatrix<S>(m));
  EXPECT_EQ(transposed.data(), before);
  EXPECT_EQ(transposed.matrix(), m.transpose());
}

template <class S>
struct Layer {
  PanelMatrix<S> W;
  Vector<S> b;
  static void parameters(auto&& f, auto&... p) {
    f("W", p.W...);
    f("b", p.b...);
  }
};

TYPED_TEST(Panels, RefuseNegativeSizes) {
  using S = TypeParam;
  EXPECT_EQ(reference::message_of([] { PanelMatrix<S>(-12, 4); }),
            "PanelMatrix: it would be (-12 x 4), expected sizes of 0 or more; look at the sizes "
            "that its layer was made with");
  PanelMatrix<S> W(2, 3);
  EXPECT_EQ(reference::message_of([&] { W.resize(2, -1); }),
            "PanelMatrix: it would be (2 x -1), expected sizes of 0 or more; look at the sizes "
            "that its layer was made with");
  EXPECT_EQ(W.matrix(), Matrix<S>::Zero(2, 3));
}

TYPED_TEST(Panels, TransposeEveryPackedWeightOfAModel) {
  using S = TypeParam;
  const Matrix<S> W = Matrix<S>::Random(6, 3);
  const Layer<S> layer{PanelMatrix<S>(W), Vector<S>::Ones(6)};
  Layer<S> transposed = layer;
  attend::assign_transposed(layer, transposed);
  EXPECT_EQ(transposed.W.matrix(), W.transpose());
  EXPECT_EQ(layer.W.matrix(), W);
}

}  // namespace
