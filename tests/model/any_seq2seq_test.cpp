#include <cmath>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model_loss.hpp"
#include <attend/model/any_seq2seq.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::AnySeq2Seq;
using attend::AnySeq2SeqConfig;
using attend::Index;
using attend::Matrix;
using attend::PartKind;
using attend::Random;
using attend::SentencePair;
using attend::Token;
using reference::message_of;

struct Case {
  std::string name;
  AnySeq2SeqConfig config;
};

AnySeq2SeqConfig mix(PartKind encoder, PartKind decoder) {
  AnySeq2SeqConfig config{.encoder = encoder, .decoder = decoder};
  config.recurrent.source_vocabulary = 9;
  config.recurrent.target_vocabulary = 9;
  config.recurrent.embedding = 6;
  config.recurrent.hidden = 5;
  config.recurrent.embedding_dropout = 0.2;
  config.transformer = {.layers = 2, .heads = 2, .feed_forward = 7, .dropout = 0.3};
  return config;
}

std::vector<Case> all_cases() {
  using enum PartKind;
  std::vector<Case> cases = {{"TransformerToTransformer", mix(transformer, transformer)},
                             {"TransformerToRecurrent", mix(transformer, recurrent)},
                             {"RecurrentToTransformer", mix(recurrent, transformer)},
                             {"RecurrentToRecurrent", mix(recurrent, recurrent)},
                             {"TransformerPostNormShared", mix(transformer, transformer)},
                             {"RecurrentShared", mix(recurrent, recurrent)},
                             {"CausalToRecurrent", mix(causal, recurrent)}};
  auto& grouped = cases[0].config.transformer;
  grouped.heads = 4;
  grouped.key_heads = 2;
  grouped.key = 4;
  grouped.value = 3;
  grouped.attention_dropout = 0.25;
  grouped.positions = attend::PositionKind::rotary;
  grouped.norm = attend::NormKind::root_mean_square;
  grouped.activation = attend::Activation::silu;
  grouped.gated = true;
  cases[1].config.transformer.positions = attend::PositionKind::learned;
  cases[1].config.transformer.longest = 30;
  cases[1].config.transformer.activation = attend::Activation::gelu;
  cases[4].config.transformer.placement = attend::NormPlacement::after;
  cases[4].config.transformer.positions = attend::PositionKind::relative;
  cases[4].config.transformer.relative_clip = 2;
  cases[4].config.transformer.soft_cap = 3;
  cases[4].config.transformer.reach = 3;
  cases[4].config.recurrent.tied_embeddings = true;
  cases[4].config.recurrent.options.label_smoothing = 0.1;
  cases[4].config.shared_embeddings = true;
  cases[6].config.recurrent.layers = 2;
  cases[5].config.recurrent.tied_embeddings = true;
  cases[5].config.shared_embeddings = true;
  return cases;
}

template <class S>
AnySeq2Seq<S> make_model(const Case& c) {
  Random random(5);
  auto model = attend::make_seq2seq<S>(c.config, random);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, 0.7, random); }, model);
  return model;
}

std::vector<SentencePair> some_pairs() {
  return {{{3, 4, 5}, {6, 7, 2}},
          {{}, {3, 2}},
          {{1, 2, 3, 4, 5, 6}, {3, 4, 5, 6, 2}},
          {{8, 8}, {}},
          {{7, 7, 7, 2}, {2}}};
}

class Mixes : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Mixes, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Mixes, HaveTheirGradients) {
  const auto model = make_model<double>(GetParam());
  const auto batch = batch_of(some_pairs());
  AnySeq2Seq<double>::Workspace workspace;
  auto gradient = attend::zero_like(model);
  Random dropout(loss_seed);
  (void)model.loss_and_gradient(batch, 0.25, dropout, workspace, gradient);
  const auto report = check_loss_gradient(model, batch, 0.25, gradient, 8);
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_GT(report.checked, 100);
}

