/// PyTorch's modules: names and conventions.
#pragma once

#include <string>
#include <utility>

#include <attend/io/import_table.hpp>

namespace attend::inline ATTEND_ABI {

/// The four tensors of a cell of torch.nn.RNN, LSTM, GRU and of their Cell modules. A module that
/// was made with bias=False has none: give zeros().
struct PytorchCell {
  Weights weight_ih;
  Weights weight_hh;
  Weights bias_ih = zeros();
  Weights bias_hh = zeros();
};

/// One layer and direction of a network: "rnn.weight_ih_l0_reverse" and so on. An empty prefix
/// names the network alone.
[[nodiscard]] inline PytorchCell pytorch_layer(const std::string& prefix, Index layer = 0,
                                               bool reverse = false) {
  const auto name = [&](const char* what) {
    return (prefix.empty() ? "" : prefix + ".") + what + "_l" + std::to_string(layer) +
           (reverse ? "_reverse" : "");
  };
  return {name("weight_ih"), name("weight_hh"), name("bias_ih"), name("bias_hh")};
}

/// torch.nn.LSTM, gates i f g o as ours: the two biases become one.
[[nodiscard]] inline ImportTable pytorch_lstm(const std::string& cell, const PytorchCell& from) {
  return {{cell + ".W", from.weight_ih},
          {cell + ".U", from.weight_hh},
          {cell + ".b", sum(from.bias_ih, from.bias_hh)}};
}

/// torch.nn.RNN, tanh or relu.
[[nodiscard]] inline ImportTable pytorch_rnn(const std::string& cell, const PytorchCell& from) {
  return pytorch_lstm(cell, from);
}

/// torch.nn.GRU, gates r z n as ours, reset after the product: only the candidate needs the second
/// bias.
[[nodiscard]] inline ImportTable pytorch_gru(const std::string& cell, const PytorchCell& from) {
  const Weights& b = from.bias_ih;
  const Weights& u = from.bias_hh;
  return {{cell + ".W", from.weight_ih},
          {cell + ".U_gates", from.weight_hh},
          {cell + ".U_candidate", part(from.weight_hh, 2)},
          {cell + ".b",
           stacked({sum(part(b, 0), part(u, 0)), sum(part(b, 1), part(u, 1)), part(b, 2)})},
          {cell + ".b_candidate", part(u, 2)}};
}

enum class PytorchKind { rnn, lstm, gru };

[[nodiscard]] inline ImportTable pytorch_cell(PytorchKind kind, const std::string& cell,
                                              const PytorchCell& from) {
  return kind == PytorchKind::gru ? pytorch_gru(cell, from) : pytorch_lstm(cell, from);
}

struct PytorchStack {
  PytorchKind kind = PytorchKind::gru;
  Index layers = 1;
  bool bidirectional = false;
};

/// All layers and directions of a network into a Stacked: of Recurrent, or of Bidirectional.
[[nodiscard]] inline ImportTable pytorch_stack(const std::string& stack, const std::string& prefix,
                                               const PytorchStack& shape) {
  ImportTable table;
  for (Index l = 0; l < shape.layers; ++l) {
    const std::string layer = stack + ".layers." + std::to_string(l);
    if (shape.bidirectional) {
      table.append(
          pytorch_cell(shape.kind, layer + ".forward.cell", pytorch_layer(prefix, l, false)));
      table.append(
          pytorch_cell(shape.kind, layer + ".backward.cell", pytorch_layer(prefix, l, true)));
    } else {
      table.append(pytorch_cell(shape.kind, layer + ".cell", pytorch_layer(prefix, l)));
    }
  }
  return table;
}

/// torch.nn.Linear with a bias: "fc.weight" (output x input) and "fc.bias" become W and b.
[[nodiscard]] inline ImportTable pytorch_linear(const std::string& dense,
                                                const std::string& module) {
  return {{dense + ".W", module + ".weight"}, {dense + ".b", module + ".bias"}};
}

/// torch.nn.LayerNorm.
[[nodiscard]] inline ImportTable pytorch_layer_norm(const std::string& norm,
                                                    const std::string& module) {
  return {{norm + ".g", module + ".weight"}, {norm + ".b", module + ".bias"}};
}

/// torch.nn.MultiheadAttention of a sequence with itself: its packed projections are ours.
[[nodiscard]] inline ImportTable pytorch_self_attention(const std::string& attention,
                                                        const std::string& module) {
  return {{attention + ".input.W", module + ".in_proj_weight"},
          {attention + ".input.b", module + ".in_proj_bias"},
          pytorch_linear(attention + ".output", module + ".out_proj")};
}

/// torch.nn.MultiheadAttention that looks at a memory: of three packed projections the first is the
/// queries', the others the memory's.
[[nodiscard]] inline ImportTable pytorch_cross_attention(const std::string& attention,
                                                         const std::string& module) {
  const Weights W = module + ".in_proj_weight";
  const Weights b = module + ".in_proj_bias";
  return {{attention + ".query.W", W},
          {attention + ".query.b", b},
          {attention + ".memory.W", stacked({part(W, 1), part(W, 2)})},
          {attention + ".memory.b", stacked({part(b, 1), part(b, 2)})},
          pytorch_linear(attention + ".output", module + ".out_proj")};
}

/// torch.nn.TransformerEncoderLayer, norms before or after.
[[nodiscard]] inline ImportTable pytorch_encoder_layer(const std::string& layer,
                                                       const std::string& module) {
  return {pytorch_self_attention(layer + ".attention", module + ".self_attn"),
          pytorch_layer_norm(layer + ".attention.norm", module + ".norm1"),
          pytorch_linear(layer + ".feed_forward.up", module + ".linear1"),
          pytorch_linear(layer + ".feed_forward.down", module + ".linear2"),
          pytorch_layer_norm(layer + ".feed_forward.norm", module + ".norm2")};
}

/// torch.nn.TransformerDecoderLayer, norms before or after.
[[nodiscard]] inline ImportTable pytorch_decoder_layer(const std::string& layer,
                                                       const std::string& module) {
  return {pytorch_self_attention(layer + ".self", module + ".self_attn"),
          pytorch_layer_norm(layer + ".self.norm", module + ".norm1"),
          pytorch_cross_attention(layer + ".cross", module + ".multihead_attn"),
          pytorch_layer_norm(layer + ".cross.norm", module + ".norm2"),
          pytorch_linear(layer + ".feed_forward.up", module + ".linear1"),
          pytorch_linear(layer + ".feed_forward.down", module + ".linear2"),
          pytorch_layer_norm(layer + ".feed_forward.norm", module + ".norm3")};
}

}  // namespace attend
