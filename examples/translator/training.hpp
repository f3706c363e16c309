/// A training in progress and its file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "translation_model.hpp"
#include <attend/text/corpus.hpp>
#include <attend/train/training_state.hpp>

namespace translator {

using TrainingState = attend::TrainingState<Model, attend::AdamW<Model>>;

/// What a training learns from, and what it is judged by.
struct TrainingTexts {
  attend::ParallelText training;
  attend::ParallelText validation;
};

struct Training {
  Recipe recipe;
  Languages languages;
  TrainingState state;
  /// The fingerprint of the texts.
  std::string texts;
};

inline TrainingState new_state(const Recipe& recipe, const Languages& languages) {
  Model model = new_model(recipe, languages);
  attend::AdamW<Model> optimizer(model,
                                 {.beta2 = recipe.beta2, .weight_decay = recipe.weight_decay});
  return {std::move(model), std::move(optimizer), schedule_of(recipe)};
}

/// A number that other texts hardly have: FNV-1a, 64 bits, over all lines.
inline std::string fingerprint(const TrainingTexts& texts) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const auto* lines : {&texts.training.source, &texts.training.target,
                            &texts.validation.source, &texts.validation.target}) {
    for (const std::string& line : *lines) {
      for (const char c : line) add(static_cast<unsigned char>(c));
      add('\n');
    }
    add('\0');
  }
  return std::to_string(hash);
}

/// Where the state of an unfinished training lies: beside the model.
inline std::filesystem::path training_path(const std::filesystem::path& model) {
  return model.string() + ".training";
}

inline void save_training(const std::filesystem::path& path, const Training& training) {
  attend::TensorFile file = file_of(training.recipe, training.languages, "training state");
  file.metadata["texts"] = training.texts;
  for (const auto& [name, value] : training.state.to_fields()) {
    file.metadata["state." + name] = value;
  }
  attend::store_parameters(file, "state", training.state);
  attend::write_safetensors(path, file);
}

inline attend::TensorFile read_training(const std::filesystem::path& path) {
  attend::check_argument(std::filesystem::exists(path), "--resume: there is no ", path.string(),
                         "; begin without --resume");
  return attend::read_safetensors(path);
}

inline TrainingState load_state(const attend::TensorFile& file, const Recipe& recipe,
                                const Languages& languages) {
  TrainingState state = new_state(recipe, languages);
  attend::Fields fields;
  for (const auto& [name, value] : file.metadata) {
    if (name.starts_with("state.")) fields[name.substr(6)] = value;
  }
  try {
    state.from_fields(fields);
  } catch (const attend::FormatError& error) {
    throw attend::FormatError(file.source + ": " + error.what());
  }
  attend::load_parameters(file, "state", state);
  return state;
}

inline Training load_training(const std::filesystem::path& path) {
  const attend::TensorFile file = read_training(path);
  Recipe recipe = recipe_of(file, "training state");
  Languages languages = languages_of(file);
  TrainingState state = load_state(file, recipe, languages);
  const auto texts = file.metadata.find("texts");
  return {std::move(recipe), std::move(languages), std::move(state),
          texts == file.metadata.end() ? "" : texts->second};
}

}  // namespace translator
