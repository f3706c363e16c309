#include <array>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/search/greedy.hpp>
#include <attend/search/monotonic_policy.hpp>
#include <attend/text/average_lagging.hpp>

namespace {

using attend::Index;
using attend::Token;
using Layer = attend::Recurrent<attend::AnyCell<double>>;
using Model = attend::Seq2Seq<attend::TextEncoder<Layer>, attend::AnyRecurrentDecoder<double>>;
using Policy = attend::MonotonicPolicy<Layer, attend::AnyRecurrentDecoder<double>>;

constexpr Token source_end = 2;
const std::vector<Token> source = {3, 7, 4, 11, 5, 9, 6, 6, 3, 10};

Model small_model(std::uint64_t seed) {
  attend::Random random(seed);
  attend::RecurrentSeq2SeqConfig config{.source_vocabulary = 12,
                                        .target_vocabulary = 9,
                                        .embedding = 5,
                                        .hidden = 6,
                                        .layers = 2,
                                        .cell = attend::CellKind::rnn,
                                        .initial = attend::InitialState::zero};
  config.order = attend::DecoderOrder::step_then_attend;
  config.attention.score = attend::ScoreKind::general;
  config.attention.alignment = attend::AlignmentKind::monotonic;
  auto encoder = attend::make_causal_encoder<double>(config, true, random);
  auto decoder = attend::make_recurrent_decoder<double>(
      config, {encoder.annotation_size(), encoder.state_rows()}, random);
  Model model(std::move(encoder), std::move(decoder));
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, 1.2, random); }, model);
  std::get<attend::Monotonic>(model.decoder.attention->alignment.choice()).mode =
      attend::MonotonicMode::hard;
  return model;
}

Policy policy(const Model& model, std::function<bool(Token)> begins_word = {}) {
  return {model.encoder,
          *model.encoder.embedding,
          model.decoder,
          {.start = 1,
           .end = 2,
           .max_length = {.factor = 0, .offset = 14},
           .begins_word = std::move(begins_word)}};
}

attend::Hypothesis<double> offline(const Model& model) {
  std::vector<Token> whole = source;
  whole.push_back(source_end);
  Model::Workspace workspace;
  attend::RecurrentMemory<double> memory;
  model.remember(attend::TokenBatch(std::array{whole}), workspace, memory);
  return attend::greedy(model.decoder, memory,
                        {.start = 1, .end = 2, .max_length = {.factor = 0, .offset = 14}})
      .front();
}

/// Words that were heard when a token was written: those up to the key that its step took.
Index heard(const attend::Hypothesis<double>& whole, Index step) {
  Index taken = 0;
  const bool takes = whole.weights.col(step).maxCoeff(&taken) > 0;
  return std::min<Index>(takes ? taken + 1 : std::ssize(source), std::ssize(source));
}

TEST(MonotonicPolicy, WritesWhatIsWrittenOffline) {
  std::size_t early = 0;
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    const Model model = small_model(seed);
    const auto whole = offline(model);
    for (const std::size_t at_once : {1U, 3U, 100U}) {
      Policy translation = policy(model);
      std::vector<Token> all;
      for (std::size_t i = 0; i < source.size(); ++i) {
        translation.push({&source[i], 1});
        if ((i + 1) % at_once != 0) continue;
        for (const Token token : translation.poll()) {
          all.push_back(token);
          EXPECT_LE(heard(whole, std::ssize(all) - 1), static_cast<Index>(i) + 1);
          early += at_once == 1 ? 1 : 0;
        }
      }
      translation.finish({&source_end, 1});
      for (const Token token : translation.poll()) all.push_back(token);
      EXPECT_TRUE(translation.done());
      EXPECT_EQ(all, whole.tokens) << seed;
      ASSERT_EQ(translation.delays().size(), all.size());
      for (std::size_t t = 0; t < all.size(); ++t) {
        EXPECT_EQ(translation.delays()[t], heard(whole, static_cast<Index>(t)));
      }
      EXPECT_LE(attend::average_lagging(translation.delays(), std::ssize(source)),
                std::ssize(source));
    }
  }
  EXPECT_GT(early, 50U);
}

TEST(MonotonicPolicy, GivesWholeWordsOfSubwords) {
  const auto begins_word = [](Token token) { return token % 2 == 1; };
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const Model model = small_model(seed);
    Policy translation = policy(model, begins_word);
    std::vector<Token> all;
    // Two tokens a word.
    for (std::size_t i = 0; i < source.size(); i += 2) {
      translation.push({&source[i], 2});
      for (const Token token : translation.poll()) all.push_back(token);
    }
    translation.finish({&source_end, 1});
    for (const Token token : translation.poll()) all.push_back(token);
    EXPECT_EQ(all, offline(model).tokens);
    std::size_t words = 0;
    for (const Token token : all) words += begins_word(token) || words == 0 ? 1 : 0;
    EXPECT_EQ(translation.delays().size(), words);
    for (const Index delay : translation.delays()) EXPECT_LE(delay, 5);
  }
}

TEST(MonotonicPolicyErrors, SayWhatWasWrong) {
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  using reference::message_of;
  Model model = small_model(3);
  Policy translation = policy(model);
  expect(message_of([&] { translation.push({}); }), "no tokens");
  translation.finish();
  expect(message_of([&] { translation.finish(); }), "finished already");
  const auto begin = [&](const attend::MonotonicPolicyOptions& options) {
    return message_of(
        [&] { Policy(model.encoder, *model.encoder.embedding, model.decoder, options); });
  };
  expect(begin({.start = 1}), "end is -1");
  std::get<attend::Monotonic>(model.decoder.attention->alignment.choice()).mode =
      attend::MonotonicMode::exact;
  expect(begin({.start = 1, .end = 2}), "MonotonicMode::hard");
  model.decoder.attention->alignment = attend::Softmax{};
  model.decoder.attention->window = attend::Sliding{1, 1};
  expect(begin({.start = 1, .end = 2}), "use WaitK");
  model = small_model(3);
  model.encoder.stack.layers[0] =
      Layer(model.encoder.stack.layers[0].cell, attend::Direction::backward);
  expect(begin({.start = 1, .end = 2}), "reads both ways");
}

}  // namespace
