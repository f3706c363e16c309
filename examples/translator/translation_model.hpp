/// A translation model and its file.
#pragma once

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "language.hpp"
#include "recipe_check.hpp"
#include <attend/core/random.hpp>
#include <attend/io/checksum.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/io/self_check.hpp>
#include <attend/model/any_seq2seq.hpp>

namespace translator {

using Model = attend::AnySeq2Seq<float>;

/// Both languages; sub-words may be one model that serves the two.
struct Languages {
  Language source;
  Language target;
};

inline Model new_model(const Recipe& recipe, const Languages& languages, attend::Random random) {
  return attend::make_seq2seq<float>(
      model_config(recipe, languages.source.size(), languages.target.size()), random);
}

inline Model new_model(const Recipe& recipe, const Languages& languages) {
  return new_model(recipe, languages, attend::Random(recipe.seed));
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

/// Throws FormatError where the sizes of the recipe need more numbers than the file has, so that a
/// damaged one never makes the program ask for all memory.
inline void check_sizes(const attend::TensorFile& file, const Recipe& recipe) {
  Index bytes = 0;
  for (const auto& [name, tensor] : file.tensors) bytes += std::ssize(tensor.bytes);
  // Each kind of part has a matrix of these two sides.
  const bool recurrent = recipe.encoder != "transformer" || decoder_is_recurrent(recipe);
  const bool transformer = recipe.encoder == "transformer" || !decoder_is_recurrent(recipe);
  const auto fits = [&](Index rows, Index cols) { return rows <= bytes / std::min(cols, bytes); };
  if (recipe.layers > bytes || std::max(recipe.heads, recipe.key_heads) > bytes ||
      (recurrent && !fits(std::max(recipe.hidden, recipe.embedding), recipe.hidden)) ||
      (transformer && !fits(std::max(recipe.feed_forward, recipe.embedding), recipe.embedding))) {
    throw attend::FormatError(file.source +
                              ": the recipe's sizes are larger than the file; it is damaged");
  }
}

/// A recipe as files keep it; what an older file lacks is as it is by default. Throws
/// std::exception unless the rest is known and legal.
inline Recipe recipe_from(const std::string& text) {
  const auto given = nlohmann::json::parse(text);
  auto recipe = given.get<Recipe>();
  const nlohmann::json known = recipe;
  for (const auto& [name, value] : given.items()) {
    attend::check_argument(known.contains(name) && known.at(name) == value, "its entry '", name,
                           "' is not known here");
  }
  check(recipe);
  return recipe;
}

/// What a file says of itself, checked. Throws FormatError for a foreign one.
inline Recipe recipe_of(const attend::TensorFile& file, const std::string& kind) {
  const auto found = file.metadata.find("attend");
  if (found == file.metadata.end() || found->second != kind) {
    const std::string what = found == file.metadata.end() ? "" : " but a '" + found->second + "'";
    throw attend::FormatError(file.source + ": this is no " + kind + " of this program" + what +
                              "; make one with 'translator train'");
  }
  try {
    Recipe recipe = recipe_from(file.note("recipe"));
    check_sizes(file, recipe);
    return recipe;
  } catch (const attend::FormatError&) {
    throw;
  } catch (const std::exception& error) {
    throw attend::FormatError(file.source +
                              ": the recipe is damaged or of another version: " + error.what());
  }
}

inline Languages languages_of(const attend::TensorFile& file) {
  return {Language::load(file, "source"), Language::load(file, "target")};
}

/// The last words of both vocabularies, and the end symbol.
inline void store_self_check(attend::TensorFile& file, const Languages& languages,
                             const Model& model) {
  const auto last = static_cast<Token>(languages.source.size() - 1);
  const auto other = static_cast<Token>(languages.target.size() - 1);
  const std::vector<Token> source{last, attend::unknown_token, attend::end_token};
  const std::vector<Token> inputs{attend::start_token, other};
  attend::store_self_check(file, model, source, inputs);
}

inline void save_model(const std::filesystem::path& path, const Recipe& recipe,
                       const Languages& languages, const Model& model) {
  attend::TensorFile file = file_of(recipe, languages, "translation model");
  attend::store_parameters(file, "model", model);
  store_self_check(file, languages, model);
  attend::add_checksum(file);
  attend::write_safetensors(path, file);
}

/// Throws FormatError, with the first layer that differs, where the file's model is not the one
/// that was saved.
inline TranslationModel model_from(const attend::TensorFile& file) {
  Recipe recipe = recipe_of(file, "translation model");
  Languages languages = languages_of(file);
  Model model = new_model(recipe, languages, attend::Random::none());
  attend::load_parameters(file, "model", model);
  // Last, so that what is wrong with the file is said more exactly where it can be.
  attend::check_checksum(file);
  attend::verify_self_check(file, model);
  return {std::move(recipe), std::move(languages), std::move(model)};
}

inline TranslationModel load_model(const std::filesystem::path& path) {
  return model_from(attend::read_safetensors(path));
}

/// Lets a model's monotonic attention search in its hard form (Raffel et al. 2017, algorithm 1).
inline void make_hard(Model& model) {
  auto& decoder = std::get<attend::AnyRecurrentDecoder<float>>(model.decoder.choice());
  auto& alignment = decoder.attention->alignment.choice();
  std::get<attend::Monotonic>(alignment).mode = attend::MonotonicMode::hard;
}

}  // namespace translator
