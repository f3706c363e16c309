/// A label for a whole sequence.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/attention/sequence_pooling.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/layer/dense.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/model/label_loss.hpp>
#include <attend/model/trainable.hpp>

namespace attend::inline ATTEND_ABI {

struct LabelledSequence {
  std::vector<Token> tokens;
  Token label = 0;
};

class LabelledBatch {
 public:
  TokenBatch tokens;
  std::vector<Token> labels;

  /// Reuses its memory.
  void assign(std::span<const LabelledSequence* const> sequences) {
    tokens_.clear();
    labels.clear();
    for (const LabelledSequence* sequence : sequences) {
      tokens_.emplace_back(sequence->tokens);
      labels.push_back(sequence->label);
    }
    tokens.assign(tokens_);
  }

 private:
  std::vector<std::span<const Token>> tokens_;
};

struct ClassifierOptions {
  /// Of what the output reads.
  double dropout = 0;
  /// The factor of the pooling's penalty, a sequence.
  double penalty = 0;
  double label_smoothing = 0;
};

/// p(label | x) = softmax(W m + b), m the r pooled vectors of an encoder's annotations, one above
/// the other: with Pooling of one hop the classifier of Yang et al. 2016, with several that of Lin
/// et al. 2017 (arXiv 1703.03130, section 2). Training adds `penalty` times the pooling's penalty
/// to the loss of each sequence. A sequence without tokens has m = 0: its label comes from the bias
/// alone. Satisfies Trainable.
template <class Encoder, SequencePooling P>
class Classifier {
 public:
  using Scalar = typename Encoder::Scalar;
  using S = Scalar;
  using Example = LabelledSequence;
  using Batch = LabelledBatch;

  Encoder encoder;
  P pooling;
  Dense<S> output;

  /// One thread's memory.
  struct Workspace {
    typename Encoder::Trace encoding;
    /// Sentence-major.
    Buffer<S> annotations;
    std::vector<typename P::Trace> poolings;
    /// (r d_h x B)
    Buffer<S> pooled;
    Dropout<S> dropout;
    Buffer<S> logits;
    Buffer<S> d_pooled;
    Buffer<S> d_annotations;
    Buffer<S> d_steps;
    Matrix<S> d_final_states;
    std::vector<Classifier> transposed;
  };

  Classifier() = default;
  /// Throws ShapeError unless the output reads what the pooling writes, std::invalid_argument for
  /// options out of range.
  Classifier(Encoder e, P p, Dense<S> head, ClassifierOptions options = {})
      : encoder(std::move(e)), pooling(std::move(p)), output(std::move(head)), options_(options) {
    check_size("Classifier", "input size of the output layer", output.W.cols(),
               encoder.annotation_size() * pooling.hops());
    check_probability(options.dropout);
    check_argument(options.penalty >= 0, "Classifier: penalty is ", options.penalty,
                   ", expected 0 (none) or more");
    check_argument(options.label_smoothing >= 0 && options.label_smoothing < 1,
                   "Classifier: label_smoothing is ", options.label_smoothing, ", expected [0, 1)");
  }

  static void parameters(auto&& f, auto&... m) {
    f("encoder", m.encoder...);
    f("pooling", m.pooling...);
    f("output", m.output...);
  }

  [[nodiscard]] Index labels() const { return output.W.rows(); }

  static Index size(const LabelledSequence& s) { return std::ssize(s.tokens); }
  static Index targets(const LabelledSequence& /*s*/) { return 1; }

  /// Overwrites L (labels x B) with the scores of every sequence's labels. Throws ShapeError.
  /// Allocates nothing once warm.
  void logits(const TokenBatch& tokens, Workspace& workspace, View<S> L) const {
    pool(tokens, nullptr, workspace, Keep::nothing);
    output.forward(workspace.pooled.view(), L);
  }

  /// The weights (T x r) by which the columns of sequence b were pooled in the workspace's last
  /// pass.
  [[nodiscard]] ConstView<S> weights(const Workspace& workspace, Index b) const {
    return pooling.weights(workspace.poolings[static_cast<std::size_t>(b)]);
  }

