#include <limits>
#include <reference/count_allocations.hpp>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <vector>

#include <gtest/gtest.h>

#include <attend/layer/convolution.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Convolution;
using attend::ConvolutionConfig;
using attend::ConvolutionWorkspace;
using attend::Extent;
using attend::Image;
using attend::ImageBatch;
using attend::Index;
using attend::Matrix;
using attend::Random;
using reference::random_matrix;

std::vector<ConvolutionConfig> all_configs() {
  using enum attend::ProjectionActivation;
  return {{.input = 1, .output = 5, .patches = {.kernel = {3, 3}}},
          {.input = 3,
           .output = 17,
           .patches = {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}},
           .activation = relu},
          {.input = 2, .output = 1, .patches = {.kernel = {1, 1}}},
          {.input = 7, .output = 9, .patches = {.kernel = {1, 5}, .padding = {0, 2}}},
          {.input = 2,
           .output = 8,
           .patches = {.kernel = {4, 2}, .stride = {1, 3}, .padding = {3, 0}},
           .activation = tanh}};
}

template <class S>
std::vector<Image<S>> images_of(Index channels, const std::vector<Extent>& sizes) {
  Random random(5);
  std::vector<Image<S>> images;
  for (const Extent& size : sizes) {
    images.push_back({size, random_matrix<S>(random, channels, size.area())});
  }
  return images;
}

/// Of every awkward width, with images too small for a patch among them.
const std::vector<Extent> sizes = {{1, 1},  {2, 2}, {5, 3}, {0, 7}, {1, 65}, {3, 8},
                                   {17, 1}, {7, 9}, {4, 0}, {2, 3}, {9, 31}, {4, 16}};

template <class S>
Convolution<S> make(const ConvolutionConfig& config) {
  Random random(1);
  Convolution<S> layer(config, random);
  attend::initialize_uniform(layer.projection.dense.b, 0.5, random);
  return layer;
}

/// y(o, i, j) = f(b_o + sum of w over the patch), by its definition.
template <class S>
Matrix<S> naive(const Convolution<S>& layer, const Image<S>& image) {
  const ConvolutionConfig& c = layer.config();
  const auto& [kernel, stride, padding] = c.patches;
  const Extent size = layer.output_size(image.size);
  Matrix<S> Y(c.output, size.area());
  for (Index i = 0; i < size.height; ++i) {
    for (Index j = 0; j < size.width; ++j) {
      Matrix<S> p = Matrix<S>::Zero(c.patch_size(), 1);
      for (Index k = 0; k < p.size(); ++k) {
        const Index y = i * stride.height - padding.height + k / c.input / kernel.width;
        const Index x = j * stride.width - padding.width + k / c.input % kernel.width;
        const bool inside = y >= 0 && y < image.size.height && x >= 0 && x < image.size.width;
        if (inside) p(k, 0) = image.pixels(k % c.input, y * image.size.width + x);
      }
      Matrix<S> y(c.output, 1);
      layer.projection.forward(p, y);
      Y.col(i * size.width + j) = y;
    }
  }
  return Y;
}

template <class S>
class Convolutions : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Convolutions, Scalars);

TYPED_TEST(Convolutions, AreSumsOverPatchesInAnyBatch) {
  using S = TypeParam;
  ConvolutionWorkspace<S> workspace;
  for (const ConvolutionConfig& config : all_configs()) {
    const auto layer = make<S>(config);
    const auto images = images_of<S>(config.input, sizes);
    const ImageBatch<S> batch(images);
    Matrix<S> Y(config.output, layer.output_columns(batch.view().sizes));
    layer.forward(batch.view(), Y, workspace);
    Index first = 0;
    for (const Image<S>& image : images) {
      const Matrix<S> expected = naive(layer, image);
      const Matrix<S> found = Y.middleCols(first, expected.cols());
      EXPECT_TRUE(reference::same_bits(found, expected)) << image.size.width << '\n';
      first += expected.cols();
    }
    EXPECT_EQ(first, Y.cols());
    EXPECT_GT(first, 0);
  }
}

TEST(Convolution, PassesTheGradientCheck) {
  ConvolutionWorkspace<double> w;
  for (const ConvolutionConfig& config : all_configs()) {
    const auto layer = make<double>(config);
    const auto images = images_of<double>(config.input, {{4, 3}, {1, 1}, {3, 6}});
    const ImageBatch<double> batch(images);
    const std::span<const Extent> extents = batch.view().sizes;
    Random random(2);
    const Matrix<double> X = batch.view().pixels;
    const Matrix<double> weights =
        random_matrix<double>(random, config.output, layer.output_columns(extents));
    Matrix<double> Y = weights;
    const auto loss = [&](const auto& l, const Matrix<double>& x) {
      l.forward({extents, x}, Y, w);
      return Y.cwiseProduct(weights).sum();
    };
    loss(layer, X);
    const Matrix<double> kept = Y;
    auto transposed = layer;
    attend::assign_transposed(layer, transposed);
    auto gradient = attend::zero_like(layer);
    Matrix<double> dX = Matrix<double>::Constant(X.rows(), X.cols(), 3);
    for (int pass = 0; pass < 2; ++pass) {
      Matrix<double> dY = weights / 2;
      layer.backward(transposed, {extents, X}, kept, dY, dX, gradient, w);
    }
    dX.array() -= 3;
    auto report =
        attend::check_parameters(layer, gradient, [&](const auto& l) { return loss(l, X); });
    report.add(attend::check_input("X", X, dX, [&](const auto& x) { return loss(layer, x); }));
    EXPECT_TRUE(report.passed()) << report.message();

    auto first = attend::zero_like(layer);
    Matrix<double> dY = weights;
    layer.backward_to_weights({extents, X}, kept, dY, first, w);
    const auto difference = [](const auto& a, const auto& b) {
      return (a.matrix() - b.matrix()).cwiseAbs().maxCoeff();
    };
    EXPECT_LT(difference(first.projection.dense.W, gradient.projection.dense.W), 1e-13);
    EXPECT_LT(difference(first.projection.dense.b, gradient.projection.dense.b), 1e-13);
  }
}

