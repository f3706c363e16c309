#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <reference/count_allocations.hpp>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <attend/core/parameters.hpp>
#include <attend/core/random.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/precision.hpp>
#include <attend/kernel/product.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::PanelMatrix;
using attend::Precision;
using attend::Vector;

const Index awkward[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65, 130};
const Precision reduced[] = {Precision::bfloat16, Precision::int8};

template <class S>
bool same_bits(const Matrix<S>& a, const Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(S)) == 0;
}

template <class S>
Matrix<S> random_matrix(attend::Random& random, Index rows, Index cols) {
  return Matrix<S>::NullaryExpr(rows, cols, [&] {
    return static_cast<S>(random.uniform(-1, 1) * std::pow(10.0, random.uniform(-3, 3)));
  });
}

template <class S>
PanelMatrix<S> stored(const Matrix<S>& m, Precision precision) {
  PanelMatrix<S> W(m);
  W.set_precision(precision);
  return W;
}

TEST(BFloat16, EveryOneOfThemIsKept) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const float x = attend::from_bfloat16(static_cast<std::uint16_t>(bits));
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(attend::from_bfloat16(attend::to_bfloat16(x)))) << bits;
    } else {
      EXPECT_EQ(attend::to_bfloat16(x), bits);
    }
  }
}

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  const auto rounded = [](float x) { return attend::from_bfloat16(attend::to_bfloat16(x)); };
  const float unit = 0x1p-7F;
  EXPECT_EQ(rounded(1 + 0.49F * unit), 1.F);
  EXPECT_EQ(rounded(1 + 0.51F * unit), 1 + unit);
  EXPECT_EQ(rounded(1 + 0.5F * unit), 1.F);
  EXPECT_EQ(rounded(1 + 1.5F * unit), 1 + 2 * unit);
  EXPECT_EQ(rounded(-1 - 1.5F * unit), -1 - 2 * unit);
  EXPECT_EQ(rounded(std::numeric_limits<float>::denorm_min()), 0.F);
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), std::numeric_limits<float>::infinity());
  EXPECT_EQ(rounded(0x1.FEp127F), 0x1.FEp127F);
  // A NaN whose upper half alone would be infinity.
  EXPECT_TRUE(std::isnan(rounded(std::bit_cast<float>(0x7F800001U))));
}

/// The odd one of a pair has for its lower half what the even one is; no other number of this kind
/// is nearer.
TEST(BFloat16Pair, HoldsTheNearestNumbers) {
  attend::Random random(7);
  const auto number = [&] {
    return static_cast<float>(random.uniform(-1, 1) * std::pow(10.0, random.uniform(-20, 20)));
  };
  for (int i = 0; i < 20'000; ++i) {
    const float even = number();
    const float odd = number();
    const attend::BFloat16Pair pair = attend::to_bfloat16_pair(even, odd);
    EXPECT_EQ(attend::even_of(pair), attend::from_bfloat16(attend::to_bfloat16(even)));
    const float error = std::abs(attend::odd_of(pair) - odd);
    EXPECT_LE(error, std::abs(odd) * 0x1p-8F);
    EXPECT_LE(error, std::abs(attend::odd_of(pair + 0x10000U) - odd));
    EXPECT_LE(error, std::abs(attend::odd_of(pair - 0x10000U) - odd));
  }
}

TEST(BFloat16Pair, HoldsNoDenormalAndNothingBeyondTheLargestFloat) {
  const auto odd = [](float x) { return attend::odd_of(attend::to_bfloat16_pair(0.3F, x)); };
  for (const float x : {0.F, -0.F, 1e-40F, -1e-35F}) {
    EXPECT_EQ(std::signbit(odd(x)), std::signbit(x));
    EXPECT_GE(std::abs(odd(x)), 0x1p-100F);
    EXPECT_LE(std::abs(odd(x)), 0x1p-99F);
  }
  EXPECT_TRUE(std::isfinite(odd(std::numeric_limits<float>::max())));
  EXPECT_GT(odd(std::numeric_limits<float>::max()), 0x1.FCp127F);
  EXPECT_TRUE(std::isnan(odd(std::numeric_limits<float>::infinity())));
  EXPECT_TRUE(std::isnan(odd(std::numeric_limits<float>::quiet_NaN())));
  // Above zero, whatever a bfloat16 can be.
  const auto above_zero = [](float x) { return attend::odd_of(attend::to_bfloat16_pair(0, x)); };
  EXPECT_EQ(above_zero(0), 0);
  EXPECT_EQ(above_zero(std::numeric_limits<float>::infinity()),
            std::numeric_limits<float>::infinity());
}

