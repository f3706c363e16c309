/// The algebra of import tables, and what a table says that does not fit.
#include <cmath>
#include <limits>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/io/export_parameters.hpp>
#include <attend/io/import_parameters.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace {

using attend::beside;
using attend::columns;
using attend::export_parameters;
using attend::FormatError;
using attend::gates;
using attend::identity;
using attend::ignored;
using attend::import_parameters;
using attend::ImportTable;
using attend::Index;
using attend::kept;
using attend::make_tensor;
using attend::Matrix;
using attend::once_more;
using attend::part;
using attend::Random;
using attend::rows;
using attend::stacked;
using attend::sum;
using attend::TensorFile;
using attend::transposed;
using attend::Vector;
using attend::Weights;
using attend::zeros;
using reference::message_of;

/// One packed matrix, one vector.
template <class S>
struct Model {
  using Scalar = S;
  attend::PanelMatrix<S> W;
  Vector<S> b;
  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("b", m.b...);
  }
};

template <class S>
Model<S> model(Index rows, Index columns) {
  return {attend::PanelMatrix<S>(rows, columns), Vector<S>::Zero(rows)};
}

template <class S>
void insert(TensorFile& file, const std::string& name, const Matrix<S>& m) {
  std::vector<S> values;
  for (Index i = 0; i < m.rows(); ++i) {
    for (Index j = 0; j < m.cols(); ++j) values.push_back(m(i, j));
  }
  file.insert(name, make_tensor<S>({m.rows(), m.cols()}, values));
}

/// W as the expression makes it of matrices "x" (and "y"); b is kept.
template <class S>
Matrix<S> made(const Weights& weights, Index n, Index m, const Matrix<S>& x,
               const Matrix<S>& y = {}) {
  TensorFile file;
  insert(file, "x", x);
  if (y.size() > 0) insert(file, "y", y);
  auto result = model<S>(n, m);
  import_parameters(file, {{"W", weights}, kept("b")}, result);
  return result.W.matrix();
}

template <class S>
class Combinators : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Combinators, Scalars);

TYPED_TEST(Combinators, AreWhatTheirNamesSay) {
  using S = TypeParam;
  Random random(1);
  for (const Index n : {1, 2, 3, 7, 8, 9, 16, 17, 33}) {
    for (const Index m : {1, 2, 5, 16}) {
      const Matrix<S> x = reference::random_matrix<S>(random, n, m);
      const Matrix<S> y = reference::random_matrix<S>(random, n, m);
      const Matrix<S> z = reference::random_matrix<S>(random, 2, m);
      Matrix<S> expected(n, 2 * m);
      EXPECT_EQ(made<S>("x", n, m, x), x);
      EXPECT_EQ(made<S>(transposed("x"), m, n, x), Matrix<S>(x.transpose()));
      EXPECT_EQ(made<S>(sum("x", "y"), n, m, x, y), Matrix<S>(x + y));
      EXPECT_EQ(made<S>(sum(zeros(), "x"), n, m, x), x);
      EXPECT_EQ(made<S>(sum("x", zeros()), n, m, x), x);
      expected << x, y;
      EXPECT_EQ(made<S>(beside({"x", "y"}), n, 2 * m, x, y), expected);
      expected.resize(n + 2, m);
      expected << z, x;
      EXPECT_EQ(made<S>(stacked({{"y", 2}, "x"}), n + 2, m, x, z), expected);
      expected.resize(3 * n, m);
      expected << y, Matrix<S>::Zero(n, m), x;
      EXPECT_EQ(made<S>(stacked({"y", zeros(), "x"}), 3 * n, m, x, y), expected);
      expected.resize(n, n + m);
      expected << Matrix<S>::Identity(n, n), x;
      EXPECT_EQ(made<S>(beside({{identity(), n}, "x"}), n, n + m, x), expected);
      expected.resize(3 * n, m);
      expected << x, y, Matrix<S>(x - y);
      Matrix<S> other(3 * n, m);
      other << y, Matrix<S>(x - y), x;
      EXPECT_EQ(made<S>(gates("x", {1, 2, 0}), 3 * n, m, expected), other);
      EXPECT_EQ(made<S>(gates(transposed("x"), {1, 2, 0}), 3 * n, m, expected.transpose()), other);
    }
  }
}

