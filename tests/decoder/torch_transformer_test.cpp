/// The transformer's layers against PyTorch's: outputs and gradients.
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <attend/core/choice.hpp>
#include <attend/decoder/transformer_layer.hpp>
#include <attend/encoder/transformer_encoder.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::NormPlacement;
using attend::Ragged;
using attend::Random;
using attend::Vector;
using nlohmann::json;

json fixtures() {
  std::ifstream file(ATTEND_SOURCE_DIR "/tests/fixtures/transformer.json");
  return json::parse(file);
}

Matrix<double> matrix(const json& rows) {
  Matrix<double> m(std::ssize(rows), std::ssize(rows.at(0)));
  for (Index i = 0; i < m.rows(); ++i) {
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = rows[i][j].get<double>();
  }
  return m;
}
Matrix<double> sequence(const json& steps) { return matrix(steps).transpose(); }
Vector<double> vector(const json& values) {
  Vector<double> v(std::ssize(values));
  for (Index i = 0; i < v.size(); ++i) v(i) = values[i].get<double>();
  return v;
}

/// What has PyTorch's names in the library's layers; `rows` of a matrix from `first` on.
struct Weights {
  const json& all;

  void put(attend::Dense<double>& dense, const std::string& weight, const std::string& bias,
           Index first, Index rows) const {
    dense.W = matrix(all.at(weight)).middleRows(first, rows);
    dense.b = vector(all.at(bias)).segment(first, rows);
  }
  void put(attend::Dense<double>& dense, const std::string& name) const {
    put(dense, name + ".weight", name + ".bias", 0, dense.W.rows());
  }
  void put(attend::Residual<double>& around, const std::string& norm) const {
    around.norm.g = vector(all.at(norm + ".weight"));
    around.norm.b = vector(all.at(norm + ".bias"));
  }

  template <class Attention>
  void put_self(Attention& attention) const {
    put(attention.input, "self_attn.in_proj_weight", "self_attn.in_proj_bias", 0,
        attention.input.W.rows());
    put(attention.output, "self_attn.out_proj");
  }
  void put(attend::FeedForward<double>& network) const {
    put(network.up, "linear1");
    put(network.down, "linear2");
  }

  void put(attend::TransformerEncoderLayer<double>& layer) const {
    put_self(layer.attention);
    put(layer.around_attention, "norm1");
    put(layer.feed_forward);
    put(layer.around_feed_forward, "norm2");
  }
  void put(attend::TransformerDecoderLayer<double>& layer) const {
    put_self(layer.self);
    put(layer.around_self, "norm1");
    const std::string weight = "multihead_attn.in_proj_weight";
    const std::string bias = "multihead_attn.in_proj_bias";
    const Index d = layer.cross.query.W.rows();
    put(layer.cross.query, weight, bias, 0, d);
    put(layer.cross.memory, weight, bias, d, 2 * d);
    put(layer.cross.output, "multihead_attn.out_proj");
    put(layer.around_cross, "norm2");
    put(layer.feed_forward);
    put(layer.around_feed_forward, "norm3");
  }
};

attend::TransformerConfig config_of(const std::string& name) {
  const bool gelu = name.find("gelu") != std::string::npos;
  const bool before = name.find("pre") != std::string::npos;
  return {.size = 4,
          .heads = 2,
          .feed_forward = 3,
          .activation = gelu ? attend::Activation::gelu : attend::Activation::relu,
          .placement = before ? NormPlacement::before : NormPlacement::after};
}

template <class M>
void expect_close(const std::string& name, const M& a, const M& b) {
  EXPECT_LT((a - b).cwiseAbs().maxCoeff(), 1e-12) << name;
}
template <class Layer>
void expect_parameters_close(const std::string& name, const Layer& a, const Layer& b) {
  attend::for_each_parameter(
      [&](std::string_view path, const auto& p, const auto& q) {
        expect_close(name + " " + std::string(path), Matrix<double>(attend::values(p)),
                     Matrix<double>(attend::values(q)));
      },
      a, b);
}

