/// Everything that a stopped run needs to go on as if it had not stopped.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <attend/loss/loss.hpp>
#include <attend/train/adam.hpp>
#include <attend/train/fields.hpp>
#include <attend/train/schedule.hpp>

namespace attend::inline ATTEND_ABI {

/// The state of a run between two updates. `parameters` visits its tensors ("model...",
/// "optimizer...", and "best..." once there is one), `to_fields` gives the rest as text. To read it
/// back: make it from a model of the same shape, call `from_fields`, then read the tensors.
template <class M, class O = Adam<M>>
struct TrainingState {
  M model;
  O optimizer;
  Schedule schedule;
  /// The model of the best evaluation so far, if the trainer keeps it.
  std::optional<M> best = std::nullopt;

  /// Epochs and updates that are done, and updates since the epoch began.
  TrainingTime time = {};
  std::int64_t update_in_epoch = 0;
  /// The training loss of the epoch so far (of the last one, between two).
  Loss epoch_loss = {};

  /// The update after which the last evaluation was.
  std::int64_t evaluated_update = 0;
  double best_score = -std::numeric_limits<double>::infinity();
  std::int64_t best_update = 0;
  std::int64_t evaluations_without_improvement = 0;

  /// What the order of the examples depends on, written by the first run.
  std::string recipe = {};

  TrainingState(M first_model, O first_optimizer, Schedule first_schedule)
      : model(std::move(first_model)),
        optimizer(std::move(first_optimizer)),
        schedule(first_schedule) {}

  /// With the optimizer as it is by default.
  TrainingState(M first_model, Schedule first_schedule)
      : model(std::move(first_model)), optimizer(model), schedule(first_schedule) {}

  template <class F, class... A>
  static void parameters(F&& f, A&... a) {
    f("model", a.model...);
    f("optimizer", a.optimizer...);
    f("best", a.best...);
  }

  [[nodiscard]] Fields to_fields() const {
    Fields fields;
    visit_numbers([&](auto name, const auto& value) { put_field(fields, name, value); }, *this);
    put_field(fields, "training.has_best", best.has_value() ? 1 : 0);
    put_field(fields, "training.recipe", recipe);
    schedule.put_fields(fields);
    optimizer.put_fields(fields);
    return fields;
  }

  /// Overwrites all but the tensors; `best` becomes a model of the right shape, or none. Throws
  /// FormatError if a field is missing or damaged.
  void from_fields(const Fields& fields) {
    visit_numbers([&](auto name, auto& value) { get_field(fields, name, value); }, *this);
    int has_best = 0;
    get_field(fields, "training.has_best", has_best);
    best = has_best != 0 ? std::optional<M>(zero_like(model)) : std::nullopt;
    recipe = field_text(fields, "training.recipe");
    schedule.get_fields(fields);
    optimizer.get_fields(fields);
  }

 private:
  template <class F, class Self>
  static void visit_numbers(const F& f, Self& self) {
    f("training.epoch", self.time.epoch);
    f("training.update", self.time.update);
    f("training.update_in_epoch", self.update_in_epoch);
    f("training.epoch_nats", self.epoch_loss.nats);
    f("training.epoch_tokens", self.epoch_loss.tokens);
    f("training.evaluated_update", self.evaluated_update);
    f("training.best_score", self.best_score);
    f("training.best_update", self.best_update);
    f("training.evaluations_without_improvement", self.evaluations_without_improvement);
  }
};

}  // namespace attend
