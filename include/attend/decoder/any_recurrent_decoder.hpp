/// A recurrent decoder whose cells and attention are chosen when the program runs.
#pragma once

#include <attend/attention/any_attention.hpp>
#include <attend/cell/any_cell.hpp>
#include <attend/decoder/recurrent_decoder.hpp>

namespace attend::inline ATTEND_ABI {

template <Scalar S>
using AnyRecurrentDecoder = RecurrentDecoder<AnyCell<S>, AnyScore<S>, AnyWindow, AnyAlignment<S>>;

}  // namespace attend
