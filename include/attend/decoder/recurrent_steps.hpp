/// The steps of a recurrent decoder: from input vectors to readouts.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <attend/cell/cell.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/bridge.hpp>
#include <attend/decoder/decoder_attention.hpp>
#include <attend/decoder/decoder_cell.hpp>
#include <attend/decoder/decoder_order.hpp>
#include <attend/decoder/generation_gate.hpp>
#include <attend/decoder/readout.hpp>
#include <attend/decoder/recurrent_decoder_config.hpp>
#include <attend/decoder/recurrent_memory.hpp>
#include <attend/decoder/recurrent_state.hpp>

namespace attend::inline ATTEND_ABI {

/// Pass the cells in order, attend where the order says (decoder_order.hpp), read out. What the
/// input vectors are (words, positions of the source) and what the readouts say is the decoder's
/// that has these steps: recurrent_decoder.hpp, pointer_decoder.hpp.
template <Cell C, Score Z, Window W = Full, class F = Softmax>
class RecurrentSteps {
 public:
  using Scalar = typename C::Scalar;
  using S = Scalar;
  using Memory = RecurrentMemory<S>;
  using Trace = RecurrentDecoderTrace<S>;
  using State = RecurrentDecoderState<S>;

  Bridge<S> bridge;
  std::vector<DecoderCell<C>> cells;
  std::optional<DecoderAttention<Z, W, F>> attention;
  Readout<S> readout;
  /// Only where it copies.
  std::optional<GenerationGate<S>> gate;

  RecurrentSteps() = default;

  /// `make_cell(input, random)` makes a cell with that input size and `config.hidden` units;
  /// `asks` is not used with step_only. Throws std::invalid_argument for a configuration that
  /// cannot be.
  template <class MakeCell>
  RecurrentSteps(const RecurrentDecoderConfig& config, MakeCell&& make_cell,
                 Attention<Z, W, F> asks, Random& random)
      : config_(detail::checked(config)),
        route_{config.order, config.layers, config.input_feeding} {
    make_cells(make_cell, random);
    check_query();
    bridge = Bridge<S>({config.encoder_states, state_rows(), config.initial}, random);
    if (route_.attends()) attention.emplace(std::move(asks));
    if (config.keeps_weights || config.copies) attention->keep_weights();
    readout = Readout<S>(
        {.state = config.hidden,
         .context = route_.attends() && config.reads_context.value_or(true) ? config.annotation : 0,
         .embedding =
             config.reads_embedding.value_or(config.order != DecoderOrder::step_then_attend)
                 ? config.embedding
                 : 0,
         .output = config.readout,
         .activation = config.activation},
        random);
    if (config.copies) {
      gate.emplace(GenerationGateConfig{config.annotation, config.hidden, config.embedding},
                   random);
    }
  }

  static void parameters(auto&& f, auto&... m) {
    f("bridge", m.bridge...);
    f("cells", m.cells...);
    f("attention", m.attention...);
    f("readout", m.readout...);
    f("gate", m.gate...);
  }

  [[nodiscard]] const RecurrentDecoderConfig& config() const { return config_; }
  [[nodiscard]] bool attends() const { return attention.has_value(); }
  /// Rows of all layers' states, the first layer's on top.
  [[nodiscard]] Index state_rows() const {
    Index rows = 0;
    for (std::size_t l = 0; l < layers(); ++l) rows += layer_rows(l);
    return rows;
  }

  /// Makes a memory of a batch of annotations H (d_v x N, step-major) and the encoder's final
  /// states (encoder_states x B): projects the keys, s_0 = bridge(states).
  void remember(const Ragged& layout, ConstView<S> H, const Matrix<S>& final_states,
                Memory& memory) const {
    check_shape("RecurrentDecoder::remember", "final_states", final_states, config_.encoder_states,
                layout.size());
    if (attention) {
      check_size("RecurrentDecoder::remember", "rows of the annotations", H.rows(),
                 config_.annotation);
    }
    const Index d_v = attention ? H.rows() : 0;
    memory.attention.resize(layout.lengths(), d_v, attention ? attention->key_size(d_v) : 0);
    if (attention) {
      to_sentence_major<S>(layout, H, memory.attention.values());
      attention->project_keys(memory.attention);
    }
    memory.words.clear();
    memory.initial.resize(state_rows(), layout.size());
    bridge.forward(final_states, memory.initial);
  }