TEST(PrecisionNames, AreThoseOfOptions) {
  EXPECT_EQ(attend::precision_named("float32"), Precision::full);
  EXPECT_EQ(attend::precision_named("bfloat16"), Precision::bfloat16);
  EXPECT_EQ(attend::precision_named("int8"), Precision::int8);
  EXPECT_EQ(attend::precision_named("int4"), std::nullopt);
}

template <class S>
class ReducedWeights : public testing::Test {
 protected:
  attend::Random random{3};
  Matrix<S> numbers(Index rows, Index cols) { return random_matrix<S>(random, rows, cols); }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ReducedWeights, Scalars);

TYPED_TEST(ReducedWeights, StayWithinTheirErrorAndTakeLessMemory) {
  using S = TypeParam;
  for (const Index rows : awkward) {
    const Matrix<S> m = this->numbers(rows, 9);
    const Matrix<S> brain = stored<S>(m, Precision::bfloat16).matrix();
    EXPECT_TRUE(((brain - m).array().abs() <= m.array().abs() * S(0x1.00001p-8)).all()) << rows;
    const Matrix<S> bytes = stored<S>(m, Precision::int8).matrix();
    for (Index i = 0; i < rows; ++i) {
      const S scale = m.row(i).cwiseAbs().maxCoeff() / 127;
      EXPECT_LE((bytes - m).row(i).cwiseAbs().maxCoeff(), scale * S(0.50001)) << rows;
      EXPECT_NEAR(static_cast<double>(bytes.row(i).cwiseAbs().maxCoeff() / scale), 127, 1e-4);
    }
    const auto size = static_cast<Index>(PanelMatrix<S>(m).bytes() / Index{sizeof(S)});
    EXPECT_EQ(stored<S>(m, Precision::bfloat16).bytes(), 2 * size);
    // Columns of int8 come in pairs; every row has a scale.
    EXPECT_EQ(stored<S>(m, Precision::int8).bytes(), size / 9 * (10 + Index{sizeof(S)}));
  }
}

TYPED_TEST(ReducedWeights, InBFloat16MultiplyWithTheBitsOfTheSameNumbersInFull) {
  using M = Matrix<TypeParam>;
  for (const Index m : awkward) {
    for (const Index k : {1, 9, 257}) {
      const auto W = stored<TypeParam>(this->numbers(m, k), Precision::bfloat16);
      const PanelMatrix<TypeParam> full(W.matrix());
      for (const Index n : {1, 2, 3, 6, 7, 13}) {
        const M X = this->numbers(k, n);
        M Y = this->numbers(m, n);
        M expected = Y;
        attend::multiply_add(W, X, Y);
        attend::multiply_add(full, X, expected);
        ASSERT_TRUE(same_bits<TypeParam>(Y, expected)) << m << " " << k << " " << n;
      }
    }
  }
}

/// y + (sum q p) (s t), 512 rows of X at a time, one number after the other.
template <class S>
Matrix<S> int8_reference(const Matrix<S>& W, const Matrix<S>& X, Matrix<S> Y) {
  for (Index first = 0; first < W.cols(); first += 512) {
    const Index k = std::min<Index>(512, W.cols() - first);
    for (Index i = 0; i < W.rows(); ++i) {
      const S s = attend::int8_scale(W.row(i).cwiseAbs().maxCoeff());
      for (Index j = 0; j < X.cols(); ++j) {
        const S largest = X.col(j).segment(first, k).cwiseAbs().maxCoeff();
        long long sum = 0;
        for (Index l = first; l < first + k; ++l) {
          sum += attend::to_int8(W(i, l), s) *
                 std::llrint(static_cast<double>(X(l, j)) * (32767.0 / double{largest}));
        }
        Y(i, j) += static_cast<S>(sum) * (s * (largest / 32767));
      }
    }
  }
  return Y;
}