/// Four parts of one tensor.
struct Parts {
  using Scalar = float;
  Matrix<float> first, second, left, right;
  static void parameters(auto&& f, auto&... m) {
    f("first", m.first...);
    f("second", m.second...);
    f("left", m.left...);
    f("right", m.right...);
  }
};

const ImportTable& parts_table() {
  static const ImportTable table = {{"first", "x"},
                                    {"second", part("x", 1)},
                                    {"left", rows("x", 8)},
                                    {"right", columns(rows("x", 8), 2)}};
  return table;
}

Parts parts(Index n = 4) {
  return {Matrix<float>::Zero(n, 5), Matrix<float>::Zero(n, 5), Matrix<float>::Zero(3, 2),
          Matrix<float>::Zero(3, 3)};
}

TEST(ImportTables, TakeATensorApartAndPutItTogetherAgain) {
  Random random(2);
  const Matrix<float> x = reference::random_matrix<float>(random, 11, 5);
  TensorFile file;
  insert(file, "x", x);
  Parts model = parts();
  import_parameters(file, parts_table(), model);
  EXPECT_EQ(model.first, x.topRows(4));
  EXPECT_EQ(model.second, x.middleRows(4, 4));
  EXPECT_EQ(model.left, x.bottomLeftCorner(3, 2));
  EXPECT_EQ(model.right, x.bottomRightCorner(3, 3));
  EXPECT_EQ(export_parameters(parts_table(), model).tensors, file.tensors);
}

TEST(ImportTables, ExportIsImportBackwards) {
  Random random(3);
  auto m = model<double>(6, 4);
  m.W = reference::random_matrix<double>(random, 6, 4);
  m.b = reference::random_matrix<double>(random, 6, 1);
  const ImportTable table = {
      {"W", beside({gates(transposed("k"), {2, 0, 1}), stacked({{"top", 1}, "bottom"})})},
      {"b", sum("bias", "other")},
      ignored("step")};
  const TensorFile file = export_parameters(table, m);
  EXPECT_FALSE(file.contains("step"));
  EXPECT_EQ(file.at("k").shape, (std::vector<Index>{2, 6}));
  EXPECT_EQ(file.at("top").shape, (std::vector<Index>{1, 2}));
  EXPECT_EQ(file.at("bias").shape, std::vector<Index>{6});
  EXPECT_EQ(attend::elements<double>(file.at("other")), std::vector<double>(6, 0.0));
  const ImportTable same = {{"W", table.lines()[0].weights.value()},
                            {"b", table.lines()[1].weights.value()}};
  auto again = model<double>(6, 4);
  import_parameters(file, same, again);
  EXPECT_EQ(again.W.matrix(), m.W.matrix());
  EXPECT_EQ(again.b, m.b);
}

TEST(ImportTables, ShareAndKeepOnPurpose) {
  TensorFile file;
  insert(file, "x", Matrix<float>(Matrix<float>::Constant(3, 1, 2)));
  auto m = model<float>(3, 1);
  import_parameters(file, {{"W", "x"}, {"b", once_more("x")}}, m);
  EXPECT_EQ(m.b, Vector<float>::Constant(3, 2));
  m.b.setOnes();
  import_parameters(file, {{"W", "x"}, kept("b")}, m);
  EXPECT_EQ(m.b, Vector<float>::Ones(3));
  const TensorFile exported = export_parameters({{"W", "x"}, {"b", once_more("x")}}, m);
  EXPECT_EQ(attend::elements<float>(exported.at("x")), std::vector<float>(3, 2));
}

