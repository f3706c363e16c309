#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shapes.hpp"
#include "word_model.hpp"
#include <attend/train/sgd.hpp>
#include <attend/train/trainer.hpp>

namespace {

using attend::Adam;
using attend::ConstantRate;
using attend::Fields;
using attend::Index;
using attend::Plateau;
using attend::Random;
using attend::Schedule;
using attend::Sgd;
using attend::Trainer;
using attend::TrainerOptions;
using attend::TrainingEnd;
using attend::TrainingEvaluation;
using attend::TrainingEvents;
using attend::TrainingProgress;
using attend::TrainingState;
using word_model::Example;
using Model = word_model::WordModel<float>;
using State = TrainingState<Model>;

const std::vector<Example> training = word_model::sentences(47, 6, 12, Random(1));
const std::vector<Example> validation = word_model::sentences(13, 6, 12, Random(2));

Model small_model() { return {4, 12, Random(3)}; }

TrainerOptions small_options() {
  return {.epochs = 3, .batch = {.sentences = 8, .pool = 2}, .clip = 0.5, .shards = 3, .seed = 7};
}

/// What a file would hold: texts and numbers.
struct Saved {
  Fields fields;
  std::vector<double> tensors;
  friend bool operator==(const Saved&, const Saved&) = default;
};

template <class M, class O>
Saved save(const TrainingState<M, O>& state) {
  return {state.to_fields(), shapes::flat(state)};
}

template <class M, class O>
void load(const Saved& saved, TrainingState<M, O>& state) {
  state.from_fields(saved.fields);
  std::size_t next = 0;
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        using S = std::remove_reference_t<decltype(p.data()[0])>;
        for (Index i = 0; i < p.size(); ++i) p.data()[i] = static_cast<S>(saved.tensors[next++]);
      },
      state);
  ASSERT_EQ(next, saved.tensors.size());
}

template <class O>
TrainingState<Model, O> new_state();
template <>
State new_state() {
  return State(small_model(), Plateau{.rate = 0.5, .factor = 0.5, .patience = 2});
}
template <>
TrainingState<Model, Sgd<Model>> new_state() {
  const Model model = small_model();
  return {model, Sgd<Model>(model, {.momentum = 0.9}), Plateau{.rate = 2, .patience = 2}};
}

TEST(Trainer, Learns) {
  State state(Model(8, 12, Random(3)), ConstantRate{.rate = 0.03});
  const auto many = word_model::sentences(400, 3, 12, Random(4));
  std::vector<TrainingEvaluation> reports;
  TrainerOptions options = small_options();
  options.epochs = 12;
  Trainer<Model> trainer(options, many, validation,
                         {.on_evaluation = [&](const auto& r) { reports.push_back(r); }});
  EXPECT_NEAR(trainer.validation_loss(state.model).per_token(), std::log(12.0), 0.05);
  EXPECT_EQ(trainer.run(state), TrainingEnd::finished);
  ASSERT_EQ(reports.size(), 12u);
  EXPECT_LT(reports.back().validation.per_token(), 1.8);
  EXPECT_LT(reports.back().training.per_token(), reports.front().training.per_token());
  EXPECT_EQ(trainer.validation_loss(state.model).nats, reports.back().validation.nats);
}

/// One update written out by hand.
TEST(Trainer, AnUpdateIsTheClippedMeanGradient) {
  Model model = small_model();
  model.dropout = 0;
  const auto few = word_model::sentences(6, 5, 12, Random(8));
  using S = TrainingState<Model, Sgd<Model>>;
  S state(model, Sgd<Model>(model), ConstantRate{.rate = 0.5});
  TrainingProgress progress;
  Trainer<Model, Sgd<Model>> trainer({.epochs = 1, .clip = 0.05, .shards = 4}, few, {},
                                     {.on_progress = [&](const auto& p) { progress = p; }});
  trainer.run(state);

  Index targets = 0;
  Model::Batch batch;
  for (const Example& e : few) {
    batch.examples.push_back(&e);
    targets += Model::targets(e);
  }
  Model gradient = attend::zero_like(model);
  Model::Workspace workspace;
  Random random;
  const auto loss = model.loss_and_gradient(batch, 1.0F / static_cast<float>(targets), random,
                                            workspace, gradient);
  const double norm = attend::clip_by_global_norm(gradient, 0.05);
  EXPECT_GT(norm, 0.05);
  EXPECT_NEAR(progress.gradient_norm, norm, 1e-6);
  EXPECT_NEAR(progress.loss.nats, loss.nats, 1e-4);
  EXPECT_EQ(progress.loss.tokens, targets);
  EXPECT_TRUE(state.model.W.isApprox(model.W - 0.5F * gradient.W, 1e-5F));
  EXPECT_TRUE(state.model.E.isApprox(model.E - 0.5F * gradient.E, 1e-5F));
  EXPECT_TRUE(state.model.b.isApprox(model.b - 0.5F * gradient.b, 1e-5F));
}

