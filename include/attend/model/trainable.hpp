/// The Trainable concept: all that training needs to know of a model.
#pragma once

#include <concepts>
#include <span>

#include <attend/core/parameters.hpp>
#include <attend/core/random.hpp>
#include <attend/core/types.hpp>
#include <attend/loss/loss.hpp>

namespace attend::inline ATTEND_ABI {

/// A model that learns from examples.
///
/// - `M::Example`: one training example. `M::size(example)`: its tokens, what fills a batch and
/// what
///   batches are grouped by. `M::targets(example)`: the tokens its loss is over.
/// - `M::Batch::assign(examples)`: takes pointers to examples; reuses its memory.
/// - `model.loss(batch, workspace)`: no dropout, no label smoothing: validation.
/// - `model.loss_and_gradient(batch, scale, random, workspace, gradient)`: with dropout and label
///   smoothing; adds `scale` times the gradient of the summed loss to `gradient`.
///
/// The model is const and shared; a workspace is one thread's own.
template <class M>
concept Trainable = Parameterized<M> && std::copyable<M> &&
    requires(const M& model, const typename M::Example& example, typename M::Batch& batch,
             std::span<const typename M::Example* const> examples, typename M::Workspace& workspace,
             typename M::Scalar scale, Random& random, M& gradient) {
  { M::size(example) } -> std::convertible_to<Index>;
  { M::targets(example) } -> std::convertible_to<Index>;
  batch.assign(examples);
  { model.loss(batch, workspace) } -> std::same_as<Loss>;
  { model.loss_and_gradient(batch, scale, random, workspace, gradient) } -> std::same_as<Loss>;
};

}  // namespace attend
