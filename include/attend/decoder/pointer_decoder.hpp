/// A recurrent decoder that writes positions of its source.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include <attend/decoder/column_gather.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/decoder/pointer_output.hpp>
#include <attend/decoder/recurrent_steps.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/score/dot.hpp>

namespace attend::inline ATTEND_ABI {

/// What a pointer decoder reads of a batch of sources; a gradient of one is another.
template <Scalar S>
struct PointerMemory {
  RecurrentMemory<S> steps;
  /// Annotations and their keys, which readouts are compared with.
  Memory<S> annotations;
  /// The vectors of the positions, which the decoder takes in when it has pointed there.
  Memory<S> inputs;

  [[nodiscard]] Index size() const { return annotations.size(); }
  [[nodiscard]] Index length(Index b) const { return annotations.length(b); }

  void zero_like(const PointerMemory& other) {
    steps.zero_like(other.steps);
    annotations.zero_like(other.annotations);
    inputs.zero_like(other.inputs);
  }
};

/// The state of n hypotheses. Its weights are what it points with: the softmax of the energies.
template <Scalar S>
class PointerDecoderState {
 public:
  RecurrentDecoderState<S> steps;
  Buffer<S> energies;
  Buffer<S> alignments;
  PointerOutputTrace<S> pointing;

  [[nodiscard]] Index size() const { return steps.size(); }
  [[nodiscard]] Index sentence(Index i) const { return steps.sentence(i); }
  [[nodiscard]] std::span<const S> weights(Index i) const {
    if (alignments.cols() != size()) return {};
    const Index T = steps.lengths[static_cast<std::size_t>(i)];
    return {alignments.column(i), static_cast<std::size_t>(T)};
  }

  void select(std::span<const Index> columns) {
    steps.select(columns);
    gather_(columns, energies);
    gather_(columns, alignments);
  }

 private:
  ColumnGather<S> gather_;
};

template <Scalar S>
struct PointerDecoderTrace {
  RecurrentDecoderTrace<S> steps;
  PointerOutputTrace<S> pointing;
  Buffer<S> d_readouts;
};

/// Its words are the positions of the source: it reads the vector of the one it wrote last, and the
/// readout asks which is next. Vinyals, Fortunato, Jaitly 2015 (arXiv 1506.03134, eq. 3):
///
///     s_i = cell(x_{y_{i-1}}, s_{i-1})     p(y_i = j) = softmax_j score(h_j, s_i)
///
/// Any order of steps serves: with step_then_attend the readout has glimpsed at the source first
/// (Vinyals, Bengio, Kudlur 2016, arXiv 1511.06391, section 4.1). Satisfies Decoder; `Steps` is a
/// RecurrentSteps. Pairs with PointerNetwork, which says what position 0 is.
template <class Steps, Score Z>
class PointerDecoder {
 public:
  using Scalar = typename Steps::Scalar;
  using S = Scalar;
  using Memory = PointerMemory<S>;
  using State = PointerDecoderState<S>;
  using Trace = PointerDecoderTrace<S>;

  Steps steps;
  PointerOutput<Z> output;

  PointerDecoder() = default;
  PointerDecoder(Steps s, Z score) : steps(std::move(s)), output(std::move(score)) {}

  static void parameters(auto&& f, auto&... m) {
    f("steps", m.steps...);
    f("output", m.output...);
  }

  /// Positions of the longest source of a memory.
  [[nodiscard]] Index vocabulary_size(const Memory& memory) const {
    return memory.annotations.longest();
  }

  /// Makes a memory of a batch of inputs X (d_x x N) and annotations H (d_v x N), both step-major,
  /// and the encoder's final states (encoder_states x B). Throws ShapeError.
  void remember(const Ragged& layout, ConstView<S> X, ConstView<S> H, const Matrix<S>& final_states,
                Memory& memory) const {
    check_shape("PointerDecoder::remember", "X", X, steps.config().embedding, layout.columns());
    steps.remember(layout, H, final_states, memory.steps);
    output.remember(layout, H, memory.annotations);
    memory.inputs.resize(layout.lengths(), X.rows(), 0);
    to_sentence_major<S>(layout, X, memory.inputs.values());
  }

  /// The way back of remember; d_memory is used up. Overwrites dX, dH and d_final_states.
  void remember_backward(const PointerDecoder& transposed, const Ragged& layout,
                         const Matrix<S>& final_states, const Memory& memory, Memory& d_memory,
                         View<S> dX, View<S> dH, Matrix<S>& d_final_states,
                         PointerDecoder& gradient) const {
    steps.remember_backward(transposed.steps, layout, final_states, memory.steps, d_memory.steps,
                            dH, d_final_states, gradient.steps);
    output.remember_backward(transposed.output, layout, memory.annotations, d_memory.annotations,
                             dH, gradient.output);
    to_step_major<S>(layout, d_memory.inputs.values(), dX);
  }

  /// Decoder::begin. Throws std::invalid_argument for a source that the memory does not have.
  void begin(const Memory& memory, std::span<const Index> sentences, State& state) const {
    steps.begin(memory.steps, sentences, state.steps);
    state.energies.resize(0, 0);
    state.alignments.resize(0, 0);
  }