TEST_P(Mixes, LoseTheSameOnceUntied) {
  const auto tied = make_model<float>(GetParam());
  auto model = tied;
  attend::untie(model);
  EXPECT_FALSE(model.decoder.word_output().tied());
  const bool was_tied = GetParam().config.recurrent.tied_embeddings;
  EXPECT_EQ(tied.decoder.word_output().tied(), was_tied);
  EXPECT_EQ(attend::parameter_count(model) - attend::parameter_count(tied),
            was_tied ? model.decoder.words().E.size() : 0);

  const auto batch = batch_of(some_pairs());
  AnySeq2Seq<float>::Workspace workspace;
  const auto before = tied.loss(batch, workspace);
  const auto after = model.loss(batch, workspace);
  EXPECT_EQ(before.nats, after.nats);
  for (const auto precision : {attend::Precision::bfloat16, attend::Precision::int8}) {
    auto reduced = tied;
    attend::set_precision(reduced, precision);
    EXPECT_EQ(reduced.decoder.word_output().W->precision(), precision);
    EXPECT_NEAR(reduced.loss(batch, workspace).nats, before.nats, 0.05 * before.nats);
  }
}

TEST_P(Mixes, GiveASentenceTheSameBitsInABatch) {
  const auto model = make_model<float>(GetParam());
  const auto pairs = some_pairs();
  AnySeq2Seq<float>::Workspace together;
  (void)model.loss(batch_of(pairs), together);
  const auto batch = batch_of(pairs);
  const auto all = together.decoding.readouts();
  for (std::size_t b = 0; b < pairs.size(); ++b) {
    AnySeq2Seq<float>::Workspace alone;
    (void)model.loss(batch_of({pairs[b]}), alone);
    const auto own = alone.decoding.readouts();
    for (Index t = 0; t < own.cols(); ++t) {
      const Index column = batch.target.layout.column(static_cast<Index>(b), t);
      EXPECT_TRUE(reference::same_bits(own.rows(), own.col(t).data(), all.col(column).data()))
          << b << " " << t;
    }
  }
}

/// A beam that is shuffled, widened and narrowed gives each hypothesis the logits of its own tokens
/// in one pass: the same bits while the engine takes the pass's queries one way, as it does steps.
TEST_P(Mixes, StepAsTheyPassTheWhole) {
  const auto model = make_model<double>(GetParam());
  attend::AnyDecoder<double>::Memory memory;
  AnySeq2Seq<double>::Workspace workspace;
  const std::vector<std::vector<Token>> sources = {{3, 4, 5}, {}, {1, 2, 3, 4, 5, 6}};
  model.remember(attend::TokenBatch(sources), workspace, memory);
  attend::AnyDecoder<double>::State state;
  const std::vector<Index> sentences = {2, 0, 1};
  model.decoder.begin(memory, sentences, state);
  std::vector<std::vector<Token>> fed(3);
  Random random(4);
  Matrix<double> L;
  for (Index step = 0; step < 18; ++step) {
    std::vector<Token> tokens;
    for (auto& hypothesis : fed) {
      tokens.push_back(step == 0 ? model.options().start : static_cast<Token>(random.below(9)));
      if (step > 0) hypothesis.push_back(tokens.back());
    }
    model.decoder.step(memory, tokens, state);
    L.resize(9, state.size());
    model.decoder.logits(state, L);
    for (Index i = 0; i < state.size(); ++i) {
      SentencePair pair{sources[static_cast<std::size_t>(state.sentence(i))],
                        fed[static_cast<std::size_t>(i)]};
      pair.target.push_back(2);
      (void)model.loss(batch_of({pair}), workspace);
      const auto R = workspace.decoding.readouts();
      Matrix<double> expected(9, 1);
      model.decoder.word_output().logits(model.decoder.words(), R.rightCols(1), expected);
      if (step + 1 < attend::Attention<attend::Dot<double>>::many_queries) {
        ASSERT_TRUE(reference::same_bits(9, expected.data(), L.col(i).data())) << step << " " << i;
      }
      ASSERT_LT((expected - L.col(i)).cwiseAbs().maxCoeff(), 1e-12) << step << " " << i;
      const auto weights = state.weights(i);
      ASSERT_EQ(weights.size(), pair.source.size());
      double sum = 0;
      for (const double w : weights) sum += w;
      EXPECT_NEAR(sum, weights.empty() ? 0 : 1, 1e-12);
    }
    std::vector<Index> columns;
    std::vector<std::vector<Token>> next;
    const Index count = 1 + random.below(6);
    for (Index i = 0; i < count; ++i) {
      columns.push_back(random.below(state.size()));
      next.push_back(fed[static_cast<std::size_t>(columns.back())]);
    }
    state.select(columns);
    fed = next;
  }
}