TEST(Trainer, SameBitsForAnyNumberOfThreads) {
  // Large enough for several chunks.
  const auto data = word_model::sentences(40, 9, 500, Random(5));
  for (const Index shards : {1, 2, 3, 5}) {
    std::optional<Saved> alone;
    for (const int threads : {1, 2, 3, 4}) {
      TrainerOptions options = small_options();
      options.threads = threads;
      options.shards = shards;
      options.epochs = 2;
      State state(Model(20, 500, Random(3)), Plateau{.rate = 0.01});
      Trainer<Model>(options, data, validation).run(state);
      EXPECT_GT(attend::chunk_count(state.model), 5);
      if (!alone) alone = save(state);
      EXPECT_TRUE(save(state) == *alone) << shards << " shards, " << threads << " threads";
    }
  }
}

/// What a run ends with, and what its evaluations said.
struct Outcome {
  Saved saved;
  std::vector<double> reports;
};

template <class O>
TrainingEvents<Model, O> noting(std::vector<double>& reports) {
  TrainingEvents<Model, O> events;
  events.on_evaluation = [&reports](const TrainingEvaluation& r) {
    reports.insert(reports.end(), {r.training.nats, r.validation.nats, r.rate});
  };
  return events;
}

template <class O>
Outcome unbroken_run(const TrainerOptions& options) {
  Outcome outcome;
  auto state = new_state<O>();
  Trainer<Model, O>(options, training, validation, noting<O>(outcome.reports)).run(state);
  outcome.saved = save(state);
  return outcome;
}

/// Stops before update `stop_at`, saves, and goes on in a new trainer from what was saved, with
/// another number of threads.
template <class O>
Outcome stop_and_resume(TrainerOptions options, std::int64_t stop_at) {
  Outcome outcome;
  std::int64_t done = 0;
  auto events = noting<O>(outcome.reports);
  events.on_progress = [&](const TrainingProgress& p) { done = p.update; };
  events.stop_requested = [&] { return done == stop_at; };
  events.on_checkpoint = [&](const auto& s) { outcome.saved = save(s); };
  {
    auto state = new_state<O>();
    Trainer<Model, O> trainer(options, training, validation, events);
    EXPECT_EQ(trainer.run(state), TrainingEnd::stop_requested);
  }
  options.threads = 2;
  auto state = new_state<O>();
  load(outcome.saved, state);
  EXPECT_EQ(state.time.update, stop_at);
  Trainer<Model, O>(options, training, validation, noting<O>(outcome.reports)).run(state);
  outcome.saved = save(state);
  return outcome;
}

template <class O>
class Resume : public testing::Test {};
using Optimizers = testing::Types<Adam<Model>, Sgd<Model>>;
TYPED_TEST_SUITE(Resume, Optimizers);

TYPED_TEST(Resume, AtEveryUpdateEndsWithTheSameBits) {
  for (const std::int64_t evaluate_every : {0, 2}) {
    TrainerOptions options = small_options();
    options.evaluate_every = evaluate_every;
    const Outcome unbroken = unbroken_run<TypeParam>(options);
    // The plateau waits and falls, so that what it remembers matters.
    if (evaluate_every > 0) {
      EXPECT_LT(unbroken.reports.back(), unbroken.reports[2]);
    }
    for (std::int64_t stop_at = 0; stop_at < 18; ++stop_at) {
      const Outcome resumed = stop_and_resume<TypeParam>(options, stop_at);
      EXPECT_TRUE(resumed.saved == unbroken.saved) << "stopped after update " << stop_at;
      EXPECT_EQ(resumed.reports, unbroken.reports) << "stopped after update " << stop_at;
    }
  }
}

