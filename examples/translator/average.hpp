/// The models of the last epochs and their mean.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

#include "training.hpp"
#include <attend/train/parameter_average.hpp>

namespace translator {

/// Where the model of an epoch lies: beside the model.
inline std::filesystem::path epoch_path(const std::filesystem::path& model, std::int64_t epoch) {
  return model.string() + ".epoch-" + std::to_string(epoch);
}

/// Keeps the model that a training has reached, as one of the last `average`.
inline void keep_epoch(const std::filesystem::path& model, const Training& training,
                       std::int64_t epoch) {
  if (training.recipe.average == 0) return;
  save_model(epoch_path(model, epoch), training.recipe, training.languages, training.state.model);
  std::filesystem::remove(epoch_path(model, epoch - training.recipe.average));
}

/// The mean of the last `average` epochs, or of as many as there were. Their files stay, for a
/// training that goes on.
inline Model average_epochs(const std::filesystem::path& model, const Training& training) {
  attend::ParameterAverage<Model> average;
  const std::int64_t last = training.state.time.epoch;
  const std::int64_t first = std::max<std::int64_t>(last - training.recipe.average, 0) + 1;
  for (std::int64_t epoch = first; epoch <= last; ++epoch) {
    average.add(load_model(epoch_path(model, epoch)).model);
  }
  return average.mean();
}

}  // namespace translator