TEST(TorchTransformer, EncoderLayersGoThereAndBack) {
  const json all = fixtures();
  for (const auto& [name, torch] : all.items()) {
    if (!name.starts_with("encoder")) continue;
    Random random(1);
    attend::TransformerEncoderLayer<double> layer(config_of(name), random);
    Weights{torch["weights"]}.put(layer);
    auto transposed = layer;
    attend::assign_transposed(layer, transposed);
    attend::TransformerEncoderLayer<double>::Trace trace;
    const auto X = sequence(torch["inputs"]);
    const Ragged layout(std::vector<Index>{X.cols()});
    trace.input.resize(X.rows(), X.cols()) = X;
    Matrix<double> Y(X.rows(), X.cols());
    layer.forward(layout, Y, nullptr, trace);
    expect_close(name, Y, sequence(torch["outputs"]));
    auto gradient = zero_like(layer);
    auto expected = gradient;
    Weights{torch["d_weights"]}.put(expected);
    Matrix<double> D = sequence(torch["output_weights"]);
    layer.backward(transposed, layout, D, trace, gradient);
    expect_close(name + " d_inputs", D, sequence(torch["d_inputs"]));
    expect_parameters_close(name, gradient, expected);
  }
}

TEST(TorchTransformer, DecoderLayersGoThereAndBack) {
  using attend::ConstView;
  using attend::View;
  const json all = fixtures();
  for (const auto& [name, torch] : all.items()) {
    if (!name.starts_with("decoder")) continue;
    Random random(1);
    attend::TransformerDecoderLayer<double> layer(config_of(name), 4, random);
    Weights{torch["weights"]}.put(layer);
    auto transposed = layer;
    attend::assign_transposed(layer, transposed);
    attend::TransformerDecoderLayerTrace<double> trace;
    const auto X = sequence(torch["inputs"]);
    const auto H = sequence(torch["memory"]);
    const Ragged layout(std::vector<Index>{X.cols()});
    const Ragged sources(std::vector<Index>{H.cols()});
    attend::Buffer<double> M;
    layer.cross.project_memory(H, M);
    trace.input.resize(X.rows(), X.cols()) = X;
    Matrix<double> Y(X.rows(), X.cols());
    layer.forward(
        Y, nullptr, trace,
        [&](ConstView<double> in, View<double> out) {
          layer.self.forward(layout, in, out, nullptr, trace.self);
        },
        [&](ConstView<double> in, View<double> out) {
          layer.cross.forward(layout, in, sources, M.view(), out, nullptr, trace.cross);
        });
    expect_close(name, Y, sequence(torch["outputs"]));
    auto gradient = zero_like(layer);
    auto expected = gradient;
    Weights{torch["d_weights"]}.put(expected);
    Matrix<double> D = sequence(torch["output_weights"]);
    Matrix<double> dM = Matrix<double>::Zero(M.rows(), M.cols());
    Matrix<double> dH = Matrix<double>::Zero(H.rows(), H.cols());
    layer.backward(
        transposed, D, trace, gradient,
        [&](ConstView<double> in, View<double> d_out, View<double> d_in) {
          layer.self.backward(transposed.self, layout, in, d_out, d_in, trace.self, gradient.self);
        },
        [&](ConstView<double> in, View<double> d_out, View<double> d_in) {
          layer.cross.backward(transposed.cross, layout, in, sources, M.view(), d_out, d_in, dM,
                               trace.cross, gradient.cross);
        });
    layer.cross.project_memory_backward(transposed.cross, H, dM, dH, gradient.cross);
    expect_close(name + " d_inputs", D, sequence(torch["d_inputs"]));
    expect_close(name + " d_memory", dH, sequence(torch["d_memory"]));
    expect_parameters_close(name, gradient, expected);
  }
}

}  // namespace
