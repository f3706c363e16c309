/// A batch is worked on in shards, whose number does not depend on the number of threads.
#pragma once

#include <span>
#include <vector>

#include <attend/loss/loss.hpp>
#include <attend/model/trainable.hpp>
#include <attend/train/batches.hpp>
#include <attend/train/parallel.hpp>

namespace attend::inline ATTEND_ABI {

/// A part of a batch and what a thread needs to work on it; its memory is reused.
template <Trainable M>
struct Shard {
  std::vector<const typename M::Example*> examples;
  typename M::Batch batch;
  typename M::Workspace workspace;
  Loss loss;
};

/// Deals a batch, sorted by falling size, out to shards: 0 1 2, 2 1 0, 0 1 2, ... so that each gets
/// about as many tokens.
template <Trainable M>
void deal(std::span<const typename M::Example> data, std::span<const Index> batch,
          std::span<Shard<M>> shards) {
  for (Shard<M>& shard : shards) shard.examples.clear();
  const std::size_t n = shards.size();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t place = i % n;
    const bool forward = i / n % 2 == 0;
    shards[forward ? place : n - 1 - place].examples.push_back(
        &data[static_cast<std::size_t>(batch[i])]);
  }
}

/// The sizes of examples, as the model counts them.
template <Trainable M>
[[nodiscard]] std::vector<Index> sizes_of(std::span<const typename M::Example> data) {
  std::vector<Index> sizes;
  sizes.reserve(data.size());
  for (const auto& example : data) sizes.push_back(static_cast<Index>(M::size(example)));
  return sizes;
}

/// Examples that a model is evaluated on, in batches of like size.
template <Trainable M>
class EvaluationSet {
 public:
  /// The examples stay the caller's.
  EvaluationSet(std::span<const typename M::Example> data, const BatchOptions& options)
      : data_(data) {
    batches_.assign_sorted(sizes_of<M>(data), options);
    losses_.resize(static_cast<std::size_t>(batches_.size()));
  }

  [[nodiscard]] bool empty() const { return data_.empty(); }

  /// The loss over all examples, without dropout; the same bits for any number of threads and
  /// shards.
  [[nodiscard]] Loss loss(const M& model, std::span<Shard<M>> shards, ThreadPool& pool) {
    const Index count = std::ssize(shards);
    pool.run(count, [&](Index s) {
      Shard<M>& shard = shards[static_cast<std::size_t>(s)];
      for (Index b = s; b < batches_.size(); b += count) {
        deal<M>(data_, batches_[b], std::span(&shard, 1));
        shard.batch.assign(std::span<const typename M::Example* const>(shard.examples));
        losses_[static_cast<std::size_t>(b)] = model.loss(shard.batch, shard.workspace);
      }
    });
    Loss sum;
    for (const Loss& loss : losses_) sum += loss;
    return sum;
  }

 private:
  std::span<const typename M::Example> data_;
  Batches batches_;
  std::vector<Loss> losses_;
};

}  // namespace attend