  /// The way back of remember; d_memory is used up. Overwrites dH (d_v x N, step-major) and
  /// d_final_states.
  void remember_backward(const RecurrentSteps& transposed, const Ragged& layout,
                         const Matrix<S>& final_states, const Memory& memory, Memory& d_memory,
                         View<S> dH, Matrix<S>& d_final_states, RecurrentSteps& gradient) const {
    if (attention) {
      attention->project_keys_backward(*transposed.attention, memory.attention, d_memory.attention,
                                       *gradient.attention);
      to_step_major<S>(layout, d_memory.attention.values(), dH);
    } else {
      dH.setZero();
    }
    d_final_states.setZero(final_states.rows(), final_states.cols());
    bridge.backward(transposed.bridge, final_states, memory.initial, d_memory.initial,
                    d_final_states, gradient.bridge);
  }

  /// Makes a memory of one source that arrives in parts, of which `capacity` annotations at most
  /// are held; begin it as the memory's source 0. Throws std::invalid_argument for a decoder that
  /// does not attend, that copies, or that begins with the end of its source.
  void listen(Index capacity, Memory& memory) const {
    check_argument(attends() && !gate, "RecurrentDecoder::listen: a source that still arrives is ",
                   attends() ? "no place to copy words from" : "known by an attention alone");
    check_argument(
        bridge.config().kind == InitialState::zero,
        "RecurrentDecoder::listen: it begins with the encoder's final states, which are "
        "not known while the source arrives; make it with .initial = InitialState::zero");
    memory.attention.listen(capacity, config_.annotation, attention->key_size(config_.annotation));
    memory.words.clear();
    memory.initial.setZero(state_rows(), 1);
  }

  /// Adds annotations H (d_v x n) to such a memory. Allocates nothing.
  void remember_more(ConstView<S> H, Memory& memory) const {
    check_shape("RecurrentDecoder::remember_more", "H", H, config_.annotation, H.cols());
    const MemoryGradient<S> added = memory.attention.append(H.cols());
    View<S>(added.values) = H;
    attention->project_keys(added.values, added.keys);
  }

  /// Decoder::begin. Throws std::invalid_argument for a source that the memory does not have.
  void begin(const Memory& memory, std::span<const Index> sentences, State& state) const {
    for (const Index b : sentences) {
      check_argument(b >= 0 && b < memory.size(), "RecurrentDecoder::begin: source ", b,
                     " is not among the ", memory.size(), " of the memory");
    }
    state.sentences.assign(sentences.begin(), sentences.end());
    start(memory, state);
  }

  /// Makes room for N input vectors (config().embedding x N), which the caller fills before `step`
  /// or `unroll`.
  [[nodiscard]] View<S> inputs(Index N, Trace& trace) const {
    return trace.embedded.resize(config_.embedding, N);
  }

  /// A step of every hypothesis, from state.trace's inputs to its readouts.
  void step(const Memory& memory, State& state) const {
    const Index n = state.size();
    Trace& trace = state.trace;
    check_size("RecurrentSteps::step", "number of inputs", trace.embedded.cols(), n);
    prepare(nullptr, nullptr, trace);
    advance(memory, 0, n, attention ? state.next_weights() : StepWeights<S>{}, state, trace);
    if (!route_.input_feeding) read_out(0, n, trace);
    open_gate(n, trace);
  }

