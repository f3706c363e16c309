#include <cmath>
#include <limits>
#include <optional>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/core/random.hpp>
#include <attend/io/model_file.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace {

using attend::FormatError;
using attend::Index;
using attend::load_parameters;
using attend::make_tensor;
using attend::Matrix;
using attend::PanelMatrix;
using attend::Random;
using attend::store_parameters;
using attend::TensorFile;
using attend::Vector;
using reference::message_of;

template <class S>
struct Layer {
  PanelMatrix<S> W;
  Vector<S> b;
  static void parameters(auto&& f, auto&... layers) {
    f("W", layers.W...);
    f("b", layers.b...);
  }
};

template <class S>
struct Model {
  Matrix<S> E;
  std::vector<Layer<S>> layers;
  std::optional<Layer<S>> bridge;
  static void parameters(auto&& f, auto&... models) {
    f("E", models.E...);
    f("layers", models.layers...);
    f("bridge", models.bridge...);
  }
};

template <class S>
Layer<S> layer(Index rows, Index cols) {
  return {PanelMatrix<S>(rows, cols), Vector<S>::Zero(rows)};
}

template <class S>
Model<S> model_of_shape(Index d, Index n, bool bridge = true) {
  Model<S> model{Matrix<S>::Zero(d, n), {layer<S>(n, d), layer<S>(2 * d, n)}, {}};
  if (bridge) model.bridge = layer<S>(d, 1);
  return model;
}

template <class S>
Model<S> random_model(Random& random, Index d, Index n) {
  Model<S> model = model_of_shape<S>(d, n);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        for (Index j = 0; j < p.cols(); ++j) {
          for (Index i = 0; i < p.rows(); ++i) p(i, j) = static_cast<S>(random.normal());
        }
      },
      model);
  return model;
}

template <class S>
void expect_same_storage(const Model<S>& a, const Model<S>& b) {
  attend::for_each_parameter(
      [](std::string_view path, const auto& p, const auto& q) {
        ASSERT_EQ(p.size(), q.size()) << path;
        EXPECT_TRUE(attend::values(p) == attend::values(q)) << path;
      },
      a, b);
}

template <class S>
class ModelFile : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ModelFile, Scalars);

TYPED_TEST(ModelFile, RoundTripsTheWholeStorage) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : {1, 2, 7, 8, 9, 16, 31, 64, 65}) {
    for (const Index n : {1, 3, 17, 33}) {
      const auto model = random_model<S>(random, d, n);
      TensorFile file;
      store_parameters(file, "model", model);
      auto again = model_of_shape<S>(d, n);
      load_parameters(file, "model", again);
      expect_same_storage(model, again);
    }
  }
}

TYPED_TEST(ModelFile, WritesRowsOfLogicalElementsUnderDottedPaths) {
  using S = TypeParam;
  Model<S> model = model_of_shape<S>(2, 3, false);
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 2; ++j) model.layers[0].W(i, j) = static_cast<S>(10 * i + j);
  }
  model.layers[0].b << 7, 8, 9;
  TensorFile file;
  store_parameters(file, "encoder", model);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors) names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"encoder.E", "encoder.layers.0.W", "encoder.layers.0.b",
                                      "encoder.layers.1.W", "encoder.layers.1.b"}));
  const auto& W = file.at("encoder.layers.0.W");
  EXPECT_EQ(W.dtype, sizeof(S) == 4 ? "F32" : "F64");
  EXPECT_EQ(W.shape, (std::vector<Index>{3, 2}));
  EXPECT_EQ(attend::elements<S>(W), (std::vector<S>{0, 1, 10, 11, 20, 21}));
  EXPECT_EQ(file.at("encoder.layers.0.b").shape, std::vector<Index>{3});
  EXPECT_EQ(attend::elements<S>(file.at("encoder.layers.0.b")), (std::vector<S>{7, 8, 9}));
}

TYPED_TEST(ModelFile, LoadsFromTheOtherScalar) {
  using S = TypeParam;
  using Other = std::conditional_t<std::is_same_v<S, float>, double, float>;
  Random random(2);
  const auto other = random_model<Other>(random, 5, 3);
  TensorFile file;
  store_parameters(file, "", other);
  auto model = model_of_shape<S>(5, 3);
  load_parameters(file, "", model);
  EXPECT_TRUE(model.E == other.E.template cast<S>());
  EXPECT_TRUE(model.layers[1].W.matrix() == other.layers[1].W.matrix().template cast<S>());
}

