/// Luong's decoder: step, then attend.
#pragma once

#include <utility>

#include <attend/decoder/recurrent_decoder.hpp>

namespace attend::inline ATTEND_ABI {

/// Luong, Pham, Manning 2015 (arXiv 1508.04025, eq. 5-7 and section 3.3):
///
///     h_t = cell(E y_{t-1} [, h~_{t-1}], h_{t-1})     c_t = attend(h_t)
///     h~_t = tanh(W_c [c_t; h_t])                     p(y_t) = softmax(W_s h~_t + b)
///
/// Deep decoders attend from the top layer; `config.input_feeding` adds h~_{t-1} to the input.
/// Without it nothing of a step waits for its attention, and training asks all steps at once.
template <Score Z, Window W, class F, class MakeCell>
[[nodiscard]] auto luong_decoder(RecurrentDecoderConfig config, MakeCell&& make_cell,
                                 Attention<Z, W, F> asks, Random& random) {
  using C = decltype(make_cell(Index{}, random));
  config.order = DecoderOrder::step_then_attend;
  return RecurrentDecoder<C, Z, W, F>(config, make_cell, std::move(asks), random);
}
template <Score Z, class MakeCell>
[[nodiscard]] auto luong_decoder(const RecurrentDecoderConfig& config, MakeCell&& make_cell,
                                 Z score, Random& random) {
  return luong_decoder(config, make_cell, Attention<Z>(std::move(score)), random);
}

}  // namespace attend
