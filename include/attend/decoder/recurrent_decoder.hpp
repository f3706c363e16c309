/// The recurrent decoder: cells, an attention somewhere among them, a readout.
#pragma once

#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <attend/attention/attention.hpp>
#include <attend/cell/cell.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/decoder/readout.hpp>
#include <attend/decoder/recurrent_memory.hpp>
#include <attend/decoder/recurrent_state.hpp>
#include <attend/decoder/word_output.hpp>
#include <attend/layer/dense.hpp>
#include <attend/layer/embedding.hpp>

namespace attend::inline ATTEND_ABI {

/// Where a decoder attends, and by that whose it is.
enum class DecoderOrder {
  attend_then_step,  ///< Bahdanau: the state before the step asks; the context is an input.
  step_then_attend,  ///< Luong: the state after the step asks; the context goes to the readout.
  step_attend_step,  ///< Conditional (Nematus): a cell, its state asks, a second cell takes the
                     ///< context.
  step_only          ///< Without attention: the source is known by the initial state alone.
};

struct RecurrentDecoderConfig {
  DecoderOrder order = DecoderOrder::attend_then_step;
  Index vocabulary = 0;
  Index embedding = 0;
  Index hidden = 0;
  Index layers = 1;
  /// d_v, the size of the encoder's annotations, and the rows of its final states.
  Index annotation = 0;
  Index encoder_states = 0;
  Index readout = 0;
  ReadoutActivation activation = ReadoutActivation::tanh;
  bool input_feeding = false;
  bool tied_embeddings = false;
  double embedding_dropout = 0;
  double layer_dropout = 0;
  double readout_dropout = 0;
  DropoutMask mask = DropoutMask::each_step;
};

/// A cell of a decoder and the weights of its second input: the context (Bahdanau's C), or the fed
/// back readout (Luong's input feeding).
template <Cell C>
struct DecoderTransition {
  C cell;
  std::optional<PanelMatrix<typename C::Scalar>> beside;

  static void parameters(auto&& f, auto&... m) {
    f("cell", m.cell...);
    f("beside", m.beside...);
  }
};

/// One step, shared by training, search and streaming: embed a token, pass the cells in order,
/// attend where `order` says, read out. Layer 0's state passes through its one or two cells; layers
/// above take the hidden state below; the attention is asked by the top layer's state (Bahdanau:
/// before the step; Luong: after), with step_attend_step by layer 0's between its cells.
template <Cell C, Score Z>
class RecurrentDecoder {
 public:
  using Scalar = typename C::Scalar;
  using S = Scalar;
  using Memory = RecurrentMemory<S>;
  using Trace = RecurrentDecoderTrace<S>;
  using State = RecurrentDecoderState<S>;

  Embedding<S> embedding;
  Dense<S> bridge;
  std::vector<DecoderTransition<C>> transitions;
  std::optional<Attention<Z>> attention;
  Readout<S> readout;
  WordOutput<S> output;

  RecurrentDecoder() = default;

  /// `make_cell(input, random)` makes a cell with that input size and `config.hidden` units;
  /// `score` is not used with step_only. Throws std::invalid_argument for a configuration that
  /// cannot be.
  template <class MakeCell>
  RecurrentDecoder(const RecurrentDecoderConfig& config, MakeCell&& make_cell, Z score,
                   Random& random)
      : embedding({config.vocabulary, config.embedding, embedding_deviation(config)}, random),
        readout({config.hidden, attends(config) ? config.annotation : 0,
                 config.order == DecoderOrder::step_then_attend ? 0 : config.embedding,
                 config.readout, config.activation},
                random),
        output({config.readout, config.vocabulary, config.tied_embeddings}, random),
        config_(config) {
    check_config();
    make_transitions(make_cell, random);
    Index rows = 0;
    for (Index l = 0; l < config.layers; ++l) rows += layer_cell(l).state_rows();
    bridge = Dense<S>({config.encoder_states, rows}, random);
    if (attends(config)) attention.emplace(std::move(score));
  }

  static void parameters(auto&& f, auto&... m) {
    f("embedding", m.embedding...);
    f("bridge", m.bridge...);
    f("transitions", m.transitions...);
    f("attention", m.attention...);
    f("readout", m.readout...);
    f("output", m.output...);
  }

