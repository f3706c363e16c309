#include <reference/count_allocations.hpp>
#include <reference/message_of.hpp>
#include <string>

#include <gtest/gtest.h>

#include "streaming.hpp"

namespace {

using namespace streaming;
using attend::DecoderOrder;
using attend::MonotonicMode;
using attend::Sliding;
using attend::StreamOptions;
using reference::message_of;

constexpr Token start = 1;
constexpr Token end_symbol = 2;

attend::ScoreConfig sizes() { return {.query = hidden, .key = hidden, .energy = 8}; }

Kind local(const Sliding& window, Random& random) {
  return {attend::General<S>(sizes(), random), window, attend::Softmax{}};
}
Kind monotonic(Random& random) {
  return {attend::General<S>(sizes(), random), attend::Full{},
          attend::Monotonic{MonotonicMode::hard}};
}
Kind location_sensitive(attend::Past past, Random& random) {
  return {attend::LocationSensitive<S>({.score = sizes(), .filters = 3, .width = 5, .past = past},
                                       random),
          attend::Full{}, attend::Softmax{}};
}

const std::vector<std::vector<Index>> all_sizes = {{1}, {3, 1, 7}, {16}, {200}};
constexpr std::array orders = {DecoderOrder::attend_then_step, DecoderOrder::step_then_attend,
                               DecoderOrder::step_attend_step};

/// Tokens and states, without the times that offline does not know.
void expect_same(const Written& stream, const Written& offline, const std::string& what) {
  ASSERT_EQ(stream.tokens.size(), offline.tokens.size()) << what;
  for (std::size_t i = 0; i < stream.tokens.size(); ++i) {
    EXPECT_EQ(stream.tokens[i].token, offline.tokens[i].token) << what << ", token " << i;
  }
  EXPECT_EQ(stream.layers, offline.layers) << what;
}

TEST(Stream, EncodesToTheSameBitsHoweverItArrives) {
  Random random(1);
  auto encoder = one_way(random);
  const Matrix<S> X = reference::random_matrix<S>(random, frame, 65);
  const Matrix<S> H = encoded(encoder, X);
  for (const Index n : {1, 2, 7, 16, 31, 64}) {
    Matrix<S> states = Matrix<S>::Zero(encoder.state_rows(), 1);
    Matrix<S> parts(H.rows(), H.cols());
    attend::Stacked<OneWay>::Trace trace;
    for (Index t = 0; t < X.cols(); t += n) {
      const std::array<Index, 1> length = {std::min(n, X.cols() - t)};
      encoder.forward(attend::Ragged(length), X.middleCols(t, length[0]),
                      parts.middleCols(t, length[0]), nullptr, trace,
                      {&states, &states, attend::Keep::nothing});
    }
    EXPECT_EQ(parts, H) << n;
  }
}

TEST(Stream, WithALocalWindowIsOffline) {
  for (const Sliding window : {Sliding{2, 1}, Sliding{0, 0}, Sliding{20, 3}, Sliding{3, 2, 4}}) {
    for (const DecoderOrder order : orders) {
      Random random(3);
      const auto encoder = one_way(random);
      const Decoder decoder =
          streaming::decoder(local(window, random), order, encoder.state_rows(), random);
      const Matrix<S> X = reference::random_matrix<S>(random, frame, 90);
      const StreamOptions options{.start = start};
      const Written expected =
          offline(decoder, options, X.cols() - window.offset, encoded(encoder, X));
      for (const auto& parts : all_sizes) {
        attend::Stream stream(encoder, decoder, options);
        const Written found = streamed(stream, X, parts);
        expect_same(found, expected, std::to_string(window.left));
        for (std::size_t i = 0; i < found.tokens.size(); ++i) {
          EXPECT_EQ(
              found.tokens[i].frames,
              std::min<Index>(static_cast<Index>(i) + window.offset + window.right + 1, X.cols()));
        }
        EXPECT_LE(stream.held(), stream.capacity());
      }
    }
  }
}

TEST(Stream, ReadsAsTheHardMonotonicAttention) {
  std::size_t written = 0;
  for (std::uint64_t seed = 1; seed < 25; ++seed) {
    Random random(seed);
    const auto encoder = one_way(random);
    const Decoder decoder =
        streaming::decoder(monotonic(random), orders[seed % 3], encoder.state_rows(), random);
    const Matrix<S> X = reference::random_matrix<S>(random, frame, 50);
    const StreamOptions options{.start = start,
                                .end = seed % 2 == 0 ? end_symbol : -1,
                                .max_length = {.factor = 2, .offset = 30}};
    // What runs ahead of its source ends; offline does not know where that is.
    attend::Stream whole(encoder, decoder, options);
    const Written expected = streamed(whole, X, {50});
    const Matrix<S> H = encoded(encoder, X);
    const Index steps = std::ssize(expected.tokens);
    Written all = offline(decoder, options, steps + 1, H);
    if (std::ssize(all.tokens) > steps) all = offline(decoder, options, steps, H);
    expect_same(expected, all, std::to_string(seed));
    written += expected.tokens.size();
    for (const auto& parts : all_sizes) {
      attend::Stream stream(encoder, decoder, options);
      EXPECT_EQ(streamed(stream, X, parts), expected) << seed;
    }
  }
  EXPECT_GT(written, 100U);
}

/// The first key up to which half of the weight lies.
Index middle(std::span<const S> weights) {
  double sum = 0;
  for (const S a : weights) sum += static_cast<double>(a);
  double seen = 0;
  for (std::size_t t = 0; t < weights.size(); ++t) {
    seen += static_cast<double>(weights[t]);
    if (2 * seen >= sum) return static_cast<Index>(t);
  }
  return 0;
}

TEST(Stream, FollowsAsOfflineWithTheSameWindow) {
  Index furthest = 0;
  for (const attend::Past past : {attend::Past::previous, attend::Past::accumulated}) {
    for (std::uint64_t seed = 1; seed < 8; ++seed) {
      Random random(seed);
      const auto encoder = one_way(random);
      const Decoder decoder = streaming::decoder(location_sensitive(past, random), orders[seed % 3],
                                                 encoder.state_rows(), random);
      const Matrix<S> X = reference::random_matrix<S>(random, frame, 60);
      const attend::MovingWindow window{.left = 2, .right = 6};
      const StreamOptions options{.start = start,
                                  .end = end_symbol,
                                  .max_length = {.factor = 1, .offset = 8},
                                  .forbidden = {end_symbol},
                                  .window = window};
      attend::Stream whole(encoder, decoder, options);
      const Written found = streamed(whole, X, {60});
      EXPECT_GE(found.tokens.size(), 8U);
      const Matrix<S> H = encoded(encoder, X);
      attend::RecurrentMemory<S> memory;
      decoder.listen(H.cols(), memory);
      decoder.remember_more(H, memory);
      attend::KeyRange seen{0, window.right + 1};
      const auto move = [&](const Decoder::State& state) {
        if (state.steps > 0) {
          const Index centre = middle(state.weights(0));
          seen = {std::max(seen.begin, centre - window.left), centre + window.right + 1};
          furthest = std::max(furthest, centre);
        }
        memory.attention.show(seen);
      };
      expect_same(found, stepped(decoder, options, std::ssize(found.tokens), memory, move),
                  std::to_string(seed));
      for (const auto& parts : all_sizes) {
        attend::Stream stream(encoder, decoder, options);
        EXPECT_EQ(streamed(stream, X, parts), found) << seed;
      }
    }
  }
  EXPECT_GT(furthest, 20);
}

TEST(Stream, ReadsBothWaysWithinChunks) {
  Random random(5);
  const auto encoder = both_ways(random);
  const Decoder decoder = streaming::decoder(local({3, 2}, random), DecoderOrder::attend_then_step,
                                             encoder.state_rows(), random);
  const Matrix<S> X = reference::random_matrix<S>(random, frame, 45);
  const StreamOptions options{.start = start, .chunk = 8};
  // By hand: each layer's forward half goes on, its backward half begins anew.
  Matrix<S> H(hidden, X.cols());
  Matrix<S> states = Matrix<S>::Zero(encoder.state_rows(), 1);
  for (Index t = 0; t < X.cols(); t += 8) {
    const std::array<Index, 1> length = {std::min<Index>(8, X.cols() - t)};
    attend::Stacked<BothWays>::Trace trace;
    encoder.forward(attend::Ragged(length), X.middleCols(t, length[0]), H.middleCols(t, length[0]),
                    nullptr, trace, {&states, &states});
    for (const Index layer : {0, 1}) states.middleRows((2 * layer + 1) * hidden, hidden).setZero();
  }
  const Written expected = offline(decoder, options, X.cols(), H);
  for (const auto& parts : all_sizes) {
    attend::Stream stream(encoder, decoder, options);
    expect_same(streamed(stream, X, parts), expected, "");
  }
}

TEST(Stream, GoesOnFromASnapshot) {
  for (int kind = 0; kind < 4; ++kind) {
    Random random(6);
    const auto encoder = one_way(random);
    const Kind attention = kind == 0   ? local({3, 2}, random)
                           : kind == 1 ? monotonic(random)
                           : kind == 2 ? location_sensitive(attend::Past::previous, random)
                                       : location_sensitive(attend::Past::accumulated, random);
    const Decoder decoder =
        streaming::decoder(attention, DecoderOrder::step_then_attend, encoder.state_rows(), random);
    StreamOptions options{.start = start, .end = end_symbol, .chunk = 5};
    if (kind > 1) options.window = {3, 4};
    const Matrix<S> X = reference::random_matrix<S>(random, frame, 40);
    attend::Stream whole(encoder, decoder, options);
    const Written expected = streamed(whole, X, {40});
    for (const Index cut : {0, 1, 7, 20, 39, 40}) {
      attend::Stream first(encoder, decoder, options);
      first.push(X.leftCols(cut));
      attend::Stream second(encoder, decoder, options);
      second.restore(first.snapshot());
      EXPECT_EQ(streamed(second, X.rightCols(40 - cut), {3}), expected) << kind << ", " << cut;
    }
  }
}

TEST(Stream, TakesTheSameMemoryHoweverLongItRuns) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  for (int kind = 0; kind < 3; ++kind) {
    int long_ones = 0;
    for (std::uint64_t seed = 1; seed < 8; ++seed) {
      Random random(seed);
      const auto encoder = one_way(random);
      const Kind attention = kind == 0   ? local({9, 5}, random)
                             : kind == 1 ? monotonic(random)
                                         : location_sensitive(attend::Past::accumulated, random);
      const Decoder decoder =
          streaming::decoder(attention, orders[seed % 3], encoder.state_rows(), random);
      StreamOptions options{.start = start, .max_length = {.factor = 8, .offset = 100}};
      if (kind == 2) {
        options.window = {4, 4};
        options.end = end_symbol;
        options.forbidden = {end_symbol};
      }
      attend::Stream stream(encoder, decoder, options);
      const Matrix<S> X = reference::random_matrix<S>(random, frame, 97);
      std::size_t tokens = 0;
      const auto run = [&] {
        tokens = 0;
        for (Index t = 0; t < 500; t += 10) {
          stream.push(X.middleCols(t % 87, 10));
          tokens += stream.poll().size();
        }
      };
      run();
      run();
      EXPECT_EQ(reference::allocations_in(run), 0) << kind << ", " << seed;
      EXPECT_LE(stream.held(), stream.capacity());
      long_ones += tokens > 10 && !stream.done() ? 1 : 0;
    }
    EXPECT_GE(long_ones, 1) << kind;
  }
}

