// Copying lines of three words: each word stands in many places, and only its place tells which one
// is meant. Two attentions that come without a name: a score from a lambda, which learns how far a
// key may be from the step; and a window that moves with the weights of the step before (Chorowski
// et al. 2015, section 2.3), which lets a location-sensitive attention read lines far longer than
// those it learned, as they arrive.

#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include <attend/cell/gru.hpp>
#include <attend/decoder/bahdanau.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/score/location_sensitive.hpp>
#include <attend/score/pairwise.hpp>
#include <attend/search/greedy.hpp>
#include <attend/search/stream.hpp>
#include <attend/train/stopwatch.hpp>
#include <attend/train/trainer.hpp>

namespace {

using attend::Index, attend::Random, attend::SentencePair, attend::Token;
using Gru = attend::Gru<float>;
using Layer = attend::Recurrent<Gru>;
using Pairs = std::vector<SentencePair>;

constexpr Index size = 64;
constexpr Token start = 1, end = 2;
constexpr Index words = 3, symbols = 3;

Gru make_gru(Index input, Random& random) { return Gru({.input = input, .hidden = size}, random); }

/// One direction, so that it can read a line as it arrives.
attend::TextEncoder<Layer> make_encoder(Random& random) {
  return {attend::Embedding<float>({.vocabulary = symbols + words, .size = 32}, random),
          attend::Stacked<Layer>({Layer(make_gru(32, random))})};
}

template <class Z>
auto make_model(Z score, Random& random) {
  auto encoder = make_encoder(random);
  auto decoder = attend::bahdanau_decoder({.vocabulary = symbols + words,
                                           .embedding = 32,
                                           .hidden = size,
                                           .annotation = size,
                                           .encoder_states = size,
                                           .readout = size,
                                           .initial = attend::InitialState::zero},
                                          make_gru, std::move(score), random);
  return attend::Seq2Seq(std::move(encoder), std::move(decoder));
}

Pairs make_pairs(Index count, Index shortest, Index longest, Random random) {
  Pairs pairs(static_cast<std::size_t>(count));
  for (SentencePair& pair : pairs) {
    for (Index n = shortest + random.below(longest - shortest + 1); n > 0; --n) {
      pair.source.push_back(static_cast<Token>(symbols + random.below(words)));
    }
    pair.source.push_back(end);
    pair.target = pair.source;
  }
  return pairs;
}

template <class M>
M train(M model, const Pairs& pairs, const options::Training& how) {
  attend::Trainer<M> trainer(
      {.epochs = how.epochs, .batch = {.sentences = 32}, .keep_best = false, .seed = how.seed},
      pairs);
  attend::TrainingState<M> state(
      std::move(model), attend::StepDecay{.rate = 3e-3, .factor = 0.8, .after = how.epochs / 2});
  trainer.run(state);
  return std::move(state.model);
}

/// What greedy search writes when it has all of the line.
template <class M>
std::vector<Token> write(const M& model, const std::vector<Token>& source) {
  typename M::Workspace workspace;
  typename decltype(model.decoder)::Memory memory;
  model.remember(attend::TokenBatch(std::span(&source, 1)), workspace, memory);
  auto found = attend::greedy(model.decoder, memory, {.start = start, .end = end});
  found.front().tokens.push_back(end);
  return std::move(found.front().tokens);
}

/// What a stream writes that sees five annotations on either side of where it looked last.
template <class M>
std::vector<Token> write_moving(const M& model, const std::vector<Token>& source) {
  attend::Stream stream(
      model.encoder.stack, model.decoder,
      {.start = start, .end = end, .window = attend::MovingWindow{.left = 5, .right = 5}});
  std::vector<Token> tokens;
  attend::Matrix<float> frame(32, 1);
  const auto poll = [&] {
    for (const auto& timed : stream.poll()) tokens.push_back(timed.token);
  };
  for (const Token word : source) {
    model.encoder.embedding->forward(std::span(&word, 1), frame);
    stream.push(frame);
    poll();
  }
  stream.finish();
  poll();
  if (stream.done()) tokens.push_back(end);
  return tokens;
}

/// A line of the table: the share of lines that are right to the last word, and the words that are
/// written a second in the longest.
template <class Write>
void test(std::string_view name, Write&& write_line) {
  std::cout << std::left << std::setw(38) << name << std::right << std::fixed;
  double speed = 0;
  for (const auto& [shortest, longest, count] :
       {std::tuple<Index, Index, Index>{1, 20, 500}, {21, 40, 500}, {1000, 1000, 20}}) {
    const Pairs pairs = make_pairs(count, shortest, longest, Random(100).fork(1));
    const attend::Stopwatch watch;
    Index right = 0, written = 0;
    for (const SentencePair& pair : pairs) {
      const std::vector<Token> tokens = write_line(pair.source);
      right += tokens == pair.target ? 1 : 0;
      written += std::ssize(tokens);
    }
    speed = static_cast<double>(written) / watch.seconds();
    std::cout << std::setw(9) << std::setprecision(1)
              << 100 * static_cast<double>(right) / static_cast<double>(count) << '%';
  }
  std::cout << std::setw(10) << std::setprecision(0) << speed << std::endl;
}

void run(const options::Training& how) {
  const Random random(how.seed);
  const Pairs pairs = make_pairs(how.examples, 1, 20, random.fork(0));
  std::cout << pairs.size() << " lines of 1 to 20 words to learn from; right to the last word:\n"
            << std::string(38, ' ') << "      1-20     21-40      1000   words/s\n";

  Random draws = random.fork(1);
  const auto dot = train(make_model(attend::pairwise_score<float>([](const auto& k, const auto& q) {
                                      return k.dot(q) / 8.0F;
                                    }),
                                    draws),
                         pairs, how);
  test("lambda: k'q / 8", [&](const auto& source) { return write(dot, source); });

  const auto near =
      train(make_model(attend::learned_score<float>(
                           attend::Vector<float>::Zero(2),
                           [](const auto& k, const auto& q, const auto& w, attend::Place at) {
                             const auto distance = static_cast<float>(at.key - at.query) - w(1);
                             return k.dot(q) / 8.0F - w(0) * distance * distance;
                           }),
                       draws),
            pairs, how);
  test("lambda: k'q / 8 - w_0 (t - u - w_1)^2",
       [&](const auto& source) { return write(near, source); });
  std::cout << "  w_0 " << std::setprecision(2) << near.decoder.attention->score.w(0) << ", w_1 "
            << near.decoder.attention->score.w(1) << '\n';

  const auto sensitive =
      train(make_model(attend::LocationSensitive<float>(
                           {.score = {.query = size, .key = size, .energy = size}}, draws),
                       draws),
            pairs, how);
  test("location-sensitive, all keys",
       [&](const auto& source) { return write(sensitive, source); });
  test("the same in a moving window of 11",
       [&](const auto& source) { return write_moving(sensitive, source); });
}

}  // namespace

int main(int count, char** values) try {
  const auto arguments = options::parse_training(count, values, repeats::usual_training);
  if (arguments.help) {
    std::cout << repeats::usage;
  } else {
    run(arguments.training);
  }
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "repeats: " << error.what() << '\n';
  return 2;
}
