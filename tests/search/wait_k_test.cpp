#include <array>
#include <limits>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/search/wait_k.hpp>
#include <attend/text/average_lagging.hpp>

namespace {

using attend::Index;
using attend::Token;
using reference::message_of;
using Model = attend::RecurrentSeq2Seq<double>;
using WaitK = attend::WaitK<Model>;

constexpr Token source_end = 2;

Model small_model(std::uint64_t seed) {
  attend::Random random(seed);
  return attend::make_recurrent_seq2seq<double>(
      {.source_vocabulary = 12, .target_vocabulary = 9, .embedding = 5, .hidden = 6}, random);
}

attend::WaitKOptions options_for(Index k) {
  return {.k = k, .start = 1, .end = 2, .max_length = {.factor = 1, .offset = 3}};
}

/// The likeliest outputs given all of a source.
std::vector<Token> offline(const Model& model, std::vector<Token> source) {
  source.push_back(source_end);
  Model::Workspace workspace;
  decltype(workspace.memory) memory;
  model.remember(attend::TokenBatch(std::array{source}), workspace, memory);
  const attend::GreedyOptions options{
      .start = 1, .end = 2, .max_length = {.factor = 1, .offset = 3}};
  return attend::greedy(model.decoder, memory, options).front().tokens;
}

/// What is written when `at_once` words arrive between two polls.
struct Written {
  std::vector<Token> tokens;
  std::vector<Index> delays;
};
Written written(const Model& model, const std::vector<Token>& source,
                const attend::WaitKOptions& options, std::size_t at_once) {
  WaitK translation(model, options);
  Written all;
  const auto poll = [&] {
    for (const Token token : translation.poll()) all.tokens.push_back(token);
  };
  for (std::size_t i = 0; i < source.size(); ++i) {
    translation.push({&source[i], 1});
    if ((i + 1) % at_once == 0) poll();
  }
  translation.finish({&source_end, 1});
  poll();
  EXPECT_TRUE(translation.done());
  all.delays = translation.delays();
  return all;
}

const std::vector<Token> source = {3, 7, 4, 11, 5, 9, 6};

TEST(WaitK, WaitingForAllIsOffline) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const Model model = small_model(seed);
    const Written all = written(model, source, options_for(std::ssize(source) + 1), 1);
    EXPECT_EQ(all.tokens, offline(model, source)) << seed;
    for (const Index delay : all.delays) EXPECT_EQ(delay, std::ssize(source));
  }
}

TEST(WaitK, EveryWordIsTheLikeliestGivenItsPrefix) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const Model model = small_model(seed);
    const Index k = 2;
    const Written all = written(model, source, options_for(k), 1);
    ASSERT_EQ(all.tokens.size(), all.delays.size());
    for (std::size_t t = 0; t < all.tokens.size(); ++t) {
      const Index g = std::min<Index>(k + static_cast<Index>(t), std::ssize(source));
      EXPECT_EQ(all.delays[t], g);
      const bool whole = k + static_cast<Index>(t) > std::ssize(source);
      std::vector<Token> prefix(source.begin(), source.begin() + g);
      if (whole) prefix.push_back(source_end);
      Model::Workspace workspace;
      decltype(workspace.memory) memory;
      model.remember(attend::TokenBatch(std::array{prefix}), workspace, memory);
      decltype(workspace.state) state;
      const Index sentence = 0;
      model.decoder.begin(memory, {&sentence, 1}, state);
      Token fed = 1;
      for (std::size_t i = 0; i <= t; ++i) {
        model.decoder.step(memory, {&fed, 1}, state);
        fed = all.tokens[i];
      }
      attend::Matrix<double> logits(9, 1);
      model.decoder.logits(state, logits);
      if (!whole) logits(2, 0) = -std::numeric_limits<double>::infinity();
      Index likeliest = 0;
      logits.col(0).maxCoeff(&likeliest);
      EXPECT_EQ(all.tokens[t], likeliest) << seed << ", word " << t;
    }
  }
}

