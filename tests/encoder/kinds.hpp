/// Every recurrent encoder, made for any scalar. A line in `EncoderKinds` buys the suite.
#pragma once

#include <vector>

#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include <attend/cell/any_cell.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/stacked.hpp>

namespace encoders {

using attend::Index;
using attend::Random;

template <class CellKind, attend::Direction direction = attend::Direction::forward>
struct OneWay {
  template <class S>
  static auto make(Index input, Index hidden, Random& random) {
    return attend::Recurrent(CellKind::template make<S>(input, hidden, random), direction);
  }
};

template <class CellKind, attend::Merge merge = attend::Merge::concatenate>
struct BothWays {
  template <class S>
  static auto make(Index input, Index hidden, Random& random) {
    auto forward = CellKind::template make<S>(input, hidden, random);
    auto backward = CellKind::template make<S>(input, hidden, random);
    return attend::Bidirectional(std::move(forward), std::move(backward), merge);
  }
};

template <class LayerKind, Index depth, bool residual = false>
struct Stack {
  template <class S>
  static auto make(Index input, Index hidden, Random& random) {
    using Layer = decltype(LayerKind::template make<S>(input, hidden, random));
    std::vector<Layer> layers;
    for (Index l = 0; l < depth; ++l) {
      const Index size = l == 0 ? input : layers.back().output_size();
      layers.push_back(LayerKind::template make<S>(size, hidden, random));
    }
    return attend::Stacked<Layer>(std::move(layers), {.residual = residual});
  }
};

using Gru = cells::GruResetAfter;
using Lstm = cells::LstmPeepholes;
using EncoderKinds =
    testing::Types<OneWay<Gru>, OneWay<Lstm>, OneWay<cells::ElmanTanh>,
                   OneWay<Gru, attend::Direction::backward>,
                   OneWay<Lstm, attend::Direction::backward>, BothWays<Gru>, BothWays<Lstm>,
                   BothWays<cells::GruResetBefore, attend::Merge::sum>, BothWays<cells::Any<Gru>>,
                   Stack<OneWay<Gru>, 1>, Stack<OneWay<Lstm>, 3>, Stack<OneWay<Gru>, 2, true>,
                   Stack<BothWays<Gru>, 2>, Stack<BothWays<Lstm, attend::Merge::sum>, 3, true>>;

}  // namespace encoders