TYPED_TEST(ReducedWeights, InInt8MultiplyAsTheirEquationSays) {
  using M = Matrix<TypeParam>;
  for (const Index m : {1, 8, 17, 64, 130}) {
    for (const Index k : {1, 2, 9, 257, 512, 513, 1030}) {
      const M W = this->numbers(m, k);
      const M X = this->numbers(k, 7);
      const M before = this->numbers(m, 7);
      const M expected = int8_reference<TypeParam>(W, X, before);
      M Y = before;
      attend::multiply_add(stored<TypeParam>(W, Precision::int8), X, Y);
      // Here and there a number lies between two of 16 bits, and goes to the other one.
      const M rows = W.cwiseAbs().rowwise().maxCoeff();
      const M cols = X.cwiseAbs().colwise().maxCoeff();
      const M size = before.cwiseAbs() + W.cwiseAbs() * X.cwiseAbs();
      const TypeParam half_way = k > 1 && sizeof(TypeParam) == 4 ? TypeParam(1) / 32767 : 0;
      const M bound = rows * cols * half_way + 8 * std::numeric_limits<TypeParam>::epsilon() * size;
      ASSERT_TRUE(((Y - expected).array().abs() <= bound.array()).all())
          << m << " x " << k << ": " << ((Y - expected).array().abs() / bound.array()).maxCoeff();
    }
  }
}

TYPED_TEST(ReducedWeights, InInt8GiveTheSameBitsAloneAndInAnyBatch) {
  using M = Matrix<TypeParam>;
  for (const Index m : {3, 64, 200}) {
    for (const Index k : {9, 600}) {
      const auto W = stored<TypeParam>(this->numbers(m, k), Precision::int8);
      const M X = this->numbers(k, 60);
      const Vector<TypeParam> b = this->numbers(m, 1);
      M alone(m, 60);
      for (Index j = 0; j < 60; ++j) {
        attend::multiply<TypeParam>(W, X.middleCols(j, 1), b, alone.middleCols(j, 1));
      }
      for (const Index n : {2, 3, 6, 7, 13, 48, 60}) {
        M Y(m, n);
        attend::multiply<TypeParam>(W, X.leftCols(n), b, Y);
        ASSERT_TRUE(same_bits<TypeParam>(Y, alone.leftCols(n))) << m << " " << k << " " << n;
        attend::multiply<TypeParam>(W, X.leftCols(n), b, Y, attend::Sweep::back);
        ASSERT_TRUE(same_bits<TypeParam>(Y, alone.leftCols(n))) << m << " " << k << " " << n;
      }
    }
  }
}

/// The largest sums that there can be.
TYPED_TEST(ReducedWeights, InInt8DoNotOverflow) {
  using M = Matrix<TypeParam>;
  const M W = -M::Ones(5, 2000);
  const M X = M::Ones(2000, 3);
  M Y(5, 3);
  attend::multiply(stored<TypeParam>(W, Precision::int8), X, Y);
  EXPECT_LE((Y.array() + 2000).abs().maxCoeff(), 1e-3);
}

TYPED_TEST(ReducedWeights, InInt8ShowColumnsThatAreNotFinite) {
  using S = TypeParam;
  const auto W = stored<S>(this->numbers(20, 30), Precision::int8);
  for (const S odd : {std::numeric_limits<S>::quiet_NaN(), -std::numeric_limits<S>::infinity()}) {
    Matrix<S> X = this->numbers(30, 9);
    X(29, 4) = odd;
    X.col(5).setZero();
    Matrix<S> Y(20, 9);
    attend::multiply(W, X, Y);
    for (Index j = 0; j < 9; ++j) EXPECT_EQ(Y.col(j).array().isNaN().all(), j == 4) << j;
    EXPECT_EQ(Y.col(5), Matrix<S>::Zero(20, 1));
  }
}

