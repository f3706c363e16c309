/// Keras' recurrent layers: conventions.
#pragma once

#include <string>

#include <attend/io/import_table.hpp>

namespace attend::inline ATTEND_ABI {

/// The weights of a Keras layer: kernel (input x gates), recurrent kernel (hidden x gates), bias;
/// a layer with use_bias=False has none: give zeros(). Files name them as they please.
struct KerasCell {
  Weights kernel;
  Weights recurrent_kernel;
  Weights bias = zeros();
};

/// keras.layers.LSTM, gates i f c o as ours. Kernels are transposed.
[[nodiscard]] inline ImportTable keras_lstm(const std::string& cell, const KerasCell& from) {
  return {{cell + ".W", transposed(from.kernel)},
          {cell + ".U", transposed(from.recurrent_kernel)},
          {cell + ".b", from.bias}};
}

/// keras.layers.SimpleRNN.
[[nodiscard]] inline ImportTable keras_rnn(const std::string& cell, const KerasCell& from) {
  return keras_lstm(cell, from);
}

namespace detail {

[[nodiscard]] inline ImportTable keras_gru_weights(const std::string& cell, const KerasCell& from) {
  const Weights U = transposed(from.recurrent_kernel);
  return {{cell + ".W", gates(transposed(from.kernel), {1, 0, 2})},
          {cell + ".U_gates", gates(U, {1, 0})},
          {cell + ".U_candidate", part(U, 2)}};
}

}  // namespace detail

/// keras.layers.GRU with reset_after=False: gates z r h, one bias; for a Gru that resets before.
[[nodiscard]] inline ImportTable keras_gru_reset_before(const std::string& cell,
                                                        const KerasCell& from) {
  return {detail::keras_gru_weights(cell, from), {cell + ".b", gates(from.bias, {1, 0, 2})}};
}

/// Two vectors of biases, the inputs' and the recurrent ones, for keras_gru.
struct KerasBiases {
  Weights input;
  Weights recurrent;
};

/// keras.layers.GRU with reset_after=True, the default: gates z r h, two biases, given apart; of
/// them only the candidate's stay two.
[[nodiscard]] inline ImportTable keras_gru(const std::string& cell, const KerasCell& from,
                                           const KerasBiases& biases) {
  const Weights& b = biases.input;
  const Weights& u = biases.recurrent;
  return {detail::keras_gru_weights(cell, from),
          {cell + ".b",
           stacked({sum(part(b, 1), part(u, 1)), sum(part(b, 0), part(u, 0)), part(b, 2)})},
          {cell + ".b_candidate", part(u, 2)}};
}

/// The same with the biases as Keras keeps them: the two rows of `from.bias` (2 x gates).
[[nodiscard]] inline ImportTable keras_gru(const std::string& cell, const KerasCell& from) {
  const Weights both = transposed(from.bias);
  return keras_gru(cell, from, {both, columns(both, 1)});
}

/// keras.layers.Dense: kernel (input x output) is transposed.
[[nodiscard]] inline ImportTable keras_dense(const std::string& dense, Weights kernel,
                                             Weights bias = zeros()) {
  return {{dense + ".W", transposed(std::move(kernel))}, {dense + ".b", std::move(bias)}};
}

}  // namespace attend
