/// A case: one operator, its inputs and what it must give.
#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "values.hpp"
#include <attend/io/safetensors.hpp>

namespace onnx_conformance {

/// Inputs and outputs stand in the operator's order; one that is left out has no value.
using Tensors = std::vector<std::optional<Values>>;

struct Case {
  std::string op;
  /// 0 where the file does not say.
  int opset = 0;
  nlohmann::json attributes = nlohmann::json::object();
  Tensors inputs;
  Tensors expected;

  /// Null where there is none.
  [[nodiscard]] const Values* input(std::size_t i) const {
    return i < inputs.size() && inputs[i] ? &*inputs[i] : nullptr;
  }
  /// Throws FormatError where there is none.
  [[nodiscard]] const Values& required(std::size_t i) const {
    if (input(i) == nullptr) {
      throw attend::FormatError(op + ": input " + std::to_string(i) + " is missing");
    }
    return *input(i);
  }
  [[nodiscard]] bool asks_for(std::size_t output) const {
    return output < expected.size() && expected[output];
  }
  /// Throws FormatError where the input is there with another shape.
  void check(std::size_t i, const std::vector<Index>& shape) const {
    const Values* given = input(i);
    if (given != nullptr && given->shape != shape) {
      throw attend::FormatError(op + ": input " + std::to_string(i) + " has shape " +
                                attend::shape_text(given->shape) + ", expected " +
                                attend::shape_text(shape));
    }
  }
  template <class T>
  [[nodiscard]] T attribute(const std::string& name, T otherwise) const {
    return attributes.value(name, std::move(otherwise));
  }
};

using Names = std::vector<std::string>;

/// What the operator itself calls its inputs and outputs, in order.
struct Signature {
  Names inputs;
  Names outputs;
};

/// Empty for other operators.
[[nodiscard]] inline Signature signature(const std::string& op) {
  if (op == "Attention") {
    return {{"Q", "K", "V", "attn_mask", "past_key", "past_value", "nonpad_kv_seqlen"},
            {"Y", "present_key", "present_value", "qk_matmul_output"}};
  }
  if (op == "RNN" || op == "GRU") {
    return {{"X", "W", "R", "B", "sequence_lens", "initial_h"}, {"Y", "Y_h"}};
  }
  if (op == "LSTM") {
    return {{"X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"},
            {"Y", "Y_h", "Y_c"}};
  }
  return {};
}

/// Of safetensors: tensors `in.NAME` and `out.NAME`; notes `op`, `opset`, `attributes` (JSON),
/// `inputs` and `outputs`: names in the operator's order, empty ones left out. Some files leave out
/// without an empty name; where all names are the operator's own, these say the place.
[[nodiscard]] inline Case read_case(const std::filesystem::path& path) {
  const attend::TensorFile file = attend::read_safetensors(path);
  const auto tensors = [&](const std::string& prefix, const char* note, const Names& own) {
    const auto names = nlohmann::json::parse(file.note(note)).get<Names>();
    const auto place = [&](const std::string& name) {
      return static_cast<std::size_t>(std::find(own.begin(), own.end(), name) - own.begin());
    };
    const bool all_own = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.empty() || place(name) < own.size();
    });
    Tensors result(std::max(names.size(), own.size()));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].empty()) continue;
      result[all_own ? place(names[i]) : i] = values_of(file.at(prefix + names[i]));
    }
    return result;
  };
  Case c;
  c.op = file.note("op");
  const Signature own = signature(c.op);
  if (file.metadata.contains("opset")) c.opset = std::stoi(file.note("opset"));
  c.attributes = nlohmann::json::parse(file.note("attributes"));
  c.inputs = tensors("in.", "inputs", own.inputs);
  c.expected = tensors("out.", "outputs", own.outputs);
  return c;
}

}  // namespace onnx_conformance
