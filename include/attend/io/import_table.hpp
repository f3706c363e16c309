/// Which tensors of a file fill which parameters of a model.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <attend/io/weights.hpp>

namespace attend::inline ATTEND_ABI {

/// One line: a parameter, by its dotted path, and what fills it; without weights it stays as it is.
/// A line without a parameter names a tensor that is left out on purpose.
struct ImportLine {
  std::string parameter;
  std::optional<Weights> weights;
  std::string ignored = {};
};

/// What a model and a file from elsewhere have in common, line by line:
///
///     const attend::ImportTable table = {
///         {"encoder.embedding.E", transposed("src_embed.weight")},
///         pytorch_lstm("encoder.stack.layers.0.cell", pytorch_names("encoder.rnn")),
///         {"decoder.output.W", "fc.weight"},
///         {"decoder.output.b", "fc.bias"},
///         ignored("step")};
///
/// A table may hold tables: what pytorch.hpp, keras.hpp and onnx.hpp make for cells, or a user's
/// own. `import_parameters` reads it forwards, `export_parameters` backwards.
class ImportTable {
 public:
  ImportTable() = default;
  /// One line.
  ImportTable(std::string parameter, Weights weights)
      : lines_{{std::move(parameter), std::move(weights)}} {}
  explicit ImportTable(ImportLine line) : lines_{std::move(line)} {}
  /// The lines of all the tables.
  ImportTable(std::initializer_list<ImportTable> tables) {
    for (const ImportTable& table : tables) append(table);
  }

  void append(const ImportTable& table) {
    for (const ImportLine& line : table.lines_) lines_.push_back(line);
  }

  [[nodiscard]] const std::vector<ImportLine>& lines() const { return lines_; }

 private:
  std::vector<ImportLine> lines_;
};

/// A tensor that the model has no use for.
[[nodiscard]] inline ImportTable ignored(std::string tensor) {
  return ImportTable(ImportLine{{}, {}, std::move(tensor)});
}

/// A parameter that no tensor fills: it stays as the caller made it.
[[nodiscard]] inline ImportTable kept(std::string parameter) {
  return ImportTable(ImportLine{std::move(parameter), {}});
}

}  // namespace attend
