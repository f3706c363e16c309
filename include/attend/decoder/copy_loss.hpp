/// What a decoder that copies loses.
#pragma once

#include <span>

#include <attend/decoder/recurrent_memory.hpp>
#include <attend/decoder/recurrent_state.hpp>
#include <attend/loss/pointer.hpp>

namespace attend::inline ATTEND_ABI {

/// One column of a batch that was unrolled: which it is, the source it reads, its logits (V).
template <Scalar S>
struct CopyingColumn {
  Index column;
  Index source;
  std::span<S> logits;
};

/// -log P(target), in nats: the pointer-generator's (loss/pointer.hpp) of one column. With `scale`
/// not 0 its gradient replaces the logits, is added to trace.attention.d_weights (longest x N) and
/// overwrites that of the gate, in trace.d_generate (1 x N). Where the source is empty, p_gen is 1.
template <Scalar S>
S copy_loss(const RecurrentMemory<S>& memory, const CopyingColumn<S>& at, Token target,
            std::type_identity_t<S> scale, RecurrentDecoderTrace<S>& trace) {
  const auto T = static_cast<std::size_t>(memory.length(at.source));
  const PointerGeneratorStep<S> step{at.logits,
                                     {trace.attention.history.weights.column(at.column), T},
                                     memory.words[at.source],
                                     T == 0 ? S{1} : *trace.generate.column(at.column)};
  const S nats = step.loss(target);
  if (scale == S{0}) return nats;
  const S d = step.loss_backward(target, scale, {trace.attention.d_weights.column(at.column), T});
  *trace.d_generate.column(at.column) = T == 0 ? S{0} : d;
  return nats;
}

}  // namespace attend
