/// A recurrent translator as two ONNX graphs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <attend/decoder/recurrent_decoder.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/io/onnx_attention.hpp>
#include <attend/io/onnx_graph.hpp>
#include <attend/io/onnx_recurrent.hpp>
#include <attend/model/any_seq2seq.hpp>
#include <attend/model/seq2seq.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

inline std::string onnx_activated(OnnxGraph& graph, ProjectionActivation activation,
                                  const std::string& X) {
  if (activation == ProjectionActivation::linear) return X;
  return graph.node(activation == ProjectionActivation::relu ? "Relu" : "Tanh", {X});
}

/// s_0 (1 x state rows) from the encoder's final states.
template <Scalar S>
std::string onnx_initial(OnnxGraph& graph, const Bridge<S>& bridge, const std::string& states) {
  const BridgeConfig& config = bridge.config();
  switch (config.kind) {
    case InitialState::copied:
      return states;
    case InitialState::zero:
      return graph.constant<S>("bridge", Matrix<S>::Zero(config.decoder_states, 1));
    default:
      break;
  }
  const std::string s =
      graph.add<S>("bridge.b", graph.product<S>("bridge.W", states, bridge.W.matrix()), bridge.b);
  if (config.kind == InitialState::linear) return s;
  return graph.node(config.kind == InitialState::relu ? "Relu" : "Tanh", {s});
}

/// r (n x d_r) of parts that are read side by side.
template <Scalar S>
std::string onnx_readout(OnnxGraph& graph, const Readout<S>& readout,
                         const std::vector<std::string>& parts) {
  const std::string X = graph.concatenate(parts, 1);
  if (readout.activation() == ReadoutActivation::none) return X;
  Index columns = readout.W_s.cols();
  if (readout.W_c) columns += readout.W_c->cols();
  if (readout.W_y) columns += readout.W_y->cols();
  Matrix<S> W(readout.W_s.rows(), columns);
  W.leftCols(readout.W_s.cols()) = readout.W_s.matrix();
  if (readout.W_c) W.middleCols(readout.W_s.cols(), readout.W_c->cols()) = readout.W_c->matrix();
  if (readout.W_y) W.rightCols(readout.W_y->cols()) = readout.W_y->matrix();
  const std::string t = graph.add<S>("readout.b", graph.product<S>("readout.W", X, W), readout.b);
  switch (readout.activation()) {
    case ReadoutActivation::tanh:
      return graph.node("Tanh", {t});
    case ReadoutActivation::relu:
      return graph.node("Relu", {t});
    case ReadoutActivation::maxout:
      return graph.node("ReduceMax", {graph.reshape(t, {0, readout.output_size(), 2})},
                        {{"axes", std::vector<Index>{2}}, {"keepdims", Index{0}}});
    default:
      return t;
  }
}

/// One step of a recurrent decoder, node by node as RecurrentSteps::advance goes.
template <class D>
class OnnxStep {
 public:
  using S = typename D::Scalar;

  OnnxStep(const D& decoder, OnnxGraph& graph)
      : decoder_(decoder),
        config_(decoder.config()),
        route_{config_.order, config_.layers, config_.input_feeding},
        graph_(graph) {}

  void build() {
    if (decoder_.gate) refuse_onnx("a decoder that copies has words of each source's own");
    read_inputs();
    words_ = graph_.constant("embedding", decoder_.embedding.E);
    embedded_ = graph_.node("Gather", {words_, token_});
    for (std::size_t i = 0; i <= route_.cells(); ++i) {
      if (route_.attends() && i == route_.attention_place()) attend();
      if (i < route_.cells()) step(i);
    }
    write_outputs();
  }

