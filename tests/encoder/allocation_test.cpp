#include <reference/count_allocations.hpp>
#include <vector>

#include <gtest/gtest.h>

#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>

namespace {

using attend::Index;
using attend::Precision;
using attend::Token;

template <class Cell>
auto make_encoder(attend::Random& random) {
  using Layer = attend::Bidirectional<Cell>;
  std::vector<Layer> layers;
  layers.push_back(
      Layer(Cell({.input = 6, .hidden = 20}, random), Cell({.input = 6, .hidden = 20}, random)));
  layers.push_back(
      Layer(Cell({.input = 40, .hidden = 20}, random), Cell({.input = 40, .hidden = 20}, random)));
  return attend::TextEncoder<Layer>(attend::Embedding<float>({.vocabulary = 30, .size = 6}, random),
                                    attend::Stacked<Layer>(std::move(layers)));
}

template <class Cell>
class WarmEncoder : public testing::Test {};
using Cells = testing::Types<attend::Gru<float>, attend::Lstm<float>>;
TYPED_TEST_SUITE(WarmEncoder, Cells);

TYPED_TEST(WarmEncoder, AllocatesNothing) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  attend::Random random(1);
  const std::vector<std::vector<Token>> sentences = {
      std::vector<Token>(70, 3), {1, 2, 3}, {}, std::vector<Token>(90, 4)};
  const attend::TokenBatch batch(sentences);
  for (const auto precision : {Precision::full, Precision::bfloat16, Precision::int8}) {
    for (const auto keep : {attend::Keep::nothing, attend::Keep::trace}) {
      auto encoder = make_encoder<TypeParam>(random);
      attend::set_precision(encoder, precision);
      typename decltype(encoder)::Trace trace;
      const auto pass = [&] { encoder.forward(batch, nullptr, trace, keep); };
      EXPECT_GT(reference::allocations_in(pass), 0);
      EXPECT_EQ(reference::allocations_in(pass), 0);
    }
  }
}

}  // namespace
