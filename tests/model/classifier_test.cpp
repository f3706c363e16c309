#include <cmath>
#include <reference/count_allocations.hpp>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model_loss.hpp"
#include <attend/attention/any_pooling.hpp>
#include <attend/cell/gru.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/model/classifier.hpp>
#include <attend/train/trainer.hpp>

namespace {

using attend::Index;
using attend::LabelledSequence;
using attend::Matrix;
using attend::Random;

template <class S>
using Layer = attend::Bidirectional<attend::Gru<S>>;
template <class S, class P = attend::AnyPooling<S>>
using Classifier = attend::Classifier<attend::TextEncoder<Layer<S>>, P>;
static_assert(attend::Trainable<Classifier<float>>);
static_assert(attend::Trainable<Classifier<float, attend::Pooling<float>>>);
static_assert(attend::SequencePooling<attend::MeanPooling<float>>);
static_assert(attend::SequencePooling<attend::MaxPooling<double>>);
static_assert(attend::SequencePooling<attend::LastPooling<float>>);

constexpr Index hidden = 5;
constexpr Index labels = 3;

/// By the name that programs give it.
template <class S>
attend::AnyPooling<S> make_pooling(const std::string& name, Random& random) {
  if (name == "mean") return attend::MeanPooling<S>();
  if (name == "max") return attend::MaxPooling<S>();
  if (name == "last") return attend::LastPooling<S>{{}, hidden};
  const Index hops = name == "attentive" ? 1 : 3;
  return attend::Pooling<S>({.input = 2 * hidden, .hidden = 6, .hops = hops}, random);
}

template <class S>
attend::TextEncoder<Layer<S>> make_encoder(double dropout, Random& random) {
  const auto cell = [&] { return attend::Gru<S>({.input = 4, .hidden = hidden}, random); };
  attend::Gru<S> forward = cell();
  return {attend::Embedding<S>({.vocabulary = 8, .size = 4}, random),
          attend::Stacked<Layer<S>>({Layer<S>(std::move(forward), cell())}),
          {.embedding_dropout = dropout, .annotation_dropout = dropout}};
}

/// With every parameter random, biases too.
template <class S, class P>
auto make(P pooling, Random& random, attend::ClassifierOptions options = {}) {
  const Index pooled = 2 * hidden * pooling.hops();
  Classifier<S, P> classifier(make_encoder<S>(options.dropout, random), std::move(pooling),
                              attend::Dense<S>({.input = pooled, .output = labels}, random),
                              options);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) p(i, j) = static_cast<S>(random.uniform(-0.6, 0.6));
        }
      },
      classifier);
  return classifier;
}

template <class S>
Classifier<S> make(const std::string& name, attend::ClassifierOptions options = {}) {
  Random random(1);
  attend::AnyPooling<S> pooling = make_pooling<S>(name, random);
  return make<S>(std::move(pooling), random, options);
}

const std::vector<LabelledSequence> sequences = {
    {{1, 2, 3}, 0}, {{}, 2}, {{7, 7, 0, 5, 4, 2, 1, 1, 6}, 1}, {{6}, 2}, {{3, 2, 1}, 1}};

attend::LabelledBatch batch_of(const std::vector<LabelledSequence>& list) {
  std::vector<const LabelledSequence*> pointers;
  for (const LabelledSequence& s : list) pointers.push_back(&s);
  attend::LabelledBatch batch;
  batch.assign(pointers);
  return batch;
}

Matrix<float> logits_of(const auto& classifier, const attend::LabelledBatch& batch,
                        auto& workspace) {
  Matrix<float> L(labels, batch.tokens.layout.size());
  classifier.logits(batch.tokens, workspace, L);
  return L;
}

class ClassifierTest : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Poolings, ClassifierTest,
                         testing::Values("mean", "max", "last", "attentive", "structured"),
                         [](const auto& pooling) { return pooling.param; });

TEST_P(ClassifierTest, PassesTheGradientCheck) {
  const auto batch = batch_of(sequences);
  for (const bool regularised : {false, true}) {
    const auto classifier = make<double>(
        GetParam(),
        regularised
            ? attend::ClassifierOptions{.dropout = 0.3, .penalty = 0.4, .label_smoothing = 0.1}
            : attend::ClassifierOptions{});
    Classifier<double>::Workspace workspace;
    auto gradient = attend::zero_like(classifier);
    const double scale = 0.7;
    // The second pass meets a workspace that the first has used, and adds.
    for (int pass = 0; pass < 2; ++pass) {
      Random random(loss_seed);
      (void)classifier.loss_and_gradient(batch, scale / 2, random, workspace, gradient);
    }
    const auto report = check_loss_gradient(classifier, batch, scale, gradient, 12);
    EXPECT_TRUE(report.passed()) << report.message();
    EXPECT_GT(report.checked, 100);
  }
}

