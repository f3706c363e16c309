/// A network that answers with positions of what it is given.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/core/frame_batch.hpp>
#include <attend/core/parameters.hpp>
#include <attend/decoder/pointer_decoder.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/encoder/recurrent.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/layer/dense.hpp>
#include <attend/model/teacher_forcing.hpp>
#include <attend/model/trainable.hpp>

namespace attend::inline ATTEND_ABI {

/// Vectors, one a column (d_x x T), and the columns to point at, in order, counted from 0.
template <Scalar S>
struct PointingExample {
  Matrix<S> source;
  std::vector<Index> target;
};

/// Column j of a source is position j + 1. Position 0 is the network's own: pointed at it ends the
/// output, read it begins one; so it is both symbols of a search, `.start = 0, .end = 0`.
inline constexpr Token pointer_end = 0;

/// The columns, counted from 0, that a search's tokens point at.
[[nodiscard]] inline std::vector<Index> columns_of(std::span<const Token> tokens) {
  std::vector<Index> columns;
  for (const Token token : tokens) columns.push_back(token - 1);
  return columns;
}

template <Scalar S>
class PointingBatch {
 public:
  FrameBatch<S> source;
  TokenBatch target;

  /// Reuses its memory. Throws std::invalid_argument for a target outside its source.
  void assign(std::span<const PointingExample<S>* const> examples) {
    source.assign(examples, [](const auto* e) -> const Matrix<S>& { return e->source; });
    targets_.resize(examples.size());
    for (std::size_t b = 0; b < examples.size(); ++b) {
      targets_[b].clear();
      for (const Index column : examples[b]->target) {
        check_argument(column >= 0 && column < examples[b]->source.cols(), "PointingBatch: target ",
                       column, " is outside its source of ", examples[b]->source.cols(),
                       " columns");
        targets_[b].push_back(static_cast<Token>(column + 1));
      }
      targets_[b].push_back(pointer_end);
    }
    target.assign(targets_);
  }

 private:
  std::vector<std::vector<Token>> targets_;
};

/// Vinyals, Fortunato, Jaitly 2015 (arXiv 1506.03134, section 2.3). x_0 is learned, x_j = W f_j + b
/// of the source's column f_j; an encoder reads them all, a PointerDecoder points. The encoder is a
/// Recurrent, Bidirectional or Stacked layer. Satisfies Trainable; search takes its decoder and the
/// memory that `remember` makes.
template <class Encoder, class D>
class PointerNetwork {
 public:
  using Scalar = typename D::Scalar;
  using S = Scalar;
  using Example = PointingExample<S>;
  using Batch = PointingBatch<S>;

  Dense<S> input;
  Vector<S> x_0;
  Encoder encoder;
  D decoder;

  /// One thread's memory.
  struct Workspace {
    /// Of the sources with position 0, which is every source's first.
    Ragged layout;
    std::vector<Index> lengths;
    Buffer<S> positions;
    Encoding<S> encoding;
    typename Encoder::Trace encoder_trace;
    typename D::Memory memory;
    typename D::Memory d_memory;
    TokenBatch inputs;
    typename D::State state;
    typename D::Trace decoding;
    Buffer<S> d_positions;
    Buffer<S> d_frames;
    Buffer<S> d_annotations;
    Matrix<S> d_final_states;
    std::vector<PointerNetwork> transposed;
  };

