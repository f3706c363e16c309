#include <cmath>
#include <limits>
#include <optional>
#include <reference/message_of.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <attend/core/parameters.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace {

using attend::for_each_parameter;
using attend::Index;
using attend::Matrix;
using attend::PanelMatrix;
using attend::Vector;
using Paths = std::vector<std::string>;

template <class S>
struct Affine {
  PanelMatrix<S> W;
  Vector<S> b;
  static void parameters(auto&& f, auto&... p) {
    f("W", p.W...);
    f("b", p.b...);
  }
};

template <class S>
struct Model {
  Matrix<S> E;
  std::vector<Affine<S>> layers;
  std::optional<Affine<S>> bridge;
  std::vector<std::optional<Vector<S>>> scales;
  static void parameters(auto&& f, auto&... p) {
    f("E", p.E...);
    f("layers", p.layers...);
    f("bridge", p.bridge...);
    f("scales", p.scales...);
  }
};

struct NoParameters {
  int size = 3;
};

static_assert(attend::Parameterized<Model<float>>);
static_assert(attend::Parameterized<const Model<float>>);
static_assert(!attend::Parameterized<NoParameters>);
static_assert(!attend::Parameterized<Matrix<float>>);
static_assert(attend::ParameterLeaf<Matrix<float>>);
static_assert(attend::ParameterLeaf<const Vector<double>>);
static_assert(attend::ParameterLeaf<PanelMatrix<float>>);
static_assert(!attend::ParameterLeaf<Model<float>>);
static_assert(!attend::ParameterLeaf<NoParameters>);
static_assert(!attend::ParameterLeaf<float>);

template <class S>
Affine<S> affine(Index rows, Index cols, S w, S b) {
  return {PanelMatrix<S>(Matrix<S>::Constant(rows, cols, w)), Vector<S>::Constant(rows, b)};
}

/// E (2 x 3), two layers (5 x 3) and (1 x 5), a bridge (3 x 3), and one scale of two.
template <class S>
Model<S> model_of(S value) {
  return {Matrix<S>::Constant(2, 3, value),
          {affine<S>(5, 3, value, value), affine<S>(1, 5, value, value)},
          affine<S>(3, 3, value, value),
          {std::nullopt, Vector<S>::Constant(4, value)}};
}
constexpr Index count_of_model = 6 + 15 + 5 + 5 + 1 + 9 + 3 + 4;

template <class M>
Paths paths_of(M& model) {
  Paths paths;
  for_each_parameter([&](std::string_view path, auto&) { paths.emplace_back(path); }, model);
  return paths;
}

template <class S>
class Parameters : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Parameters, Scalars);

TYPED_TEST(Parameters, AreVisitedInOrderUnderDottedPaths) {
  auto model = model_of<TypeParam>(1);
  const Paths expected{"E",          "layers.0.W", "layers.0.b", "layers.1.W",
                       "layers.1.b", "bridge.W",   "bridge.b",   "scales.1"};
  EXPECT_EQ(paths_of(model), expected);
  EXPECT_EQ(paths_of(std::as_const(model)), expected);
}

TYPED_TEST(Parameters, LeavesOutWhatIsNotThere) {
  Model<TypeParam> model;
  EXPECT_EQ(paths_of(model), Paths{"E"});
  EXPECT_EQ(attend::parameter_count(model), 0);
  EXPECT_EQ(attend::squared_norm(model), 0);
}

TYPED_TEST(Parameters, OfAMatrixAloneHaveAnEmptyPath) {
  Matrix<TypeParam> W(2, 3);
  EXPECT_EQ(paths_of(W), Paths{""});
  EXPECT_EQ(attend::parameter_count(W), 6);
}

TYPED_TEST(Parameters, AreThoseOfModulesVisitedFromTheOutside) {
  using S = TypeParam;
  auto model = model_of<S>(1);
  std::vector<const void*> visited;
  const auto visit = [&](auto& module) { visited.push_back(&module); };
  const std::vector<const void*> expected{&model, model.layers.data(), &model.layers[1],
                                          &*model.bridge};
  attend::for_each_module(visit, model);
  EXPECT_EQ(visited, expected);
  visited.clear();
  attend::for_each_module(visit, std::as_const(model));
  EXPECT_EQ(visited, expected);
  model.bridge.reset();
  visited.clear();
  attend::for_each_module(visit, model);
  EXPECT_EQ(visited.size(), 3U);
}

TYPED_TEST(Parameters, VisitsTheSameParameterOfEveryModel) {
  using S = TypeParam;
  auto model = model_of<S>(1);
  const auto gradient = model_of<S>(2);
  auto moment = model_of<S>(3);
  int visited = 0;
  for_each_parameter(
      [&](std::string_view path, auto& p, const auto& g, auto& m) {
        static_assert(!std::is_const_v<std::remove_reference_t<decltype(p)>>);
        EXPECT_EQ(p.rows(), g.rows()) << path;
        EXPECT_EQ(p(0, 0), S{1});
        EXPECT_EQ(g(0, 0), S{2});
        EXPECT_EQ(m(0, 0), S{3});
        p(0, 0) = 5;
        ++visited;
      },
      model, gradient, moment);
  EXPECT_EQ(visited, 8);
  EXPECT_EQ(model.layers[1].b(0), S{5});
  EXPECT_EQ(model.scales[1].value()(0), S{5});
}

