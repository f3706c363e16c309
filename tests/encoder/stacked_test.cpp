#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include "encoder/pass.hpp"
#include <attend/encoder/stacked.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::DropoutMask;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Stacked;
using attend::StackOptions;
using Layer = attend::Recurrent<attend::Gru<double>>;
using Stack = Stacked<Layer>;
using reference::random_matrix;
using reference::same_bits;

Stack stack_of(const std::vector<Index>& sizes, StackOptions options, std::uint64_t seed = 61) {
  Random random(seed);
  std::vector<Layer> layers;
  for (std::size_t l = 1; l < sizes.size(); ++l) {
    layers.emplace_back(cells::GruResetAfter::plain<double>(sizes[l - 1], sizes[l], random));
  }
  return Stack(std::move(layers), options);
}

class StackedEncoder : public testing::Test {
 protected:
  Random random{62};
  attend::Ragged layout = encoders::ragged({3, 0, 5, 2});
  Matrix<double> X = random_matrix<double>(random, 4, layout.columns());

  Matrix<double> outputs(const auto& encoder, const Matrix<double>& input) {
    encoders::Pass<std::remove_cvref_t<decltype(encoder)>> pass(encoder, layout, random);
    pass.forward(encoder, input, nullptr);
    return pass.H;
  }
};

TEST_F(StackedEncoder, ReadsWhatTheLayerBelowWrote) {
  const Stack stack = stack_of({4, 6, 3}, {});
  EXPECT_EQ(stack.input_size(), 4);
  EXPECT_EQ(stack.output_size(), 3);
  EXPECT_EQ(stack.state_rows(), 9);
  const auto below = outputs(stack.layers[0], X);
  EXPECT_TRUE(same_bits(outputs(stack, X), outputs(stack.layers[1], below)));
}

TEST_F(StackedEncoder, AddsResidualsWhereSizesAgreeButNotAroundTheFirst) {
  const Stack stack = stack_of({4, 4, 4, 3}, {.residual = true});
  const auto first = outputs(stack.layers[0], X);
  const Matrix<double> second = outputs(stack.layers[1], first) + first;
  EXPECT_TRUE(same_bits(outputs(stack, X), outputs(stack.layers[2], second)));
}

TEST_F(StackedEncoder, StandsStatesUponEachOther) {
  const Stack stack = stack_of({4, 6, 3}, {});
  encoders::Pass<Stack> pass(stack, layout, random);
  pass.forward(stack, X, nullptr);
  encoders::Pass<Layer> bottom(stack.layers[0], layout, random);
  bottom.forward(stack.layers[0], X, nullptr);
  encoders::Pass<Layer> top(stack.layers[1], layout, random);
  top.forward(stack.layers[1], bottom.H, nullptr);
  EXPECT_EQ(pass.final.topRows(6), bottom.final);
  EXPECT_EQ(pass.final.bottomRows(3), top.final);
}

TEST_F(StackedEncoder, HasTheGradientOfItsPassWithDropout) {
  for (const DropoutMask mask : {DropoutMask::each_step, DropoutMask::same_over_time}) {
    for (const bool residual : {false, true}) {
      const Stack stack =
          stack_of({4, 4, 4, 4}, {.dropout = 0.4, .mask = mask, .residual = residual});
      encoders::Pass<Stack> pass(stack, layout, random);
      const Random masks(63);
      pass.masks = &masks;
      auto gradient = zero_like(stack);
      pass.forward(stack, X, nullptr);
      pass.backward(stack, X, gradient);
      auto moved = pass;
      auto report = attend::check_parameters(
          stack, gradient, [&](const Stack& s) { return moved.forward(s, X, nullptr); });
      report.add(attend::check_input("X", X, pass.dX, [&](const Matrix<double>& x) {
        return moved.forward(stack, x, nullptr);
      }));
      EXPECT_TRUE(report.passed()) << report.message();
    }
  }
}

TEST_F(StackedEncoder, DropsOnlyBetweenLayersAndOnlyWithAGenerator) {
  const Stack stack = stack_of({4, 6, 3}, {.dropout = 0.5});
  const Stack without = stack_of({4, 6, 3}, {});
  encoders::Pass<Stack> pass(stack, layout, random);
  pass.forward(stack, X, nullptr);
  const Matrix<double> kept = pass.H;
  EXPECT_TRUE(same_bits(kept, outputs(without, X)));
  const Random masks(64);
  pass.masks = &masks;
  pass.forward(stack, X, nullptr);
  EXPECT_FALSE(kept.isApprox(pass.H, 1e-3));
  EXPECT_TRUE((pass.H.array() != 0).all()) << "the top layer's output is whole";
  const Matrix<double> dropped = pass.H;
  pass.forward(stack, X, nullptr);
  EXPECT_TRUE(same_bits(dropped, pass.H)) << "the same generator, the same masks";
  pass.masks = nullptr;
  pass.forward(stack, X, nullptr);
  EXPECT_TRUE(same_bits(kept, pass.H));
  auto gradient = zero_like(stack);
  pass.backward(stack, X, gradient);
  encoders::Pass<Stack> plain = pass;
  plain.dX.setZero();
  auto expected = zero_like(stack);
  plain.forward(without, X, nullptr);
  plain.backward(without, X, expected);
  EXPECT_TRUE(same_bits(plain.dX, pass.dX));

  const Stack single = stack_of({4, 6}, {.dropout = 0.5});
  encoders::Pass<Stack> one(single, layout, random);
  one.masks = &masks;
  one.forward(single, X, nullptr);
  EXPECT_TRUE(same_bits(one.H, outputs(single.layers[0], X)));
}

TEST_F(StackedEncoder, RefusesLayersThatDoNotFit) {
  try {
    auto bottom = stack_of({4, 6}, {}).layers;
    bottom.push_back(stack_of({5, 3}, {}).layers[0]);
    const Stack stack(bottom);
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "Stacked: input size of a layer is 5, expected 6");
  }
  try {
    const Stack stack(std::vector<Layer>{});
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "Stacked: there are no layers, expected one or more");
  }
}

}  // namespace
