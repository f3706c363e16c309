/// A training step of the Multi30k model (bidirectional GRU 256, Bahdanau, 8,000 words) on 32
/// sentence pairs, and the part of it that is softmax and cross-entropy.
#include <cases.hpp>
#include <cmath>
#include <inputs.hpp>
#include <vector>

#include <attend/loss/cross_entropy.hpp>
#include <attend/model/recurrent_seq2seq.hpp>

namespace bench {
namespace {

using attend::Token;
using Model = attend::RecurrentSeq2Seq<float>;

struct Sizes {
  Index vocabulary;
  Index hidden;
  Index pairs;
  Index shortest;
  Index lengths;
};

std::vector<attend::SentencePair> random_pairs(const Sizes& sizes) {
  Random random(1);
  std::vector<attend::SentencePair> pairs(static_cast<std::size_t>(sizes.pairs));
  for (auto& pair : pairs) {
    for (auto* side : {&pair.source, &pair.target}) {
      side->resize(static_cast<std::size_t>(sizes.shortest + random.below(sizes.lengths)));
      for (auto& token : *side) token = static_cast<Token>(random.below(sizes.vocabulary));
    }
  }
  return pairs;
}

struct Counts {
  double sources = 0;
  double targets = 0;
  /// Pairs of a source and a target position.
  double alignments = 0;
};

Counts count(const Sizes& sizes) {
  Counts c;
  for (const auto& pair : random_pairs(sizes)) {
    const auto source = static_cast<double>(pair.source.size());
    const auto target = static_cast<double>(pair.target.size());
    c.sources += source;
    c.targets += target;
    c.alignments += source * target;
  }
  return c;
}

/// Multiply-adds of a forward pass, by the equations; backward takes twice as many.
double training_flops(const Sizes& sizes) {
  const Counts n = count(sizes);
  const double d = as_double(sizes.hidden);
  const double source = 2 * 6 * d * d + 2 * d * d;                    // two GRUs, keys
  const double cell = 3 * d * (d + 2 * d) + 3 * d * d + d * d;        // word, context, state, query
  const double output = 4 * d * d + d * as_double(sizes.vocabulary);  // readout, logits
  const double alignment = 2 * d + 2 * d;                             // energy, context
  return 3 * 2 * (n.sources * source + n.targets * (cell + output) + n.alignments * alignment);
}

struct Training {
  Random random{1};
  Model model;
  Model::Batch batch;
  Model::Workspace workspace;
  Model gradient;
  double nats = 0;

  Training(const Sizes& sizes, double dropout)
      : model(attend::make_recurrent_seq2seq<float>({.source_vocabulary = sizes.vocabulary,
                                                     .target_vocabulary = sizes.vocabulary,
                                                     .embedding = sizes.hidden,
                                                     .hidden = sizes.hidden,
                                                     .embedding_dropout = dropout,
                                                     .annotation_dropout = dropout,
                                                     .readout_dropout = dropout},
                                                    random)),
        gradient(attend::zero_like(model)) {
    const auto pairs = random_pairs(sizes);
    std::vector<const attend::SentencePair*> examples;
    for (const auto& pair : pairs) examples.push_back(&pair);
    batch.assign(examples);
  }
  void step() { nats = model.loss_and_gradient(batch, 1, random, workspace, gradient).nats; }
  /// The loss, and the length of its gradient.
  [[nodiscard]] Result result() const { return Eigen::Vector2d(nats, length()); }
  [[nodiscard]] double length() const { return std::sqrt(attend::squared_norm(gradient)); }
};

/// The loss by itself, and its slope in the gradient's direction by a finite difference, which is
/// the gradient's length.
Result loss_and_slope(const Sizes& sizes) {
  Training training(sizes, 0);
  training.step();
  const double length = training.length();
  const auto loss_at = [&](double distance) {
    const auto factor = static_cast<float>(distance / length);
    Model moved = training.model;
    attend::for_each_parameter(
        [factor](std::string_view, auto& p, const auto& d) {
          attend::values(p) += factor * attend::values(d);
        },
        moved, training.gradient);
    return moved.loss(training.batch, training.workspace).nats;
  };
  constexpr double step = 1e-2;
  return Eigen::Vector2d(loss_at(0), (loss_at(step) - loss_at(-step)) / (2 * step));
}

/// One tile's loss and gradient; the logits of a later step are what the one before left.
struct CrossEntropy {
  Matrix<float> logits;
  std::vector<Token> targets;
  attend::Buffer<float> tile;
  Matrix<float> readouts;
  bool begun = false;
  double nats = 0;

