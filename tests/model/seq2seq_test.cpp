#include <algorithm>
#include <cmath>
#include <reference/matrices.hpp>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "model_loss.hpp"
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/model/trainable.hpp>
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::CellKind;
using attend::DecoderOrder;
using attend::Index;
using attend::Loss;
using attend::Matrix;
using attend::Random;
using attend::RecurrentSeq2Seq;
using attend::RecurrentSeq2SeqConfig;
using attend::ScoreKind;
using attend::SentencePair;
using attend::Token;

static_assert(attend::Trainable<RecurrentSeq2Seq<float>>);
static_assert(attend::Trainable<RecurrentSeq2Seq<double>>);
static_assert(!attend::Trainable<RecurrentSeq2Seq<float>::Batch>);

struct Case {
  std::string name;
  RecurrentSeq2SeqConfig config;
  double dropout = 0;
};

std::vector<Case> all_cases() {
  using enum DecoderOrder;
  constexpr auto maxout = attend::ReadoutActivation::maxout;
  const attend::Seq2SeqOptions smooth{.label_smoothing = 0.1};
  return {
      {"BahdanauGru", {}},
      {"BahdanauLstmDeep",
       {.layers = 2, .cell = CellKind::lstm, .activation = maxout, .options = smooth},
       0.3},
      {"Luong", {.attention = {.score = ScoreKind::general}, .order = step_then_attend}, 0.2},
      {"LuongFeedingDeep",
       {.layers = 2,
        .cell = CellKind::lstm,
        .attention = {.score = ScoreKind::scaled_dot},
        .order = step_then_attend,
        .input_feeding = true,
        .options = smooth},
       0.3},
      {"ConditionalTied",
       {.layers = 2, .order = step_attend_step, .tied_embeddings = true, .options = smooth},
       0.2},
      {"Plain",
       {.cell = CellKind::rnn, .attention = {.score = ScoreKind::dot}, .order = step_only},
       0.2},
      {"BahdanauConcat",
       {.cell = CellKind::rnn, .attention = {.score = ScoreKind::concat}, .options = smooth}},
  };
}

/// With every parameter random, biases too.
template <class S>
RecurrentSeq2Seq<S> make_model(const Case& c, bool with_dropout, double size = 0.7) {
  RecurrentSeq2SeqConfig config = c.config;
  config.source_vocabulary = 11;
  config.target_vocabulary = 9;
  config.embedding = 4;
  config.hidden = 5;
  if (with_dropout) {
    config.embedding_dropout = config.annotation_dropout = c.dropout;
    config.layer_dropout = config.readout_dropout = c.dropout;
  }
  Random random(5);
  auto model = attend::make_recurrent_seq2seq<S>(config, random);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, size, random); }, model);
  return model;
}

std::vector<SentencePair> some_pairs() {
  return {{{3, 4, 5}, {6, 7, 2}}, {{}, {3, 2}},        {{1, 2, 3, 4, 5, 6}, {3, 4, 5, 6, 2}},
          {{9, 10}, {}},          {{7, 7, 7, 2}, {2}}, {{10, 0, 2}, {8, 0, 1, 2}}};
}

class Models : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Models, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Models, HaveTheirGradients) {
  const auto model = make_model<double>(GetParam(), true);
  const auto batch = batch_of(some_pairs());
  const double scale = 0.25;
  RecurrentSeq2Seq<double>::Workspace workspace;
  auto gradient = attend::zero_like(model);
  Random dropout(loss_seed);
  (void)model.loss_and_gradient(batch, scale, dropout, workspace, gradient);
  const auto report = check_loss_gradient(model, batch, scale, gradient, 60);
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_GT(report.checked, 300);
}

TEST_P(Models, AddTheirGradientsInProportion) {
  const auto model = make_model<double>(GetParam(), true);
  const auto batch = batch_of(some_pairs());
  RecurrentSeq2Seq<double>::Workspace workspace;
  auto once = attend::zero_like(model);
  auto thrice = attend::zero_like(model);
  const auto run = [&](double scale, auto& gradient) {
    Random random(7);
    return model.loss_and_gradient(batch, scale, random, workspace, gradient).nats;
  };
  const double nats = run(1, once);
  EXPECT_EQ(run(2, thrice), nats) << "the loss is not scaled";
  run(1, thrice);
  attend::for_each_parameter(
      [](std::string_view name, const auto& p, const auto& q) {
        EXPECT_LE((attend::values(p) - 3 * attend::values(q)).norm(),
                  1e-12 * (1 + attend::values(q).norm()))
            << name;
      },
      thrice, once);
}

TEST_P(Models, LoseAsMuchInABatchAsAlone) {
  const auto model = make_model<float>(GetParam(), true);
  const auto pairs = some_pairs();
  RecurrentSeq2Seq<float>::Workspace workspace;
  const Loss together = model.loss(batch_of(pairs), workspace);
  Loss alone;
  for (const SentencePair& pair : pairs) {
    RecurrentSeq2Seq<float>::Workspace fresh;
    alone += model.loss(batch_of({pair}), fresh);
  }
  // Floats of like size add up in double without rounding: to the bit.
  EXPECT_EQ(together.nats, alone.nats);
  EXPECT_EQ(together.tokens, alone.tokens);
  auto reversed = pairs;
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(model.loss(batch_of(reversed), workspace).nats, together.nats);
}