  [[nodiscard]] const RecurrentDecoderConfig& config() const { return config_; }
  [[nodiscard]] Index vocabulary_size() const { return embedding.E.cols(); }

  // --- Memory -------------------------------------------------------------------------------

  /// Makes a memory of a batch of annotations H (d_v x N, step-major) and the encoder's final
  /// states (encoder_states x B): projects the keys, s_0 = tanh(W_b states + b).
  void remember(const Ragged& layout, ConstView<S> H, const Matrix<S>& final_states,
                Memory& memory) const {
    check_shape("RecurrentDecoder::remember", "final_states", final_states, bridge.W.cols(),
                layout.size());
    const Index d_v = attention ? H.rows() : 0;
    memory.attention.resize(layout.lengths(), d_v, attention ? attention->key_size(d_v) : 0);
    if (attention) {
      to_sentence_major<S>(layout, H, memory.attention.values());
      attention->project_keys(memory.attention);
    }
    memory.initial.resize(bridge.W.rows(), layout.size());
    bridge.forward(final_states, memory.initial);
    for (Index b = 0; b < layout.size(); ++b) {
      S* s = memory.initial.col(b).data();
      packet::for_each_lane<S>(memory.initial.rows(),
                               [&](auto lane) { lane.store(s, packet::tanh(lane.load(s))); });
    }
  }

  /// d_memory is used up. Overwrites dH (d_v x N, step-major) and d_final_states.
  void remember_backward(const RecurrentDecoder& transposed, const Ragged& layout,
                         const Matrix<S>& final_states, const Memory& memory, Memory& d_memory,
                         View<S> dH, Matrix<S>& d_final_states, RecurrentDecoder& gradient) const {
    if (attention) {
      attention->project_keys_backward(*transposed.attention, memory.attention, d_memory.attention,
                                       *gradient.attention);
      to_step_major<S>(layout, d_memory.attention.values(), dH);
    } else {
      dH.setZero();
    }
    d_memory.initial.array() *= S{1} - memory.initial.array().square();
    d_final_states.setZero(final_states.rows(), final_states.cols());
    bridge.backward(transposed.bridge, final_states, d_memory.initial, d_final_states,
                    gradient.bridge);
  }

  // --- Search: one step of any hypotheses ---------------------------------------------------

  void begin(const Memory& memory, std::span<const Index> sentences, State& state) const {
    begin_at(memory, sentences, state);
    state.alignments.resize(0, 0);
    state.trace.readouts.resize(readout.output_size(), 0);
  }

  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    const Index n = state.size();
    check_size("RecurrentDecoder::step", "number of tokens", static_cast<Index>(tokens.size()), n);
    Trace& trace = state.trace;
    resize_trace(n, trace);
    embedding.forward(tokens, trace.embedded.view());
    transitions.front().cell.project(trace.embedded.view(), trace.transitions.front().gates.view());
    if (attention) {
      Index longest = 0;
      for (Index i = 0; i < n; ++i) longest = std::max(longest, memory.length(state.sentence(i)));
      state.alignments.resize(longest, n);
    }
    advance(memory, 0, n, state, trace, attention ? &state.alignments : nullptr);
    if (!config_.input_feeding) read_out(0, n, trace);
    ++state.steps;
  }

  void logits(const State& state, View<S> L) const {
    check_shape("RecurrentDecoder::logits", "L", L, vocabulary_size(), state.size());
    output.logits(embedding, state.trace.readouts.view(), L);
  }

  // --- Training: all steps of a batch -------------------------------------------------------

  /// Runs over the inputs (each sequence's words after its start symbol, target b reads source b)
  /// and overwrites trace.readouts (d_r x N, step-major), with dropout if there is a generator.
  void unroll(const Memory& memory, const TokenBatch& inputs, Random* random, State& state,
              Trace& trace) const {
    const Ragged& layout = inputs.layout;
    check_size("RecurrentDecoder::unroll", "number of targets", layout.size(), memory.size());
    resize_trace(layout.columns(), trace);
    embedding.forward(inputs.tokens, trace.embedded.view());
    trace.embedding_dropout.forward(config_.embedding_dropout, config_.mask, layout, random,
                                    trace.embedded.view());
    for (auto& t : trace.transitions) {
      t.dropout.draw(config_.layer_dropout, config_.mask, layout, config_.hidden, random);
    }
    trace.readout_dropout.draw(config_.readout_dropout, config_.mask, layout, readout.output_size(),
                               random);
    transitions.front().cell.project(trace.embedded.view(), trace.transitions.front().gates.view());
    begin_by_rank(memory, layout, state);
    for (Index t = 0; t < layout.steps(); ++t) {
      advance(memory, layout.offset(t), layout.count(t), state, trace, nullptr);
      ++state.steps;
    }
    if (attends_at_the_end()) attend_by_sentence(memory, layout, trace);
    if (!config_.input_feeding) {
      read_out(0, layout.columns(), trace);
      trace.readout_dropout.apply(layout, trace.readouts.view());
    }
  }