TYPED_TEST(ReducedWeights, MultiplyWithinTheirErrors) {
  using M = Matrix<TypeParam>;
  const M W = this->numbers(65, 300);
  const M X = this->numbers(300, 8);
  const Matrix<double> exact = W.template cast<double>() * X.template cast<double>();
  const auto error = [&](Precision precision) -> Matrix<double> {
    M Y(65, 8);
    attend::multiply(stored<TypeParam>(W, precision), X, Y);
    return (Y.template cast<double>() - exact).cwiseAbs();
  };
  const Matrix<double> sum_of_X = X.cwiseAbs().colwise().sum().template cast<double>();
  const Matrix<double> sum_of_W = W.cwiseAbs().rowwise().sum().template cast<double>();
  const Matrix<double> products =
      W.cwiseAbs().template cast<double>() * X.cwiseAbs().template cast<double>();
  const double rounding = 300.0 * std::numeric_limits<TypeParam>::epsilon();
  EXPECT_TRUE(
      (error(Precision::bfloat16).array() <= (0x1.001p-8 + rounding) * products.array()).all());
  const Matrix<double> s = W.cwiseAbs().rowwise().maxCoeff().template cast<double>() / 127;
  const Matrix<double> t = X.cwiseAbs().colwise().maxCoeff().template cast<double>() / 32767;
  EXPECT_TRUE((error(Precision::int8).array() <=
               0.5001 * (s * sum_of_X + sum_of_W * t).array() + rounding * products.array())
                  .all());
  // The bounds are no wider than they must be, and full precision is better.
  EXPECT_GT(error(Precision::bfloat16).maxCoeff(), 10 * error(Precision::full).maxCoeff());
  EXPECT_GT(error(Precision::int8).maxCoeff(), 10 * error(Precision::full).maxCoeff());
}

TYPED_TEST(ReducedWeights, KeepWhatIsNoNumberInItsRow) {
  using S = TypeParam;
  for (const S odd : {std::numeric_limits<S>::quiet_NaN(), std::numeric_limits<S>::infinity()}) {
    Matrix<S> m = this->numbers(20, 5);
    m(3, 2) = odd;
    m.row(7).setZero();
    for (const Precision precision : reduced) {
      Matrix<S> Y(20, 3);
      const Matrix<S> X = Matrix<S>::Ones(5, 3);
      attend::multiply(stored<S>(m, precision), X, Y);
      for (Index i = 0; i < 20; ++i) EXPECT_EQ(Y.row(i).array().isFinite().all(), i != 3) << i;
      // A bfloat16 above another one is never zero.
      const S most = precision == Precision::bfloat16 ? S(0x1p-96) : S(0);
      EXPECT_LE(Y.row(7).cwiseAbs().maxCoeff(), most);
    }
  }
}

TYPED_TEST(ReducedWeights, AreReadInPlace) {
  using S = TypeParam;
  const Matrix<S> m = this->numbers(40, 30);
  const Matrix<S> X = this->numbers(30, 20);
  Matrix<S> Y(40, 20);
  for (const Precision precision : reduced) {
    const PanelMatrix<S> W = stored<S>(m, precision);
    EXPECT_EQ(reference::allocations_in([&] { attend::multiply(W, X, Y); }), 0);
  }
}

TYPED_TEST(ReducedWeights, AreSharedByCopiesUntilOneChanges) {
  using S = TypeParam;
  for (const Precision precision : {Precision::bfloat16, Precision::int8}) {
    const Matrix<S> m = Matrix<S>::Random(37, 11);
    PanelMatrix<S> first(m);
    first.set_precision(precision);
    const Matrix<S> kept = first.matrix();
    const auto place = [](const PanelMatrix<S>& W) {
      const void* data = nullptr;
      W.visit([&](const auto& view) { data = view.data; });
      return data;
    };
    PanelMatrix<S> copy = first;
    EXPECT_EQ(place(copy), place(first));
    copy.set_precision(Precision::full);
    copy(0, 0) = S{5};
    EXPECT_EQ(first.precision(), precision);
    EXPECT_EQ(first.matrix(), kept);
    const PanelMatrix<S> taken = std::move(first);
    EXPECT_EQ(taken.matrix(), kept);
    first = copy;
    EXPECT_EQ(first.precision(), Precision::full);
    EXPECT_EQ(first.matrix(), copy.matrix());
  }
}

TYPED_TEST(ReducedWeights, ChangeToAnyPrecision) {
  using S = TypeParam;
  const Matrix<S> m = this->numbers(33, 7);
  PanelMatrix<S> W(m);
  W.set_precision(Precision::full);
  EXPECT_EQ(W.matrix(), m);
  W.set_precision(Precision::bfloat16);
  const Matrix<S> brain = W.matrix();
  W.set_precision(Precision::full);
  EXPECT_EQ(W.precision(), Precision::full);
  EXPECT_EQ(W.matrix(), brain);
  W(0, 0) = 5;
  W.set_precision(Precision::int8);
  EXPECT_EQ(W.matrix(), stored<S>(
                            [&] {
                              Matrix<S> changed = brain;
                              changed(0, 0) = 5;
                              return changed;
                            }(),
                            Precision::int8)
                            .matrix());
  W = m;
  EXPECT_EQ(W.precision(), Precision::full);
}