TEST_P(Models, EncodeInABatchAsAlone) {
  const auto model = make_model<float>(GetParam(), false);
  const auto pairs = some_pairs();
  RecurrentSeq2Seq<float>::Workspace together;
  const auto batch = batch_of(pairs);
  RecurrentSeq2Seq<float>::Workspace alone;
  decltype(model.decoder)::Memory memory;
  decltype(model.decoder)::Memory own;
  model.remember(batch.source, together, memory);
  const attend::Ragged& layout = batch.source.layout;
  for (Index b = 0; b < layout.size(); ++b) {
    const auto one = batch_of({pairs[static_cast<std::size_t>(b)]});
    model.remember(one.source, alone, own);
    for (Index t = 0; t < layout.length(b); ++t) {
      ASSERT_TRUE(reference::same_bits(model.encoder.annotation_size(),
                                       together.encoding.annotations.column(layout.column(b, t)),
                                       alone.encoding.annotations.column(t)))
          << "source " << b << ", word " << t;
    }
    ASSERT_EQ(memory.initial.col(b), own.initial.col(0));
  }
}

template <class M>
auto translate(const M& model, const std::vector<std::vector<Token>>& sources, Index beam) {
  typename M::Workspace workspace;
  typename decltype(model.decoder)::Memory memory;
  model.remember(attend::TokenBatch(sources), workspace, memory);
  if (beam == 0) {
    std::vector<std::vector<attend::Hypothesis<typename M::Scalar>>> all;
    for (auto& one : attend::greedy(model.decoder, memory, {.start = 1, .end = 2})) {
      all.push_back({std::move(one)});
    }
    return all;
  }
  return attend::beam_search(model.decoder, memory,
                             {.beam = beam, .n_best = 2, .start = 1, .end = 2});
}

TEST_P(Models, TranslateInAnyBatchAsAlone) {
  const auto model = make_model<float>(GetParam(), false, 1.5);
  const std::vector<std::vector<Token>> sources = {
      {3, 4, 5}, {}, {1, 2, 3, 4, 5, 6}, {9}, {7, 7, 7, 7, 7, 7, 7}};
  const std::vector<std::size_t> order = {4, 2, 2, 0, 1, 3, 4};
  std::vector<std::vector<Token>> others;
  for (const std::size_t i : order) others.push_back(sources[i]);
  for (const Index beam : {0, 2, 5}) {
    const auto together = translate(model, others, beam);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto alone = translate(model, {sources[order[i]]}, beam).front();
      ASSERT_EQ(together[i].size(), alone.size());
      for (std::size_t k = 0; k < alone.size(); ++k) {
        EXPECT_EQ(together[i][k].tokens, alone[k].tokens) << "beam " << beam << ", place " << i;
        EXPECT_EQ(together[i][k].log_probability, alone[k].log_probability);
        EXPECT_EQ(together[i][k].score, alone[k].score);
        EXPECT_EQ(together[i][k].weights, alone[k].weights);
      }
    }
  }
}

TEST_P(Models, SearchWithABeamOfOneAsGreedily) {
  const auto model = make_model<float>(GetParam(), false, 1.5);
  const std::vector<std::vector<Token>> sources = {{3, 4, 5}, {}, {1, 2, 3, 4, 5, 6}};
  attend::RecurrentSeq2Seq<float>::Workspace workspace;
  decltype(model.decoder)::Memory memory;
  model.remember(attend::TokenBatch(sources), workspace, memory);
  const auto greedy = attend::greedy(model.decoder, memory, {.start = 1, .end = 2});
  const auto beam = attend::beam_search(model.decoder, memory, {.beam = 1, .start = 1, .end = 2});
  for (std::size_t i = 0; i < sources.size(); ++i) {
    EXPECT_EQ(beam[i].front().tokens, greedy[i].tokens);
    EXPECT_EQ(beam[i].front().log_probability, greedy[i].log_probability);
  }
}

/// What search says of a translation is what the loss says of it.
TEST_P(Models, LoseTheLogProbabilityThatSearchFinds) {
  const auto model = make_model<double>(GetParam(), false, 1.5);
  const std::vector<std::vector<Token>> sources = {{3, 4, 5}, {}, {1, 2, 3, 4, 5, 6}};
  const auto found = translate(model, sources, 3);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (const auto& hypothesis : found[i]) {
      SentencePair pair{sources[i], hypothesis.tokens};
      if (hypothesis.finished) pair.target.push_back(2);
      RecurrentSeq2Seq<double>::Workspace workspace;
      const Loss loss = model.loss(batch_of({pair}), workspace);
      EXPECT_NEAR(loss.nats, -hypothesis.log_probability, 1e-10);
    }
  }
}