  /// The way back of unroll, last step first. dR (d_r x N) is used up; adds to the memory's
  /// gradient and to `gradient`.
  void unroll_backward(const RecurrentDecoder& transposed, const Memory& memory,
                       const TokenBatch& inputs, View<S> dR, State& state, Trace& trace,
                       Memory& d_memory, RecurrentDecoder& gradient) const {
    const Ragged& layout = inputs.layout;
    const Index N = layout.columns();
    zero_gradients(layout, state, trace);
    if (!config_.input_feeding) {
      trace.readout_dropout.apply(layout, dR);
      read_out_backward(transposed, 0, N, dR, trace);
    }
    if (attends_at_the_end()) {
      attend_by_sentence_backward(transposed, memory, layout, trace, d_memory, gradient);
    }
    for (Index t = layout.steps() - 1; t >= 0; --t) {
      retreat(transposed, memory, layout.offset(t), layout.count(t), t, dR, state, trace, d_memory,
              gradient);
    }
    add_gradients(N, trace, gradient);
    for (Index r = 0; r < layout.size(); ++r) {
      Index row = 0;
      for (Buffer<S>& layer : state.layers) {
        d_memory.initial.col(layout.sequence(r)).segment(row, layer.rows()) += layer.view().col(r);
        row += layer.rows();
      }
    }
    View<S> dE = trace.d_embedded.view();
    transitions.front().cell.input_backward(transposed.transitions.front().cell,
                                            trace.transitions.front().d_gates.view(), dE);
    trace.embedding_dropout.backward(layout, dE);
    Embedding<S>::backward(inputs.tokens, dE, gradient.embedding);
  }

 private:
  // --- Structure ----------------------------------------------------------------------------

  [[nodiscard]] static bool attends(const RecurrentDecoderConfig& config) {
    return config.order != DecoderOrder::step_only;
  }
  /// Tied to the output, large vectors would begin as large logits.
  [[nodiscard]] static double embedding_deviation(const RecurrentDecoderConfig& config) {
    return config.tied_embeddings ? 1 / std::sqrt(static_cast<double>(config.embedding)) : 1;
  }
  [[nodiscard]] bool conditional() const { return config_.order == DecoderOrder::step_attend_step; }

  /// The transition before which the attention is asked; as many as there are: after the last.
  [[nodiscard]] std::size_t attention_place() const {
    switch (config_.order) {
      case DecoderOrder::attend_then_step:
        return 0;
      case DecoderOrder::step_attend_step:
        return 1;
      default:
        return transitions.size();
    }
  }
  /// Nothing of a step waits for its attention, so all steps can be asked at once.
  [[nodiscard]] bool attends_at_the_end() const {
    return config_.order == DecoderOrder::step_then_attend && !config_.input_feeding;
  }
  [[nodiscard]] bool attends_in_step(std::size_t place, bool searching) const {
    return attention && place == attention_place() && (searching || !attends_at_the_end());
  }
  /// The layer whose state a transition advances, and the transition that last advances a layer.
  [[nodiscard]] std::size_t layer_of(std::size_t i) const {
    return conditional() ? (i == 0 ? 0 : i - 1) : i;
  }
  [[nodiscard]] const C& layer_cell(Index l) const {
    return transitions[static_cast<std::size_t>(l) + (conditional() ? 1 : 0)].cell;
  }
  [[nodiscard]] bool takes_context(std::size_t i) const { return conditional() && i == 1; }