TEST_P(ClassifierTest, GivesASequenceTheSameBitsAloneAndInABatch) {
  const auto classifier = make<float>(GetParam());
  Classifier<float>::Workspace workspace;
  Classifier<float>::Workspace own;
  const Matrix<float> together = logits_of(classifier, batch_of(sequences), workspace);
  for (Index b = 0; b < together.cols(); ++b) {
    const LabelledSequence& sequence = sequences[static_cast<std::size_t>(b)];
    const Matrix<float> alone = logits_of(classifier, batch_of({sequence}), own);
    EXPECT_TRUE(reference::same_bits<float>(alone, together.col(b))) << "sequence " << b;
    const Matrix<float> weights = classifier.weights(workspace, b);
    EXPECT_EQ(weights.rows(), std::ssize(sequence.tokens));
    EXPECT_EQ(weights.cols(), classifier.pooling.hops());
    EXPECT_TRUE(reference::same_bits<float>(weights, classifier.weights(own, 0)));
    for (Index hop = 0; hop < weights.cols() && weights.rows() > 0; ++hop) {
      EXPECT_NEAR(weights.col(hop).sum(), 1, 1e-6);
      EXPECT_GE(weights.col(hop).minCoeff(), 0);
    }
  }
}

TEST_P(ClassifierTest, LosesWhatItsLogitsSay) {
  const auto classifier = make<float>(GetParam(), {.dropout = 0.5, .penalty = 1});
  const auto batch = batch_of(sequences);
  Classifier<float>::Workspace workspace;
  const attend::Loss loss = classifier.loss(batch, workspace);
  const Matrix<float> L = logits_of(classifier, batch, workspace);
  double nats = 0;
  for (Index b = 0; b < L.cols(); ++b) {
    nats +=
        std::log(L.col(b).array().exp().sum()) - L(sequences[static_cast<std::size_t>(b)].label, b);
  }
  EXPECT_NEAR(loss.nats, nats, 1e-5);
  EXPECT_EQ(loss.tokens, 5);
}

TEST_P(ClassifierTest, LabelsAnEmptySequenceByTheBias) {
  const auto classifier = make<float>(GetParam());
  Classifier<float>::Workspace workspace;
  EXPECT_EQ(logits_of(classifier, batch_of({{{}, 0}}), workspace), classifier.output.b);
  EXPECT_EQ(classifier.weights(workspace, 0).rows(), 0);
}

TEST_P(ClassifierTest, LosesNothingInABatchOfNothing) {
  const auto classifier = make<float>(GetParam(), {.dropout = 0.2, .penalty = 0.1});
  Classifier<float>::Workspace workspace;
  auto gradient = attend::zero_like(classifier);
  Random random(2);
  const auto nothing = batch_of({});
  EXPECT_EQ(classifier.loss_and_gradient(nothing, 1, random, workspace, gradient).tokens, 0);
  EXPECT_EQ(attend::squared_norm(gradient), 0);
  EXPECT_EQ(logits_of(classifier, nothing, workspace).cols(), 0);
}

TEST_P(ClassifierTest, AllocatesNothingOnceWarm) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  const auto classifier = make<float>(GetParam(), {.dropout = 0.2, .penalty = 0.1});
  const auto batch = batch_of(sequences);
  Classifier<float>::Workspace workspace;
  auto gradient = attend::zero_like(classifier);
  Random random(2);
  Matrix<float> L(labels, batch.tokens.layout.size());
  const auto pass = [&] {
    (void)classifier.loss_and_gradient(batch, 1, random, workspace, gradient);
    (void)classifier.loss(batch, workspace);
    classifier.logits(batch.tokens, workspace, L);
  };
  EXPECT_GT(reference::allocations_in(pass), 0);
  EXPECT_EQ(reference::allocations_in(pass), 0);
}

