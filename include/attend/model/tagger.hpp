/// A label for every token.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/core/parameters.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/layer/dense.hpp>
#include <attend/model/label_loss.hpp>
#include <attend/model/trainable.hpp>

namespace attend::inline ATTEND_ABI {

/// A sequence and its labels, one for each token.
struct TaggedSequence {
  std::vector<Token> tokens;
  std::vector<Token> labels;
};

class TaggedBatch {
 public:
  TokenBatch tokens;
  TokenBatch labels;

  /// Reuses its memory. Throws ShapeError where a sequence and its labels differ in length.
  void assign(std::span<const TaggedSequence* const> sequences) {
    tokens_.clear();
    labels_.clear();
    for (const TaggedSequence* sequence : sequences) {
      check_size("TaggedBatch", "number of labels", std::ssize(sequence->labels),
                 std::ssize(sequence->tokens));
      tokens_.emplace_back(sequence->tokens);
      labels_.emplace_back(sequence->labels);
    }
    tokens.assign(tokens_);
    labels.assign(labels_);
  }

 private:
  std::vector<std::span<const Token>> tokens_;
  std::vector<std::span<const Token>> labels_;
};

/// p(label_t | x) = softmax(W h_t + b), h_t the annotations of an encoder. Satisfies Trainable.
template <class Encoder>
class Tagger {
 public:
  using Scalar = typename Encoder::Scalar;
  using S = Scalar;
  using Example = TaggedSequence;
  using Batch = TaggedBatch;

  Encoder encoder;
  Dense<S> output;

  /// One thread's memory.
  struct Workspace {
    typename Encoder::Trace encoding;
    Buffer<S> d_annotations;
    Buffer<S> logits;
    Matrix<S> d_final_states;
    std::vector<Tagger> transposed;
  };

  Tagger() = default;
  /// Throws ShapeError unless the output reads what the encoder writes.
  Tagger(Encoder e, Dense<S> head) : encoder(std::move(e)), output(std::move(head)) {
    check_size("Tagger", "input size of the output layer", output.W.cols(),
               encoder.annotation_size());
  }

  static void parameters(auto&& f, auto&... m) {
    f("encoder", m.encoder...);
    f("output", m.output...);
  }

  [[nodiscard]] Index labels() const { return output.W.rows(); }

  static Index size(const TaggedSequence& s) { return std::ssize(s.tokens); }
  static Index targets(const TaggedSequence& s) { return std::ssize(s.labels); }

  /// Overwrites L (labels x N, step-major) with the scores of every token's labels.
  void logits(const TokenBatch& tokens, Workspace& workspace, View<S> L) const {
    encoder.forward(tokens, nullptr, workspace.encoding, Keep::nothing);
    output.forward(workspace.encoding.annotations.view(), L);
  }

  /// The loss of a batch, without dropout. Nats.
  [[nodiscard]] Loss loss(const Batch& batch, Workspace& w) const {
    encoder.forward(batch.tokens, nullptr, w.encoding, Keep::nothing);
    return labelling(batch, w)(w.encoding.annotations.view());
  }

  /// The loss with dropout; adds `scale` times its gradient to `gradient`.
  Loss loss_and_gradient(const Batch& batch, S scale, Random& random, Workspace& w,
                         Tagger& gradient) const {
    if (w.transposed.empty()) w.transposed.push_back(*this);
    Tagger& transposed = w.transposed.front();
    assign_transposed(*this, transposed);
    encoder.forward(batch.tokens, &random, w.encoding);
    const ConstView<S> H = std::as_const(w.encoding.annotations).view();
    View<S> dH = w.d_annotations.zero(H.rows(), H.cols());
    const Loss loss =
        labelling(batch, w).and_gradient(transposed.output, H, scale, dH, gradient.output);
    w.d_final_states.setZero(encoder.state_rows(), batch.tokens.layout.size());
    encoder.backward(transposed.encoder, batch.tokens, dH, w.d_final_states, w.encoding,
                     gradient.encoder);
    return loss;
  }

 private:
  LabelLoss<S> labelling(const Batch& batch, Workspace& w) const {
    return {output, batch.labels.tokens, w.logits};
  }
};

}  // namespace attend