TEST(WaitK, DoesNotDependOnHowTheWordsArrive) {
  const Model model = small_model(4);
  for (const Index k : {1, 2, 3, 5}) {
    const Written one_by_one = written(model, source, options_for(k), 1);
    for (const std::size_t at_once : {2U, 3U, 100U}) {
      const Written others = written(model, source, options_for(k), at_once);
      EXPECT_EQ(others.tokens, one_by_one.tokens) << k << ", " << at_once;
      EXPECT_EQ(others.delays, one_by_one.delays) << k << ", " << at_once;
    }
  }
}

TEST(WaitK, GivesWholeWordsOfSubwords) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const Model model = small_model(seed);
    attend::WaitKOptions options = options_for(2);
    options.begins_word = [](Token token) { return token % 2 == 1; };
    WaitK translation(model, options);
    std::vector<Token> all;
    Index words = 0;
    for (const Token& token : source) {
      translation.push({&token, 1});
      for (const Token given : translation.poll()) {
        // After the first token, a word begins where the rule says so.
        words += all.empty() || options.begins_word(given) ? 1 : 0;
        all.push_back(given);
      }
      EXPECT_LE(words, std::ssize(translation.delays()));
      EXPECT_LE(std::ssize(translation.delays()),
                std::max<Index>(0, static_cast<Index>(&token - source.data()) + 1 - options.k + 1));
    }
    translation.finish({&source_end, 1});
    static_cast<void>(translation.poll());
    EXPECT_TRUE(translation.done());
  }
}

TEST(WaitK, OfNoWordsIsTheOutputForNothing) {
  const Model model = small_model(3);
  const Written nothing = written(model, {}, options_for(3), 1);
  EXPECT_EQ(nothing.tokens, offline(model, {}));
}

TEST(WaitKErrors, SayWhatWasWrong) {
  const Model model = small_model(3);
  EXPECT_NE(message_of([&] { WaitK(model, options_for(0)); }).find("k is 0"), std::string::npos);
  EXPECT_NE(message_of([&] { WaitK(model, {.k = 1}); }).find("start is -1"), std::string::npos);
  WaitK translation(model, options_for(1));
  EXPECT_NE(message_of([&] { translation.push({}); }).find("no tokens"), std::string::npos);
  translation.finish();
  const Token token = 3;
  EXPECT_NE(message_of([&] {
              translation.push({&token, 1});
            }).find("begin another object"),
            std::string::npos);
  EXPECT_NE(message_of([&] { translation.finish(); }).find("finished already"), std::string::npos);
}

TEST(AverageLagging, FollowsItsDefinition) {
  // As long as the source: wait-k lags k words.
  EXPECT_DOUBLE_EQ(attend::average_lagging(std::vector<Index>{3, 4, 5, 6, 7, 7, 7}, 7), 3);
  EXPECT_DOUBLE_EQ(attend::average_lagging(std::vector<Index>{1, 2, 3, 4}, 4), 1);
  // The whole sentence: tau = 1.
  EXPECT_DOUBLE_EQ(attend::average_lagging(std::vector<Index>{5, 5, 5}, 5), 5);
  // r = 2: (2 - 0 + 3 - 0.5 + 4 - 1) / 3.
  EXPECT_DOUBLE_EQ(attend::average_lagging(std::vector<Index>{2, 3, 4, 4, 4, 4, 4, 4}, 4), 2.5);
  EXPECT_EQ(attend::average_lagging({}, 5), 0);
}

TEST(AverageLagging, RefusesDelaysThatCannotBe) {
  EXPECT_NE(message_of([] {
              static_cast<void>(attend::average_lagging(std::vector<Index>{3, 2}, 4));
            }).find("delay 2 after 3"),
            std::string::npos);
  EXPECT_NE(message_of([] {
              static_cast<void>(attend::average_lagging(std::vector<Index>{5}, 4));
            }).find("to 4"),
            std::string::npos);
}

}  // namespace
