/// A small input and what a model said to it, kept in its file: whether a model that was read is
/// the one that was written.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/io/layer_outputs.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

/// How far numbers may be apart, relative to 1 + |expected|: builds for other machines round
/// otherwise.
struct SelfCheckOptions {
  double tolerance = 1e-3;
};

namespace detail {

inline constexpr const char* self_check_source = "self_check.source";
inline constexpr const char* self_check_inputs = "self_check.inputs";

/// The names sort in the order of the layers.
[[nodiscard]] inline std::string self_check_name(std::size_t i, const std::string& layer) {
  std::string number = std::to_string(i);
  return "self_check." + std::string(4 - std::min<std::size_t>(number.size(), 4), '0') + number +
         "." + layer;
}

/// What the layers say now. A damaged file's tokens may be none of the model's.
template <class Model>
[[nodiscard]] auto layers_again(const TensorFile& file, const Model& model) {
  constexpr std::size_t longest = 1000;
  const auto source = elements<Token>(file.at(self_check_source));
  const auto inputs = elements<Token>(file.at(self_check_inputs));
  if (source.size() > longest || inputs.size() > longest) {
    throw FormatError(message(file.source, ": self-check: ", source.size(), " and ", inputs.size(),
                              " tokens, expected at most ", longest));
  }
  try {
    return layer_outputs(model, std::span(source), std::span(inputs));
  } catch (const std::invalid_argument& error) {
    throw FormatError(message(file.source, ": self-check: ", error.what()));
  }
}

template <Scalar S>
void compare_layer(const TensorFile& file, const std::string& name, const LayerOutput<S>& actual,
                   double tolerance) {
  if (!file.contains(name)) {
    throw FormatError(message(file.source, ": self-check: the file knows no layer '", actual.name,
                              "' at this place; the model is built otherwise"));
  }
  const Tensor& expected = file.at(name);
  if (expected.shape != std::vector<Index>{actual.values.rows(), actual.values.cols()}) {
    throw FormatError(message(file.source, ": self-check: '", actual.name, "' is (",
                              actual.values.rows(), " x ", actual.values.cols(),
                              "), the file says ", shape_text(expected.shape)));
  }
  with_elements<S>(expected, [&](auto at) {
    Index k = 0;
    for (Index i = 0; i < actual.values.rows(); ++i) {
      for (Index j = 0; j < actual.values.cols(); ++j, ++k) {
        const double given = static_cast<double>(actual.values(i, j));
        const double said = static_cast<double>(at(k));
        if (std::abs(given - said) <= tolerance * (1 + std::abs(said))) continue;
        throw FormatError(message(file.source, ": self-check: '", actual.name,
                                  "' is the first layer that differs: element (", i, ", ", j,
                                  ") is ", given, ", the file says ", said));
      }
    }
  });
}

}  // namespace detail

/// Adds to the file what every layer of the model says to `source` while the decoder is fed with
/// `inputs`: tensors "self_check.*".
template <class Model>
void store_self_check(TensorFile& file, const Model& model, std::span<const Token> source,
                      std::span<const Token> inputs) {
  using S = typename Model::Scalar;
  file.insert(detail::self_check_source, make_tensor<Token>({std::ssize(source)}, source));
  file.insert(detail::self_check_inputs, make_tensor<Token>({std::ssize(inputs)}, inputs));
  std::size_t i = 0;
  for (const LayerOutput<S>& layer : layer_outputs(model, source, inputs)) {
    std::vector<S> rows;
    for (Index r = 0; r < layer.values.rows(); ++r) {
      for (Index c = 0; c < layer.values.cols(); ++c) rows.push_back(layer.values(r, c));
    }
    file.insert(detail::self_check_name(i++, layer.name),
                make_tensor<S>({layer.values.rows(), layer.values.cols()}, rows));
  }
}

/// Asks the model again and compares. Throws FormatError that names the first layer that differs,
/// and says both numbers. A file without a self-check passes.
template <class Model>
void verify_self_check(const TensorFile& file, const Model& model,
                       const SelfCheckOptions& options = {}) {
  if (!file.contains(detail::self_check_source)) return;
  std::size_t i = 0;
  for (const auto& layer : detail::layers_again(file, model)) {
    detail::compare_layer(file, detail::self_check_name(i++, layer.name), layer, options.tolerance);
  }
}

}  // namespace attend
