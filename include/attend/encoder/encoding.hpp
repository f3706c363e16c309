/// What an encoder makes of a batch of sources, and what it keeps.
#pragma once

#include <attend/core/buffer.hpp>

namespace attend::inline ATTEND_ABI {

/// What a pass keeps: what its way back needs, or, for inference, nothing. The outputs have the
/// same bits.
enum class Keep { trace, nothing };

/// `annotations` (d_h x N, step-major), one column a token; `final_states` (state_rows x B), one a
/// source, with which a recurrent decoder begins.
template <Scalar S>
struct Encoding {
  Buffer<S> annotations;
  Matrix<S> final_states;
};

}  // namespace attend
