#include <functional>
#include <reference/matrices.hpp>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <attend/model/any_seq2seq.hpp>
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/train/trainer.hpp>

namespace {

using attend::Index;
using attend::PartKind;
using attend::Random;
using attend::Token;
using Model = attend::AnySeq2Seq<float>;

constexpr Token start = 1;
constexpr Token end_symbol = 2;
constexpr std::size_t threads = 8;

Model make_model(PartKind kind, attend::ScoreKind score) {
  attend::AnySeq2SeqConfig config{.encoder = kind, .decoder = kind};
  config.recurrent.source_vocabulary = 12;
  config.recurrent.target_vocabulary = 11;
  config.recurrent.embedding = 8;
  config.recurrent.hidden = 9;
  config.recurrent.attention.score = score;
  config.transformer = {.layers = 2, .heads = 2, .feed_forward = 12};
  Random random(5);
  return attend::make_seq2seq<float>(config, random);
}

std::vector<std::vector<Token>> some_sources() {
  Random random(6);
  std::vector<std::vector<Token>> sources(12);
  for (auto& source : sources) {
    source.resize(static_cast<std::size_t>(1 + random.below(9)));
    for (Token& token : source) token = static_cast<Token>(3 + random.below(9));
    source.push_back(end_symbol);
  }
  return sources;
}

/// What a search says of all sources, with their alignments.
struct Translations {
  std::vector<std::vector<Token>> tokens;
  std::vector<attend::Matrix<float>> weights;
  std::vector<double> scores;

  bool operator==(const Translations&) const = default;

  void add(const attend::Hypothesis<float>& hypothesis) {
    tokens.push_back(hypothesis.tokens);
    weights.push_back(hypothesis.weights);
    scores.push_back(hypothesis.score);
  }
};

/// With memories and states of its own; the model is only read.
Translations translated(const Model& model, const std::vector<std::vector<Token>>& sources) {
  Translations all;
  Model::Workspace workspace;
  attend::AnyDecoder<float>::Memory memory;
  for (std::size_t first = 0; first < sources.size(); first += 4) {
    model.remember(attend::TokenBatch(std::span(sources).subspan(first, 4)), workspace, memory);
    for (const auto& best : attend::greedy(
             model.decoder, memory, {.start = start, .end = end_symbol, .max_length = {1, 4}})) {
      all.add(best);
    }
    for (const auto& found : attend::beam_search(
             model.decoder, memory, {.start = start, .end = end_symbol, .max_length = {1, 4}})) {
      for (const auto& hypothesis : found) all.add(hypothesis);
    }
  }
  return all;
}

TEST(SharedUse, ManyThreadsTranslateWithOneModel) {
  const auto sources = some_sources();
  for (const auto& model : {make_model(PartKind::recurrent, attend::ScoreKind::additive),
                            make_model(PartKind::recurrent, attend::ScoreKind::location_sensitive),
                            make_model(PartKind::transformer, attend::ScoreKind::additive)}) {
    const Translations alone = translated(model, sources);
    ASSERT_GE(alone.tokens.size(), 2 * sources.size());
    std::vector<Translations> together(threads);
    std::vector<std::thread> crew;
    for (Translations& own : together) {
      crew.emplace_back([&] { own = translated(model, sources); });
    }
    for (std::thread& thread : crew) thread.join();
    for (const Translations& own : together) EXPECT_TRUE(own == alone);
  }
}

/// All parameters after a training with so many threads.
std::vector<float> trained(const std::vector<attend::SentencePair>& pairs, int crew) {
  attend::TrainingState<Model> state(make_model(PartKind::recurrent, attend::ScoreKind::additive),
                                     attend::ConstantRate{.rate = 0.01});
  attend::Trainer<Model>({.epochs = 1, .batch = {.sentences = 8}, .threads = crew, .shards = 4},
                         pairs, {})
      .run(state);
  std::vector<float> all;
  attend::for_each_parameter(
      [&](std::string_view, const auto& p) {
        all.insert(all.end(), p.data(), p.data() + p.size());
      },
      state.model);
  return all;
}

TEST(SharedUse, ManyThreadsTrainOneModel) {
  std::vector<attend::SentencePair> pairs;
  for (const auto& source : some_sources()) {
    pairs.push_back({source, {4, 5, end_symbol}});
    pairs.push_back({{5, 6, end_symbol}, {source.front() < 11 ? source.front() : 3, end_symbol}});
  }
  const std::vector<float> alone = trained(pairs, 1);
  EXPECT_EQ(trained(pairs, 4), alone);
}

}  // namespace
