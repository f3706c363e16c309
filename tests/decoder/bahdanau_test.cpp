#include <algorithm>
#include <reference/bahdanau.hpp>
#include <reference/matrices.hpp>
#include <reference/scores.hpp>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <attend/cell/gru.hpp>
#include <attend/decoder/bahdanau.hpp>
#include <attend/score/additive.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Token;

auto make_decoder(Random& random) {
  const auto cell = [](Index input, Random& r) { return attend::Gru<double>({input, 6}, r); };
  auto decoder =
      attend::bahdanau_decoder({.vocabulary = 9,
                                .embedding = 5,
                                .hidden = 6,
                                .annotation = 7,
                                .encoder_states = 4,
                                .readout = 8},
                               cell, attend::Additive<double>({6, 7, 11}, random), random);
  reference::randomize(decoder, random);
  return decoder;
}

TEST(Bahdanau, IsItsEquations) {
  Random random(1);
  const auto decoder = make_decoder(random);
  const std::vector<Index> lengths = {5, 0, 1, 9};
  const attend::Ragged sources(lengths);
  const auto H = reference::random_matrix<double>(random, 7, sources.columns());
  const auto final_states = reference::random_matrix<double>(random, 4, sources.size());
  decltype(decoder)::Memory memory;
  decoder.remember(sources, H, final_states, memory);

  decltype(decoder)::State state;
  const std::vector<Index> sentences = {0, 1, 2, 3};
  decoder.begin(memory, sentences, state);
  std::vector<reference::BahdanauDecoder<std::remove_const_t<decltype(decoder)>>> oracles;
  for (Index b = 0; b < sources.size(); ++b) {
    std::vector<reference::Numbers> annotations;
    for (Index t = 0; t < sources.length(b); ++t) {
      annotations.push_back(reference::column(H, sources.column(b, t)));
    }
    oracles.emplace_back(decoder, annotations, reference::column(final_states, b));
  }
  for (int step = 0; step < 6; ++step) {
    std::vector<Token> tokens;
    for (int i = 0; i < 4; ++i) tokens.push_back(static_cast<Token>(random.below(9)));
    decoder.step(memory, tokens, state);
    Matrix<double> L(9, 4);
    decoder.logits(state, L);
    for (Index b = 0; b < 4; ++b) {
      const auto at = static_cast<std::size_t>(b);
      const reference::BahdanauStep expected = oracles[at].step(tokens[at]);
      for (Index v = 0; v < 9; ++v) {
        ASSERT_NEAR(L(v, b), expected.logits[static_cast<std::size_t>(v)], 1e-12)
            << "source " << b << ", step " << step;
      }
      const std::span<const double> weights = state.weights(b);
      ASSERT_EQ(weights.size(), expected.weights.size());
      for (std::size_t t = 0; t < weights.size(); ++t) {
        ASSERT_NEAR(weights[t], expected.weights[t], 1e-13);
      }
    }
  }
}

}  // namespace