  void check_config() const {
    check_argument(config_.layers >= 1, "RecurrentDecoder: layers is ", config_.layers,
                   ", expected 1 or more");
    check_argument(!config_.input_feeding || config_.order == DecoderOrder::step_then_attend,
                   "RecurrentDecoder: input feeding belongs to the order step_then_attend (Luong)");
    check_argument(!config_.tied_embeddings || config_.readout == config_.embedding,
                   "RecurrentDecoder: tied embeddings need a readout of the embedding's size; the "
                   "readout is ",
                   config_.readout, ", the embedding ", config_.embedding);
  }

  template <class MakeCell>
  void make_transitions(MakeCell& make_cell, Random& random) {
    const auto add = [&](Index input, Index beside) {
      transitions.push_back({make_cell(input, random), {}});
      auto& made = transitions.back();
      if (beside > 0) {
        initialize_glorot(made.beside.emplace(made.cell.input_rows(), beside), random);
      }
    };
    const bool bahdanau = config_.order == DecoderOrder::attend_then_step;
    add(config_.embedding,
        bahdanau ? config_.annotation : (config_.input_feeding ? config_.readout : 0));
    if (conditional()) add(config_.annotation, 0);
    for (Index l = 1; l < config_.layers; ++l) add(config_.hidden, 0);
  }

  // --- Memory of the steps ------------------------------------------------------------------

  void resize_trace(Index N, Trace& trace) const {
    trace.embedded.resize(embedding.E.rows(), N);
    trace.transitions.resize(transitions.size());
    for (std::size_t i = 0; i < transitions.size(); ++i) {
      auto& t = trace.transitions[i];
      const C& cell = transitions[i].cell;
      if (i > 0 && !takes_context(i)) t.input.resize(cell.input_size(), N);
      t.gates.resize(cell.gate_rows(), N);
      t.previous.resize(cell.state_rows(), N);
      t.states.resize(cell.state_rows(), N);
    }
    if (attention) {
      trace.queries.resize(query_rows(), N);
      trace.contexts.resize(config_.annotation, N);
      trace.normalisers.resize(static_cast<std::size_t>(N));
    }
    if (config_.input_feeding) trace.fed.resize(readout.output_size(), N);
    trace.activations.resize(readout.trace_rows(), N);
    trace.readouts.resize(readout.output_size(), N);
  }

  /// d_e of projected queries.
  [[nodiscard]] Index query_rows() const {
    if (projects_queries(attention->score)) {
      return attention->score.projected_size(config_.annotation);
    }
    return config_.hidden;
  }

  void begin_at(const Memory& memory, std::span<const Index> sentences, State& state) const {
    state.sentences.assign(sentences.begin(), sentences.end());
    state.lengths.clear();
    const auto n = static_cast<Index>(sentences.size());
    state.layers.resize(static_cast<std::size_t>(config_.layers));
    Index row = 0;
    for (Index l = 0; l < config_.layers; ++l) {
      const Index rows = layer_cell(l).state_rows();
      View<S> s = state.layers[static_cast<std::size_t>(l)].resize(rows, n);
      for (Index i = 0; i < n; ++i) {
        s.col(i) = memory.initial.col(state.sentence(i)).segment(row, rows);
      }
      row += rows;
    }
    for (const Index b : sentences) state.lengths.push_back(memory.length(b));
    if (config_.input_feeding) state.feed.zero(readout.output_size(), n);
    state.steps = 0;
  }

  void begin_by_rank(const Memory& memory, const Ragged& layout, State& state) const {
    state.sentences.resize(static_cast<std::size_t>(layout.size()));
    for (Index r = 0; r < layout.size(); ++r) {
      state.sentences[static_cast<std::size_t>(r)] = layout.sequence(r);
    }
    const std::vector<Index> sentences = state.sentences;
    begin_at(memory, sentences, state);
  }

  // --- The step -----------------------------------------------------------------------------

  /// Advances the first n hypotheses; their trace is the columns [first, first + n), whose first
  /// cell is projected.
  void advance(const Memory& memory, Index first, Index n, State& state, Trace& trace,
               Buffer<S>* weights) const {
    const bool searching = weights != nullptr;
    for (std::size_t i = 0; i <= transitions.size(); ++i) {
      if (attends_in_step(i, searching)) attend_step(memory, first, n, state, trace, weights);
      if (i < transitions.size()) advance_transition(i, first, n, state, trace);
    }
    if (config_.input_feeding) {
      read_out(first, n, trace);
      trace.readout_dropout.apply(first, n, trace.readouts.columns(first, n));
      state.feed.columns(0, n) = trace.readouts.columns(first, n);
    }
  }