TEST(Seq2Seq, SmoothsLabelsOnlyInTraining) {
  Case plain{"plain", {}};
  Case smooth = plain;
  smooth.config.options.label_smoothing = 0.2;
  const auto batch = batch_of(some_pairs());
  RecurrentSeq2Seq<double>::Workspace workspace;
  const auto model = make_model<double>(plain, false);
  const auto smoothed = make_model<double>(smooth, false);
  const Loss loss = model.loss(batch, workspace);
  EXPECT_EQ(smoothed.loss(batch, workspace).nats, loss.nats);

  // -sum_v q_v log p_v with q = 0.8 onehot + 0.2 / V is a mean over the targets each word could be.
  double uniform = 0;
  Matrix<double> L(9, workspace.decoding.readouts.cols());
  model.decoder.output.logits(model.decoder.embedding, workspace.decoding.readouts.view(), L);
  for (Index n = 0; n < L.cols(); ++n) {
    const double normaliser = std::log(L.col(n).array().exp().sum());
    uniform += normaliser - L.col(n).mean();
  }
  Random random(1);
  auto gradient = attend::zero_like(model);
  const auto trained = [&](const auto& m) {
    return m.loss_and_gradient(batch, 0, random, workspace, gradient).nats;
  };
  EXPECT_EQ(trained(model), loss.nats);
  EXPECT_NEAR(trained(smoothed), 0.8 * loss.nats + 0.2 * uniform, 1e-10);
}

TEST(Seq2Seq, TakesABatchOfNothing) {
  const auto model = make_model<float>(all_cases().front(), true);
  RecurrentSeq2Seq<float>::Workspace workspace;
  auto gradient = attend::zero_like(model);
  Random random(1);
  const std::vector<std::vector<SentencePair>> batches = {{}, {{{}, {}}}, {{{3}, {}}, {{}, {}}}};
  for (const auto& pairs : batches) {
    const Loss loss = model.loss_and_gradient(batch_of(pairs), 1, random, workspace, gradient);
    EXPECT_EQ(loss.nats, 0);
    EXPECT_EQ(loss.tokens, 0);
  }
  EXPECT_EQ(attend::squared_norm(gradient), 0);
}

TEST(Seq2Seq, CountsWords) {
  const SentencePair pair{{1, 2, 3}, {4, 2}};
  EXPECT_EQ(RecurrentSeq2Seq<float>::size(pair), 5);
  EXPECT_EQ(RecurrentSeq2Seq<float>::targets(pair), 2);
}

TEST(PairBatch, FeedsEachTargetBehindTheStart) {
  const auto pairs = some_pairs();
  std::vector<const SentencePair*> list;
  for (const SentencePair& pair : pairs) list.push_back(&pair);
  attend::PairBatch batch;
  batch.assign(list);
  attend::TokenBatch inputs;
  attend::shift_behind_start(batch.target, 7, inputs);
  attend::shift_behind_start(batch.target, 8, inputs);
  const attend::Ragged& layout = batch.target.layout;
  ASSERT_EQ(layout.columns(), inputs.layout.columns());
  for (std::size_t b = 0; b < pairs.size(); ++b) {
    const auto& target = pairs[b].target;
    for (std::size_t t = 0; t < target.size(); ++t) {
      const auto column =
          static_cast<std::size_t>(layout.column(static_cast<Index>(b), static_cast<Index>(t)));
      EXPECT_EQ(batch.target.tokens[column], target[t]);
      EXPECT_EQ(inputs.tokens[column], t == 0 ? 8 : target[t - 1]);
    }
  }
}

/// A model with a start symbol of its own learns behind that one: its loss depends on it.
TEST(Seq2Seq, ReadsItsOwnStartSymbol) {
  const auto pairs = some_pairs();
  std::vector<const SentencePair*> list;
  for (const SentencePair& pair : pairs) list.push_back(&pair);
  attend::PairBatch batch;
  batch.assign(list);
  const auto nats = [&](attend::Token start) {
    attend::Random random(1);
    const auto model = attend::make_recurrent_seq2seq<double>({.source_vocabulary = 20,
                                                               .target_vocabulary = 20,
                                                               .embedding = 4,
                                                               .hidden = 5,
                                                               .options = {.start = start}},
                                                              random);
    typename attend::RecurrentSeq2Seq<double>::Workspace workspace;
    return model.loss(batch, workspace).nats;
  };
  EXPECT_EQ(nats(1), nats(1));
  EXPECT_NE(nats(1), nats(3));
}

TEST(Seq2SeqErrors, SayThatATargetIsMissing) {
  const auto model = make_model<float>(all_cases().front(), false);
  auto batch = batch_of({{{3}, {4}}, {{5}, {6}}});
  batch.source.assign(std::vector<std::vector<Token>>{{3}});
  RecurrentSeq2Seq<float>::Workspace workspace;
  try {
    (void)model.loss(batch, workspace);
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "Seq2Seq: number of targets is 2, expected 1");
  }
}

}  // namespace
