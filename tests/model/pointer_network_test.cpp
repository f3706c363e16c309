#include <algorithm>
#include <cmath>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model_loss.hpp"
#include <attend/cell/gru.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/model/pointer_network.hpp>
#include <attend/score/additive.hpp>
#include <attend/score/general.hpp>
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/testing/gradient_check.hpp>
#include <attend/train/trainer.hpp>

namespace {

using attend::FrameBatch;
using attend::Gru;
using attend::Index;
using attend::Loss;
using attend::Matrix;
using attend::PointingExample;
using attend::Random;
using attend::Token;

constexpr Index size = 5;

template <class S>
auto make_cell() {
  return [](Index input, Random& random) { return Gru<S>({input, size}, random); };
}

/// As in the first paper: the state asks, a bidirectional encoder.
template <class T>
struct Plain {
  using S = T;
  static auto make(Random& random) {
    auto forward = make_cell<S>()(4, random);
    attend::Bidirectional<Gru<S>> encoder(std::move(forward), make_cell<S>()(4, random));
    auto decoder = attend::pointer_decoder(
        {.embedding = 4, .hidden = size, .annotation = 2 * size, .encoder_states = 2 * size},
        make_cell<S>(), attend::Additive<S>({size, 2 * size, 7}, random), random);
    return attend::PointerNetwork(3, std::move(encoder), std::move(decoder), random);
  }
};

/// A readout that has glimpsed at the source asks, and a stack with dropout reads it.
template <class T>
struct Glimpse {
  using S = T;
  static auto make(Random& random) {
    using Layer = attend::Recurrent<Gru<S>>;
    std::vector<Layer> layers;
    layers.emplace_back(make_cell<S>()(4, random));
    layers.emplace_back(make_cell<S>()(size, random));
    attend::Stacked<Layer> encoder(std::move(layers), {.dropout = 0.25});
    using Asks = attend::Attention<attend::Additive<S>>;
    using Steps = attend::RecurrentSteps<Gru<S>, attend::Additive<S>>;
    Steps steps({.order = attend::DecoderOrder::step_then_attend,
                 .embedding = 4,
                 .hidden = size,
                 .annotation = size,
                 .encoder_states = 2 * size,
                 .readout = 6,
                 .readout_dropout = 0.25},
                make_cell<S>(), Asks(attend::Additive<S>({size, size, 7}, random)), random);
    attend::PointerDecoder decoder(std::move(steps), attend::General<S>({6, size, 0}, random));
    return attend::PointerNetwork(3, std::move(encoder), std::move(decoder), random);
  }
};

/// With every parameter random, biases too.
template <class Kind>
auto make(double scale = 1) {
  using S = typename Kind::S;
  Random random(3);
  auto model = Kind::make(random);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) {
            p(i, j) = static_cast<S>(scale * random.uniform(-0.6, 0.6));
          }
        }
      },
      model);
  static_assert(attend::Trainable<decltype(model)>);
  static_assert(attend::Decoder<decltype(model.decoder)>);
  return model;
}

template <class S>
std::vector<PointingExample<S>> some_examples() {
  Random random(4);
  const auto source = [&](Index T) { return reference::random_matrix<S>(random, 3, T, 2.0); };
  return {{source(4), {2, 0, 3}},       {source(1), {0}}, {source(0), {}},
          {source(9), {8, 8, 1, 0, 5}}, {source(2), {}},  {source(4), {1, 3, 2, 0}}};
}

template <class S>
attend::PointingBatch<S> batch_of(const std::vector<PointingExample<S>>& examples) {
  std::vector<const PointingExample<S>*> list;
  for (const auto& example : examples) list.push_back(&example);
  attend::PointingBatch<S> batch;
  batch.assign(list);
  return batch;
}

template <class M>
auto memory_of(const M& model, const std::vector<PointingExample<typename M::Scalar>>& examples) {
  typename M::Workspace workspace;
  typename decltype(model.decoder)::Memory memory;
  model.remember(batch_of(examples).source, workspace, memory);
  return memory;
}

constexpr Token end = attend::pointer_end;