  void advance_transition(std::size_t i, Index first, Index n, State& state, Trace& trace) const {
    const auto& [cell, beside] = transitions[i];
    auto& t = trace.transitions[i];
    View<S> G = t.gates.columns(first, n);
    if (takes_context(i)) {
      cell.project(trace.contexts.columns(first, n), G);
    } else if (i > 0) {
      View<S> X = t.input.columns(first, n);
      X = trace.transitions[i - 1].states.columns(first, n).topRows(config_.hidden);
      t.dropout.apply(first, n, X);
      cell.project(X, G);
    }
    if (config_.input_feeding && i == 0) trace.fed.columns(first, n) = state.feed.columns(0, n);
    if (beside) multiply_add(*beside, beside_input(first, n, trace), G.topRows(cell.input_rows()));
    View<S> running = state.layers[layer_of(i)].columns(0, n);
    t.previous.columns(first, n) = running;
    cell.step(G, t.previous.columns(first, n), t.states.columns(first, n));
    running = t.states.columns(first, n);
  }

  [[nodiscard]] ConstView<S> beside_input(Index first, Index n, const Trace& trace) const {
    return config_.input_feeding ? trace.fed.columns(first, n) : trace.contexts.columns(first, n);
  }

  /// The states that ask: the top layer's before the step, layer 0's between its cells, or the top
  /// layer's after the step.
  [[nodiscard]] ConstView<S> asking(Index first, Index n, const State& state,
                                    const Trace& trace) const {
    if (config_.order == DecoderOrder::attend_then_step) {
      return state.layers.back().columns(0, n).topRows(config_.hidden);
    }
    const auto& t = conditional() ? trace.transitions.front() : trace.transitions.back();
    return t.states.columns(first, n).topRows(config_.hidden);
  }

  void attend_step(const Memory& memory, Index first, Index n, const State& state, Trace& trace,
                   Buffer<S>* weights) const {
    attention->project_queries(asking(first, n, state, trace), trace.queries.columns(first, n));
    // Neighbours that read the same source, a beam, share one pass over it.
    for (Index i = 0, end = 0; i < n; i = end) {
      const Index b = state.sentence(i);
      for (end = i + 1; end < n && state.sentence(end) == b;) ++end;
      const Index U = end - i;
      std::optional<View<S>> alignment;
      if (weights != nullptr) {
        alignment.emplace(weights->column(i), memory.length(b), U, weights->rows());
      }
      attention->attend(memory.attention[b], {trace.queries.columns(first + i, U), state.steps},
                        trace.contexts.columns(first + i, U), trace.workspace,
                        normalisers(first + i, U, trace), alignment ? &*alignment : nullptr);
    }
  }

  static std::span<S> normalisers(Index first, Index n, Trace& trace) {
    return std::span(trace.normalisers)
        .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
  }

  [[nodiscard]] typename Readout<S>::template Parts<ConstView<S>> readout_parts(
      Index first, Index n, const Trace& trace) const {
    return {trace.transitions.back().states.columns(first, n).topRows(config_.hidden),
            trace.contexts.columns(first, n), trace.embedded.columns(first, n)};
  }

  void read_out(Index first, Index n, Trace& trace) const {
    readout.step(readout_parts(first, n, trace), trace.activations.columns(first, n),
                 trace.readouts.columns(first, n));
  }

  /// Asks for all steps of a sentence together (U = target length).
  void attend_by_sentence(const Memory& memory, const Ragged& layout, Trace& trace) const {
    attention->project_queries(trace.transitions.back().states.view().topRows(config_.hidden),
                               trace.queries.view());
    for_each_sentence(layout, trace, [&](Index b, View<S> A, View<S> contexts, std::span<S> own) {
      attention->attend(memory.attention[b], {A}, contexts, trace.workspace, own);
      for (Index t = 0; t < A.cols(); ++t) {
        trace.contexts.view().col(layout.column(b, t)) = contexts.col(t);
      }
    });
  }