TYPED_TEST(Parameters, LeavesAreTheSameParametersWithoutPaths) {
  using S = TypeParam;
  auto model = model_of<S>(1);
  const auto other = model_of<S>(2);
  std::vector<const S*> expected;
  for_each_parameter([&](std::string_view, auto& p) { expected.push_back(p.data()); }, model);
  std::vector<const S*> visited;
  attend::for_each_leaf(
      [&](auto& p, const auto& q) {
        EXPECT_EQ(q(0, 0), S{2});
        visited.push_back(p.data());
      },
      model, other);
  EXPECT_EQ(visited, expected);
}

TYPED_TEST(Parameters, ModelsWithOtherPartsAreRefused) {
  auto model = model_of<TypeParam>(1);
  auto shorter = model;
  shorter.layers.pop_back();
  EXPECT_EQ(
      reference::message_of<attend::ShapeError>([&] { attend::add_parameters(model, shorter); }),
      "parameters: the number of parts in a list is 1, expected 2");
  auto without = model;
  without.bridge.reset();
  EXPECT_EQ(
      reference::message_of<attend::ShapeError>([&] { attend::add_parameters(model, without); }),
      "parameters: presence of an optional part is 0, expected 1");
}

TYPED_TEST(Parameters, ConstModelsStayConst) {
  const auto model = model_of<TypeParam>(1);
  for_each_parameter(
      [](std::string_view, auto& p) {
        static_assert(std::is_const_v<std::remove_reference_t<decltype(p)>>);
        static_assert(std::is_const_v<std::remove_pointer_t<decltype(p.data())>>);
        EXPECT_EQ(attend::values(p)(0), TypeParam{1});
      },
      model);
}

TYPED_TEST(Parameters, CountsWithoutPadding) {
  const auto model = model_of<TypeParam>(1);
  EXPECT_EQ(attend::parameter_count(model), count_of_model);
}

TYPED_TEST(Parameters, ValuesAreTheStorage) {
  using S = TypeParam;
  Matrix<S> W = Matrix<S>::Random(3, 4);
  auto column = attend::values(W);
  EXPECT_EQ(column.size(), 12);
  EXPECT_EQ(column.data(), W.data());
  column(5) = 7;
  EXPECT_EQ(W(2, 1), S{7});
  PanelMatrix<S> packed(W);
  EXPECT_EQ(attend::values(packed).size(), packed.size());
  EXPECT_EQ(attend::values(packed).data(), packed.data());
}

TYPED_TEST(Parameters, SquaredNormAddsAllAndNoPadding) {
  EXPECT_DOUBLE_EQ(attend::squared_norm(model_of<TypeParam>(3)), 9.0 * count_of_model);
}

TYPED_TEST(Parameters, SquaredNormIsSummedInDouble) {
  using S = TypeParam;
  Vector<S> v = Vector<S>::Constant(1 << 20, static_cast<S>(1e-3));
  v(0) = 1000;
  const auto small = static_cast<double>(static_cast<S>(1e-3));
  EXPECT_NEAR(attend::squared_norm(v), 1e6 + ((1 << 20) - 1) * small * small, 1e-4);
  v.setConstant(static_cast<S>(1e30));
  EXPECT_TRUE(std::isfinite(attend::squared_norm(v)));
}

TYPED_TEST(Parameters, ZeroLikeHasTheShapesAndNothingElse) {
  const auto model = model_of<TypeParam>(3);
  const auto zero = attend::zero_like(model);
  EXPECT_EQ(attend::parameter_count(zero), count_of_model);
  EXPECT_EQ(attend::squared_norm(zero), 0);
  EXPECT_EQ(attend::squared_norm(model), 9.0 * count_of_model) << "the model stays as it is";
  EXPECT_EQ(paths_of(zero), paths_of(model));
}

TYPED_TEST(Parameters, SetZeroRemovesNotANumber) {
  auto model = model_of<TypeParam>(std::numeric_limits<TypeParam>::quiet_NaN());
  attend::set_zero(model);
  EXPECT_EQ(attend::squared_norm(model), 0);
}

TYPED_TEST(Parameters, AddsElementByElement) {
  auto sum = model_of<TypeParam>(1);
  attend::add_parameters(sum, model_of<TypeParam>(2));
  for_each_parameter(
      [](std::string_view path, const auto& p) {
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) EXPECT_EQ(p(i, j), TypeParam{3}) << path;
        }
      },
      sum);
  EXPECT_DOUBLE_EQ(attend::squared_norm(sum), 9.0 * count_of_model) << "padding stays zero";
}

}  // namespace