TEST(AnySeq2Seq, SaysWhatCannotBe) {
  using enum PartKind;
  const auto made = [](auto&& change, PartKind encoder = transformer,
                       PartKind decoder = transformer) {
    return message_of([&] {
      AnySeq2SeqConfig config = mix(encoder, decoder);
      change(config);
      Random random(1);
      (void)attend::make_seq2seq<float>(config, random);
    });
  };
  EXPECT_EQ(made([](auto& c) {
              c.shared_embeddings = true;
              c.recurrent.source_vocabulary = 8;
            }),
            "make_seq2seq: shared embeddings need one vocabulary, the source has 8 words, the "
            "target 9");
  EXPECT_EQ(made([](auto& c) { c.transformer.heads = 4; }),
            "transformer: a size of 6 cannot be dealt evenly to 4 heads; choose a number that "
            "divides it, or give key and value");
  EXPECT_EQ(made([](auto& c) { c.transformer.heads = 0; }),
            "transformer: heads is 0, expected 1 or more");
  EXPECT_EQ(made([](auto& c) { c.transformer.layers = 0; }),
            "transformer: size, layers and feed_forward are 6, 0, 7, expected 1 or more");
  EXPECT_EQ(made([](auto& c) { c.transformer.positions = attend::PositionKind::learned; }),
            "Positions: the longest length of learned positions is 0, expected 1 or more");
  EXPECT_EQ(made([](auto& c) {
              c.transformer.positions = attend::PositionKind::relative;
              c.transformer.relative_clip = 0;
            }),
            "transformer: relative_clip is 0, expected 1 or more");
  EXPECT_EQ(made([](auto& c) { c.transformer.reach = -1; }),
            "transformer: reach is -1, expected 0 or more");
  EXPECT_EQ(made([](auto& c) { c.recurrent.attention.score = attend::ScoreKind::dot; }, transformer,
                 recurrent),
            "make_recurrent_decoder: a score without weights compares states with annotations as "
            "they are, and hidden is 5, the annotations' size 6; make them equal or choose another "
            "score");
}

TEST(TransformerDecoder, SaysWhatIsWrong) {
  Random random(1);
  const attend::TransformerDecoder<float> decoder(
      {.transformer = {.size = 4, .heads = 2, .feed_forward = 3}, .vocabulary = 5, .annotation = 3},
      random);
  attend::TransformerMemory<float> memory;
  const attend::Ragged layout(std::vector<Index>{2});
  decoder.remember(layout, Matrix<float>(3, 2), {}, memory);
  attend::TransformerDecoderState<float> state;
  EXPECT_EQ(message_of([&] {
              decoder.begin(memory, std::vector<Index>{0, 1}, state);
            }),
            "TransformerDecoder::begin: source 1 is not among the 1 of the memory");
  decoder.begin(memory, std::vector<Index>{0, 0}, state);
  EXPECT_EQ(message_of([&] { decoder.step(memory, std::vector<Token>{1}, state); }),
            "TransformerDecoder::step: number of tokens is 1, expected 2");
  decoder.step(memory, std::vector<Token>{1, 2}, state);
  Matrix<float> L(5, 1);
  EXPECT_EQ(message_of([&] { decoder.logits(state, L); }),
            "TransformerDecoder::logits: L is (5 x 1), expected (5 x 2)");
  attend::TransformerDecoderTrace<float> trace;
  EXPECT_EQ(message_of([&] {
              decoder.unroll(memory, attend::TokenBatch(std::vector<std::vector<Token>>{{1}, {2}}),
                             nullptr, state, trace);
            }),
            "TransformerDecoder::unroll: number of targets is 2, expected 1");
}

TEST(TransformerEncoder, SaysWhatIsWrong) {
  Random random(1);
  const attend::TransformerConfig config{.size = 4, .heads = 2, .feed_forward = 3};
  EXPECT_EQ(message_of([&] {
              (void)attend::TransformerEncoder<float>(
                  config, attend::Embedding<float>({.vocabulary = 5, .size = 3}, random), random);
            }),
            "TransformerEncoder: size of embeddings is 3, expected 4");
  const attend::TransformerEncoder<float> without(config, std::nullopt, random);
  attend::TransformerEncoder<float>::Trace trace;
  EXPECT_EQ(message_of([&] { without.forward(attend::TokenBatch(), nullptr, trace); }),
            "TransformerEncoder: it has no embedding of its own; pass the one it shares");
}

}  // namespace