  /// Calls `body(b, A, contexts, normalisers)` with sentence b's queries side by side and room for
  /// its contexts; normalisers are kept sentence-major.
  template <class Body>
  void for_each_sentence(const Ragged& layout, Trace& trace, Body&& body) const {
    for (Index b = 0; b < layout.size(); ++b) {
      const Index U = layout.length(b);
      View<S> A = trace.gathered_queries.resize(trace.queries.rows(), U);
      View<S> contexts = trace.gathered_contexts.resize(trace.contexts.rows(), U);
      for (Index t = 0; t < U; ++t) A.col(t) = trace.queries.view().col(layout.column(b, t));
      body(b, A, contexts, normalisers(layout.start(b), U, trace));
    }
  }

  // --- The step's way back ------------------------------------------------------------------

  void zero_gradients(const Ragged& layout, State& state, Trace& trace) const {
    const Index N = layout.columns();
    trace.d_embedded.zero(embedding.E.rows(), N);
    trace.d_activations.resize(readout.trace_rows(), N);
    for (std::size_t i = 0; i < transitions.size(); ++i) {
      trace.transitions[i].d_gates.resize(transitions[i].cell.gate_rows(), N);
      trace.transitions[i].d_hidden.zero(config_.hidden, N);
    }
    if (attention) {
      trace.d_contexts.zero(config_.annotation, N);
      trace.d_queries.zero(trace.queries.rows(), N);
    }
    for (Buffer<S>& layer : state.layers) layer.zero(layer.rows(), layout.size());
    if (config_.input_feeding) state.feed.zero(readout.output_size(), layout.size());
  }

  /// The way back of read_out: adds to d_hidden of the last cell, d_contexts and d_embedded.
  void read_out_backward(const RecurrentDecoder& transposed, Index first, Index n, View<S> dR,
                         Trace& trace) const {
    View<S> dT = trace.d_activations.columns(first, n);
    readout.step_backward(trace.activations.columns(first, n), dR, dT);
    readout.input_backward(
        transposed.readout, dT,
        {trace.transitions.back().d_hidden.columns(first, n), trace.d_contexts.columns(first, n),
         trace.d_embedded.columns(first, n)});
  }

  /// The way back of advance, for step t's columns [first, first + n).
  void retreat(const RecurrentDecoder& transposed, const Memory& memory, Index first, Index n,
               Index step, View<S> dR, State& state, Trace& trace, Memory& d_memory,
               RecurrentDecoder& gradient) const {
    if (config_.input_feeding) {
      View<S> d = dR.middleCols(first, n);
      d += state.feed.columns(0, n);
      trace.readout_dropout.apply(first, n, d);
      read_out_backward(transposed, first, n, d, trace);
    }
    for (std::size_t i = transitions.size() + 1; i-- > 0;) {
      if (i < transitions.size()) retreat_transition(transposed, i, first, n, state, trace);
      if (attends_in_step(i, false)) {
        attend_step_backward(transposed, memory, first, n, step, state, trace, d_memory, gradient);
      }
    }
  }

  void retreat_transition(const RecurrentDecoder& transposed, std::size_t i, Index first, Index n,
                          State& state, Trace& trace) const {
    const auto& [cell, beside] = transitions[i];
    auto& t = trace.transitions[i];
    View<S> dS = state.layers[layer_of(i)].columns(0, n);
    View<S> dG = t.d_gates.columns(first, n);
    dS.topRows(config_.hidden) += t.d_hidden.columns(first, n);
    cell.step_backward(transposed.transitions[i].cell, t.gates.columns(first, n),
                       t.previous.columns(first, n), t.states.columns(first, n), dS, dG);
    if (beside) {
      multiply_add(*transposed.transitions[i].beside, dG.topRows(cell.input_rows()),
                   beside_gradient(first, n, state, trace));
    }
    if (takes_context(i)) {
      cell.input_backward(transposed.transitions[i].cell, dG, trace.d_contexts.columns(first, n));
    } else if (i > 0) {
      View<S> dX = trace.d_input.zero(config_.hidden, n);
      cell.input_backward(transposed.transitions[i].cell, dG, dX);
      t.dropout.apply(first, n, dX);
      trace.transitions[i - 1].d_hidden.columns(first, n) += dX;
    }
  }

