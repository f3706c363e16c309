/// Where a recurrent decoder attends.
#pragma once

#include <cstddef>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Where a decoder attends, and by that whose it is.
enum class DecoderOrder {
  attend_then_step,  ///< Bahdanau: the state before the step asks; the context is an input.
  step_then_attend,  ///< Luong: the state after the step asks; the context goes to the readout.
  step_attend_step,  ///< Conditional: a cell, its state asks, a second cell takes the context.
  step_only          ///< Without attention: the source is known by the initial state alone.
};

/// Which part of a cell's state asks the attention: h, the LSTM's c, or all of it, [h; c].
enum class QueryPart { hidden, cell, all };

/// What follows from the order for the cells of a decoder, which are passed by number. Layer 0 has
/// one cell, or with step_attend_step two; every layer above has one, and takes the hidden state
/// below.
struct DecoderRoute {
  DecoderOrder order = DecoderOrder::attend_then_step;
  Index layers = 1;
  bool input_feeding = false;

  [[nodiscard]] bool attends() const { return order != DecoderOrder::step_only; }
  [[nodiscard]] bool conditional() const { return order == DecoderOrder::step_attend_step; }
  [[nodiscard]] std::size_t cells() const {
    return static_cast<std::size_t>(layers) + (conditional() ? 1 : 0);
  }
  /// The cell before which the attention is asked; after the last: `cells()`.
  [[nodiscard]] std::size_t attention_place() const {
    if (order == DecoderOrder::attend_then_step) return 0;
    return conditional() ? 1 : cells();
  }
  /// Nothing of a step waits for its attention, so all steps of a target can ask at once.
  [[nodiscard]] bool asks_at_the_end() const {
    return order == DecoderOrder::step_then_attend && !input_feeding;
  }
  /// The cell whose state asks: the top layer's (before the step, with attend_then_step), or the
  /// first of layer 0.
  [[nodiscard]] std::size_t asking_cell() const { return conditional() ? 0 : cells() - 1; }
  [[nodiscard]] bool asks_before_step() const { return order == DecoderOrder::attend_then_step; }

  /// The layer whose state a cell advances, and a cell of a layer.
  [[nodiscard]] std::size_t layer_of(std::size_t cell) const {
    return conditional() && cell > 0 ? cell - 1 : cell;
  }
  [[nodiscard]] std::size_t cell_of(std::size_t layer) const {
    return conditional() ? layer + 1 : layer;
  }

  /// What a cell's input is: the embedded token (cell 0), the context, or the layer below.
  [[nodiscard]] bool takes_context(std::size_t cell) const { return conditional() && cell == 1; }
  [[nodiscard]] bool takes_layer_below(std::size_t cell) const {
    return cell > 0 && !takes_context(cell);
  }
};

}  // namespace attend