  /// Runs over the inputs of a batch, laid out as its targets (target b reads source b), and
  /// overwrites trace.readouts (d_r x N, step-major). Dropout only with a generator.
  void unroll(const Memory& memory, const Ragged& layout, Random* random, State& state,
              Trace& trace) const {
    check_size("RecurrentDecoder::unroll", "number of targets", layout.size(), memory.size());
    check_size("RecurrentSteps::unroll", "number of inputs", trace.embedded.cols(),
               layout.columns());
    prepare(&layout, random, trace);
    state.sentences.resize(static_cast<std::size_t>(layout.size()));
    for (Index r = 0; r < layout.size(); ++r) state.sentences[at(r)] = layout.sequence(r);
    start(memory, state);
    if (attention) attention->begin_history(memory.attention, layout, random, trace.attention);
    for (Index t = 0; t < layout.steps(); ++t) {
      advance(memory, layout.offset(t), layout.count(t), history_of(layout, t, trace), state,
              trace);
    }
    if (asks_at_the_end()) {
      attention->ask_by_sentence(memory.attention, layout, asking(0, layout.columns(), trace),
                                 trace.attention);
    }
    if (!route_.input_feeding) {
      read_out(0, layout.columns(), trace);
      trace.readout_dropout.apply(layout, trace.readouts.view());
    }
    open_gate(layout.columns(), trace);
  }

  /// The way back of unroll, last step first. dR (d_r x N) is used up; adds to the memory's
  /// gradient and to `gradient`, and overwrites trace.d_embedded with that of the inputs. Where it
  /// copies, trace.d_generate holds the gradient of trace.generate.
  void unroll_backward(const RecurrentSteps& transposed, const Memory& memory, const Ragged& layout,
                       View<S> dR, State& state, Trace& trace, Memory& d_memory,
                       RecurrentSteps& gradient) const {
    zero_gradients(layout, state, trace);
    if (gate) open_gate_backward(trace, gradient);
    if (!route_.input_feeding) {
      trace.readout_dropout.apply(layout, dR);
      read_out_backward(transposed, 0, layout.columns(), dR, trace);
    }
    if (asks_at_the_end()) {
      attention->ask_by_sentence_backward(*transposed.attention, memory.attention, layout,
                                          asking(0, layout.columns(), trace),
                                          asking_gradient(0, layout.columns(), trace),
                                          trace.attention, d_memory.attention, *gradient.attention);
    }
    for (Index t = layout.steps() - 1; t >= 0; --t) {
      retreat(transposed, memory, layout, t, dR, state, trace, d_memory, gradient);
    }
    add_gradients(layout.columns(), trace, gradient);
    add_initial_gradient(layout, state, d_memory);
    inputs_backward(transposed, layout, trace);
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] std::size_t layers() const { return at(config_.layers); }
  [[nodiscard]] Index layer_rows(std::size_t l) const {
    return cells[route_.cell_of(l)].cell.state_rows();
  }

  /// Nothing of a step waits for its attention, and the attention waits for no step.
  [[nodiscard]] bool asks_at_the_end() const {
    return route_.asks_at_the_end() && !attention->keeps_history();
  }

  /// The weights of a step of a batch, where they are kept.
  [[nodiscard]] StepWeights<S> history_of(const Ragged& layout, Index t, Trace& trace) const {
    if (!attention || !attention->keeps_history()) return {};
    return trace.attention.history.step(layout.offset(t), t > 0 ? layout.offset(t - 1) : -1);
  }

  /// The rows of a state that ask.
  [[nodiscard]] Index query_first() const {
    return config_.query == QueryPart::cell ? config_.hidden : 0;
  }
  [[nodiscard]] Index query_rows() const {
    const Index rows = cells[route_.attends() ? route_.asking_cell() : 0].cell.state_rows();
    if (config_.query == QueryPart::all) return rows;
    return config_.query == QueryPart::cell ? rows - config_.hidden : config_.hidden;
  }
  void check_query() const {
    check_argument(config_.query != QueryPart::cell || query_rows() == config_.hidden,
                   "RecurrentDecoder: the query is the cell state c, which only an LSTM has");
  }