/// Notes what each shard's generator begins with.
struct Noting : Model {
  using Model::Model;
  std::vector<std::uint64_t>* seen = nullptr;
  attend::Loss loss_and_gradient(const Batch& batch, float s, Random& random, Workspace& w,
                                 Noting& g) const {
    seen->push_back(random.state());
    return Model::loss_and_gradient(batch, s, random, w, g);
  }
};

TEST(Trainer, EveryShardOfEveryUpdateDrawsItsOwnNumbers) {
  std::vector<std::uint64_t> seen;
  for (const std::uint64_t seed : {1, 2}) {
    TrainerOptions options = small_options();
    options.seed = seed;
    Noting model(4, 12, Random(3));
    model.seen = &seen;
    TrainingState<Noting> state(model, ConstantRate{});
    Trainer<Noting>(options, training).run(state);
  }
  EXPECT_EQ(seen.size(), 2u * 18u * 3u);
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), seen.size());
}

/// A kill: the run ends by an exception, and what is left is the last checkpoint.
TEST(Trainer, EveryCheckpointResumesToTheSameBits) {
  TrainerOptions options = small_options();
  options.checkpoint_seconds = 0;
  std::vector<Saved> checkpoints;
  State state = new_state<Adam<Model>>();
  TrainingEvents<Model> events;
  events.on_checkpoint = [&](const State& s) { checkpoints.push_back(save(s)); };
  Trainer<Model>(options, training, validation, events).run(state);
  EXPECT_EQ(checkpoints.size(), 19u);
  EXPECT_TRUE(checkpoints.back() == save(state));
  for (const Saved& saved : checkpoints) {
    State resumed = new_state<Adam<Model>>();
    load(saved, resumed);
    Trainer<Model>(options, training, validation).run(resumed);
    EXPECT_TRUE(save(resumed) == save(state));
  }
}

TEST(Trainer, LongerRunContinuesAFinishedOne) {
  TrainerOptions options = small_options();
  State whole = new_state<Adam<Model>>();
  Trainer<Model>(options, training, validation).run(whole);
  State parts = new_state<Adam<Model>>();
  options.epochs = 1;
  Trainer<Model>(options, training, validation).run(parts);
  options.epochs = 3;
  Trainer<Model>(options, training, validation).run(parts);
  EXPECT_TRUE(save(parts) == save(whole));
}

TEST(Trainer, ReportsProgress) {
  std::vector<TrainingProgress> reports;
  State state = new_state<Adam<Model>>();
  TrainerOptions options = small_options();
  Trainer<Model>(options, training, validation,
                 {.on_progress = [&](const auto& p) { reports.push_back(p); }})
      .run(state);
  ASSERT_EQ(reports.size(), 18u);
  attend::Loss epoch;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& r = reports[i];
    const auto n = static_cast<std::int64_t>(i);
    EXPECT_EQ(r.update, n + 1);
    EXPECT_EQ(r.total_updates, 18);
    EXPECT_EQ(r.epoch, n / 6 + 1);
    EXPECT_EQ(r.batch, n % 6 + 1);
    EXPECT_EQ(r.batches, 6);
    if (r.batch == 1) epoch = {};
    epoch += r.loss;
    EXPECT_EQ(r.epoch_loss.nats, epoch.nats);
    EXPECT_EQ(r.epoch_loss.tokens, epoch.tokens);
    EXPECT_GT(r.rate, 0);
    EXPECT_GT(r.gradient_norm, 0);
    EXPECT_GT(r.tokens_per_second, 0);
    EXPECT_EQ(r.seconds_left == 0, i == 17);
  }
  Index targets = 0;
  for (const Example& e : training) targets += Model::targets(e);
  EXPECT_EQ(epoch.tokens, targets);
}

TEST(Trainer, TheUpdateLimitEndsTheRunAndEvaluates) {
  TrainerOptions options = small_options();
  options.updates = 8;
  std::vector<std::int64_t> evaluated;
  std::int64_t total = 0;
  State state = new_state<Adam<Model>>();
  Trainer<Model>(options, training, validation,
                 {.on_progress = [&](const auto& p) { total = p.total_updates; },
                  .on_evaluation = [&](const auto& r) { evaluated.push_back(r.time.update); }})
      .run(state);
  EXPECT_EQ(evaluated, (std::vector<std::int64_t>{6, 8}));
  EXPECT_EQ(total, 8);
}

