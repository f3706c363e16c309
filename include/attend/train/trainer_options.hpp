/// What a training run is told.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <string>

#include <attend/core/error.hpp>
#include <attend/train/batches.hpp>

namespace attend::inline ATTEND_ABI {

struct TrainerOptions {
  std::int64_t epochs = 10;
  /// At most so many updates; 0 for no limit.
  std::int64_t updates = 0;
  BatchOptions batch = {};
  /// The gradient's largest norm; 0 for no limit.
  double clip = 1;
  /// Updates between evaluations; 0 for one after each epoch.
  std::int64_t evaluate_every = 0;
  /// Evaluations in a row without improvement after which to stop; 0 for never.
  std::int64_t patience = 0;
  /// Whether the state holds the best model.
  bool keep_best = true;
  int threads = 1;
  /// Parts of a batch that are worked on at once; results depend on it, unlike on `threads`, of
  /// which more than shards help little.
  Index shards = 2;
  std::uint64_t seed = 1;
  /// At least so many seconds between checkpoints inside a run; 0 for one after each update.
  double checkpoint_seconds = 300;
};

/// Throws std::invalid_argument unless counts and limits are 0 or more and there is a shard.
inline void check_options(const TrainerOptions& options) {
  check_argument(options.epochs >= 0 && options.updates >= 0 && options.evaluate_every >= 0 &&
                     options.patience >= 0,
                 "Trainer: epochs, updates, evaluate_every and patience are ", options.epochs, ", ",
                 options.updates, ", ", options.evaluate_every, ", ", options.patience,
                 ", expected 0 or more");
  check_argument(options.shards >= 1, "Trainer: shards is ", options.shards,
                 ", expected 1 or more");
  check_argument(options.clip >= 0, "Trainer: clip is ", options.clip,
                 ", expected 0 (none) or more");
}

/// What the order of the examples and the draws of dropout depend on: a run is resumed only with
/// the same.
[[nodiscard]] inline std::string recipe_of(const TrainerOptions& options,
                                           std::span<const Index> sizes) {
  return detail::message(
      "examples=", sizes.size(), " size=", std::accumulate(sizes.begin(), sizes.end(), Index{0}),
      " seed=", options.seed, " shards=", options.shards, " sentences=", options.batch.sentences,
      " tokens=", options.batch.tokens, " pool=", options.batch.pool);
}

}  // namespace attend