 private:
  void read_inputs() {
    const auto type = OnnxGraph::type_of<S>;
    const std::string n = "hypotheses";
    token_ = graph_.input("token", OnnxGraph::Type::int64, {n});
    const std::string state = graph_.input("state", type, {n, decoder_.state_rows()});
    std::vector<Index> rows;
    for (Index l = 0; l < config_.layers; ++l) {
      rows.push_back(state_rows(static_cast<std::size_t>(l)));
    }
    layers_ = graph_.split(state, rows, 1);
    if (route_.input_feeding) fed_ = graph_.input("feed", type, {n, config_.readout});
    if (!route_.attends()) return;
    memory_.annotations = graph_.input("annotations", type, {"source", config_.annotation});
    const Index d_e = decoder_.attention->key_size(config_.annotation);
    memory_.keys = d_e > 0 ? graph_.input("keys", type, {"source", d_e}) : memory_.annotations;
  }

  [[nodiscard]] Index state_rows(std::size_t layer) const {
    return decoder_.cells[route_.cell_of(layer)].cell.state_rows();
  }

  void attend() {
    const std::size_t asking = route_.layer_of(route_.asking_cell());
    context_ = onnx_attend(graph_, *decoder_.attention, memory_, query(asking));
  }

  /// The part of a layer's state that asks.
  std::string query(std::size_t layer) {
    if (config_.query == QueryPart::all) return layers_[layer];
    const auto parts = parts_of(layer);
    return config_.query == QueryPart::cell ? parts.back() : parts.front();
  }
  /// h and, of an LSTM, c.
  std::vector<std::string> parts_of(std::size_t layer) {
    const auto count = static_cast<std::size_t>(state_rows(layer) / config_.hidden);
    return graph_.split(layers_[layer], std::vector<Index>(count, config_.hidden), 1);
  }
  std::string hidden(std::size_t layer) { return parts_of(layer).front(); }

  void step(std::size_t i) {
    const auto& [cell, beside] = decoder_.cells[i];
    OnnxRecurrent<S> own = onnx_recurrent(cell);
    std::vector<std::string> inputs;
    if (route_.takes_context(i)) {
      inputs.push_back(context_.contexts);
    } else if (route_.takes_layer_below(i)) {
      inputs.push_back(hidden(route_.layer_of(i) - 1));
    } else if (config_.embedding > 0) {
      inputs.push_back(embedded_);
    }
    if (beside) {
      inputs.push_back(route_.input_feeding ? fed_ : context_.contexts);
      own.add_input(beside->matrix());
    }
    const std::string X = graph_.unsqueeze(graph_.concatenate(inputs, 1), 0);
    std::string& state = layers_[route_.layer_of(i)];
    state =
        add_onnx_layer<S>(graph_, "cell" + std::to_string(i), {{std::move(own)}}, X, state).states;
  }

  void write_outputs() {
    const auto type = OnnxGraph::type_of<S>;
    const std::string n = "hypotheses";
    std::vector<std::string> parts{hidden(layers_.size() - 1)};
    const bool context = config_.reads_context.value_or(true);
    const bool embedding =
        config_.reads_embedding.value_or(config_.order != DecoderOrder::step_then_attend);
    if (route_.attends() && context) parts.push_back(context_.contexts);
    if (embedding && config_.embedding > 0) parts.push_back(embedded_);
    const std::string r = onnx_readout<S>(graph_, decoder_.readout, parts);
    const WordOutput<S>& output = decoder_.output;
    const std::string scores = output.tied()
                                   ? graph_.node("MatMul", {r, graph_.transpose(words_, {1, 0})})
                                   : graph_.product<S>("output.W", r, output.W->matrix());
    graph_.output(graph_.add<S>("output.b", scores, output.b), "logits", type,
                  {n, decoder_.vocabulary_size()});
    graph_.output(graph_.concatenate(layers_, 1), "next_state", type, {n, decoder_.state_rows()});
    if (route_.input_feeding) graph_.output(r, "next_feed", type, {n, config_.readout});
    if (route_.attends()) graph_.output(context_.weights, "weights", type, {n, "source"});
  }

  const D& decoder_;
  const RecurrentDecoderConfig& config_;
  DecoderRoute route_;
  OnnxGraph& graph_;
  std::string token_;
  std::string words_;
  std::string embedded_;
  std::string fed_;
  std::vector<std::string> layers_;
  OnnxMemory memory_;
  OnnxContext context_;
};

}  // namespace detail