  template <class MakeCell>
  void make_cells(MakeCell& make_cell, Random& random) {
    for (std::size_t i = 0; i < route_.cells(); ++i) {
      const Index input = i == 0                    ? config_.embedding
                          : route_.takes_context(i) ? config_.annotation
                                                    : config_.hidden;
      cells.push_back({make_cell(input, random), {}});
      check_size("RecurrentDecoder", "input size of the cell that was made",
                 cells.back().cell.input_size(), input);
      check_size("RecurrentDecoder", "number of its units, which .hidden says,",
                 cells.back().cell.hidden_size(), config_.hidden);
    }
    const Index beside = route_.asks_before_step() ? config_.annotation
                         : route_.input_feeding    ? config_.readout
                                                   : 0;
    if (beside == 0) return;
    DecoderCell<C>& first = cells.front();
    initialize_glorot(first.beside.emplace(first.cell.input_rows(), beside), random);
  }

  /// Every hypothesis takes the initial state of its source.
  void start(const Memory& memory, State& state) const {
    state.lengths.clear();
    for (const Index b : state.sentences) state.lengths.push_back(memory.length(b));
    state.layers.resize(layers());
    Index row = 0;
    for (std::size_t l = 0; l < layers(); ++l) {
      View<S> s = state.layers[l].resize(layer_rows(l), state.size());
      for (Index i = 0; i < s.cols(); ++i) {
        s.col(i) = memory.initial.col(state.sentence(i)).segment(row, s.rows());
      }
      row += s.rows();
    }
    state.feed.zero(route_.input_feeding ? config_.readout : 0, state.size());
    state.begin_weights(attention && attention->reads_history());
    state.trace.readouts.resize(config_.readout, 0);
    state.steps = 0;
  }

