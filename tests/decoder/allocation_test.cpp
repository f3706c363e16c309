#include <reference/count_allocations.hpp>
#include <vector>

#include <gtest/gtest.h>

#include "decoder_cases.hpp"
#include <attend/decoder/transformer_decoder.hpp>

namespace {

using namespace decoder_cases;
using attend::Precision;

class WarmDecoder : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, WarmDecoder, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

void expect_warm_search_allocates_nothing(const AnyDecoder<float>& decoder) {
  const Batch<float> batch(decoder.config().annotation);
  AnyDecoder<float>::Memory memory;
  decoder.remember(batch.sources, batch.annotations, batch.final_states, memory);
  AnyDecoder<float>::State state;
  const std::vector<Index> sentences = {0, 1, 2, 3};
  const std::vector<Token> tokens = {1, 2, 3, 4};
  const std::vector<Index> order = {3, 3, 0, 1};
  const std::vector<Index> fewer = {0, 2};
  const std::vector<Index> again = {0, 0, 1, 1};
  Matrix<float> L(words, 4);
  const auto search = [&] {
    decoder.begin(memory, sentences, state);
    for (int step = 0; step < 3; ++step) {
      decoder.step(memory, tokens, state);
      decoder.logits(state, L);
      state.select(order);
      state.select(fewer);
      decoder.step(memory, std::span(tokens).first(2), state);
      state.select(again);
    }
  };
  EXPECT_GT(reference::allocations_in(search), 0);
  search();
  EXPECT_EQ(reference::allocations_in(search), 0);
}

TEST_P(WarmDecoder, AllocatesNothing) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  for (const auto precision : {Precision::full, Precision::bfloat16, Precision::int8}) {
    auto decoder = make_decoder<float>(GetParam(), false);
    attend::set_precision(decoder, precision);
    expect_warm_search_allocates_nothing(decoder);
  }
}

TEST_P(WarmDecoder, AllocatesNothingWhenItUnrolls) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  const auto decoder = make_decoder<float>(GetParam(), true);
  const Batch<float> batch(decoder.config().annotation);
  auto transposed = decoder;
  attend::assign_transposed(decoder, transposed);
  auto gradient = attend::zero_like(decoder);
  AnyDecoder<float>::Memory memory;
  AnyDecoder<float>::Memory d_memory;
  AnyDecoder<float>::State state;
  AnyDecoder<float>::Trace trace;
  Random random(1);
  const auto pass = [&] {
    decoder.unroll(memory, batch.inputs, &random, state, trace);
    d_memory.zero_like(memory);
    decoder.unroll_backward(transposed, memory, batch.inputs, trace.readouts.view(), state, trace,
                            d_memory, gradient);
  };
  decoder.remember(batch.sources, batch.annotations, batch.final_states, memory);
  pass();
  EXPECT_EQ(reference::allocations_in(pass), 0);
}

attend::TransformerDecoder<float> transformer(Random& random) {
  return {{.transformer = {.size = 8,
                           .layers = 2,
                           .heads = 2,
                           .feed_forward = 9,
                           .dropout = 0.2,
                           .attention_dropout = 0.1},
           .vocabulary = words,
           .annotation = 4,
           .tied_embeddings = true},
          random};
}

TEST(WarmTransformer, AllocatesNothing) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  Random random(1);
  const auto decoder = transformer(random);
  const Batch<float> batch(4);
  attend::TransformerMemory<float> memory;
  decoder.remember(batch.sources, batch.annotations, batch.final_states, memory);
  attend::TransformerDecoderState<float> state;
  const std::vector<Index> sentences = {0, 1, 2, 3};
  const std::vector<Token> tokens = {1, 2, 3, 4};
  Matrix<float> L(words, 4);
  const auto search = [&] {
    decoder.begin(memory, sentences, state);
    for (int step = 0; step < 12; ++step) {
      decoder.step(memory, tokens, state);
      decoder.logits(state, L);
      const Index columns[] = {3, 3, 0, 1};
      state.select(columns);
    }
  };
  EXPECT_GT(reference::allocations_in(search), 0);
  search();
  EXPECT_EQ(reference::allocations_in(search), 0);
}