  PointerNetwork() = default;
  /// `frame` is d_x. Throws ShapeError where encoder and decoder read inputs of different sizes.
  PointerNetwork(Index frame, Encoder e, D d, Random& random)
      : input({.input = frame, .output = e.input_size()}, random),
        x_0(e.input_size()),
        encoder(std::move(e)),
        decoder(std::move(d)) {
    check_size("PointerNetwork", "size of the decoder's inputs", decoder.steps.config().embedding,
               encoder.input_size());
    initialize_glorot(x_0, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("input", m.input...);
    f("x_0", m.x_0...);
    f("encoder", m.encoder...);
    f("decoder", m.decoder...);
  }

  static Index size(const Example& e) { return e.source.cols() + std::ssize(e.target); }
  static Index targets(const Example& e) { return std::ssize(e.target) + 1; }

  /// Encodes sources and makes the memory that search reads. Throws ShapeError.
  void remember(const FrameBatch<S>& source, Workspace& workspace,
                typename D::Memory& memory) const {
    encode(source, nullptr, workspace, memory);
  }

  /// The loss of a batch, without dropout. Nats.
  [[nodiscard]] Loss loss(const Batch& batch, Workspace& w) const {
    unroll(batch, nullptr, w);
    return decoder.loss(w.memory, batch.target, w.decoding);
  }

  /// The loss with dropout; adds `scale` times its gradient to `gradient`.
  Loss loss_and_gradient(const Batch& batch, S scale, Random& random, Workspace& w,
                         PointerNetwork& gradient) const {
    if (w.transposed.empty()) w.transposed.push_back(*this);
    PointerNetwork& transposed = w.transposed.front();
    assign_transposed(*this, transposed);
    unroll(batch, &random, w);
    w.d_memory.zero_like(w.memory);
    const Loss loss =
        decoder.loss_and_gradient(transposed.decoder, w.memory, w.inputs, batch.target, scale,
                                  w.state, w.decoding, w.d_memory, gradient.decoder);
    encode_backward(transposed, batch.source, w, gradient);
    return loss;
  }

 private:
  /// Position 0 is the first step of every sequence, so the first columns.
  void encode(const FrameBatch<S>& source, Random* random, Workspace& w,
              typename D::Memory& memory) const {
    const Index B = source.layout.size();
    const Index N = source.layout.columns();
    if (N > 0)
      check_size("PointerNetwork", "rows of the sources", source.frames.rows(), input.W.cols());
    w.lengths.clear();
    for (const Index length : source.layout.lengths()) w.lengths.push_back(length + 1);
    w.layout.assign(w.lengths);
    View<S> X = w.positions.resize(x_0.size(), B + N);
    X.leftCols(B).colwise() = x_0;
    if (N > 0) input.forward(source.frames.view(), X.rightCols(N));
    View<S> H = w.encoding.annotations.resize(encoder.output_size(), B + N);
    pass(random, X, H, w);
    decoder.remember(w.layout, X, H, w.encoding.final_states, memory);
  }

  void encode_backward(const PointerNetwork& transposed, const FrameBatch<S>& source, Workspace& w,
                       PointerNetwork& gradient) const {
    const Index B = source.layout.size();
    const Index N = source.layout.columns();
    View<S> dX = w.d_positions.resize(x_0.size(), B + N);
    View<S> dH = w.d_annotations.resize(encoder.output_size(), B + N);
    decoder.remember_backward(transposed.decoder, w.layout, w.encoding.final_states, w.memory,
                              w.d_memory, dX, dH, w.d_final_states, gradient.decoder);
    encoder.backward(transposed.encoder, w.layout, w.positions.view(), dH, dX, w.encoder_trace,
                     gradient.encoder, {&w.d_final_states, nullptr});
    gradient.x_0 += dX.leftCols(B).rowwise().sum();
    if (N == 0) return;
    input.backward(transposed.input, source.frames.view(), dX.rightCols(N),
                   w.d_frames.zero(source.frames.rows(), N), gradient.input);
  }

  /// Runs the encoder.
  void pass(Random* random, ConstView<S> X, View<S> H, Workspace& w) const {
    const StatesInOut<S> states{nullptr, &w.encoding.final_states,
                                random == nullptr ? Keep::nothing : Keep::trace};
    if constexpr (requires { encoder.forward(w.layout, X, H, random, w.encoder_trace, states); }) {
      encoder.forward(w.layout, X, H, random, w.encoder_trace, states);
    } else {
      encoder.forward(w.layout, X, H, w.encoder_trace, states);
    }
  }

  void unroll(const Batch& batch, Random* random, Workspace& w) const {
    check_size("PointerNetwork", "number of targets", batch.target.layout.size(),
               batch.source.layout.size());
    encode(batch.source, random, w, w.memory);
    shift_behind_start(batch.target, pointer_end, w.inputs);
    decoder.unroll(w.memory, w.inputs, random, w.state, w.decoding);
  }
};

}  // namespace attend