  /// Decoder::step. Throws ShapeError unless there is a token for each hypothesis, and
  /// std::invalid_argument for one that is no position of its source.
  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    check_size("PointerDecoder::step", "number of tokens", static_cast<Index>(tokens.size()),
               state.size());
    View<S> X = steps.inputs(state.size(), state.steps.trace);
    for (Index i = 0; i < state.size(); ++i) {
      X.col(i) = memory.inputs[state.sentence(i)].values.col(
          checked_position(memory, state.sentence(i), tokens[static_cast<std::size_t>(i)]));
    }
    steps.step(memory.steps, state.steps);
    point(memory, state);
  }

  /// Decoder::logits.
  void logits(const State& state, View<S> L) const {
    check_shape("PointerDecoder::logits", "L", L, state.energies.rows(), state.size());
    L = state.energies.view();
  }

  /// Runs over the inputs of a batch: what each target reads, position 0 first.
  void unroll(const Memory& memory, const TokenBatch& inputs, Random* random, State& state,
              Trace& trace) const {
    View<S> X = steps.inputs(inputs.layout.columns(), trace.steps);
    for_each_input(inputs, [&](Index column, Index b, Token token) {
      X.col(column) = memory.inputs[b].values.col(checked_position(memory, b, token));
    });
    steps.unroll(memory.steps, inputs.layout, random, state.steps, trace.steps);
  }

  /// -sum log p(target) behind `unroll`, in nats.
  Loss loss(const Memory& memory, const TokenBatch& targets, Trace& trace) const {
    return output.loss(memory.annotations, targets, trace.steps.readouts.view(), trace.pointing);
  }

  /// The loss, and the way back of it and of `unroll`: adds `scale` times the gradient to that of
  /// the memory and to `gradient`.
  Loss loss_and_gradient(const PointerDecoder& transposed, const Memory& memory,
                         const TokenBatch& inputs, const TokenBatch& targets, S scale, State& state,
                         Trace& trace, Memory& d_memory, PointerDecoder& gradient) const {
    const ConstView<S> R = trace.steps.readouts.view();
    View<S> dR = trace.d_readouts.zero(R.rows(), R.cols());
    const Loss loss =
        output.loss_backward(transposed.output, memory.annotations, targets, R, scale,
                             trace.pointing, dR, d_memory.annotations, gradient.output);
    steps.unroll_backward(transposed.steps, memory.steps, inputs.layout, dR, state.steps,
                          trace.steps, d_memory.steps, gradient.steps);
    for_each_input(inputs, [&](Index column, Index b, Token token) {
      d_memory.inputs.gradient(b).values.col(token) += trace.steps.d_embedded.view().col(column);
    });
    return loss;
  }

 private:
  static Index checked_position(const Memory& memory, Index b, Token token) {
    check_argument(token >= 0 && token < memory.length(b), "PointerDecoder: position ", token,
                   " is outside source ", b, ", which has ", memory.length(b));
    return token;
  }

  /// Energies of all positions, -Inf where a source ends before the longest, and their softmax.
  void point(const Memory& memory, State& state) const {
    View<S> E = state.energies.resize(vocabulary_size(memory), state.size());
    E.setConstant(-std::numeric_limits<S>::infinity());
    output.energies(memory.annotations, state.steps.sentences, state.steps.trace.readouts.view(), E,
                    state.pointing);
    View<S> weights = state.alignments.resize(E.rows(), E.cols());
    for (Index i = 0; i < E.cols(); ++i) {
      const Index T = memory.length(state.sentence(i));
      std::copy_n(E.col(i).data(), T, weights.col(i).data());
      softmax(T, weights.col(i).data());
    }
  }

  /// Calls `body(column, source, token)`.
  template <class Body>
  static void for_each_input(const TokenBatch& inputs, Body&& body) {
    const Ragged& layout = inputs.layout;
    for (Index t = 0; t < layout.steps(); ++t) {
      for (Index r = 0; r < layout.count(t); ++r) {
        const Index column = layout.offset(t) + r;
        body(column, layout.sequence(r), inputs.tokens[static_cast<std::size_t>(column)]);
      }
    }
  }
};

/// The pointer network's decoder: no glimpse, the state itself asks. `make_cell(input, random)`
/// makes a cell; of the configuration it takes embedding (the size of inputs), hidden, layers,
/// encoder_states, initial and the dropouts.
template <Score Z, class MakeCell>
[[nodiscard]] auto pointer_decoder(RecurrentDecoderConfig config, MakeCell&& make_cell, Z score,
                                   Random& random) {
  using S = typename Z::Scalar;
  using Steps = RecurrentSteps<decltype(make_cell(Index{}, random)), Dot<S>>;
  config.order = DecoderOrder::step_only;
  config.readout = config.hidden;
  config.activation = ReadoutActivation::none;
  config.reads_embedding = false;
  return PointerDecoder<Steps, Z>(Steps(config, make_cell, Attention<Dot<S>>(), random),
                                  std::move(score));
}

}  // namespace attend