TEST(ImportTables, ReadHalfPrecision) {
  TensorFile file;
  file.insert("half", {"F16", {2, 1}, std::string("\x00\x3C\x00\xC1", 4)});
  file.insert("brain", {"BF16", {2}, std::string("\x80\x3F\x20\xC0", 4)});
  auto m = model<float>(2, 1);
  import_parameters(file, {{"W", "half"}, {"b", "brain"}}, m);
  EXPECT_EQ(m.W.matrix(), (Matrix<float>(2, 1) << 1, -2.5F).finished());
  EXPECT_EQ(m.b, (Vector<float>(2) << 1, -2.5F).finished());
}

/// What importing says; the model must stay as it was.
std::string refusal(const TensorFile& file, const ImportTable& table, Model<float> m) {
  const Model<float> before = m;
  TensorFile named = file;
  named.source = "file";
  const std::string said = message_of<FormatError>([&] { import_parameters(named, table, m); });
  EXPECT_EQ(m.W.matrix(), before.W.matrix());
  EXPECT_EQ(m.b, before.b);
  const std::string start = "file: the table, the file and the model do not fit together: ";
  return said.starts_with(start) ? said.substr(start.size()) : said;
}

TensorFile some_file() {
  TensorFile file;
  insert(file, "x", Matrix<float>(Matrix<float>::Ones(3, 4)));
  const std::vector<float> three(3);
  file.insert("y", make_tensor<float>({3}, three));
  return file;
}

TEST(ImportErrors, ListBothLeftoversWithShapes) {
  const auto m = model<float>(3, 4);
  EXPECT_EQ(refusal(some_file(), {{"W", "x"}, {"bias", "z"}}, m),
            "the model has no parameter 'bias'; nothing fills b [3]; nothing uses y [3]");
  EXPECT_EQ(refusal(some_file(), ImportTable(), m),
            "nothing fills W [3, 4], b [3]; nothing uses x [3, 4], y [3]");
  EXPECT_EQ(refusal(some_file(), {{"W", "v"}, {"b", "w"}, ignored("u")}, m),
            "the file lacks v, w, u; nothing uses x [3, 4], y [3]");
  EXPECT_EQ(refusal(some_file(), {{"W", "x"}, {"W", "x"}, {"b", "y"}, ignored("y")}, m),
            "'W' is filled twice; tensor 'y' is ignored and used");
}

TEST(ImportErrors, SayWhatIsTakenOfATensor) {
  EXPECT_EQ(refusal(some_file(), {{"W", transposed("x")}, {"b", "y"}}, model<float>(3, 4)),
            "tensor 'x' [3, 4] does not have what is taken of it: 'W' [3, 4] takes rows 0 to 3, "
            "columns 0 to 2");
  EXPECT_EQ(
      refusal(some_file(), {{"W", "x"}, {"b", "y"}}, model<float>(2, 4)),
      "tensor 'x' [3, 4] is not used up: 'W' [2, 4] takes rows 0 to 1, columns 0 to 3; tensor "
      "'y' [3] is not used up: 'b' [2] takes rows 0 to 1, columns 0 to 0");
  EXPECT_EQ(
      refusal(some_file(), {{"W", "x"}, {"b", columns("x", 3)}, ignored("y")}, model<float>(3, 4)),
      "tensor 'x' [3, 4] is used twice: 'b' [3] takes rows 0 to 2, columns 3 to 3, some of "
      "which 'W' takes; if that is meant, say once_more");
  EXPECT_EQ(refusal(some_file(), {{"W", once_more("x")}, {"b", "y"}}, model<float>(3, 4)),
            "tensor 'x' [3, 4] is not used up: all its uses are once_more");
  EXPECT_EQ(
      refusal(some_file(), {{"W", attend::flattened("x", 3)}, {"b", "y"}}, model<float>(3, 4)),
      "tensor 'x' [3, 4] does not have what is taken of it: 'W' [3, 4] takes rows 0 to 2, "
      "columns 0 to 3");
  EXPECT_EQ(refusal(some_file(),
                    {{"W", stacked({{"x", 1}, rows(attend::flattened("x", 2), 1)})}, {"b", "y"}},
                    model<float>(3, 4)),
            "tensor 'x' [3, 4] is flattened in two ways; 'W' [3, 4] takes rows 1 to 2, columns 0 "
            "to 3");
}

