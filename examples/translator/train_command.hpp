/// `translator train`.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "../output.hpp"
#include "average.hpp"
#include "evaluate.hpp"
#include "interrupt.hpp"
#include "memory.hpp"
#include "progress.hpp"
#include "training.hpp"
#include <attend/train/trainer.hpp>

namespace translator {

struct TrainCommand {
  Recipe recipe;
  std::string source;
  std::string target;
  std::string valid_source;
  std::string valid_target;
  std::string model;
  int threads = 1;
  double checkpoint_seconds = 120;
  bool resume = false;
  bool overwrite = false;
};

using Trainer = attend::Trainer<Model, attend::AdamW<Model>>;

inline Languages learn_languages(const Recipe& recipe, const attend::ParallelText& text) {
  if (recipe.subwords == 0) {
    return {Language::of_words(text.source, recipe.min_frequency),
            Language::of_words(text.target, recipe.min_frequency)};
  }
  if (recipe.separate_subwords) {
    return {Language::of_subwords(text.source, recipe.subwords),
            Language::of_subwords(text.target, recipe.subwords)};
  }
  std::vector<std::string> both = text.source;
  both.insert(both.end(), text.target.begin(), text.target.end());
  Language joint = Language::of_subwords(both, recipe.subwords);
  return {joint, joint};
}

/// Pairs without blank sides and without those longer than the recipe allows.
inline std::vector<attend::SentencePair> training_pairs(const Training& training,
                                                        const attend::ParallelText& text) {
  const auto limit = static_cast<std::size_t>(training.recipe.max_length);
  std::vector<attend::SentencePair> pairs = encode_pairs(training.languages, text);
  std::erase_if(pairs, [&](const attend::SentencePair& pair) {
    return pair.source.size() < 2 || pair.target.size() < 2 || pair.source.size() > limit ||
           pair.target.size() > limit;
  });
  attend::check_argument(!pairs.empty(), "none of the ", text.size(),
                         " pairs has two sides of 1 to ", limit - 1, " ",
                         training.languages.source.unit(), "; give other text or --max-length");
  return pairs;
}

/// Everything that can be wrong without the texts, before anything is read or written.
inline void check(const TrainCommand& command) {
  check(command.recipe);
  if (!command.resume) check_parts(command.recipe);
  check_threads(command.threads);
  check_amount("--checkpoint-seconds", command.checkpoint_seconds);
  output::check(command.model);
  for (const auto& path : {std::filesystem::path(command.model), training_path(command.model)}) {
    attend::check_argument(command.resume || command.overwrite || !std::filesystem::exists(path),
                           path.string(),
                           " exists; go on with --resume, or begin anew with --overwrite");
  }
}

/// The recipe of the training that --resume goes on with; options that are given come on top.
inline Recipe recipe_to_resume(const std::string& model) {
  return recipe_of(read_training(training_path(model)), "training state");
}

/// Only how long to go on may change: another recipe would be another training.
inline void check_resumed(const Recipe& stored, const Recipe& given) {
  const nlohmann::json before = stored;
  const nlohmann::json now = given;
  for (const auto& [name, value] : before.items()) {
    const bool end = name == "patience" || (name == "epochs" && stored.schedule != "step");
    attend::check_argument(end || now.at(name) == value, "--resume: ", name, " was ", value.dump(),
                           " when the training began and is ", now.at(name).dump(),
                           " now; leave that option out, or begin anew with --overwrite");
  }
}

inline Training resume_training(const TrainCommand& command, const TrainingTexts& texts) {
  const auto path = training_path(command.model);
  Training training = load_training(path);
  check_resumed(training.recipe, command.recipe);
  training.recipe = command.recipe;
  const std::string now = fingerprint(texts);
  attend::check_argument(training.texts.empty() || training.texts == now,
                         "--resume: the texts are not those that ", path.string(),
                         " began with; give the same files, or begin anew with --overwrite");
  training.texts = now;
  return training;
}

inline Training begin_training(const TrainCommand& command, const TrainingTexts& texts) {
  if (command.resume) return resume_training(command, texts);
  Languages languages = learn_languages(command.recipe, texts.training);
  TrainingState state = new_state(command.recipe, languages);
  return {command.recipe, std::move(languages), std::move(state), fingerprint(texts)};
}

/// The metric by which the best model is kept: BLEU of a greedy search, or, empty, the validation
/// loss.
inline std::function<double(const Model&)> metric_of(const Training& training,
                                                     const attend::ParallelText& valid,
                                                     attend::ThreadPool& pool) {
  if (training.recipe.select == "perplexity") return {};
  return [&](const Model& model) {
    const auto lines = translate_lines(model, training.languages, valid.source, {.beam = 1}, pool);
    return attend::bleu(lines, valid.target).score;
  };
}

inline attend::TrainerOptions trainer_options(const TrainCommand& command, const Recipe& recipe) {
  return {.epochs = recipe.epochs,
          .batch = {.sentences = recipe.batch_tokens > 0 ? 0 : recipe.batch,
                    .tokens = recipe.batch_tokens},
          .clip = recipe.clip,
          .patience = recipe.patience,
          .keep_best = false,
          .threads = command.threads,
          .shards = recipe.shards,
          .seed = recipe.seed,
          .checkpoint_seconds = command.checkpoint_seconds};
}

inline Trainer::Events events_of(const TrainCommand& command, const Training& training,
                                 ProgressPrinter& printer) {
  return {.on_progress = [&](const attend::TrainingProgress& p) { printer.update(p); },
          .on_evaluation =
              [&](const attend::TrainingEvaluation& e) {
                keep_epoch(command.model, training, e.time.epoch);
                printer.evaluation(e, training.recipe.select == "bleu");
              },
          .on_best =
              [&](const Model& model) {
                save_model(command.model, training.recipe, training.languages, model);
              },
          .on_checkpoint =
              [&](const TrainingState&) { save_training(training_path(command.model), training); },
          .stop_requested = [] { return interrupted.load(); },
          .metric = {}};
}

/// Ctrl-C in the middle of an evaluation leaves the state as it was before.
inline attend::TrainingEnd run(Trainer& trainer, Training& training, const TrainCommand& command) {
  try {
    return trainer.run(training.state);
  } catch (const Interrupted&) {
    save_training(training_path(command.model), training);
    return attend::TrainingEnd::stop_requested;
  }
}

inline std::string beginning_line(const Training& training, std::size_t pairs, std::size_t of,
                                  int threads) {
  return attend::detail::message(pairs, " pairs of ", of, "; ", training.languages.source.size(),
                                 " and ", training.languages.target.size(), " ",
                                 training.languages.source.unit(), "; ",
                                 attend::parameter_count(training.state.model), " parameters; ",
                                 threads, threads == 1 ? " thread" : " threads");
}

inline std::string final_line(const Training& training, const TrainCommand& command,
                              attend::TrainingEnd end, double seconds) {
  const bool bleu = training.recipe.select == "bleu";
  const TrainingState& state = training.state;
  return attend::detail::message(
      end == attend::TrainingEnd::stopped_early ? "stopped early" : "finished", " after ",
      clock_text(seconds), "; best valid ", bleu ? "BLEU " : "loss ",
      bleu ? state.best_score : -state.best_score, " at update ", state.best_update, "; ",
      peak_memory_text(), " at most; the model is ", command.model);
}

inline int train(const TrainCommand& command) {
  check(command);
  const TrainingTexts texts{attend::read_parallel(command.source, command.target),
                            attend::read_parallel(command.valid_source, command.valid_target)};
  Training training = begin_training(command, texts);
  const auto pairs = training_pairs(training, texts.training);
  const auto valid_pairs = encode_pairs(training.languages, texts.validation);
  attend::ThreadPool pool(command.threads);
  ProgressPrinter printer;
  Trainer::Events events = events_of(command, training, printer);
  events.metric = metric_of(training, texts.validation, pool);
  Trainer trainer(trainer_options(command, training.recipe), pairs, valid_pairs, events);

  watch_for_interrupts();
  printer.line(beginning_line(training, pairs.size(), texts.training.size(), command.threads));
  if (!command.resume) save_training(training_path(command.model), training);
  const attend::TrainingEnd end = run(trainer, training, command);
  if (end == attend::TrainingEnd::stop_requested) {
    printer.line("stopped; the state is saved: the same command with --resume goes on");
    return 130;
  }
  if (training.recipe.average > 0) {
    const Model mean = average_epochs(command.model, training);
    save_model(command.model, training.recipe, training.languages, mean);
    const double score =
        events.metric ? events.metric(mean) : -trainer.validation_loss(mean).per_token();
    printer.line(attend::detail::message("mean of the last epochs: valid ",
                                         events.metric ? "BLEU " : "loss ",
                                         events.metric ? score : -score));
  }
  printer.line(final_line(training, command, end, printer.seconds()));
  return 0;
}

}  // namespace translator