TEST(ClassifierOf, APoolingOfOneTypeIsThatOfAnyPooling) {
  Random random(3);
  Random same(3);
  const auto chosen = make<float>(make_pooling<float>("structured", random), random);
  const auto fixed = make<float>(
      attend::Pooling<float>({.input = 2 * hidden, .hidden = 6, .hops = 3}, same), same);
  decltype(make<float>("mean"))::Workspace workspace;
  Classifier<float, attend::Pooling<float>>::Workspace own;
  const auto batch = batch_of(sequences);
  EXPECT_TRUE(
      reference::same_bits(logits_of(chosen, batch, workspace), logits_of(fixed, batch, own)));
}

/// Token 5 somewhere makes label 1, else it is 0.
TEST(ClassifierOf, AttentivePoolingFindsTheWordThatCounts) {
  Random random(4);
  std::vector<LabelledSequence> examples;
  for (int i = 0; i < 300; ++i) {
    LabelledSequence example;
    for (Index t = 4 + random.below(6); t > 0; --t) {
      example.tokens.push_back(static_cast<attend::Token>(random.below(5)));
    }
    example.label = i % 2;
    if (i % 2 == 1) {
      example.tokens[static_cast<std::size_t>(random.below(std::ssize(example.tokens)))] = 5;
    }
    examples.push_back(std::move(example));
  }
  attend::TrainingState<Classifier<float>> state(make<float>("attentive"),
                                                 attend::ConstantRate{.rate = 0.02});
  attend::Trainer<Classifier<float>>({.epochs = 8, .batch = {.sentences = 16}}, examples)
      .run(state);
  Classifier<float>::Workspace workspace;
  const Matrix<float> L = logits_of(state.model, batch_of(examples), workspace);
  int right = 0;
  int found = 0;
  for (Index b = 0; b < L.cols(); ++b) {
    const LabelledSequence& example = examples[static_cast<std::size_t>(b)];
    Index label = 0;
    Index column = 0;
    L.col(b).maxCoeff(&label);
    state.model.weights(workspace, b).col(0).reshaped().maxCoeff(&column);
    right += label == example.label ? 1 : 0;
    found += example.tokens[static_cast<std::size_t>(column)] == 5 ? 1 : 0;
  }
  EXPECT_GE(right, 290) << "of 300";
  EXPECT_GE(found, 120) << "of 150; annotations tell of their neighbours, too";
}

TEST(ClassifierErrors, SayWhatIsWrong) {
  using attend::ShapeError;
  using reference::message_of;
  Random random(1);
  const auto build = [&](Index head, attend::ClassifierOptions options = {}) {
    return Classifier<float>(
        make_encoder<float>(0, random), make_pooling<float>("structured", random),
        attend::Dense<float>({.input = head, .output = labels}, random), options);
  };
  EXPECT_EQ(message_of<ShapeError>([&] { build(10); }),
            "Classifier: input size of the output layer is 10, expected 30");
  EXPECT_EQ(message_of([&] { build(30, {.dropout = 1}); }),
            "dropout: the probability is 1, expected [0, 1)");
  EXPECT_EQ(message_of([&] { build(30, {.penalty = -1}); }),
            "Classifier: penalty is -1, expected 0 (none) or more");
  EXPECT_EQ(message_of([&] { build(30, {.label_smoothing = 1}); }),
            "Classifier: label_smoothing is 1, expected [0, 1)");

  const auto classifier = build(30);
  Classifier<float>::Workspace workspace;
  EXPECT_EQ(message_of([&] {
              (void)classifier.loss(batch_of({{{1}, 3}}), workspace);
            }),
            "cross_entropy: target 3 is outside the vocabulary of 3 words");
  Matrix<float> H(4, 2);
  Matrix<float> M(3, 1);
  attend::PlainPoolingTrace<float> trace;
  EXPECT_EQ(message_of<ShapeError>([&] { attend::MeanPooling<float>().forward(H, M, trace); }),
            "MeanPooling::forward: M is (3 x 1), expected (4 x 1)");
  EXPECT_EQ(message_of<ShapeError>([&] { attend::MaxPooling<float>().forward(H, M, trace); }),
            "MaxPooling::forward: M is (3 x 1), expected (4 x 1)");
  EXPECT_EQ(message_of<ShapeError>([&] { attend::LastPooling<float>().forward(H, M, trace); }),
            "LastPooling::forward: M is (3 x 1), expected (4 x 1)");
  M.resize(4, 1);
  const attend::LastPooling<float> last{{}, 5};
  EXPECT_EQ(message_of([&] { last.forward(H, M, trace); }),
            "LastPooling: forward_rows is 5, expected 0 to the 4 rows of the annotations");
}

}  // namespace