TEST(WarmTransformer, AllocatesNothingWhenItUnrolls) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  Random random(1);
  const auto decoder = transformer(random);
  const Batch<float> batch(4);
  auto transposed = decoder;
  attend::assign_transposed(decoder, transposed);
  auto gradient = attend::zero_like(decoder);
  attend::TransformerMemory<float> memory;
  attend::TransformerMemory<float> d_memory;
  attend::TransformerDecoderState<float> state;
  attend::TransformerDecoderTrace<float> trace;
  Matrix<float> dH(4, batch.sources.columns());
  Matrix<float> d_final;
  const auto pass = [&] {
    decoder.remember(batch.sources, batch.annotations, batch.final_states, memory);
    decoder.unroll(memory, batch.inputs, &random, state, trace);
    d_memory.zero_like(memory);
    decoder.unroll_backward(transposed, memory, batch.inputs, trace.readouts.view(), state, trace,
                            d_memory, gradient);
    decoder.remember_backward(transposed, batch.sources, batch.final_states, memory, d_memory, dH,
                              d_final, gradient);
  };
  pass();
  EXPECT_EQ(reference::allocations_in(pass), 0);
}

/// Forks of one hypothesis into a beam, cold; the memory of the source is far larger than a state.
template <class D>
void expect_forks_copy_no_memory(const D& decoder, Index annotation, Index states) {
  constexpr Index T = 4000;
  Random random(1);
  const attend::Ragged layout(std::vector<Index>{T});
  const auto H = reference::random_matrix<float>(random, annotation, T);
  typename D::Memory memory;
  decoder.remember(layout, H, Matrix<float>::Zero(states, 1), memory);
  const auto beam = [&] {
    typename D::State state;
    const Index sentence = 0;
    decoder.begin(memory, {&sentence, 1}, state);
    const std::vector<Token> tokens(5, 3);
    decoder.step(memory, std::span(tokens).first(1), state);
    for (const auto& columns : {std::vector<Index>{0, 0, 0, 0, 0}, {4, 1, 1, 0, 2}}) {
      state.select(columns);
      decoder.step(memory, tokens, state);
    }
    EXPECT_EQ(state.size(), 5);
  };
  // Five hypotheses' weights over T keys, of two heads, are the most it should take.
  const auto weights = static_cast<std::size_t>(T) * 5 * 2 * sizeof(float);
  const auto annotations = static_cast<std::size_t>(T * annotation) * sizeof(float);
  ASSERT_GT(annotations, 3 * weights);
  EXPECT_LT(reference::largest_allocation_in(beam), annotations / 3);
}

TEST(Beams, ForkByIndexAndCopyNoMemory) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  Random random(1);
  attend::RecurrentDecoderConfig config{.vocabulary = words,
                                        .embedding = 4,
                                        .hidden = hidden,
                                        .annotation = 40,
                                        .encoder_states = 6,
                                        .readout = 6};
  for (const auto order : {DecoderOrder::attend_then_step, DecoderOrder::step_then_attend}) {
    config.order = order;
    const AnyDecoder<float> recurrent(
        config, [](Index input, Random& r) { return make_cell<float>(CellKind::gru, input, r); },
        attend::Attention<attend::AnyScore<float>, attend::AnyWindow, attend::AnyAlignment<float>>(
            attend::Additive<float>({.query = hidden, .key = 40, .energy = 40}, random)),
        random);
    expect_forks_copy_no_memory(recurrent, 40, 6);
  }
  const attend::TransformerDecoder<float> transformer(
      {.transformer = {.size = 40, .layers = 2, .heads = 2, .feed_forward = 9},
       .vocabulary = words,
       .annotation = 40},
      random);
  expect_forks_copy_no_memory(transformer, 40, 6);
}

}  // namespace