template <class Kind>
class Pointers : public testing::Test {};
template <template <class> class Kind>
struct In {
  using float_kind = Kind<float>;
  using double_kind = Kind<double>;
};
using Kinds = testing::Types<In<Plain>, In<Glimpse>>;
TYPED_TEST_SUITE(Pointers, Kinds);

TYPED_TEST(Pointers, PassTheGradientCheck) {
  const auto model = make<typename TypeParam::double_kind>();
  using M = std::remove_const_t<decltype(model)>;
  const auto batch = batch_of(some_examples<double>());
  typename M::Workspace workspace;
  auto gradient = attend::zero_like(model);
  const double scale = 0.7;
  // The second pass meets a workspace that the first has used, and adds.
  for (int pass = 0; pass < 2; ++pass) {
    Random random(loss_seed);
    model.loss_and_gradient(batch, scale / 2, random, workspace, gradient);
  }
  const auto report = check_loss_gradient(model, batch, scale, gradient, 10);
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_GT(report.checked, 100);
}

TYPED_TEST(Pointers, LoseAsMuchInABatchAsAlone) {
  const auto model = make<typename TypeParam::float_kind>();
  typename std::remove_const_t<decltype(model)>::Workspace workspace;
  auto examples = some_examples<float>();
  const Loss together = model.loss(batch_of(examples), workspace);
  Loss alone;
  for (const auto& example : examples) alone += model.loss(batch_of<float>({example}), workspace);
  EXPECT_EQ(together.nats, alone.nats);
  EXPECT_EQ(together.tokens, alone.tokens);
  EXPECT_EQ(together.tokens, 19);
  std::reverse(examples.begin(), examples.end());
  EXPECT_EQ(model.loss(batch_of(examples), workspace).nats, together.nats);
}

TYPED_TEST(Pointers, PointInABatchAsAlone) {
  const auto model = make<typename TypeParam::float_kind>(3);
  const auto examples = some_examples<float>();
  const auto memory = memory_of(model, examples);
  for (const Index beam : {1, 3}) {
    const attend::BeamOptions options{.beam = beam, .n_best = beam, .start = end, .end = end};
    const auto together = attend::beam_search(model.decoder, memory, options);
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const auto alone =
          attend::beam_search(model.decoder, memory_of(model, {examples[i]}), options).front();
      ASSERT_EQ(together[i].size(), alone.size());
      for (std::size_t k = 0; k < alone.size(); ++k) {
        EXPECT_EQ(together[i][k].tokens, alone[k].tokens) << "beam " << beam << ", source " << i;
        EXPECT_EQ(together[i][k].log_probability, alone[k].log_probability);
        EXPECT_EQ(together[i][k].weights, alone[k].weights);
      }
    }
  }
}

/// What search says of its positions is what the loss says of them, and the weights are what the
/// search chose by.
TYPED_TEST(Pointers, LoseTheLogProbabilityThatSearchFinds) {
  const auto model = make<typename TypeParam::double_kind>(3);
  typename std::remove_const_t<decltype(model)>::Workspace workspace;
  const auto examples = some_examples<double>();
  const auto memory = memory_of(model, examples);
  const auto greedy = attend::greedy(model.decoder, memory, {.start = end, .end = end});
  const auto beam = attend::beam_search(model.decoder, memory,
                                        {.beam = 3, .n_best = 2, .start = end, .end = end});
  int finished = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    auto all = beam[i];
    all.push_back(greedy[i]);
    for (const auto& hypothesis : all) {
      if (!hypothesis.finished) continue;
      ++finished;
      const auto& tokens = hypothesis.tokens;
      double log_probability = 0;
      for (Index u = 0; u < hypothesis.weights.cols(); ++u) {
        EXPECT_EQ(hypothesis.weights.rows(), examples[i].source.cols() + 1);
        EXPECT_NEAR(hypothesis.weights.col(u).sum(), 1, 1e-12);
        const Token token =
            u < std::ssize(tokens) ? tokens[static_cast<std::size_t>(u)] : attend::pointer_end;
        log_probability += std::log(hypothesis.weights(token, u));
      }
      EXPECT_NEAR(hypothesis.log_probability, log_probability, 1e-10);
      const Loss loss = model.loss(
          batch_of<double>({{examples[i].source, attend::columns_of(tokens)}}), workspace);
      EXPECT_NEAR(loss.nats, -log_probability, 1e-10);
    }
  }
  EXPECT_GT(finished, 6);
}

