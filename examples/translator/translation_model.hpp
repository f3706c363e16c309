/// A translation model and its file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "language.hpp"
#include "recipe.hpp"
#include <attend/core/random.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/train/training_state.hpp>

namespace translator {

using Model = attend::RecurrentSeq2Seq<float>;
using TrainingState = attend::TrainingState<Model, attend::AdamW<Model>>;

/// Both languages; sub-words may be one model that serves the two.
struct Languages {
  Language source;
  Language target;
};

inline Model new_model(const Recipe& recipe, const Languages& languages) {
  attend::Random random(recipe.seed);
  return attend::make_recurrent_seq2seq<float>(
      model_config(recipe, languages.source.size(), languages.target.size()), random);
}

/// Everything that is needed to translate, in one safetensors file.
struct TranslationModel {
  Recipe recipe;
  Languages languages;
  Model model;
};

inline attend::TensorFile file_of(const Recipe& recipe, const Languages& languages,
                                  std::string_view kind) {
  attend::TensorFile file;
  file.metadata["attend"] = kind;
  file.metadata["recipe"] = nlohmann::json(recipe).dump();
  languages.source.store(file, "source");
  languages.target.store(file, "target");
  return file;
}

/// What a file says of itself, checked. Throws FormatError for a foreign one.
inline Recipe recipe_of(const attend::TensorFile& file, const std::string& kind) {
  const auto found = file.metadata.find("attend");
  if (found == file.metadata.end() || found->second != kind) {
    throw attend::FormatError(file.source + ": this is no " + kind +
                              " of this program; make one with 'translator train'");
  }
  try {
    return nlohmann::json::parse(file.metadata.at("recipe")).get<Recipe>();
  } catch (const std::exception& error) {
    throw attend::FormatError(file.source + ": the recipe is damaged (" + error.what() + ")");
  }
}

inline Languages languages_of(const attend::TensorFile& file) {
  return {Language::load(file, "source"), Language::load(file, "target")};
}

/// A new model of a recipe that came from a file: what cannot be is the file's fault.
inline Model model_of(const attend::TensorFile& file, const Recipe& recipe,
                      const Languages& languages) {
  try {
    return new_model(recipe, languages);
  } catch (const std::invalid_argument& error) {
    throw attend::FormatError(file.source + ": " + error.what());
  }
}

inline void save_model(const std::filesystem::path& path, const Recipe& recipe,
                       const Languages& languages, const Model& model) {
  attend::TensorFile file = file_of(recipe, languages, "translation model");
  attend::store_parameters(file, "model", model);
  attend::write_safetensors(path, file);
}

inline TranslationModel load_model(const std::filesystem::path& path) {
  const attend::TensorFile file = attend::read_safetensors(path);
  Recipe recipe = recipe_of(file, "translation model");
  Languages languages = languages_of(file);
  Model model = model_of(file, recipe, languages);
  attend::load_parameters(file, "model", model);
  return {std::move(recipe), std::move(languages), std::move(model)};
}

/// Where the state of an unfinished training lies: beside the model.
inline std::filesystem::path training_path(const std::filesystem::path& model) {
  return model.string() + ".training";
}

inline void save_training(const std::filesystem::path& path, const Recipe& recipe,
                          const Languages& languages, const TrainingState& state) {
  attend::TensorFile file = file_of(recipe, languages, "training state");
  for (const auto& [name, value] : state.to_fields()) file.metadata["state." + name] = value;
  attend::store_parameters(file, "state", state);
  attend::write_safetensors(path, file);
}

/// A training to go on with; `make_state` builds the state of a new one for the recipe.
struct Training {
  Recipe recipe;
  Languages languages;
  TrainingState state;
};

inline Training load_training(
    const std::filesystem::path& path,
    const std::function<TrainingState(const Recipe&, const Languages&)>& make_state) {
  const attend::TensorFile file = attend::read_safetensors(path);
  Recipe recipe = recipe_of(file, "training state");
  Languages languages = languages_of(file);
  TrainingState state = make_state(recipe, languages);
  attend::Fields fields;
  for (const auto& [name, value] : file.metadata) {
    if (name.starts_with("state.")) fields[name.substr(6)] = value;
  }
  state.from_fields(fields);
  attend::load_parameters(file, "state", state);
  return {std::move(recipe), std::move(languages), std::move(state)};
}

}  // namespace translator