TEST(Stream, OfNothingIsTheOutputForNothing) {
  Random random(8);
  const auto encoder = one_way(random);
  const Decoder decoder = streaming::decoder(monotonic(random), DecoderOrder::attend_then_step,
                                             encoder.state_rows(), random);
  const StreamOptions options{.start = start, .end = end_symbol};
  attend::Stream stream(encoder, decoder, options);
  const Written found = streamed(stream, Matrix<S>(frame, 0), {1});
  expect_same(found, offline(decoder, options, 10, Matrix<S>(hidden, 0)), "");
  EXPECT_TRUE(stream.done());
}

TEST(StreamErrors, SayWhatWasWrong) {
  Random random(9);
  const auto encoder = one_way(random);
  const auto refusal = [&](const Kind& kind, const StreamOptions& options) {
    const Decoder decoder =
        streaming::decoder(kind, DecoderOrder::attend_then_step, encoder.state_rows(), random);
    return message_of([&] { attend::Stream(encoder, decoder, options); });
  };
  const StreamOptions good{.start = start, .end = end_symbol};
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(refusal(local({1, 1}, random), {.start = -1}), "start is -1");
  expect(refusal(local({1, 1}, random), {.start = start, .chunk = 0}), "chunk is 0");
  expect(refusal(local({1, 1}, random), {.start = start, .minimum_length = 2}), "end symbol");
  Kind kind = monotonic(random);
  kind.alignment = attend::Monotonic{};
  expect(refusal(kind, good), "MonotonicMode::hard");
  kind = local({1, 1}, random);
  StreamOptions moving = good;
  moving.window = {1, 1};
  expect(refusal(kind, moving), "slides by itself");
  expect(refusal(monotonic(random), moving), "moves by itself");
  kind.window = attend::Causal{};
  expect(refusal(kind, good), "use Sliding");
  kind.window = attend::Full{};
  expect(refusal(kind, good), "give it a MovingWindow");
  kind.alignment = attend::LocalPredictive<S>(hidden, 4, 2, random);
  expect(refusal(kind, moving), "all of its source at once");
  moving.window = {-1, 1};
  expect(refusal(location_sensitive(attend::Past::previous, random), moving), "-1 left");

  Decoder decoder = streaming::decoder(monotonic(random), DecoderOrder::attend_then_step,
                                       encoder.state_rows(), random);
  attend::Stream stream(encoder, decoder, good);
  expect(message_of([&] { stream.push(Matrix<S>(frame + 1, 2)); }), "(6 x 2), expected (5 x 2)");
  attend::StreamSnapshot<S> other = stream.snapshot();
  other.feed.resize(3, 1);
  expect(message_of([&] { stream.restore(other); }), "feed is (3 x 1), expected (0 x 1)");
  other = stream.snapshot();
  other.counts.held = 1000;
  expect(message_of([&] { stream.restore(other); }), "1000 annotations held of");
  stream.finish();
  expect(message_of([&] { stream.push(Matrix<S>(frame, 1)); }), "begin another stream");
  expect(message_of([&] { stream.finish(); }), "finished already");
  decoder.bridge = attend::Bridge<S>({encoder.state_rows(), hidden}, random);
  expect(message_of([&] { attend::Stream(encoder, decoder, good); }), "InitialState::zero");
  decoder.attention.reset();
  expect(message_of([&] { attend::Stream(encoder, decoder, good); }), "has no attention");
}

}  // namespace