  /// Where the gradient of the second input is added: the fed back readout's starts from zero at
  /// every step, because the step before is the only one that reads it.
  [[nodiscard]] View<S> beside_gradient(Index first, Index n, State& state, Trace& trace) const {
    if (!config_.input_feeding) return trace.d_contexts.columns(first, n);
    View<S> d_feed = state.feed.columns(0, n);
    d_feed.setZero();
    return d_feed;
  }

  void attend_step_backward(const RecurrentDecoder& transposed, const Memory& memory, Index first,
                            Index n, Index step, State& state, Trace& trace, Memory& d_memory,
                            RecurrentDecoder& gradient) const {
    for (Index i = 0; i < n; ++i) {
      const Index b = state.sentence(i);
      attention->backward(memory.attention[b], {trace.queries.columns(first + i, 1), step},
                          {trace.contexts.columns(first + i, 1), normalisers(first + i, 1, trace)},
                          trace.d_contexts.columns(first + i, 1),
                          trace.d_queries.columns(first + i, 1), d_memory.attention.gradient(b),
                          *gradient.attention, trace.workspace);
    }
    ask_backward(transposed, first, n, state, trace, gradient);
  }

  /// The way back of project_queries(asking): adds to where the asking states came from.
  void ask_backward(const RecurrentDecoder& transposed, Index first, Index n, State& state,
                    Trace& trace, RecurrentDecoder& gradient) const {
    const bool before = config_.order == DecoderOrder::attend_then_step;
    const auto& t = conditional() ? trace.transitions.front() : trace.transitions.back();
    const ConstView<S> Q = (before ? t.previous.columns(first, n) : t.states.columns(first, n))
                               .topRows(config_.hidden);
    auto& from = conditional() ? trace.transitions.front() : trace.transitions.back();
    View<S> dQ = before ? View<S>(state.layers.back().columns(0, n).topRows(config_.hidden))
                        : from.d_hidden.columns(first, n);
    attention->project_queries_backward(*transposed.attention, Q, trace.d_queries.columns(first, n),
                                        dQ, *gradient.attention);
  }

  void attend_by_sentence_backward(const RecurrentDecoder& transposed, const Memory& memory,
                                   const Ragged& layout, Trace& trace, Memory& d_memory,
                                   RecurrentDecoder& gradient) const {
    for_each_sentence(layout, trace, [&](Index b, View<S> A, View<S> contexts, std::span<S> own) {
      View<S> dC = trace.d_gathered_contexts.resize(contexts.rows(), contexts.cols());
      View<S> dA = trace.d_gathered_queries.zero(A.rows(), A.cols());
      for (Index t = 0; t < contexts.cols(); ++t) {
        contexts.col(t) = trace.contexts.view().col(layout.column(b, t));
        dC.col(t) = trace.d_contexts.view().col(layout.column(b, t));
      }
      attention->backward(memory.attention[b], {A}, {contexts, own}, dC, dA,
                          d_memory.attention.gradient(b), *gradient.attention, trace.workspace);
      for (Index t = 0; t < contexts.cols(); ++t) {
        trace.d_queries.view().col(layout.column(b, t)) = dA.col(t);
      }
    });
    auto& top = trace.transitions.back();
    attention->project_queries_backward(
        *transposed.attention, top.states.view().topRows(config_.hidden), trace.d_queries.view(),
        top.d_hidden.view(), *gradient.attention);
  }

  /// Weight gradients, over all steps at once.
  void add_gradients(Index N, Trace& trace, RecurrentDecoder& gradient) const {
    for (std::size_t i = 0; i < transitions.size(); ++i) {
      const auto& [cell, beside] = transitions[i];
      auto& t = trace.transitions[i];
      const Buffer<S>& input =
          i == 0 ? trace.embedded : (takes_context(i) ? trace.contexts : t.input);
      cell.add_gradient(input.view(), t.previous.view(), t.gates.view(), t.d_gates.view(),
                        gradient.transitions[i].cell);
      if (beside) {
        add_outer<S>(t.d_gates.view().topRows(cell.input_rows()), beside_input(0, N, trace),
                     *gradient.transitions[i].beside);
      }
    }
    readout.add_gradient(readout_parts(0, N, trace), trace.d_activations.view(), gradient.readout);
  }

  RecurrentDecoderConfig config_;
};

}  // namespace attend