template <class S>
struct Layer {
  PanelMatrix<S> W;
  Vector<S> b;
  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("b", m.b...);
  }
};

template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TYPED_TEST(ReducedWeights, OfAModelAreForInference) {
  using S = TypeParam;
  const Layer<S> full{PanelMatrix<S>(this->numbers(64, 8)), Vector<S>::Ones(64)};
  Layer<S> model = full;
  attend::set_precision(model, Precision::int8);
  EXPECT_EQ(model.W.precision(), Precision::int8);
  EXPECT_EQ(model.b, full.b);
  EXPECT_EQ(attend::parameter_count(model), attend::parameter_count(full));
  EXPECT_EQ(attend::parameter_bytes(full), Index{sizeof(S)} * (64 * 8 + 64));
  EXPECT_EQ(attend::parameter_bytes(model), 64 * 8 + Index{sizeof(S)} * (64 + 64));

  const std::string expected =
      "PanelMatrix: the weights are stored in reduced precision, which products read and nothing "
      "changes; train in full precision and call set_precision(model, ...) on a copy";
  Layer<S> other = full;
  const Matrix<S> d = Matrix<S>::Ones(64, 2);
  const Matrix<S> x = Matrix<S>::Ones(8, 2);
  EXPECT_EQ(error_of([&] { (void)attend::zero_like(model); }), expected);
  EXPECT_EQ(error_of([&] { attend::assign_transposed(model, other); }), expected);
  EXPECT_EQ(error_of([&] { attend::add_outer<S>(d, x, model.W); }), expected);
  EXPECT_EQ(error_of([&] { model.W(0, 0) = 1; }), expected);
}

/// The forms for machines without the instructions give the same packets.
template <class S>
void compare_portable_lanes() {
  constexpr Index w = attend::packet::width<S>;
  attend::Random random(5);
  std::uint32_t pairs[w];
  std::int8_t bytes[2 * w];
  for (Index i = 0; i < w; ++i) {
    pairs[i] = static_cast<std::uint32_t>(random.below(1LL << 32));
    // No NaN, which is not equal to itself.
    pairs[i] &= 0xBFFFBFFFU;
  }
  for (std::int8_t& byte : bytes) byte = static_cast<std::int8_t>(random.below(255) - 127);
  const auto numbers = [](const attend::packet::Packet<S>& packet) {
    Vector<S> v(attend::packet::width<S>);
    attend::packet::store(v.data(), packet);
    return v;
  };
  attend::packet::Packet<S> even;
  attend::packet::Packet<S> odd;
  attend::detail::load_pairs<S>(pairs, even, odd);
  EXPECT_EQ(numbers(even), numbers(attend::detail::lanes_of_pairs<S>(pairs, false)));
  EXPECT_EQ(numbers(odd), numbers(attend::detail::lanes_of_pairs<S>(pairs, true)));
  using Lanes = attend::detail::Int8Lanes<S>;
  using Portable = attend::detail::PortableInt8Lanes<S>;
  const auto x = static_cast<attend::ShortPair>(random.below(1LL << 32));
  const auto sums = [&]<class L>(L /*lanes*/) {
    auto sum = L::add(L::load(bytes), L::fill(x), L::zero());
    return numbers(L::numbers(L::add(L::load(bytes), L::fill(x ^ 1), sum)));
  };
  EXPECT_EQ(sums(Lanes()), sums(Portable()));
  for (Index i = 0; i < w; ++i) {
    EXPECT_EQ(numbers(even)[i], static_cast<S>(attend::even_of(pairs[i])));
    EXPECT_EQ(numbers(odd)[i], static_cast<S>(attend::odd_of(pairs[i])));
  }
}
TYPED_TEST(ReducedWeights, AreReadAlikeWithoutInstructionsForThem) {
  for (int i = 0; i < 50; ++i) compare_portable_lanes<TypeParam>();
}

}  // namespace
