/// Every cell against PyTorch: outputs, states and gradients, sequence by sequence.
#include <string>

#include <gtest/gtest.h>

#include "cell/unrolled.hpp"
#include "reference/torch_recurrent.hpp"

namespace {

using attend::Index;
using attend::Matrix;
using namespace reference;

template <class K, class S>
struct Case {
  using Kind = K;
  using Scalar = S;
};

template <class C>
class TorchCells : public testing::Test {};
using Cases =
    testing::Types<Case<TorchRnnTanh, float>, Case<TorchRnnTanh, double>, Case<TorchRnnRelu, float>,
                   Case<TorchRnnRelu, double>, Case<TorchLstm, float>, Case<TorchLstm, double>,
                   Case<TorchGru, float>, Case<TorchGru, double>>;
TYPED_TEST_SUITE(TorchCells, Cases);

TYPED_TEST(TorchCells, GoThereAndBackAsPyTorch) {
  using Kind = typename TypeParam::Kind;
  using S = typename TypeParam::Scalar;
  const json torch = read_torch(Kind::name);
  const auto cell = torch_cell<Kind, S>({torch["weights"], "_l0", TorchBias::sum});
  const auto d_cell = torch_cell<Kind, S>({torch["d_weights"], "_l0", TorchBias::one});
  const auto initial = torch_states<S>(torch["initial"]);
  const auto final = torch_states<S>(torch["final"]);
  const auto final_weights = torch_states<S>(torch["final_weights"]);
  const auto d_initial = torch_states<S>(torch["d_initial"]);

  attend::Random random(1);
  auto gradient = zero_like(cell);
  double loss = 0;
  for (std::size_t b = 0; b < torch["inputs"].size(); ++b) {
    const auto X = torch_sequence<S>(torch["inputs"][b]);
    const Index sequence = static_cast<Index>(b);
    cells::Unrolled<std::remove_const_t<decltype(cell)>> unrolled(
        cell, std::vector<Index>(static_cast<std::size_t>(X.cols()), 1), random);
    unrolled.weights.setZero();
    unrolled.weights.topRows(cell.hidden_size()) = torch_sequence<S>(torch["output_weights"][b]);
    unrolled.weights.rightCols(1) += final_weights.col(sequence);
    loss += unrolled.forward(cell, X, initial.col(sequence));
    unrolled.backward(cell, X, gradient);
    expect_close("outputs", unrolled.states.topRows(cell.hidden_size()),
                 torch_sequence<S>(torch["outputs"][b]));
    expect_close("final", unrolled.states.rightCols(1), final.col(sequence));
    expect_close("d_inputs", unrolled.dX, torch_sequence<S>(torch["d_inputs"][b]));
    expect_close("d_initial", unrolled.d_initial, d_initial.col(sequence));
  }
  EXPECT_NEAR(loss, torch["loss"].get<double>(), torch_tolerance<S> * 10);
  expect_parameters_close(gradient, d_cell);
}

}  // namespace
