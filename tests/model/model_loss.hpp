/// What tests of whole models share: batches of pairs, and the gradient check of a loss.
#pragma once

#include <cstdint>
#include <vector>

#include <attend/core/parameters.hpp>
#include <attend/core/random.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/testing/gradient_check.hpp>

inline attend::PairBatch batch_of(const std::vector<attend::SentencePair>& pairs) {
  std::vector<const attend::SentencePair*> list;
  for (const attend::SentencePair& pair : pairs) list.push_back(&pair);
  attend::PairBatch batch;
  batch.assign(list);
  return batch;
}

/// Seed of what a checked loss draws.
inline constexpr std::uint64_t loss_seed = 7;

/// Checks the gradient that loss_and_gradient made of the batch, `scale` and Random(loss_seed).
template <class M>
attend::GradientReport check_loss_gradient(const M& model, const typename M::Batch& batch,
                                           double scale, const M& gradient, attend::Index sample) {
  typename M::Workspace own;
  auto unused = attend::zero_like(model);
  const auto loss = [&](const M& m) {
    attend::Random same(loss_seed);
    return scale * m.loss_and_gradient(batch, 0, same, own, unused).nats;
  };
  attend::Random some(8);
  return attend::check_parameters(model, gradient, loss, {.sample = sample, .random = &some});
}
