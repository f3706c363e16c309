/// The conditional decoder: step, attend, step.
#pragma once

#include <utility>

#include <attend/decoder/recurrent_decoder.hpp>

namespace attend::inline ATTEND_ABI {

/// The conditional GRU of Nematus (Sennrich et al. 2017, arXiv 1703.04357, section 3), for any
/// cell:
///
///     s' = cell_1(E y_{i-1}, s_{i-1})     c_i = attend(s')     s_i = cell_2(c_i, s')
///     r_i = tanh(W_s s_i + W_y E y_{i-1} + W_c c_i + b)     p(y_i) = softmax(W r_i + b)
template <Score Z, Window W, class F, class MakeCell>
[[nodiscard]] auto conditional_decoder(RecurrentDecoderConfig config, MakeCell&& make_cell,
                                       Attention<Z, W, F> asks, Random& random) {
  using C = decltype(make_cell(Index{}, random));
  config.order = DecoderOrder::step_attend_step;
  return RecurrentDecoder<C, Z, W, F>(config, make_cell, std::move(asks), random);
}
template <Score Z, class MakeCell>
[[nodiscard]] auto conditional_decoder(const RecurrentDecoderConfig& config, MakeCell&& make_cell,
                                       Z score, Random& random) {
  return conditional_decoder(config, make_cell, Attention<Z>(std::move(score)), random);
}

}  // namespace attend