  /// Makes room for the steps of all inputs and the first cell's input products.
  void prepare(const Ragged* layout, Random* random, Trace& trace) const {
    const Index N = trace.embedded.cols();
    trace.cells.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i].resize(N, route_.takes_layer_below(i), trace.cells[i]);
    }
    if (attention) attention->resize(N, query_rows(), config_.annotation, trace.attention);
    if (route_.input_feeding) trace.fed.resize(config_.readout, N);
    trace.activations.resize(readout.trace_rows(), N);
    trace.readouts.resize(config_.readout, N);
    if (layout != nullptr) draw_dropout(*layout, random, trace);
    cells.front().cell.project(trace.embedded.view(), trace.cells.front().gates.view());
  }

  void draw_dropout(const Ragged& layout, Random* random, Trace& trace) const {
    trace.embedding_dropout.forward(config_.embedding_dropout, config_.mask, layout, random,
                                    trace.embedded.view());
    for (auto& cell : trace.cells) {
      cell.dropout.draw(config_.layer_dropout, config_.mask, layout, config_.hidden, random);
    }
    trace.readout_dropout.draw(config_.readout_dropout, config_.mask, layout, config_.readout,
                               random);
  }

  /// The step: the first n hypotheses, whose trace is the columns [first, first + n). Without
  /// `weights` it is training's, where what can wait for all steps waits.
  void advance(const Memory& memory, Index first, Index n, const StepWeights<S>& weights,
               State& state, Trace& trace) const {
    const bool asks = attention && (weights.own || !asks_at_the_end());
    for (std::size_t i = 0; i <= cells.size(); ++i) {
      if (asks && i == route_.attention_place()) {
        const ConstView<S> Q = route_.asks_before_step()
                                   ? query_of(state.layers.back().columns(0, n))
                                   : asking(first, n, trace);
        attention->ask(memory.attention, state.sentences, state.steps, Q, first, weights,
                       trace.attention);
      }
      if (i < cells.size()) advance_cell(i, first, n, state, trace);
    }
    if (route_.input_feeding) {
      read_out(first, n, trace);
      trace.readout_dropout.apply(first, n, trace.readouts.columns(first, n));
      state.feed.columns(0, n) = trace.readouts.columns(first, n);
    }
    ++state.steps;
  }

  void advance_cell(std::size_t i, Index first, Index n, State& state, Trace& trace) const {
    DecoderCellTrace<S>& own = trace.cells[i];
    if (route_.takes_context(i)) {
      cells[i].cell.project(trace.attention.contexts.columns(first, n),
                            own.gates.columns(first, n));
    } else if (route_.takes_layer_below(i)) {
      View<S> X = own.input.columns(first, n);
      X = trace.cells[i - 1].hidden(first, n, config_.hidden);
      own.dropout.apply(first, n, X);
      cells[i].cell.project(X, own.gates.columns(first, n));
    }
    if (route_.input_feeding && i == 0) trace.fed.columns(first, n) = state.feed.columns(0, n);
    cells[i].step(first, n, second_input(first, n, trace),
                  state.layers[route_.layer_of(i)].columns(0, n), own);
  }

  /// The second input of the first cell.
  [[nodiscard]] ConstView<S> second_input(Index first, Index n, const Trace& trace) const {
    return route_.input_feeding ? trace.fed.columns(first, n)
                                : trace.attention.contexts.columns(first, n);
  }

  template <class Columns>
  [[nodiscard]] Columns query_of(Columns states) const {
    return states.middleRows(query_first(), query_rows());
  }

  /// The states that ask for the contexts of these columns.
  [[nodiscard]] ConstView<S> asking(Index first, Index n, const Trace& trace) const {
    const DecoderCellTrace<S>& own = trace.cells[route_.asking_cell()];
    const Buffer<S>& states = route_.asks_before_step() ? own.previous : own.states;
    return query_of(states.columns(first, n));
  }
  [[nodiscard]] View<S> asking_gradient(Index first, Index n, Trace& trace) const {
    return query_of(trace.cells[route_.asking_cell()].d_states.columns(first, n));
  }

  [[nodiscard]] typename Readout<S>::template Parts<ConstView<S>> readout_parts(
      Index first, Index n, const Trace& trace) const {
    return {trace.cells.back().hidden(first, n, config_.hidden),
            trace.attention.contexts.columns(first, n), trace.embedded.columns(first, n)};
  }

  void read_out(Index first, Index n, Trace& trace) const {
    readout.step(readout_parts(first, n, trace), trace.activations.columns(first, n),
                 trace.readouts.columns(first, n));
  }

  /// r = readout(s, c, Ey):  adds to the last cell's d_states, to d_contexts and d_embedded.
  void read_out_backward(const RecurrentSteps& transposed, Index first, Index n, ConstView<S> dR,
                         Trace& trace) const {
    View<S> dT = trace.d_activations.columns(first, n);
    readout.step_backward(trace.activations.columns(first, n), dR, dT);
    readout.input_backward(
        transposed.readout, dT,
        {trace.cells.back().d_hidden(first, n, config_.hidden),
         trace.attention.d_contexts.columns(first, n), trace.d_embedded.columns(first, n)});
  }

  /// Overwrites trace.generate of the first n columns.
  void open_gate(Index n, Trace& trace) const {
    if (!gate) return;
    const auto in = readout_parts(0, n, trace);
    trace.generate.resize(1, n);
    gate->forward({in.context, in.state, in.embedding}, {trace.generate.column(0), n, 1, n});
  }

  void open_gate_backward(Trace& trace, RecurrentSteps& gradient) const {
    const Index N = trace.generate.cols();
    check_size("RecurrentSteps", "columns of d_generate", trace.d_generate.cols(), N);
    const auto in = readout_parts(0, N, trace);
    gate->backward({in.context, in.state, in.embedding}, {trace.generate.column(0), N, 1, N},
                   {trace.d_generate.column(0), N, 1, N},
                   {trace.attention.d_contexts.view(),
                    trace.cells.back().d_hidden(0, N, config_.hidden), trace.d_embedded.view()},
                   *gradient.gate);
  }

  void zero_gradients(const Ragged& layout, State& state, Trace& trace) const {
    const Index N = layout.columns();
    trace.d_embedded.zero(config_.embedding, N);
    trace.d_activations.resize(readout.trace_rows(), N);
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i].zero_gradients(N, trace.cells[i]);
    if (attention) attention->zero_gradients(trace.attention);
    for (Buffer<S>& layer : state.layers) layer.zero(layer.rows(), layout.size());
    state.feed.zero(state.feed.rows(), layout.size());
  }

  /// The way back of advance for step t; state.layers and state.feed hold the gradients of what
  /// they held.
  void retreat(const RecurrentSteps& transposed, const Memory& memory, const Ragged& layout,
               Index t, View<S> dR, State& state, Trace& trace, Memory& d_memory,
               RecurrentSteps& gradient) const {
    const Index first = layout.offset(t);
    const Index n = layout.count(t);
    if (route_.input_feeding) {
      View<S> d = dR.middleCols(first, n);
      d += state.feed.columns(0, n);
      trace.readout_dropout.apply(first, n, d);
      read_out_backward(transposed, first, n, d, trace);
    }
    const bool asks = attention && !asks_at_the_end();
    for (std::size_t i = cells.size() + 1; i-- > 0;) {
      if (i < cells.size()) retreat_cell(transposed, i, first, n, state, trace);
      if (asks && i == route_.attention_place()) {
        View<S> dQ = route_.asks_before_step() ? query_of(state.layers.back().columns(0, n))
                                               : asking_gradient(first, n, trace);
        attention->ask_backward(*transposed.attention, memory.attention, state.sentences, t,
                                asking(first, n, trace), first, t > 0 ? layout.offset(t - 1) : -1,
                                dQ, trace.attention, d_memory.attention, *gradient.attention);
      }
    }
  }

  void retreat_cell(const RecurrentSteps& transposed, std::size_t i, Index first, Index n,
                    State& state, Trace& trace) const {
    DecoderCellTrace<S>& own = trace.cells[i];
    // What was fed back is read by one step alone, so its gradient begins at zero each time.
    const bool fed = route_.input_feeding && i == 0;
    if (fed) state.feed.columns(0, n).setZero();
    cells[i].step_backward(
        transposed.cells[i], first, n, state.layers[route_.layer_of(i)].columns(0, n),
        fed ? state.feed.columns(0, n) : trace.attention.d_contexts.columns(first, n), own);
    const ConstView<S> dG = own.d_gates.columns(first, n);
    if (route_.takes_context(i)) {
      cells[i].cell.input_backward(transposed.cells[i].cell, dG,
                                   trace.attention.d_contexts.columns(first, n));
    } else if (route_.takes_layer_below(i)) {
      View<S> dX = trace.d_below.zero(config_.hidden, n);
      cells[i].cell.input_backward(transposed.cells[i].cell, dG, dX);
      own.dropout.apply(first, n, dX);
      trace.cells[i - 1].d_hidden(first, n, config_.hidden) += dX;
    }
  }

  /// Weight gradients, over all steps at once.
  void add_gradients(Index N, Trace& trace, RecurrentSteps& gradient) const {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Buffer<S>& input = i == 0                    ? trace.embedded
                               : route_.takes_context(i) ? trace.attention.contexts
                                                         : trace.cells[i].input;
      cells[i].add_gradient(input.view(), second_input(0, N, trace), trace.cells[i],
                            gradient.cells[i]);
    }
    readout.add_gradient(readout_parts(0, N, trace), trace.d_activations.view(), gradient.readout);
  }

  void add_initial_gradient(const Ragged& layout, const State& state, Memory& d_memory) const {
    const View<S> all(d_memory.initial);
    Index row = 0;
    for (const Buffer<S>& layer : state.layers) {
      for (Index r = 0; r < layout.size(); ++r) {
        all.col(layout.sequence(r)).middleRows(row, layer.rows()) += layer.view().col(r);
      }
      row += layer.rows();
    }
  }

  void inputs_backward(const RecurrentSteps& transposed, const Ragged& layout, Trace& trace) const {
    View<S> dE = trace.d_embedded.view();
    cells.front().cell.input_backward(transposed.cells.front().cell,
                                      trace.cells.front().d_gates.view(), dE);
    trace.embedding_dropout.backward(layout, dE);
  }

  RecurrentDecoderConfig config_;
  DecoderRoute route_;
};

}  // namespace attend