TEST(ImportErrors, RefuseWhatAreNoWeights) {
  TensorFile file = some_file();
  const std::vector<std::int64_t> counts(3);
  file.tensors["y"] = make_tensor<std::int64_t>({3}, counts);
  EXPECT_EQ(refusal(file, {{"W", "x"}, {"b", "y"}}, model<float>(3, 4)),
            "tensor 'y' [3] has type I64, expected F64, F32, F16 or BF16");
  const std::vector<float> values{1, 2, std::numeric_limits<float>::infinity()};
  file.tensors["y"] = make_tensor<float>({3}, values);
  EXPECT_EQ(refusal(file, {{"W", "x"}, {"b", "y"}}, model<float>(3, 4)),
            "file: tensor 'y': element 2 is inf, not a finite number");
  auto m = model<float>(3, 4);
  import_parameters(file, {{"W", "x"}, {"b", "y"}}, m, {.allow_non_finite = true});
  EXPECT_TRUE(std::isinf(m.b(2)));
}

/// What a mistake in the table says.
template <class Action>
std::string mistake(Action action) {
  return message_of<std::invalid_argument>(action);
}

TEST(ImportErrors, SayWhatATableCannotMean) {
  const TensorFile file = some_file();
  auto m = model<float>(3, 4);
  const auto fill = [&](const Weights& weights) {
    return mistake([&] { import_parameters(file, {{"W", weights}, {"b", "y"}}, m); });
  };
  EXPECT_EQ(fill(gates("x", {1, 0})), "gates: 3 rows cannot be cut into 2 gates");
  EXPECT_EQ(fill(stacked({"x", "y"})),
            "stacked: 2 shares cannot fill 3 rows (or columns); give sizes");
  EXPECT_EQ(fill(stacked({{"x", 2}, {"y", 2}})),
            "stacked: 2 shares cannot fill 3 rows (or columns); give sizes");
  EXPECT_EQ(fill(rows(stacked({"x"}), 1)),
            "stacked: take rows or parts of what is stacked, not of the stack");
}

TEST(ExportErrors, SayWhatCannotBeMade) {
  const auto m = model<float>(3, 4);
  const auto exported = [&](const ImportTable& table) {
    return mistake([&] { (void)export_parameters(table, m); });
  };
  EXPECT_EQ(exported({{"W", "x"}}),
            "the table and the model do not fit together: nothing is made of b [3]");
  EXPECT_EQ(exported({{"W", rows("x", 1)}, {"b", "y"}}),
            "export_parameters: tensor 'x' (4 x 4) would have holes: 12 elements are known");
  EXPECT_EQ(exported({{"W", "x"}, {"b", "x"}}),
            "export_parameters: 'W' and 'b' both write to the same place of tensor 'x'");
  EXPECT_EQ(exported({{"W", attend::flattened("x", 2)}, {"b", "y"}}),
            "export_parameters: tensor 'x' is flattened; only matrices and vectors can be made");
  Model<float> other = m;
  other.W(2, 1) = 0.5F;
  const ImportTable table = {{"W", stacked({{"x", 2}, zeros()})}, {"b", "y"}};
  EXPECT_EQ(
      mistake([&] { (void)export_parameters(table, other); }),
      "export_parameters: 'W' is to be zero by the table, but has 0.5 at (2, 1); it cannot be "
      "written under these names");
  EXPECT_EQ(exported({{"W", once_more("x")}, {"b", "y"}}),
            "export_parameters: tensor 'x' (0 x 0) would have holes: 0 elements are known");
}

}  // namespace
