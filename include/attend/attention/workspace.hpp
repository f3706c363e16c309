/// Scratch of the engine.
#pragma once

#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/score/past.hpp>

namespace attend::inline ATTEND_ABI {

/// Scratch of the engine; one a thread, kept from call to call.
template <Scalar S>
struct AttentionWorkspace {
  Buffer<S> queries;
  Buffer<S> keys;
  Buffer<S> energies;
  Buffer<S> adjusted;
  Buffer<S> gradients;
  Buffer<S> running;
  Buffer<S> packed_queries;
  Buffer<S> packed_gradients;
  Buffer<S> gathered_queries;
  Buffer<S> gathered_gradients;
  Buffer<S> gathered_keys;
  Buffer<S> gathered_values;
  Buffer<S> contexts;
  Buffer<S> clean_keys;
  Buffer<S> clean_values;
  Buffer<S> aligned;
  Buffer<S> previous;
  Buffer<S> d_previous;
  PastScratch<S> past;
  Buffer<S> controls;
  std::vector<S> normalisers;
};

}  // namespace attend