/// A sentence at a time: `source` (T) becomes `annotations` (T x d_v), `keys` (T x d_e, where the
/// score projects any) and `state` (1 x state rows), with which the step begins. Throws
/// std::invalid_argument for what the graphs cannot say.
template <class Layer, class D>
[[nodiscard]] OnnxGraph onnx_encoder(const TextEncoder<Layer>& encoder, const D& decoder) {
  using S = typename D::Scalar;
  const auto type = OnnxGraph::type_of<S>;
  OnnxGraph graph("encoder");
  const std::string T = "source";
  const std::string source = graph.input("source", OnnxGraph::Type::int64, {T});
  const Embedding<S>& words = encoder.embedding ? *encoder.embedding : decoder.embedding;
  std::string X = graph.node("Gather", {graph.constant("encoder.embedding", words.E), source});
  if (const auto& projection = encoder.projection) {
    X = graph.add<S>("projection.b",
                     graph.product<S>("encoder.projection.W", X, projection->dense.W.matrix()),
                     projection->dense.b);
    X = detail::onnx_activated(graph, projection->activation(), X);
  }
  X = graph.unsqueeze(X, 1);
  std::vector<std::string> states;
  for (const Layer& layer : encoder.stack.layers) {
    const std::string name = "encoder.layer" + std::to_string(states.size());
    OnnxLayer made = add_onnx_layer<S>(graph, name, onnx_directions(layer), X);
    const bool same_size = layer.input_size() == layer.output_size();
    if (encoder.stack.options().residual && same_size && !states.empty()) {
      made.outputs = graph.node("Add", {made.outputs, X});
    }
    X = made.outputs;
    states.push_back(made.states);
  }
  const std::string H = graph.squeeze(X, 1);
  graph.output(H, "annotations", type, {T, encoder.annotation_size()});
  const Index d_e = decoder.attention ? decoder.attention->key_size(encoder.annotation_size()) : 0;
  if (d_e > 0) {
    graph.output(onnx_keys(graph, decoder.attention->score, H), "keys", type, {T, d_e});
  }
  graph.output(detail::onnx_initial<S>(graph, decoder.bridge, graph.concatenate(states, 1)),
               "state", type, {1, decoder.state_rows()});
  return graph;
}

/// One step of n hypotheses of one source: `token` (n), `state` (n x state rows), `annotations`,
/// `keys` and, with input feeding, `feed` (n x d_r, at first zero) become `logits` (n x V),
/// `next_state`, `next_feed` and `weights` (n x T). Throws std::invalid_argument for what the graph
/// cannot say.
template <Cell C, Score Z, Window W, class F>
[[nodiscard]] OnnxGraph onnx_step(const RecurrentDecoder<C, Z, W, F>& decoder) {
  OnnxGraph graph("step");
  detail::OnnxStep(decoder, graph).build();
  return graph;
}

struct OnnxModel {
  OnnxGraph encoder;
  OnnxGraph step;
};

/// Both graphs of a recurrent translator.
template <class Encoder, class D>
[[nodiscard]] OnnxModel export_onnx(const Seq2Seq<Encoder, D>& model) {
  return {onnx_encoder(model.encoder, model.decoder), onnx_step(model.decoder)};
}
template <Scalar S>
[[nodiscard]] OnnxModel export_onnx(const AnySeq2Seq<S>& model) {
  const auto* decoder = std::get_if<AnyRecurrentDecoder<S>>(&model.decoder.choice());
  if (decoder == nullptr)
    detail::refuse_onnx("the decoder must be recurrent, but it is a transformer");
  return std::visit(
      [&](const auto& encoder) -> OnnxModel {
        if constexpr (requires { onnx_encoder(encoder, *decoder); }) {
          return {onnx_encoder(encoder, *decoder), onnx_step(*decoder)};
        }
        detail::refuse_onnx("the encoder must be recurrent, but it is a transformer");
      },
      model.encoder.choice());
}

}  // namespace attend