TEST(Trainer, KeepsTheBestAndStopsEarly) {
  const std::vector<double> scores{1, 3, 2, 3, 1, 9};
  std::size_t next = 0;
  std::vector<Model> seen;
  std::vector<std::vector<double>> best;
  std::vector<TrainingEvaluation> reports;
  TrainerOptions options = small_options();
  options.epochs = 50;
  options.patience = 3;
  State state(small_model(), ConstantRate{.rate = 0.01});
  Trainer<Model> trainer(options, training, {},
                         {.on_evaluation = [&](const auto& r) { reports.push_back(r); },
                          .on_best = [&](const Model& m) { best.push_back(shapes::flat(m)); },
                          .metric =
                              [&](const Model& m) {
                                seen.push_back(m);
                                return scores[next++];
                              }});
  EXPECT_EQ(trainer.run(state), TrainingEnd::stopped_early);
  ASSERT_EQ(reports.size(), 5u);
  EXPECT_EQ(best.size(), 2u);
  EXPECT_EQ(best[1], shapes::flat(seen[1]));
  ASSERT_TRUE(state.best.has_value());
  EXPECT_EQ(shapes::flat(*state.best), best[1]);
  EXPECT_NE(shapes::flat(state.model), best[1]);
  EXPECT_EQ(state.best_score, 3);
  EXPECT_EQ(state.best_update, 12);
  EXPECT_TRUE(reports[1].improved);
  EXPECT_FALSE(reports[3].improved);
  EXPECT_EQ(reports[4].evaluations_without_improvement, 3);
  EXPECT_EQ(reports[4].score, 1);

  options.keep_best = false;
  next = 0;
  State without(small_model(), ConstantRate{.rate = 0.01});
  Trainer<Model>(options, training, {}, {.metric = [&](const Model&) { return scores[next++]; }})
      .run(without);
  EXPECT_FALSE(without.best.has_value());
  EXPECT_EQ(shapes::flat(without.model), shapes::flat(state.model));
}

TEST(Trainer, APlateauLowersTheRate) {
  std::vector<double> rates;
  TrainerOptions options = small_options();
  options.epochs = 4;
  State state(small_model(), Plateau{.rate = 0.1, .factor = 0.5, .patience = 1});
  Trainer<Model>(options, training, {},
                 {.on_evaluation = [&](const auto& r) { rates.push_back(r.rate); },
                  .metric = [](const Model&) { return 0.0; }})
      .run(state);
  EXPECT_EQ(rates, (std::vector<double>{0.1, 0.05, 0.025, 0.0125}));
}

TEST(Trainer, EmptyTargetsAndMoreShardsThanExamples) {
  TrainerOptions options = small_options();
  options.shards = 9;
  options.threads = 2;
  options.batch.sentences = 2;
  State state = new_state<Adam<Model>>();
  Trainer<Model>(options, std::vector<Example>(5), validation).run(state);
  EXPECT_EQ(shapes::flat(state.model), shapes::flat(small_model()));
  Trainer<Model> nothing_to_evaluate(options, training);
  EXPECT_EQ(nothing_to_evaluate.validation_loss(state.model).tokens, 0);
}

