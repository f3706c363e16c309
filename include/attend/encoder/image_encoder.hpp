/// From images to annotations.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/image_batch.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/random.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/encoder/mean_states.hpp>
#include <attend/layer/convolution.hpp>
#include <attend/layer/grid_positions.hpp>

namespace attend::inline ATTEND_ABI {

struct ImageEncoderConfig {
  /// From the image on; each reads what the one before writes.
  std::vector<ConvolutionConfig> layers;
  /// Whether annotations are told their row and their column (layer/grid_positions.hpp).
  bool positions = true;
};

/// Annotations of images as Xu et al. 2015 (arXiv 1502.03044, section 3.1.1) have them: the cells
/// of the grid that a stack of convolutions leaves, row by row. A final state is the mean of an
/// image's annotations, from which a decoder's Bridge makes its first state (section 3.1.2).
template <attend::Scalar T>
class ImageEncoder {
 public:
  using Scalar = T;
  using S = T;
  using Source = ImageBatch<S>;

  /// What a layer made of all images.
  struct LayerTrace {
    std::vector<Extent> sizes;
    Buffer<S> output;
    Buffer<S> d_output;
  };
  struct Trace : Encoding<S> {
    /// Of the cells: an image is a sequence of them.
    Ragged layout;
    std::vector<Index> lengths;
    std::vector<LayerTrace> layers;
    GridPositions<S> positions;
    Buffer<S> shares;
    ConvolutionWorkspace<S> convolution;
  };

  std::vector<Convolution<S>> layers;

  ImageEncoder() = default;
  /// Throws std::invalid_argument without a layer, ShapeError where one does not read what the one
  /// before writes.
  ImageEncoder(const ImageEncoderConfig& config, Random& random) : positions_(config.positions) {
    check_argument(!config.layers.empty(), "ImageEncoder: it has no layers, expected 1 or more");
    for (const ConvolutionConfig& layer : config.layers) {
      if (!layers.empty())
        check_size("ImageEncoder", "input of a layer", layer.input, annotation_size());
      layers.emplace_back(layer, random);
    }
  }

  static void parameters(auto&& f, auto&... m) { f("layers", m.layers...); }

  [[nodiscard]] Index annotation_size() const { return layers.back().config().output; }
  [[nodiscard]] Index state_rows() const { return annotation_size(); }
  /// The cells of an image of this size.
  [[nodiscard]] Extent grid(Extent image) const {
    for (const Convolution<S>& layer : layers) image = layer.output_size(image);
    return image;
  }

  /// Overwrites trace.annotations (d_h x N, step-major as trace.layout has it) and
  /// trace.final_states (d_h x B). Throws ShapeError for images of other channels.
  void forward(const ImageBatch<S>& source, Random* /*random*/, Trace& trace,
               Keep /*keep*/ = Keep::trace) const {
    trace.layers.resize(layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Images<S> X = input_of(l, source, trace);
      trace.layers[l].sizes.clear();
      for (const Extent& size : X.sizes)
        trace.layers[l].sizes.push_back(layers[l].output_size(size));
      View<S> Y = trace.layers[l].output.resize(layers[l].config().output,
                                                layers[l].output_columns(X.sizes));
      layers[l].forward(X, Y, trace.convolution);
    }
    trace.lengths.clear();
    for (const Extent& grid : trace.layers.back().sizes) trace.lengths.push_back(grid.area());
    trace.layout.assign(trace.lengths);
    annotate(trace);
  }

  /// dH (d_h x N, step-major), d_final_states (d_h x B); adds to `gradient`.
  void backward(const ImageEncoder& transposed, const ImageBatch<S>& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, ImageEncoder& gradient) const {
    Buffer<S>& top = trace.layers.back().d_output;
    to_sentence_major<S>(trace.layout, dH, top.resize(dH.rows(), dH.cols()));
    mean_states_backward(trace.layout, d_final_states, trace.shares, top.view());
    for (std::size_t l = layers.size(); l-- > 0;) {
      const Images<S> X = input_of(l, source, trace);
      const ConstView<S> Y = std::as_const(trace.layers[l].output).view();
      View<S> dY = trace.layers[l].d_output.view();
      if (l == 0) {
        layers[l].backward_to_weights(X, Y, dY, gradient.layers[l], trace.convolution);
      } else {
        layers[l].backward(transposed.layers[l], X, Y, dY,
                           trace.layers[l - 1].d_output.zero(X.pixels.rows(), X.pixels.cols()),
                           gradient.layers[l], trace.convolution);
      }
    }
  }

 private:
  static Images<S> input_of(std::size_t l, const ImageBatch<S>& source, const Trace& trace) {
    if (l == 0) return source.view();
    const LayerTrace& below = trace.layers[l - 1];
    return {below.sizes, below.output.view()};
  }

  /// The last layer's output, which its way back wants as it is, becomes annotations.
  void annotate(Trace& trace) const {
    const LayerTrace& top = trace.layers.back();
    const ConstView<S> Y = top.output.view();
    View<S> placed = trace.layers.back().d_output.resize(Y.rows(), Y.cols());
    placed = Y;
    if (positions_) trace.positions.add(top.sizes, placed);
    to_step_major<S>(trace.layout, placed, trace.annotations.resize(Y.rows(), Y.cols()));
    mean_states<S>(trace.layout, placed, trace.final_states);
  }

  bool positions_ = true;
};

}  // namespace attend
