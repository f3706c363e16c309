/// The decoder without attention.
#pragma once

#include <attend/decoder/recurrent_decoder.hpp>
#include <attend/score/dot.hpp>

namespace attend::inline ATTEND_ABI {

/// Cho et al. 2014, Sutskever et al. 2014: all that is known of the source is the initial state.
///
///     s_i = cell(E y_{i-1}, s_{i-1})     s_0 = tanh(W_b h_final)     r_i = readout(s_i, E y_{i-1})
///
/// The baseline that every page on attention starts from.
template <Scalar S, class MakeCell>
[[nodiscard]] auto plain_decoder(RecurrentDecoderConfig config, MakeCell&& make_cell,
                                 Random& random) {
  using C = decltype(make_cell(Index{}, random));
  config.order = DecoderOrder::step_only;
  return RecurrentDecoder<C, Dot<S>>(config, make_cell, Dot<S>(), random);
}

}  // namespace attend
