/// Encoders against PyTorch: both directions, stacks, ragged batches with states in and out.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "encoder/pass.hpp"
#include "reference/torch_recurrent.hpp"

namespace {

using attend::Bidirectional;
using attend::Index;
using attend::Matrix;
using attend::Recurrent;
using attend::Stacked;
using namespace reference;

template <class K, class S>
struct Case {
  using Kind = K;
  using Scalar = S;

  static auto cell(const json& weights, const std::string& suffix, TorchBias bias) {
    return torch_cell<Kind, S>({weights, suffix, bias});
  }
  using Cell = decltype(cell(json(), "", TorchBias::sum));

  static auto both_ways(const json& weights, const std::string& suffix, TorchBias bias) {
    return Bidirectional<Cell>(cell(weights, suffix, bias),
                               cell(weights, suffix + "_reverse", bias));
  }
};

template <class C>
class TorchEncoders : public testing::Test {};
using Cases =
    testing::Types<Case<TorchRnnTanh, float>, Case<TorchRnnTanh, double>, Case<TorchRnnRelu, float>,
                   Case<TorchRnnRelu, double>, Case<TorchLstm, float>, Case<TorchLstm, double>,
                   Case<TorchGru, float>, Case<TorchGru, double>>;
TYPED_TEST_SUITE(TorchEncoders, Cases);

/// The step-major matrix of a list of sequences.
template <class S>
Matrix<S> step_major(const attend::Ragged& layout, const json& sequences) {
  Matrix<S> X;
  for (Index b = 0; b < layout.size(); ++b) {
    const auto own = torch_sequence<S>(sequences[static_cast<std::size_t>(b)]);
    if (b == 0) X.resize(own.rows(), layout.columns());
    for (Index t = 0; t < layout.length(b); ++t) X.col(layout.column(b, t)) = own.col(t);
  }
  return X;
}

template <class E>
void expect_pass(const json& torch, const E& encoder, const E& d_encoder) {
  using S = typename E::Scalar;
  const attend::Ragged layout(torch["lengths"].get<std::vector<Index>>());
  attend::Random random(1);
  encoders::Pass<E> pass(encoder, layout, random);
  const auto X = step_major<S>(layout, torch["inputs"]);
  const auto initial = torch_states<S>(torch["initial"]);
  pass.output_weights = step_major<S>(layout, torch["output_weights"]);
  pass.final_weights = torch_states<S>(torch["final_weights"]);
  auto gradient = zero_like(encoder);
  const S loss = pass.forward(encoder, X, &initial);
  pass.backward(encoder, X, gradient);
  EXPECT_NEAR(loss, torch["loss"].get<double>(), torch_tolerance<S> * 10);
  expect_close("outputs", pass.H, step_major<S>(layout, torch["outputs"]));
  expect_close("final", pass.final, torch_states<S>(torch["final"]));
  expect_close("d_inputs", pass.dX, step_major<S>(layout, torch["d_inputs"]));
  expect_close("d_initial", pass.d_initial, torch_states<S>(torch["d_initial"]));
  expect_parameters_close(gradient, d_encoder);
}

json fixture(const char* name, const std::string& form) { return read_torch(name + form); }

TYPED_TEST(TorchEncoders, OneLayer) {
  const json torch = fixture(TypeParam::Kind::name, "");
  expect_pass(torch, Recurrent(TypeParam::cell(torch["weights"], "_l0", TorchBias::sum)),
              Recurrent(TypeParam::cell(torch["d_weights"], "_l0", TorchBias::one)));
}

TYPED_TEST(TorchEncoders, BothDirections) {
  const json torch = fixture(TypeParam::Kind::name, "_bidirectional");
  expect_pass(torch, TypeParam::both_ways(torch["weights"], "_l0", TorchBias::sum),
              TypeParam::both_ways(torch["d_weights"], "_l0", TorchBias::one));
}

TYPED_TEST(TorchEncoders, TwoLayers) {
  const json torch = fixture(TypeParam::Kind::name, "_stacked");
  const auto make = [](const json& weights, TorchBias bias) {
    std::vector<Recurrent<typename TypeParam::Cell>> layers;
    layers.emplace_back(TypeParam::cell(weights, "_l0", bias));
    layers.emplace_back(TypeParam::cell(weights, "_l1", bias));
    return Stacked(std::move(layers));
  };
  expect_pass(torch, make(torch["weights"], TorchBias::sum),
              make(torch["d_weights"], TorchBias::one));
}

TYPED_TEST(TorchEncoders, TwoLayersOfBothDirections) {
  const json torch = fixture(TypeParam::Kind::name, "_stacked_bidirectional");
  const auto make = [](const json& weights, TorchBias bias) {
    std::vector<Bidirectional<typename TypeParam::Cell>> layers;
    layers.push_back(TypeParam::both_ways(weights, "_l0", bias));
    layers.push_back(TypeParam::both_ways(weights, "_l1", bias));
    return Stacked(std::move(layers));
  };
  expect_pass(torch, make(torch["weights"], TorchBias::sum),
              make(torch["d_weights"], TorchBias::one));
}

}  // namespace
