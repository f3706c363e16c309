#include <vector>

#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include "encoder/pass.hpp"
#include <attend/encoder/text_encoder.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Token;
using attend::TokenBatch;
using Layer = attend::Bidirectional<attend::Gru<double>>;
using Encoder = attend::TextEncoder<Layer>;
using reference::random_matrix;
using reference::same_bits;

Encoder make(attend::TextEncoderOptions options, double between = 0, bool projects = false) {
  Random random(71);
  const auto layer = [&](Index input) {
    auto forward = cells::GruResetAfter::plain<double>(input, 4, random);
    return Layer(std::move(forward), cells::GruResetAfter::plain<double>(input, 4, random));
  };
  std::vector<Layer> layers{layer(3), layer(8)};
  if (projects) {
    return {attend::Embedding<double>({.vocabulary = 6, .size = 5}, random),
            attend::Stacked<Layer>(std::move(layers), {.dropout = between}), options,
            attend::Projection<double>({.input = 5, .output = 3},
                                       attend::ProjectionActivation::tanh, random)};
  }
  return {attend::Embedding<double>({.vocabulary = 6, .size = 3}, random),
          attend::Stacked<Layer>(std::move(layers), {.dropout = between}), options};
}

class TextEncoderTest : public testing::Test {
 protected:
  TokenBatch source{std::vector<std::vector<Token>>{{2, 5}, {}, {1, 1, 3, 0}, {4}}};
  Random random{72};
  Matrix<double> weights = random_matrix<double>(random, 8, 7);
  Matrix<double> final_weights = random_matrix<double>(random, 16, 4);

  double loss(const Encoder& encoder, Random* masks, Encoder::Trace& trace) const {
    encoder.forward(source, masks, trace);
    return (weights.array() * trace.annotations.view().array()).sum() +
           (final_weights.array() * trace.final_states.array()).sum();
  }
};

TEST_F(TextEncoderTest, HasTheGradientOfItsPass) {
  for (const double p : {0.0, 0.4}) {
    for (const auto mask : {attend::DropoutMask::each_step, attend::DropoutMask::same_over_time}) {
      const Encoder encoder = make(
          {.embedding_dropout = p, .annotation_dropout = p, .mask = mask, .word_dropout = p / 2}, p,
          mask == attend::DropoutMask::each_step);
      Encoder::Trace trace;
      Random masks(73);
      loss(encoder, &masks, trace);
      Encoder transposed = encoder;
      attend::assign_transposed(encoder, transposed);
      Encoder gradient = zero_like(encoder);
      Matrix<double> dH = weights;
      encoder.backward(transposed, source, dH, final_weights, trace, gradient);
      Encoder::Trace other;
      const auto report = attend::check_parameters(encoder, gradient, [&](const Encoder& e) {
        Random again(73);
        return loss(e, &again, other);
      });
      EXPECT_TRUE(report.passed()) << report.message();
      EXPECT_EQ(report.checked, parameter_count(encoder));
    }
  }
}

TEST_F(TextEncoderTest, IsAStackUponAnEmbedding) {
  const Encoder encoder = make({.embedding_dropout = 0.5, .annotation_dropout = 0.5}, 0.5);
  EXPECT_EQ(encoder.vocabulary_size(), 6);
  EXPECT_EQ(encoder.annotation_size(), 8);
  EXPECT_EQ(encoder.state_rows(), 16);
  Encoder::Trace trace;
  encoder.forward(source, nullptr, trace);
  Matrix<double> X(3, 7);
  encoder.embedding->forward(source.tokens, X);
  encoders::Pass<attend::Stacked<Layer>> stack(encoder.stack, source.layout, random);
  stack.forward(encoder.stack, X, nullptr);
  EXPECT_TRUE(same_bits(stack.H, Matrix<double>(trace.annotations.view())));
  EXPECT_TRUE(same_bits(stack.final, trace.final_states));
}

TEST_F(TextEncoderTest, RefusesAStackOfAnotherSize) {
  const Encoder encoder = make({});
  Random other(74);
  try {
    const Encoder wrong(attend::Embedding<double>({.vocabulary = 6, .size = 5}, other),
                        encoder.stack);
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "TextEncoder: input size of the stack is 3, expected 5");
  }
  try {
    const Encoder wrong(attend::Embedding<double>({.vocabulary = 6, .size = 4}, other),
                        encoder.stack, {},
                        attend::Projection<double>({.input = 5, .output = 3},
                                                   attend::ProjectionActivation::relu, other));
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "TextEncoder: input size of the projection is 5, expected 4");
  }
}

TEST_F(TextEncoderTest, ReadsWithSharedWords) {
  const Encoder own = make({});
  const Encoder sharing(std::nullopt, own.stack, {});
  Encoder::Trace trace;
  Encoder::Trace other;
  own.forward(source, nullptr, trace);
  sharing.forward(*own.embedding, source, nullptr, other);
  EXPECT_TRUE(same_bits(Matrix<double>(trace.annotations.view()),
                        Matrix<double>(other.annotations.view())));
  EXPECT_EQ(sharing.vocabulary_size(), 0);
  try {
    sharing.forward(source, nullptr, other);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "TextEncoder: it has no embedding of its own; pass the one it shares");
  }
}

}  // namespace