template <class Run>
std::string complaint(const Run& run) {
  try {
    run();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Trainer, ANonFiniteLossLeavesTheStateAsItWas) {
  for (const int threads : {1, 2}) {
    State state = new_state<Adam<Model>>();
    TrainerOptions options = small_options();
    options.threads = threads;
    options.updates = 8;
    Trainer<Model>(options, training, validation).run(state);
    state.model.b(3) = std::numeric_limits<float>::quiet_NaN();
    const Saved before = save(state);
    int checkpoints = 0;
    options.updates = 0;
    Trainer<Model> trainer(options, training, validation,
                           {.on_checkpoint = [&](const State&) { ++checkpoints; }});
    EXPECT_THROW(trainer.run(state), attend::NonFiniteError);
    EXPECT_EQ(
        complaint([&] { trainer.run(state); }),
        "Trainer: the loss at update 9 (epoch 2) is nan; the model is as it was before: lower "
        "the rate or clip");
    EXPECT_EQ(checkpoints, 0);
    EXPECT_EQ(save(state).fields, before.fields);
    state.model.b(3) = 0;
    EXPECT_EQ(trainer.run(state), TrainingEnd::finished);
  }
}

/// A loss that is finite and whose gradient is not.
struct Cliff : Model {
  using Model::Model;
  attend::Loss loss_and_gradient(const Batch&, float, Random&, Workspace&, Cliff& g) const {
    g.b(0) = std::numeric_limits<float>::infinity();
    return {.nats = 1, .tokens = 1};
  }
};

TEST(Trainer, ANonFiniteGradientIsNamed) {
  TrainingState<Cliff> state(Cliff(4, 12, Random(3)), ConstantRate{});
  const auto before = shapes::flat(state);
  EXPECT_EQ(complaint([&] { Trainer<Cliff>(small_options(), training).run(state); }),
            "Trainer: the gradient's norm at update 1 (epoch 1) is inf; the model is as it was "
            "before: lower the rate or clip");
  EXPECT_EQ(shapes::flat(state), before);
}

TEST(Trainer, ANonFiniteValidationLossIsNamed) {
  struct Broken : Model {
    using Model::Model;
    static attend::Loss nan() { return {.nats = std::nan(""), .tokens = 1}; }
    attend::Loss loss(const Batch&, Workspace&) const { return nan(); }
    attend::Loss loss_and_gradient(const Batch& batch, float s, Random& r, Workspace& w,
                                   Broken& g) const {
      return Model::loss_and_gradient(batch, s, r, w, g);
    }
  };
  TrainingState<Broken> state(Broken(4, 12, Random(3)), ConstantRate{});
  EXPECT_EQ(complaint([&] { Trainer<Broken>(small_options(), training, validation).run(state); }),
            "Trainer: the validation loss after update 6 is nan");
}

TEST(Trainer, RefusesAStateFromAnotherRun) {
  State state = new_state<Adam<Model>>();
  TrainerOptions options = small_options();
  options.epochs = 1;
  Trainer<Model>(options, training, validation).run(state);
  Index size = 0;
  for (const Example& e : training) size += Model::size(e);
  const std::string start = "examples=47 size=" + std::to_string(size) + " seed=";
  const std::string end = " shards=3 sentences=8 tokens=0 pool=2'";
  options.seed = 8;
  EXPECT_EQ(complaint([&] { Trainer<Model>(options, training, validation).run(state); }),
            "Trainer: the state comes from a run with '" + start + "7" + end + ", this run has '" +
                start + "8" + end + "; resume with the same");
  options.seed = 7;
  options.epochs = 3;
  state.update_in_epoch = 6;
  EXPECT_EQ(complaint([&] { Trainer<Model>(options, training, validation).run(state); }),
            "Trainer: the state has 6 updates of an epoch that has 6; it comes from other data");
}

TEST(Trainer, OptionsAreChecked) {
  const auto refusal = [](const TrainerOptions& options) {
    return complaint([&] {
      State state(small_model(), ConstantRate{});
      Trainer<Model>(options, training).run(state);
    });
  };
  EXPECT_EQ(refusal({.epochs = -1}),
            "Trainer: epochs, updates, evaluate_every and patience are -1, 0, 0, 0, expected 0 or "
            "more");
  EXPECT_EQ(refusal({.clip = -1}), "Trainer: clip is -1, expected 0 (none) or more");
  EXPECT_EQ(refusal({.shards = 0}), "Trainer: shards is 0, expected 1 or more");
  EXPECT_EQ(refusal({.threads = 0}), "ThreadPool: threads is 0, expected 1 or more");
  EXPECT_EQ(refusal({.patience = 1}), "Trainer: patience needs validation examples or a metric");
  EXPECT_EQ(complaint([] { Trainer<Model>({}, {}); }), "Trainer: there are no training examples");
  EXPECT_EQ(complaint([] {
              State state = new_state<Adam<Model>>();
              Trainer<Model>({}, training).run(state);
            }),
            "Trainer: a plateau schedule needs validation examples or a metric");
}

TEST(TrainingState, MissingFieldsAreNamed) {
  State state = new_state<Adam<Model>>();
  auto fields = state.to_fields();
  fields.erase("training.best_score");
  EXPECT_EQ(complaint([&] { state.from_fields(fields); }),
            "the saved state has no field 'training.best_score'; the file is damaged or of another "
            "version");
}

}  // namespace
