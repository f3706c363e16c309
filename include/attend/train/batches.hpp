/// Which examples make a batch.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/random.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// When a batch is full, and how far examples of like length are brought together.
struct BatchOptions {
  /// Examples in a batch at most; 0 for no limit.
  Index sentences = 64;
  /// Tokens in a batch at most (an example that has more is a batch of its own); 0 for no limit.
  Index tokens = 0;
  /// Examples are sorted by size within this many batches' worth of them; 0 for all of them.
  Index pool = 100;
};

/// The batches of an epoch: every example exactly once, those of like size together.
class Batches {
 public:
  /// Shuffles the examples, sorts them by falling size within pools, cuts the pools into batches
  /// and shuffles the batches. The same random state gives the same batches everywhere; the memory
  /// is reused. Throws std::invalid_argument unless a batch is limited by something.
  void assign(std::span<const Index> sizes, const BatchOptions& options, Random random) {
    begin(sizes, options);
    random.shuffle(order_);
    for (Index first = 0; first < std::ssize(order_);) {
      const Index last = pool_end(sizes, options, first);
      cut(sizes, options, first, last);
      first = last;
    }
    random.shuffle(ranges_);
  }

  /// Without randomness: all examples by falling size, cut into batches.
  void assign_sorted(std::span<const Index> sizes, const BatchOptions& options) {
    begin(sizes, options);
    cut(sizes, options, 0, std::ssize(order_));
  }

  [[nodiscard]] Index size() const { return std::ssize(ranges_); }

  /// The examples of a batch, by falling size.
  [[nodiscard]] std::span<const Index> operator[](Index batch) const {
    const Range range = ranges_[static_cast<std::size_t>(batch)];
    return std::span(order_).subspan(static_cast<std::size_t>(range.first),
                                     static_cast<std::size_t>(range.count));
  }

 private:
  struct Range {
    Index first = 0;
    Index count = 0;
  };

  void begin(std::span<const Index> sizes, const BatchOptions& options) {
    check_argument(options.sentences >= 0 && options.tokens >= 0 && options.pool >= 0,
                   "Batches: sentences, tokens and pool are ", options.sentences, ", ",
                   options.tokens, ", ", options.pool, ", expected 0 or more");
    check_argument(options.sentences > 0 || options.tokens > 0,
                   "Batches: sentences and tokens are both 0; limit a batch by one of them");
    order_.resize(sizes.size());
    std::iota(order_.begin(), order_.end(), Index{0});
    ranges_.clear();
  }

  [[nodiscard]] Index size_at(std::span<const Index> sizes, Index place) const {
    return sizes[static_cast<std::size_t>(order_[static_cast<std::size_t>(place)])];
  }

  /// The end of the longest run from `first` that keeps within both limits; at least one example.
  [[nodiscard]] Index run_end(std::span<const Index> sizes, Index first, Index last,
                              Index sentences, Index tokens) const {
    Index sum = size_at(sizes, first);
    Index end = first + 1;
    for (; end < last && (sentences == 0 || end - first < sentences); ++end) {
      sum += size_at(sizes, end);
      if (tokens > 0 && sum > tokens) break;
    }
    return end;
  }

  [[nodiscard]] Index pool_end(std::span<const Index> sizes, const BatchOptions& options,
                               Index first) const {
    const Index last = std::ssize(order_);
    if (options.pool == 0) return last;
    return run_end(sizes, first, last, options.pool * options.sentences,
                   options.pool * options.tokens);
  }

  void cut(std::span<const Index> sizes, const BatchOptions& options, Index first, Index last) {
    std::stable_sort(order_.begin() + first, order_.begin() + last, [&](Index a, Index b) {
      return sizes[static_cast<std::size_t>(a)] > sizes[static_cast<std::size_t>(b)];
    });
    while (first < last) {
      const Index end = run_end(sizes, first, last, options.sentences, options.tokens);
      ranges_.push_back({.first = first, .count = end - first});
      first = end;
    }
  }

  std::vector<Index> order_;
  std::vector<Range> ranges_;
};

}  // namespace attend