TEST(ModelFileNames, OneFileHoldsSeveralModelsAndOtherThings) {
  Random random(3);
  const auto first = random_model<float>(random, 3, 4);
  const auto second = random_model<float>(random, 2, 2);
  TensorFile file;
  store_parameters(file, "model", first);
  store_parameters(file, "model2", second);
  file.insert_bytes("vocabulary", "words");
  auto again = model_of_shape<float>(2, 2);
  load_parameters(file, "model2", again);
  expect_same_storage(second, again);
  again = model_of_shape<float>(3, 4);
  load_parameters(file, "model", again);
  expect_same_storage(first, again);
}

TEST(ModelFileNames, AMatrixAloneBearsThePrefixAsItsName) {
  const Matrix<double> W = Matrix<double>::Random(3, 2);
  TensorFile file;
  store_parameters(file, "W", W);
  Matrix<double> again(3, 2);
  load_parameters(file, "W", again);
  EXPECT_EQ(file.tensors.begin()->first, "W");
  EXPECT_TRUE(again == W);
}

/// What loading into a model says; the model must stay as it was.
template <class S>
std::string refusal(TensorFile file, Model<S> model, std::string_view prefix = "model") {
  file.source = "file";
  const Model<S> before = model;
  const std::string said = message_of<FormatError>([&] { load_parameters(file, prefix, model); });
  expect_same_storage(before, model);
  return said;
}

TensorFile stored_model() {
  Random random(4);
  TensorFile file;
  store_parameters(file, "model", random_model<float>(random, 3, 4));
  return file;
}

TEST(ModelFileErrors, ListsWhatIsLeftOnBothSides) {
  TensorFile file = stored_model();
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4, false)),
            "file: not this model's file: the model lacks model.bridge.W [3, 1], model.bridge.b "
            "[3]");
  const std::vector<float> two(2);
  file.insert("model.extra", make_tensor<float>({2}, two));
  file.tensors.erase("model.layers.1.b");
  file.tensors.erase("model.E");
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4)),
            "file: not this model's file: the file lacks model.E [3, 4], model.layers.1.b [6]; the "
            "model lacks model.extra [2]");
  EXPECT_EQ(refusal(TensorFile{}, Model<float>{Matrix<float>::Zero(1, 1), {}, {}}),
            "file: not this model's file: the file lacks model.E [1, 1]");
}

TEST(ModelFileErrors, AnEmptyPrefixIsTheWholeFile) {
  TensorFile file;
  store_parameters(file, "", model_of_shape<float>(3, 4));
  file.insert_bytes("vocabulary", "words");
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4), ""),
            "file: not this model's file: the model lacks vocabulary [5]");
}

TEST(ModelFileErrors, SaysBothShapes) {
  TensorFile file = stored_model();
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 5)),
            "file: tensor 'model.E' has shape [3, 4], the model expects [3, 5]");
  const std::vector<float> values(4);
  file.tensors["model.layers.0.b"] = make_tensor<float>({4, 1}, values);
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4)),
            "file: tensor 'model.layers.0.b' has shape [4, 1], the model expects [4]");
}

TEST(ModelFileErrors, RefusesIntegers) {
  TensorFile file = stored_model();
  const std::vector<std::int32_t> values(4);
  file.tensors["model.layers.0.b"] = make_tensor<std::int32_t>({4}, values);
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4)),
            "file: tensor 'model.layers.0.b' has type I32, expected F64, F32, F16 or BF16");
}

TEST(ModelFileErrors, RefusesNumbersThatAreNotFinite) {
  TensorFile file = stored_model();
  const std::vector<float> values{1, 2, std::numeric_limits<float>::quiet_NaN(), 4};
  file.tensors["model.layers.0.b"] = make_tensor<float>({4}, values);
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4)),
            "file: tensor 'model.layers.0.b': element 2 is nan, not a finite number");
  auto model = model_of_shape<float>(3, 4);
  load_parameters(file, "model", model, {.allow_non_finite = true});
  EXPECT_TRUE(std::isnan(model.layers[0].b(2)));

  const std::vector<double> too_large{1, 2, 3, -1e300};
  file.tensors["model.layers.0.b"] = make_tensor<double>({4}, too_large);
  EXPECT_EQ(refusal(file, model_of_shape<float>(3, 4)),
            "file: tensor 'model.layers.0.b': element 3 is -inf, not a finite number");
}

struct Twice {
  Vector<float> a = Vector<float>::Zero(1);
  static void parameters(auto&& f, auto&... models) {
    f("a", models.a...);
    f("a", models.a...);
  }
};

TEST(ModelFileErrors, RefusesANameThatTwoParametersBear) {
  TensorFile file;
  Twice model;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { store_parameters(file, "", model); }),
            "TensorFile: there is a tensor 'a' already; give each its own name");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { load_parameters(file, "", model); }),
            "load_parameters: the model has 'a' twice; give each parameter its own name");
}

}  // namespace
