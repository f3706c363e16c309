/// The training loop.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/random.hpp>
#include <attend/model/trainable.hpp>
#include <attend/train/batches.hpp>
#include <attend/train/clip.hpp>
#include <attend/train/optimizer.hpp>
#include <attend/train/parallel.hpp>
#include <attend/train/shard.hpp>
#include <attend/train/shard_gradients.hpp>
#include <attend/train/stopwatch.hpp>
#include <attend/train/trainer_options.hpp>
#include <attend/train/training_events.hpp>
#include <attend/train/training_state.hpp>

namespace attend::inline ATTEND_ABI {

enum class TrainingEnd : std::uint8_t { finished, stopped_early, stop_requested };

/// Trains a model. The order of examples and the draws of dropout depend on seed, epoch, update and
/// shard alone, and sums have a fixed order: the same bits come out for any number of threads, and
/// for a run that was stopped at any update and resumed from its checkpoint.
template <Trainable M, Optimizer<M> O = Adam<M>>
class Trainer {
 public:
  using Example = typename M::Example;
  using State = TrainingState<M, O>;
  using Events = TrainingEvents<M, O>;

  /// The examples stay the caller's, unchanged while the trainer lives; `validation` may be empty.
  /// Throws std::invalid_argument for options out of range and for no training examples.
  Trainer(const TrainerOptions& options, std::span<const Example> training,
          std::span<const Example> validation = {}, Events events = {})
      : options_(options),
        events_(std::move(events)),
        training_(training),
        sizes_(sizes_of<M>(training)),
        validation_(validation, options.batch),
        pool_(options.threads),
        shards_(static_cast<std::size_t>(options.shards)) {
    check_options(options);
    check_argument(!training.empty(), "Trainer: there are no training examples");
  }

  /// Trains from where `state` stands to the end, or to a request to stop. Throws NonFiniteError,
  /// which names the update, if the loss or the gradient's norm is not finite: `state` is then as
  /// it was before that update, and no checkpoint of it was made. Throws std::invalid_argument if
  /// the state comes from a run with other data, seed, shards or batches.
  TrainingEnd run(State& state) {
    begin(state);
    while (true) {
      if (events_.stop_requested && events_.stop_requested()) {
        checkpoint(state);
        return TrainingEnd::stop_requested;
      }
      if (evaluation_due(state)) {
        evaluate(state);
        continue;
      }
      if (ended(state)) break;
      update(state);
      if (since_checkpoint_.seconds() >= options_.checkpoint_seconds) checkpoint(state);
    }
    checkpoint(state);
    return out_of_patience(state) ? TrainingEnd::stopped_early : TrainingEnd::finished;
  }

  /// The validation examples' loss.
  [[nodiscard]] Loss validation_loss(const M& model) {
    return validation_.loss(model, std::span(shards_), pool_);
  }

 private:
  [[nodiscard]] bool evaluates() const { return !validation_.empty() || events_.metric; }

  void begin(State& state) {
    check_argument(evaluates() || !state.schedule.needs_evaluations(),
                   "Trainer: a plateau schedule needs validation examples or a metric");
    check_argument(evaluates() || options_.patience == 0,
                   "Trainer: patience needs validation examples or a metric");
    const std::string recipe = recipe_of(options_, sizes_);
    if (state.recipe.empty()) state.recipe = recipe;
    check_argument(state.recipe == recipe, "Trainer: the state comes from a run with '",
                   state.recipe, "', this run has '", recipe, "'; resume with the same");
    gradients_.emplace(state.model, options_.shards);
    batched_epoch_ = -1;
    pace_ = {};
    since_checkpoint_.restart();
  }

  [[nodiscard]] bool out_of_patience(const State& state) const {
    return options_.patience > 0 && state.evaluations_without_improvement >= options_.patience;
  }

  [[nodiscard]] bool ended(const State& state) const {
    return state.time.epoch >= options_.epochs ||
           (options_.updates > 0 && state.time.update >= options_.updates) ||
           out_of_patience(state);
  }

  [[nodiscard]] bool evaluation_due(const State& state) const {
    if (!evaluates() || state.time.update == state.evaluated_update) return false;
    const bool due = options_.evaluate_every > 0 ? state.time.update % options_.evaluate_every == 0
                                                 : state.update_in_epoch == 0;
    return due || ended(state);
  }

  void checkpoint(const State& state) {
    if (events_.on_checkpoint) events_.on_checkpoint(state);
    since_checkpoint_.restart();
  }

  void evaluate(State& state) {
    TrainingEvaluation report;
    report.time = state.time;
    report.training = state.epoch_loss;
    report.validation = validation_loss(state.model);
    if (!std::isfinite(report.validation.nats)) {
      throw NonFiniteError(detail::message("Trainer: the validation loss after update ",
                                           state.time.update, " is ", report.validation.nats));
    }
    report.score = events_.metric ? events_.metric(state.model) : -report.validation.per_token();
    report.improved = report.score > state.best_score;
    if (report.improved) {
      state.best_score = report.score;
      state.best_update = state.time.update;
      if (options_.keep_best) state.best = state.model;
    }
    state.evaluations_without_improvement =
        report.improved ? 0 : state.evaluations_without_improvement + 1;
    state.schedule.evaluated(report.score);
    state.evaluated_update = state.time.update;

    report.evaluations_without_improvement = state.evaluations_without_improvement;
    report.rate = state.schedule.rate(state.time);
    if (report.improved && events_.on_best) events_.on_best(state.model);
    if (events_.on_evaluation) events_.on_evaluation(report);
  }

