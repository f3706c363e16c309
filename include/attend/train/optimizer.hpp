/// What a trainer needs of an optimizer.
#pragma once

#include <concepts>

#include <attend/core/parameters.hpp>
#include <attend/train/fields.hpp>
#include <attend/train/parallel.hpp>

namespace attend::inline ATTEND_ABI {

/// How far a step goes, and what the gradient is multiplied by before it is used, for example a
/// clip_factor, so that clipping costs no pass of its own.
struct StepSize {
  double rate = 1e-3;
  double gradient_scale = 1;
};

/// Changes a model by its gradient. Its moments are parameters and its counters are fields, so that
/// a checkpoint stores them like a model.
template <class O, class M>
concept Optimizer = Parameterized<O> && std::copyable<O> &&
    requires(O& optimizer, const O& stored, M& model, const M& gradient, const StepSize& size,
             ThreadPool& pool, Fields& fields, const Fields& saved) {
  optimizer.step(model, gradient, size, pool);
  stored.put_fields(fields);
  optimizer.get_fields(saved);
};

}  // namespace attend
