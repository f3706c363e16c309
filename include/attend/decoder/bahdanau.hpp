/// Bahdanau's decoder: attend, then step.
#pragma once

#include <utility>

#include <attend/decoder/recurrent_decoder.hpp>

namespace attend::inline ATTEND_ABI {

/// Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473, appendix A.1.2 and A.2.2):
///
///     c_i = attend(s_{i-1})     s_i = cell(E y_{i-1}, C c_i, s_{i-1})     s_0 = tanh(W_b h_final)
///     r_i = readout(s_i, c_i, E y_{i-1})     p(y_i) = softmax(W r_i + b)
///
/// The readout reads s_i, as later systems do, where the paper reads s_{i-1}; and s_0 is made from
/// all final states of the encoder. `make_cell(input, random)` makes a cell.
template <Score Z, Window W, class F, class MakeCell>
[[nodiscard]] auto bahdanau_decoder(RecurrentDecoderConfig config, MakeCell&& make_cell,
                                    Attention<Z, W, F> asks, Random& random) {
  using C = decltype(make_cell(Index{}, random));
  config.order = DecoderOrder::attend_then_step;
  return RecurrentDecoder<C, Z, W, F>(config, make_cell, std::move(asks), random);
}
template <Score Z, class MakeCell>
[[nodiscard]] auto bahdanau_decoder(const RecurrentDecoderConfig& config, MakeCell&& make_cell,
                                    Z score, Random& random) {
  return bahdanau_decoder(config, make_cell, Attention<Z>(std::move(score)), random);
}

}  // namespace attend