TEST(PointerNetwork, LearnsToPointAtTheLargest) {
  Random random(5);
  std::vector<PointingExample<float>> examples;
  for (int i = 0; i < 300; ++i) {
    PointingExample<float> example{reference::random_matrix<float>(random, 3, 2 + random.below(4)),
                                   {0}};
    example.source.row(0).maxCoeff(&example.target[0]);
    examples.push_back(std::move(example));
  }
  using Model = decltype(Plain<float>::make(random));
  attend::TrainingState<Model> state(Plain<float>::make(random),
                                     attend::ConstantRate{.rate = 0.02});
  attend::Trainer<Model>({.epochs = 12, .batch = {.sentences = 16}}, examples).run(state);
  const auto memory = memory_of(state.model, examples);
  const auto found = attend::greedy(state.model.decoder, memory, {.start = end, .end = end});
  int right = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    right += attend::columns_of(found[i].tokens) == examples[i].target ? 1 : 0;
  }
  EXPECT_GE(right, 270) << "of 300";
}

TEST(PointerNetworkErrors, SayWhatIsWrong) {
  const auto model = make<Plain<float>>();
  Random random(1);
  const auto X = reference::random_matrix<float>(random, 3, 2);
  using attend::ShapeError;
  using reference::message_of;
  EXPECT_EQ(message_of<std::invalid_argument>([&] {
              batch_of<float>({{X, {0, 2}}});
            }),
            "PointingBatch: target 2 is outside its source of 2 columns");
  EXPECT_EQ(message_of<ShapeError>([&] {
              batch_of<float>({{X, {}}, {X.topRows(2), {}}});
            }),
            "FrameBatch: rows of a sequence is 2, expected 3");
  EXPECT_EQ(message_of<ShapeError>([&] {
              memory_of(model, {{X.topRows(2), {}}});
            }),
            "PointerNetwork: rows of the sources is 2, expected 3");
  auto batch = batch_of<float>({{X, {0}}, {X, {1}}});
  batch.source.assign(std::vector<Matrix<float>>{X});
  decltype(make<Plain<float>>())::Workspace workspace;
  EXPECT_EQ(message_of<ShapeError>([&] { (void)model.loss(batch, workspace); }),
            "PointerNetwork: number of targets is 2, expected 1");

  const auto memory = memory_of(model, {{X, {}}});
  decltype(model.decoder)::State state;
  const std::vector<Index> sentences = {0};
  model.decoder.begin(memory, sentences, state);
  EXPECT_TRUE(state.weights(0).empty());
  EXPECT_EQ(message_of<ShapeError>([&] { model.decoder.step(memory, {}, state); }),
            "PointerDecoder::step: number of tokens is 0, expected 1");
  const std::vector<Token> outside = {3};
  EXPECT_EQ(message_of<std::invalid_argument>([&] { model.decoder.step(memory, outside, state); }),
            "PointerDecoder: position 3 is outside source 0, which has 3");
  const std::vector<Token> first = {0};
  model.decoder.step(memory, first, state);
  Matrix<float> L(4, 1);
  EXPECT_EQ(message_of<ShapeError>([&] { model.decoder.logits(state, L); }),
            "PointerDecoder::logits: L is (4 x 1), expected (3 x 1)");

  auto forward = make_cell<float>()(5, random);
  attend::Bidirectional<Gru<float>> wide(std::move(forward), make_cell<float>()(5, random));
  EXPECT_EQ(message_of<ShapeError>(
                [&] { attend::PointerNetwork(3, wide, make<Plain<float>>().decoder, random); }),
            "PointerNetwork: size of the decoder's inputs is 4, expected 5");
}

}  // namespace
