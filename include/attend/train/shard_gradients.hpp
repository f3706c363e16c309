/// The gradients of a batch's shards, and their sum.
#pragma once

#include <cmath>
#include <numeric>
#include <vector>

#include <attend/train/chunks.hpp>
#include <attend/train/clip.hpp>

namespace attend::inline ATTEND_ABI {

/// One gradient for each shard of a batch. They are summed in a fixed tree, so the sum has the same
/// bits whatever the number of threads.
template <class M>
class ShardGradients {
 public:
  /// `shards` >= 1 gradients of the model's shape.
  ShardGradients(const M& model, Index shards)
      : gradients_(static_cast<std::size_t>(shards), zero_like(model)),
        squares_(static_cast<std::size_t>(chunk_count(model))) {}

  [[nodiscard]] Index size() const { return std::ssize(gradients_); }
  [[nodiscard]] M& operator[](Index shard) { return gradients_[static_cast<std::size_t>(shard)]; }

  /// Overwrites gradient 0 with the sum of all and returns the sum's norm, in one pass over memory
  /// for two shards. The other gradients are left as partial sums.
  double sum(ThreadPool& pool) {
    Index stride = 1;
    for (; 2 * stride < size(); stride *= 2) {
      for (Index i = 0; i + stride < size(); i += 2 * stride) add(i, i + stride, pool);
    }
    if (stride < size()) {
      add(0, stride, pool);
    } else {
      square(pool);
    }
    return std::sqrt(std::accumulate(squares_.begin(), squares_.end(), 0.0));
  }

 private:
  void add(Index to, Index from, ThreadPool& pool) {
    for_each_chunk(
        pool,
        [this]<class S>(Index chunk, Index n, S* p, const S* q) {
          squares_[static_cast<std::size_t>(chunk)] = detail::add_chunk_and_square(n, p, q);
        },
        (*this)[to], std::as_const((*this)[from]));
  }

  void square(ThreadPool& pool) {
    for_each_chunk(
        pool,
        [this](Index chunk, Index n, const auto* p) {
          squares_[static_cast<std::size_t>(chunk)] = detail::chunk_squares(n, p);
        },
        std::as_const(gradients_.front()));
  }

  std::vector<M> gradients_;
  std::vector<double> squares_;
};

}  // namespace attend
