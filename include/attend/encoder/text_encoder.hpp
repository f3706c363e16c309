/// From tokens to annotations.
#pragma once

#include <utility>

#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/layer/embedding.hpp>

namespace attend::inline ATTEND_ABI {

/// Probabilities of dropout on embeddings and on annotations.
struct TextEncoderOptions {
  double embedding_dropout = 0;
  double annotation_dropout = 0;
  DropoutMask mask = DropoutMask::each_step;
};

/// H = dropout(stack(dropout(E x))): an embedding and a stack of recurrent layers.
template <class Layer>
class TextEncoder {
 public:
  using Scalar = typename Layer::Scalar;
  using S = Scalar;

  struct Trace {
    Buffer<S> embedded;
    Buffer<S> d_embedded;
    Buffer<S> annotations;
    Matrix<S> final_states;
    Dropout<S> embedding_dropout;
    Dropout<S> annotation_dropout;
    typename Stacked<Layer>::Trace stack;
  };

  Embedding<S> embedding;
  Stacked<Layer> stack;

  TextEncoder() = default;
  TextEncoder(Embedding<S> words, Stacked<Layer> layers, TextEncoderOptions options = {})
      : embedding(std::move(words)), stack(std::move(layers)), options_(options) {
    check_size("TextEncoder", "input size of the stack", stack.input_size(), embedding.E.rows());
  }

  static void parameters(auto&& f, auto&... m) {
    f("embedding", m.embedding...);
    f("stack", m.stack...);
  }

  [[nodiscard]] Index vocabulary_size() const { return embedding.E.cols(); }
  [[nodiscard]] Index annotation_size() const { return stack.output_size(); }
  [[nodiscard]] Index state_rows() const { return stack.state_rows(); }

  /// Overwrites trace.annotations (d_h x N, step-major) and trace.final_states (state_rows x B).
  /// Dropout only with a generator.
  void forward(const TokenBatch& source, Random* random, Trace& trace) const {
    const Ragged& layout = source.layout;
    View<S> X = trace.embedded.resize(embedding.E.rows(), layout.columns());
    embedding.forward(source.tokens, X);
    trace.embedding_dropout.forward(options_.embedding_dropout, options_.mask, layout, random, X);
    View<S> H = trace.annotations.resize(annotation_size(), layout.columns());
    stack.forward(layout, X, H, random, trace.stack, {nullptr, &trace.final_states});
    trace.annotation_dropout.forward(options_.annotation_dropout, options_.mask, layout, random, H);
  }

  /// dH (d_h x N, step-major) is used up; adds to `gradient`.
  void backward(const TextEncoder& transposed, const TokenBatch& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, TextEncoder& gradient) const {
    const Ragged& layout = source.layout;
    trace.annotation_dropout.backward(layout, dH);
    View<S> dX = trace.d_embedded.zero(embedding.E.rows(), layout.columns());
    stack.backward(transposed.stack, layout, trace.embedded.view(), dH, dX, trace.stack,
                   gradient.stack, {&d_final_states, nullptr});
    trace.embedding_dropout.backward(layout, dX);
    Embedding<S>::backward(source.tokens, dX, gradient.embedding);
  }

 private:
  TextEncoderOptions options_;
};

}  // namespace attend
