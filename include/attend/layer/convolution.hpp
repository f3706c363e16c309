/// Convolutions: one product over the patches of images, gathered a tile at a time.
#pragma once

#include <algorithm>
#include <span>

#include <attend/core/buffer.hpp>
#include <attend/core/image_batch.hpp>
#include <attend/layer/patches.hpp>
#include <attend/layer/projection.hpp>

namespace attend::inline ATTEND_ABI {

struct ConvolutionConfig {
  /// Channels.
  Index input = 1;
  Index output = 1;
  PatchConfig patches = {};
  ProjectionActivation activation = ProjectionActivation::linear;

  [[nodiscard]] Index patch_size() const { return input * patches.kernel.area(); }
};

/// One thread's memory: patches of a tile.
template <Scalar S>
struct ConvolutionWorkspace {
  Buffer<S> patches;
  Buffer<S> d_patches;
};

/// y = f(W p + b) for every patch p of images: W (output x kernel pixels, row by row, of `input`
/// channels each), b (output). The images that come out lie as those that go in, a column a patch.
/// An image that is too small for a patch gives none. Once warm it allocates nothing.
template <Scalar S>
struct Convolution {
  Projection<S> projection;

  Convolution() = default;
  /// Throws std::invalid_argument for sizes below 1 and patches of nothing but padding.
  Convolution(const ConvolutionConfig& config, Random& random)
      : projection({checked(config).patch_size(), config.output}, config.activation, random),
        config_(config) {}

  static void parameters(auto&& f, auto&... m) { Projection<S>::parameters(f, m.projection...); }

  [[nodiscard]] const ConvolutionConfig& config() const { return config_; }
  /// Of what an image of this size becomes.
  [[nodiscard]] Extent output_size(const Extent& image) const {
    return config_.patches.grid(image);
  }
  [[nodiscard]] Index output_columns(std::span<const Extent> sizes) const {
    Index columns = 0;
    for (const Extent& size : sizes) columns += output_size(size).area();
    return columns;
  }

  /// X (input x N); overwrites Y (output x output_columns), which the way back needs. Throws
  /// ShapeError.
  void forward(const Images<S>& X, View<S> Y, ConvolutionWorkspace<S>& w) const {
    check(X, Y);
    Patches patches(config_.patches, X.sizes);
    for_each_tile(Y.cols(), [&](Index first, Index n) {
      const ConstView<S> P = gather(X, patches, n, w);
      projection.forward(P, Y.middleCols(first, n));
    });
  }

  /// y = f(W p + b):  da = dy o f', dp = W' da is added to the pixels of the patch in dX
  /// (input x N), and dW += da p', db += da. dY becomes da.
  void backward(const Convolution& transposed, const Images<S>& X, ConstView<S> Y, View<S> dY,
                View<S> dX, Convolution& gradient, ConvolutionWorkspace<S>& w) const {
    check_shape("Convolution::backward", "dX", dX, X.pixels.rows(), X.pixels.cols());
    check_side_by_side(dX);
    check(X, Y);
    Patches patches(config_.patches, X.sizes);
    for_each_tile(Y.cols(), [&](Index first, Index n) {
      Patches back = patches;
      const ConstView<S> P = gather(X, patches, n, w);
      View<S> dP = w.d_patches.zero(P.rows(), n);
      projection.backward(transposed.projection, P, Y.middleCols(first, n), dY.middleCols(first, n),
                          dP, gradient.projection);
      scatter(dP, back, dX);
    });
  }

  /// The same for a first layer, whose input is data: without dX.
  void backward_to_weights(const Images<S>& X, ConstView<S> Y, View<S> dY, Convolution& gradient,
                           ConvolutionWorkspace<S>& w) const {
    check(X, Y);
    Patches patches(config_.patches, X.sizes);
    detail::project_backward_through<S>(config_.activation, Y, dY);
    for_each_tile(Y.cols(), [&](Index first, Index n) {
      add_outer<S>(dY.middleCols(first, n), gather(X, patches, n, w), gradient.projection.dense.W);
    });
    add_columns(dY, gradient.projection.dense.b);
  }

 private:
  /// Elements of a tile's patches: they stay in the second-level cache.
  static constexpr Index tile_elements = 16384;

  template <class F>
  void for_each_tile(Index columns, F&& f) const {
    const Index n = std::max<Index>(16, tile_elements / config_.patch_size());
    for (Index first = 0; first < columns; first += n) f(first, std::min(n, columns - first));
  }

  /// The next n patches (patch_size x n).
  ConstView<S> gather(const Images<S>& X, Patches& patches, Index n,
                      ConvolutionWorkspace<S>& w) const {
    const Index channels = config_.input;
    View<S> P = w.patches.resize(config_.patch_size(), n);
    if (config_.patches.padding != Extent{}) P.setZero();
    for (Index i = 0; i < n; ++i, patches.advance()) {
      S* patch = w.patches.column(i);
      patches.for_each_run([&](Index offset, Index pixel, Index count) {
        const S* from = X.pixels.data() + pixel * X.pixels.outerStride();
        std::copy(from, from + count * channels, patch + offset * channels);
      });
    }
    return P;
  }

  /// Adds the gradient of the next patches to that of their pixels.
  void scatter(ConstView<S> dP, Patches& patches, View<S> dX) const {
    const Index channels = config_.input;
    for (Index i = 0; i < dP.cols(); ++i, patches.advance()) {
      const S* patch = dP.col(i).data();
      patches.for_each_run([&](Index offset, Index pixel, Index count) {
        S* to = dX.data() + pixel * dX.outerStride();
        const S* from = patch + offset * channels;
        for (Index k = 0; k < count * channels; ++k) to[k] += from[k];
      });
    }
  }

  /// Runs of pixels are taken as they lie, so there may be no gap between them.
  void check(const Images<S>& X, ConstView<S> Y) const {
    Index pixels = 0;
    for (const Extent& size : X.sizes) pixels += size.area();
    check_shape("Convolution", "X", X.pixels, pixels > 0 ? config_.input : X.pixels.rows(), pixels);
    check_shape("Convolution", "Y", Y, config_.output, output_columns(X.sizes));
    check_side_by_side(X.pixels);
  }

  static void check_side_by_side(ConstView<S> X) {
    check_argument(X.outerStride() == X.rows() || X.size() == 0,
                   "Convolution: the pixels of images are ", X.outerStride(),
                   " numbers apart and have ", X.rows(), " channels; copy them side by side");
  }

  static const ConvolutionConfig& checked(const ConvolutionConfig& config) {
    check_argument(config.input >= 1 && config.output >= 1,
                   "Convolution: the channels in and out are ", config.input, " and ",
                   config.output, ", expected 1 or more");
    config.patches.check();
    return config;
  }

  ConvolutionConfig config_;
};

}  // namespace attend
