/// What every layer of a model says to one small input, in the order in which they speak.
#pragma once

#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <attend/core/ragged.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// The columns that a layer wrote, and its name.
template <Scalar S>
struct LayerOutput {
  std::string name;
  Matrix<S> values;
};

namespace detail {

template <Scalar S>
class LayerOutputs {
 public:
  std::vector<LayerOutput<S>> all;

  void add(std::string name, ConstView<S> values) { all.push_back({std::move(name), values}); }

  /// What an encoder kept of its pass. Of kinds that are not known here the annotations tell.
  template <class Trace>
  void add_encoder(const Trace& trace) {
    if constexpr (requires { trace.visit([](const auto&) {}); }) {
      trace.visit([&](const auto& own) { add_encoder(own); });
    } else {
      if constexpr (requires { trace.embedded; }) add("encoder embedding", trace.embedded.view());
      if constexpr (requires { trace.projected; }) {
        if (trace.projected.cols() > 0) add("encoder projection", trace.projected.view());
      }
      if constexpr (requires { trace.stack.floors; }) add_inputs("encoder", trace.stack.floors);
      if constexpr (requires { trace.layers.front().input; }) add_inputs("encoder", trace.layers);
      add("encoder annotations", trace.annotations.view());
      add("encoder final states", trace.final_states);
    }
  }

  /// What a decoder kept of its last step.
  template <class State>
  void add_decoder(const std::string& step, const State& state) {
    if constexpr (requires { state.visit([](const auto&) {}); }) {
      state.visit([&](const auto& own) { add_decoder(step, own); });
    } else if constexpr (requires { state.trace.cells; }) {
      add(step + ", decoder embedding", state.trace.embedded.view());
      const auto& contexts = state.trace.attention.contexts;
      if (contexts.rows() > 0 && contexts.cols() > 0) {
        add(step + ", decoder context", contexts.view());
      }
      for (std::size_t i = 0; i < state.trace.cells.size(); ++i) {
        add(step + ", decoder cell " + std::to_string(i), state.trace.cells[i].states.view());
      }
      add(step + ", decoder readout", state.trace.readouts.view());
    } else if constexpr (requires { state.trace.layers.front().input; }) {
      add_inputs(step + ", decoder", state.trace.layers);
    }
  }

 private:
  /// A layer's input is what the layer below wrote; the first's stands there already, or is it.
  template <class Layers>
  void add_inputs(const std::string& who, const Layers& layers) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto& input = layers[l].input;
      if constexpr (requires { input.view(); }) {
        if (input.cols() > 0) add(who + " layer " + std::to_string(l) + " input", input.view());
      }
    }
  }
};

}  // namespace detail

/// The outputs of an encoder's and a decoder's layers for one source and the tokens that are fed to
/// the decoder, then logits and alignment of each step: by the step function of search.
template <class Model>
[[nodiscard]] auto layer_outputs(const Model& model, std::span<const Token> source,
                                 std::span<const Token> inputs) {
  using S = typename Model::Scalar;
  using D = std::remove_cvref_t<decltype(model.decoder)>;
  detail::LayerOutputs<S> outputs;
  typename Model::Workspace workspace;
  typename D::Memory memory;
  model.remember(TokenBatch(std::vector<std::span<const Token>>{source}), workspace, memory);
  outputs.add_encoder(workspace.encoding);
  typename D::State state;
  const Index sentence = 0;
  model.decoder.begin(memory, std::span(&sentence, 1), state);
  Matrix<S> L(model.decoder.vocabulary_size(), 1);
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    const std::string step = "step " + std::to_string(t);
    model.decoder.step(memory, inputs.subspan(t, 1), state);
    outputs.add_decoder(step, state);
    const auto weights = state.weights(0);
    if (!weights.empty()) {
      const auto length = static_cast<Index>(weights.size());
      outputs.add(step + ", alignment", {weights.data(), length, 1, length});
    }
    model.decoder.logits(state, L);
    outputs.add(step + ", logits", L);
  }
  return std::move(outputs.all);
}

}  // namespace attend