  /// The loss of a batch, without dropout, smoothing and penalty. Nats.
  [[nodiscard]] Loss loss(const Batch& batch, Workspace& w) const {
    pool(batch.tokens, nullptr, w, Keep::nothing);
    return LabelLoss<S>{output, batch.labels, w.logits}(w.pooled.view());
  }

  /// The loss with dropout, smoothing and penalty; adds `scale` times its gradient to `gradient`.
  Loss loss_and_gradient(const Batch& batch, S scale, Random& random, Workspace& w,
                         Classifier& gradient) const {
    if (w.transposed.empty()) w.transposed.push_back(*this);
    Classifier& transposed = w.transposed.front();
    assign_transposed(*this, transposed);
    pool(batch.tokens, &random, w, Keep::trace);
    const ConstView<S> M = std::as_const(w.pooled).view();
    View<S> dM = w.d_pooled.zero(M.rows(), M.cols());
    const auto smoothing = static_cast<S>(options_.label_smoothing);
    Loss loss = LabelLoss<S>{output, batch.labels, w.logits, smoothing}.and_gradient(
        transposed.output, M, scale, dM, gradient.output);
    w.dropout.apply(0, dM.cols(), dM);
    loss.nats += options_.penalty * penalty(batch.tokens.layout, w);
    pool_backward(transposed, batch.tokens, scale, w, gradient);
    return loss;
  }

 private:
  /// The pooled vectors of one sequence (d_h x r), one after the other in the batch's column b.
  [[nodiscard]] View<S> vectors(Buffer<S>& pooled, Index b) const {
    const Index d = encoder.annotation_size();
    return {pooled.column(b), d, pooling.hops(), d};
  }

  void pool(const TokenBatch& tokens, Random* random, Workspace& w, Keep keep) const {
    const Ragged& layout = tokens.layout;
    encoder.forward(tokens, random, w.encoding, keep);
    View<S> H = w.annotations.resize(encoder.annotation_size(), layout.columns());
    to_sentence_major<S>(layout, w.encoding.annotations.view(), H);
    if (std::ssize(w.poolings) < layout.size()) {
      w.poolings.resize(static_cast<std::size_t>(layout.size()));
    }
    View<S> M = w.pooled.resize(output.W.cols(), layout.size());
    for (Index b = 0; b < layout.size(); ++b) {
      pooling.forward(H.middleCols(layout.start(b), layout.length(b)), vectors(w.pooled, b),
                      w.poolings[static_cast<std::size_t>(b)]);
    }
    w.dropout.draw(options_.dropout, M.rows(), M.cols(), random);
    w.dropout.apply(0, M.cols(), M);
  }

  /// Of all sequences that have tokens.
  double penalty(const Ragged& layout, Workspace& w) const {
    double sum = 0;
    if (options_.penalty == 0) return sum;
    for (Index b = 0; b < layout.size(); ++b) {
      if (layout.length(b) == 0) continue;
      sum += static_cast<double>(pooling.penalty(w.poolings[static_cast<std::size_t>(b)]));
    }
    return sum;
  }

  void pool_backward(const Classifier& transposed, const TokenBatch& tokens, S scale, Workspace& w,
                     Classifier& gradient) const {
    const Ragged& layout = tokens.layout;
    const S penalty_scale = scale * static_cast<S>(options_.penalty);
    const ConstView<S> H = std::as_const(w.annotations).view();
    View<S> dH = w.d_annotations.zero(H.rows(), H.cols());
    for (Index b = 0; b < layout.size(); ++b) {
      const Index first = layout.start(b);
      const Index T = layout.length(b);
      if (T == 0) continue;
      pooling.backward(transposed.pooling, H.middleCols(first, T), vectors(w.d_pooled, b),
                       penalty_scale, dH.middleCols(first, T),
                       w.poolings[static_cast<std::size_t>(b)], gradient.pooling);
    }
    View<S> d_steps = w.d_steps.resize(H.rows(), H.cols());
    to_step_major<S>(layout, dH, d_steps);
    w.d_final_states.setZero(encoder.state_rows(), layout.size());
    encoder.backward(transposed.encoder, tokens, d_steps, w.d_final_states, w.encoding,
                     gradient.encoder);
  }

  ClassifierOptions options_;
};

}  // namespace attend