  CrossEntropy(Index V, Index n) : logits(numbers(1, V, n, 3)), readouts(1, n) {
    for (Index j = 0; j < n; ++j) targets.push_back(static_cast<Token>(j * 7919 % V));
  }
  void step() {
    const auto fill = [this](const auto&, attend::View<float> L) {
      if (!std::exchange(begun, true)) L = logits;
    };
    nats = attend::tiled_cross_entropy<float>(logits.rows(), readouts, targets, 0, 1, tile, fill,
                                              [](auto&&...) {})
               .nats;
  }
  [[nodiscard]] Result result() const { return with_nats(result_of(tile.view()), nats); }

  /// The gradient upon a row of the loss.
  static Result with_nats(const Result& gradient, double nats) {
    Result r(gradient.rows() + 1, gradient.cols());
    r << gradient, Result::Constant(1, gradient.cols(), nats / as_double(gradient.cols()));
    return r;
  }
};

struct EigenCrossEntropy {
  Matrix<float> L;
  double nats = 0;

  EigenCrossEntropy(Index V, Index n) : L(numbers(1, V, n, 3)) {}
  void step() {
    nats = 0;
    for (Index j = 0; j < L.cols(); ++j) {
      auto l = L.col(j).array();
      const Index target = j * 7919 % L.rows();
      const float largest = l.maxCoeff();
      const float picked = l(target);
      l = (l - largest).exp();
      const float total = l.sum();
      nats += static_cast<double>(std::log(total) + largest - picked);
      l /= total;
      l(target) -= 1;
    }
  }
  [[nodiscard]] Result result() const { return CrossEntropy::with_nats(result_of(L), nats); }
};

Result scalar_cross_entropy(Index V, Index n) {
  Result p = result_of(numbers(1, V, n, 3));
  double nats = 0;
  for (Index j = 0; j < n; ++j) {
    double sum = 0;
    for (Index v = 0; v < V; ++v) sum += std::exp(p(v, j));
    const Index target = j * 7919 % V;
    nats += std::log(sum) - p(target, j);
    for (Index v = 0; v < V; ++v) p(v, j) = std::exp(p(v, j)) / sum - (v == target ? 1 : 0);
  }
  return CrossEntropy::with_nats(p, nats);
}

void add_cross_entropy(Cases& cases, Index V, Index n, Extent extent) {
  const double elements = as_double(V * n);
  cases.push_back({.name = "cross_entropy/V:" + std::to_string(V) + "/n:" + std::to_string(n),
                   .extent = extent,
                   .phases = {{0, 3 * 4 * elements, 4 * elements}},
                   .elements = elements,
                   .tokens = as_double(n),
                   .reference = [V, n] { return scalar_cross_entropy(V, n); },
                   .tolerance = 2e-7,
                   .contenders = {contender("attend", [V, n] { return CrossEntropy(V, n); }),
                                  contender("Eigen", [V, n] { return EigenCrossEntropy(V, n); })}});
}

}  // namespace

void add_training_cases(Cases& cases) {
  add_cross_entropy(cases, 1003, 7, Extent::check);
  add_cross_entropy(cases, 8000, attend::cross_entropy_tile, Extent::brief);
  static constexpr Sizes small{
      .vocabulary = 50, .hidden = 24, .pairs = 5, .shortest = 1, .lengths = 6};
  cases.push_back({.name = "training_step/pairs:5",
                   .extent = Extent::check,
                   .reference = [] { return loss_and_slope(small); },
                   .tolerance = 1e-4,
                   .contenders = {contender("attend", [] { return Training(small, 0); })}});
  static constexpr Sizes multi30k{
      .vocabulary = 8000, .hidden = 256, .pairs = 32, .shortest = 10, .lengths = 8};
  const Counts n = count(multi30k);
  cases.push_back(
      {.name = "training_step/pairs:32/targets:" + std::to_string(static_cast<Index>(n.targets)),
       .phases = {{training_flops(multi30k), 0, 0}},
       .tokens = n.sources + n.targets,
       .contenders = {contender("attend", [] { return Training(multi30k, 0.3); })}});
}

}  // namespace bench
