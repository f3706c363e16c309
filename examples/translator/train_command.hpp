/// `translator train`.
#pragma once

#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "evaluate.hpp"
#include "progress.hpp"
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

/// Set by Ctrl-C; the trainer asks between two updates.
inline volatile std::sig_atomic_t interrupted = 0;

inline void watch_for_interrupts() {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
}

inline attend::Schedule schedule_of(const Recipe& recipe) {
  return named<attend::Schedule>(
      "--schedule", recipe.schedule,
      {{"constant", attend::ConstantRate{recipe.rate}},
       {"plateau", attend::Plateau{.rate = recipe.rate, .factor = 0.5, .patience = 1}},
       {"inverse-square-root", attend::InverseSquareRoot{recipe.rate, recipe.warmup}},
       {"step",
        // The full rate for three fifths of the epochs, then halved five times or so.
        attend::StepDecay{.rate = recipe.rate,
                          .after = std::max<std::int64_t>(recipe.epochs * 3 / 5, 1),
                          .every = std::max<std::int64_t>(recipe.epochs / 10, 1)}}});
}

inline TrainingState new_state(const Recipe& recipe, const Languages& languages) {
  Model model = new_model(recipe, languages);
  attend::AdamW<Model> optimizer(model, {.weight_decay = recipe.weight_decay});
  return {std::move(model), std::move(optimizer), schedule_of(recipe)};
}

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
inline std::vector<attend::SentencePair> training_pairs(const Recipe& recipe,
                                                        const Languages& languages,
                                                        const attend::ParallelText& text) {
  const auto limit = static_cast<std::size_t>(recipe.max_length);
  std::vector<attend::SentencePair> pairs = encode_pairs(languages, text);
  std::erase_if(pairs, [&](const attend::SentencePair& pair) {
    return pair.source.size() < 2 || pair.target.size() < 2 || pair.source.size() > limit ||
           pair.target.size() > limit;
  });
  return pairs;
}

inline void refuse_to_overwrite(const TrainCommand& command) {
  for (const auto& path : {std::filesystem::path(command.model), training_path(command.model)}) {
    if (!command.overwrite && std::filesystem::exists(path)) {
      throw std::invalid_argument(path.string() +
                                  " exists; go on with --resume, or begin anew with --overwrite");
    }
  }
}

inline Training begin_training(const TrainCommand& command, const attend::ParallelText& text) {
  const auto path = training_path(command.model);
  if (command.resume) {
    if (!std::filesystem::exists(path)) {
      throw std::invalid_argument("--resume: there is no " + path.string() +
                                  "; begin without --resume");
    }
    return load_training(path, new_state);
  }
  refuse_to_overwrite(command);
  Languages languages = learn_languages(command.recipe, text);
  TrainingState state = new_state(command.recipe, languages);
  return {command.recipe, std::move(languages), std::move(state)};
}

/// The metric by which the best model is kept; empty: the validation loss.
inline std::function<double(const Model&)> metric_of(const Training& training,
                                                     const attend::ParallelText& valid,
                                                     attend::ThreadPool& pool) {
  if (training.recipe.select == "perplexity") return {};
  if (training.recipe.select != "bleu") {
    throw std::invalid_argument("--select is '" + training.recipe.select +
                                "', expected bleu or perplexity");
  }
  return [&](const Model& model) {
    std::vector<std::vector<Token>> sources;
    for (const std::string& line : valid.source) {
      sources.push_back(training.languages.source.encode(line));
    }
    std::vector<std::string> translations;
    for (const Candidates& best : search(model, sources, {.beam = 1}, pool)) {
      translations.push_back(training.languages.target.decode(best.front().tokens));
    }
    return attend::bleu(translations, valid.target).score;
  };
}

inline int train(const TrainCommand& command) {
  const attend::ParallelText text = attend::read_parallel(command.source, command.target);
  const attend::ParallelText valid =
      attend::read_parallel(command.valid_source, command.valid_target);
  Training training = begin_training(command, text);
  const Recipe& recipe = training.recipe;
  const auto pairs = training_pairs(recipe, training.languages, text);
  const auto valid_pairs = encode_pairs(training.languages, valid);
  ProgressPrinter printer;
  printer.line(attend::detail::message(
      pairs.size(), " pairs of ", text.size(), "; ", training.languages.source.size(), " and ",
      training.languages.target.size(), " ", training.languages.source.unit(), "; ",
      attend::parameter_count(training.state.model), " parameters; ", command.threads, " threads"));
  watch_for_interrupts();
  attend::ThreadPool pool(command.threads);
  double tokens_per_second = 0;
  attend::TrainingEvents<Model, attend::AdamW<Model>> events;
  events.on_progress = [&](const attend::TrainingProgress& p) {
    tokens_per_second = p.tokens_per_second;
    printer.update(p);
  };
  events.on_evaluation = [&](const attend::TrainingEvaluation& e) {
    printer.evaluation(e, recipe.select == "bleu", tokens_per_second);
  };
  events.on_best = [&](const Model& model) {
    save_model(command.model, recipe, training.languages, model);
  };
  events.on_checkpoint = [&](const TrainingState& state) {
    save_training(training_path(command.model), recipe, training.languages, state);
  };
  events.stop_requested = [] { return interrupted != 0; };
  events.metric = metric_of(training, valid, pool);
  if (!command.resume) events.on_checkpoint(training.state);

  attend::Trainer<Model, attend::AdamW<Model>> trainer(
      {.epochs = recipe.epochs,
       .batch = {.sentences = recipe.batch_tokens > 0 ? 0 : recipe.batch,
                 .tokens = recipe.batch_tokens},
       .clip = recipe.clip,
       .patience = recipe.patience,
       .keep_best = false,
       .threads = command.threads,
       .shards = recipe.shards,
       .seed = recipe.seed,
       .checkpoint_seconds = command.checkpoint_seconds},
      pairs, valid_pairs, std::move(events));
  const attend::TrainingEnd end = trainer.run(training.state);
  if (end == attend::TrainingEnd::stop_requested) {
    printer.line("stopped; the state is saved: the same command with --resume goes on");
    return 130;
  }
  printer.line(attend::detail::message(
      end == attend::TrainingEnd::stopped_early ? "stopped early" : "finished", " after ",
      clock_text(printer.seconds()), "; best ",
      recipe.select == "bleu" ? "valid BLEU " : "valid loss ",
      recipe.select == "bleu" ? training.state.best_score : -training.state.best_score,
      " at update ", training.state.best_update, "; the model is ", command.model));
  return 0;
}

}  // namespace translator