  void update(State& state) {
    const Stopwatch watch;
    make_batches(state);
    const auto batch = batches_[static_cast<Index>(state.update_in_epoch)];
    TrainingProgress progress;
    progress.loss = differentiate(state, batch);
    check_finite(state, "loss", progress.loss.nats);
    progress.gradient_norm = gradients_->sum(pool_);
    check_finite(state, "gradient's norm", progress.gradient_norm);
    progress.rate = state.schedule.rate(state.time);
    const double factor = clip_factor(progress.gradient_norm, options_.clip);
    state.optimizer.step(state.model, (*gradients_)[0],
                         {.rate = progress.rate, .gradient_scale = factor}, pool_);
    progress.epoch = state.time.epoch + 1;
    progress.batch = state.update_in_epoch + 1;
    advance(state, progress.loss);

    Index tokens = 0;
    for (const Index example : batch) tokens += sizes_[static_cast<std::size_t>(example)];
    pace_.add(watch.seconds(), tokens);
    report(state, progress);
  }

  void make_batches(const State& state) {
    if (batched_epoch_ != state.time.epoch) {
      const auto epoch = static_cast<std::uint64_t>(state.time.epoch);
      batches_.assign(sizes_, options_.batch, Random(options_.seed).fork(0).fork(epoch));
      batched_epoch_ = state.time.epoch;
    }
    check_argument(state.update_in_epoch < batches_.size(), "Trainer: the state has ",
                   state.update_in_epoch, " updates of an epoch that has ", batches_.size(),
                   "; it comes from other data");
  }

  /// Leaves the shards' parts of the mean loss's gradient in `gradients_`.
  Loss differentiate(const State& state, std::span<const Index> batch) {
    deal<M>(training_, batch, std::span(shards_));
    Index targets = 0;
    for (const Index example : batch) {
      targets += static_cast<Index>(M::targets(training_[static_cast<std::size_t>(example)]));
    }
    const double scale = 1.0 / static_cast<double>(std::max<Index>(targets, 1));
    const Random random =
        Random(options_.seed).fork(1).fork(static_cast<std::uint64_t>(state.time.update));
    pool_.run(options_.shards, [&](Index s) {
      Shard<M>& shard = shards_[static_cast<std::size_t>(s)];
      M& gradient = (*gradients_)[s];
      set_zero(gradient);
      shard.loss = Loss{};
      if (shard.examples.empty()) return;
      Random draws = random.fork(static_cast<std::uint64_t>(s));
      shard.batch.assign(std::span<const Example* const>(shard.examples));
      shard.loss = state.model.loss_and_gradient(
          shard.batch, static_cast<typename M::Scalar>(scale), draws, shard.workspace, gradient);
    });
    Loss sum;
    for (const Shard<M>& shard : shards_) sum += shard.loss;
    return sum;
  }

  static void check_finite(const State& state, std::string_view what, double value) {
    if (std::isfinite(value)) return;
    throw NonFiniteError(
        detail::message("Trainer: the ", what, " at update ", state.time.update + 1, " (epoch ",
                        state.time.epoch + 1, ") is ", value,
                        "; the model is as it was before: lower the rate or clip"));
  }

  void advance(State& state, const Loss& loss) const {
    if (state.update_in_epoch == 0) state.epoch_loss = Loss{};
    state.epoch_loss += loss;
    ++state.time.update;
    ++state.update_in_epoch;
    if (state.update_in_epoch == batches_.size()) {
      ++state.time.epoch;
      state.update_in_epoch = 0;
    }
  }

  void report(const State& state, TrainingProgress& progress) const {
    if (!events_.on_progress) return;
    progress.update = state.time.update;
    progress.batches = batches_.size();
    progress.epoch_loss = state.epoch_loss;
    const std::int64_t left =
        progress.batches - progress.batch + (options_.epochs - progress.epoch) * progress.batches;
    progress.total_updates = progress.update + left;
    if (options_.updates > 0) {
      progress.total_updates = std::min(progress.total_updates, options_.updates);
    }
    progress.tokens_per_second = pace_.tokens_per_second();
    progress.seconds_left =
        static_cast<double>(progress.total_updates - progress.update) * pace_.seconds_per_update();
    events_.on_progress(progress);
  }

  TrainerOptions options_;
  Events events_;
  std::span<const Example> training_;
  std::vector<Index> sizes_;
  EvaluationSet<M> validation_;
  ThreadPool pool_;
  std::vector<Shard<M>> shards_;
  std::optional<ShardGradients<M>> gradients_;
  Batches batches_;
  std::int64_t batched_epoch_ = -1;
  Stopwatch since_checkpoint_;
  Pace pace_;
};

}  // namespace attend
