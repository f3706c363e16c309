/// What an encoder makes of a batch of sources.
#pragma once

#include <attend/core/buffer.hpp>

namespace attend::inline ATTEND_ABI {

/// `annotations` (d_h x N, step-major), one column a token; `final_states` (state_rows x B), one a
/// source, with which a recurrent decoder begins.
template <Scalar S>
struct Encoding {
  Buffer<S> annotations;
  Matrix<S> final_states;
};

}  // namespace attend