/// Several tiles, so that a gradient sums over them.
TEST(Convolution, SumsOverTiles) {
  const auto layer = make<double>({.input = 40, .output = 3, .patches = {.padding = {1, 1}}});
  const auto images = images_of<double>(40, {{9, 9}, {11, 5}});
  const ImageBatch<double> batch(images);
  ConvolutionWorkspace<double> w;
  Matrix<double> Y(3, 81 + 55);
  layer.forward(batch.view(), Y, w);
  EXPECT_TRUE(reference::same_bits<double>(Y.rightCols(55), naive(layer, images[1])));
  auto gradient = attend::zero_like(layer);
  Matrix<double> dY = Matrix<double>::Ones(3, 81 + 55);
  layer.backward_to_weights(batch.view(), Y, dY, gradient, w);
  EXPECT_EQ(gradient.projection.dense.b(2), 81 + 55);
  // The middle of a patch is every pixel once.
  const Index middle = 4 * 40 + 7;
  EXPECT_NEAR(gradient.projection.dense.W(1, middle), batch.view().pixels.row(7).sum(), 1e-12);
}

TEST(Convolution, AllocatesNothingWarm) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  const auto layer = make<float>(all_configs()[1]);
  const auto images = images_of<float>(3, sizes);
  const ImageBatch<float> batch(images);
  ConvolutionWorkspace<float> w;
  Matrix<float> Y(17, layer.output_columns(batch.view().sizes));
  Matrix<float> dY = Y;
  Matrix<float> dX = batch.view().pixels;
  auto transposed = layer;
  attend::assign_transposed(layer, transposed);
  auto gradient = attend::zero_like(layer);
  const auto pass = [&] {
    layer.forward(batch.view(), Y, w);
    dY.setOnes();
    layer.backward(transposed, batch.view(), Y, dY, dX, gradient, w);
  };
  pass();
  EXPECT_EQ(reference::allocations_in(pass), 0);
}

TEST(Convolution, SaysWhatDoesNotFit) {
  Random random(1);
  const auto made = [&](const ConvolutionConfig& config) {
    return reference::message_of([&] { Convolution<float>(config, random); });
  };
  EXPECT_EQ(made({.input = 0}),
            "Convolution: the channels in and out are 0 and 1, expected 1 or more");
  EXPECT_EQ(made({.patches = {.stride = {0, 1}}}),
            "PatchConfig: the kernel is (3 x 3), the stride (0 x 1), expected 1 or more");
  EXPECT_EQ(made({.patches = {.padding = {1, 3}}}),
            "PatchConfig: the padding is (1 x 3), expected 0 or more and less than the kernel (3 x "
            "3)");
  const auto layer = make<float>({.input = 2, .output = 4});
  const auto run = [&](Index channels, Index columns) {
    const auto images = images_of<float>(channels, {{4, 5}});
    const ImageBatch<float> batch(images);
    Matrix<float> Y(4, columns);
    ConvolutionWorkspace<float> w;
    return reference::message_of<attend::ShapeError>([&] { layer.forward(batch.view(), Y, w); });
  };
  EXPECT_EQ(run(2, 6), "nothing was thrown");
  EXPECT_EQ(run(3, 6), "Convolution: X is (3 x 20), expected (2 x 20)");
  EXPECT_EQ(run(2, 7), "Convolution: Y is (4 x 7), expected (4 x 6)");
  const Matrix<float> X(3, 20);
  Matrix<float> Y(4, 6);
  const std::vector<Extent> one = {{4, 5}};
  ConvolutionWorkspace<float> w;
  EXPECT_EQ(reference::message_of([&] {
              layer.forward({one, X.topRows(2)}, Y, w);
            }),
            "Convolution: the pixels of images are 3 numbers apart and have 2 channels; copy them "
            "side by side");
}

TEST(ImageBatch, SaysWhichImagesDoNotFit) {
  using Images = std::vector<Image<float>>;
  const auto refused = [](const Images& images) {
    return reference::message_of<attend::ShapeError>([&] { ImageBatch<float> batch(images); });
  };
  EXPECT_EQ(refused({{{2, 3}, Matrix<float>(1, 5)}}),
            "ImageBatch: number of an image's pixels is 5, expected 6");
  EXPECT_EQ(refused({{{1, 2}, Matrix<float>(1, 2)}, {{1, 1}, Matrix<float>(3, 1)}}),
            "ImageBatch: channels of an image is 3, expected 1");
}

}  // namespace
