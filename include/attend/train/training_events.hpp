/// What a trainer tells its caller, and asks.
#pragma once

#include <cstdint>
#include <functional>

#include <attend/loss/loss.hpp>
#include <attend/train/training_state.hpp>

namespace attend::inline ATTEND_ABI {

/// After an update. Counts start at 1 and include this update.
struct TrainingProgress {
  std::int64_t epoch = 0;
  std::int64_t update = 0;
  /// Updates of the whole run; an estimate where epochs differ in their batches.
  std::int64_t total_updates = 0;
  std::int64_t batch = 0;
  std::int64_t batches = 0;
  Loss loss;
  Loss epoch_loss;
  double rate = 0;
  /// Before clipping.
  double gradient_norm = 0;
  /// What `M::size` counts, per second of this run's updates.
  double tokens_per_second = 0;
  double seconds_left = 0;
};

/// After an evaluation.
struct TrainingEvaluation {
  /// Epochs and updates that are done.
  TrainingTime time;
  Loss training;
  Loss validation;
  /// The caller's metric, or minus the validation loss per token; higher is better.
  double score = 0;
  bool improved = false;
  std::int64_t evaluations_without_improvement = 0;
  /// Of the next update.
  double rate = 0;
};

/// A caller's functions; each may be left empty. What one throws leaves `Trainer::run`.
template <class M, class O = Adam<M>>
struct TrainingEvents {
  std::function<void(const TrainingProgress&)> on_progress = {};
  std::function<void(const TrainingEvaluation&)> on_evaluation = {};
  /// The best model so far.
  std::function<void(const M&)> on_best = {};
  /// The state is complete and between two updates: write it aside, then rename.
  std::function<void(const TrainingState<M, O>&)> on_checkpoint = {};
  /// Asked before every update; on true the state goes to `on_checkpoint` and the run ends.
  std::function<bool()> stop_requested = {};
  /// Scores a model, higher is better, for example BLEU of a greedy search.
  std::function<double(const M&)> metric = {};
};

}  // namespace attend
