/// From tokens to annotations.
#pragma once

#include <optional>
#include <utility>

#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/layer/embedding.hpp>
#include <attend/layer/projection.hpp>

namespace attend::inline ATTEND_ABI {

/// Probabilities of dropout on embeddings, on annotations and, at last, of whole embeddings.
struct TextEncoderOptions {
  double embedding_dropout = 0;
  double annotation_dropout = 0;
  DropoutMask mask = DropoutMask::each_step;
  double word_dropout = 0;
};

/// H = dropout(stack(f(W dropout(E x) + b))): an embedding, a projection if there is one, and a
/// stack of recurrent layers.
template <class Layer>
class TextEncoder {
 public:
  using Scalar = typename Layer::Scalar;
  using S = Scalar;
  using Source = TokenBatch;

  struct Trace : Encoding<S> {
    Buffer<S> embedded;
    Buffer<S> d_embedded;
    Buffer<S> projected;
    Buffer<S> d_projected;
    Dropout<S> word_dropout;
    Dropout<S> embedding_dropout;
    Dropout<S> annotation_dropout;
    typename Stacked<Layer>::Trace stack;
  };

  /// None where the caller's is shared.
  std::optional<Embedding<S>> embedding;
  std::optional<Projection<S>> projection;
  Stacked<Layer> stack;

  TextEncoder() = default;
  /// Without words of its own where `words` is empty.
  TextEncoder(std::optional<Embedding<S>> words, Stacked<Layer> layers,
              TextEncoderOptions options = {}, std::optional<Projection<S>> between = {})
      : embedding(std::move(words)),
        projection(std::move(between)),
        stack(std::move(layers)),
        options_(options) {
    if (projection) {
      check_size("TextEncoder", "input size of the stack", stack.input_size(),
                 projection->output_size());
    }
    if (!embedding) return;
    const Index size = embedding->E.rows();
    if (projection) {
      check_size("TextEncoder", "input size of the projection", projection->input_size(), size);
    } else {
      check_size("TextEncoder", "input size of the stack", stack.input_size(), size);
    }
  }

  static void parameters(auto&& f, auto&... m) {
    f("embedding", m.embedding...);
    f("projection", m.projection...);
    f("stack", m.stack...);
  }

  /// Words of its own embedding; 0 without one.
  [[nodiscard]] Index vocabulary_size() const { return embedding ? embedding->E.cols() : 0; }
  [[nodiscard]] Index annotation_size() const { return stack.output_size(); }
  [[nodiscard]] Index state_rows() const { return stack.state_rows(); }

  /// Overwrites trace.annotations (d_h x N, step-major) and trace.final_states (state_rows x B).
  /// Dropout only with a generator.
  void forward(const Embedding<S>& words, const TokenBatch& source, Random* random, Trace& trace,
               Keep keep = Keep::trace) const {
    const Ragged& layout = source.layout;
    View<S> X = trace.embedded.resize(words.E.rows(), layout.columns());
    words.forward(source.tokens, X);
    trace.word_dropout.forward(options_.word_dropout, DropoutMask::whole_steps, layout, random, X);
    trace.embedding_dropout.forward(options_.embedding_dropout, options_.mask, layout, random, X);
    if (projection) {
      projection->forward(X, trace.projected.resize(projection->output_size(), layout.columns()));
    }
    View<S> H = trace.annotations.resize(annotation_size(), layout.columns());
    stack.forward(layout, stack_input(trace).view(), H, random, trace.stack,
                  {nullptr, &trace.final_states, keep});
    trace.annotation_dropout.forward(options_.annotation_dropout, options_.mask, layout, random, H);
  }
  void forward(const TokenBatch& source, Random* random, Trace& trace,
               Keep keep = Keep::trace) const {
    forward(own_words(*this), source, random, trace, keep);
  }

  /// dH (d_h x N, step-major) is used up; adds to `gradient` and to that of the words.
  void backward(const TextEncoder& transposed, const TokenBatch& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, TextEncoder& gradient,
                Embedding<S>& words_gradient) const {
    const Ragged& layout = source.layout;
    trace.annotation_dropout.backward(layout, dH);
    View<S> dX = trace.d_embedded.zero(trace.embedded.rows(), layout.columns());
    View<S> d_input =
        projection ? trace.d_projected.zero(projection->output_size(), layout.columns()) : dX;
    stack.backward(transposed.stack, layout, stack_input(trace).view(), dH, d_input, trace.stack,
                   gradient.stack, {&d_final_states, nullptr});
    if (projection) {
      projection->backward(*transposed.projection, trace.embedded.view(), trace.projected.view(),
                           d_input, dX, *gradient.projection);
    }
    trace.embedding_dropout.backward(layout, dX);
    trace.word_dropout.backward(layout, dX);
    Embedding<S>::backward(source.tokens, dX, words_gradient);
  }
  void backward(const TextEncoder& transposed, const TokenBatch& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, TextEncoder& gradient) const {
    backward(transposed, source, dH, d_final_states, trace, gradient, own_words(gradient));
  }

 private:
  [[nodiscard]] Buffer<S>& stack_input(Trace& trace) const {
    return projection ? trace.projected : trace.embedded;
  }

  template <class E>
  static auto& own_words(E& encoder) {
    check_argument(encoder.embedding.has_value(),
                   "TextEncoder: it has no embedding of its own; pass the one it shares");
    return *encoder.embedding;
  }

  TextEncoderOptions options_;
};

}  // namespace attend
