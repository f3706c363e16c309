/// Whether a table, a file and a model fit together, tensor by tensor and parameter by parameter.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/parameters.hpp>
#include <attend/io/import_table.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// A part of a tensor and the parameter that takes it.
struct TensorUse {
  std::string parameter;
  WeightPiece piece;
};

[[nodiscard]] inline bool overlap(const Rectangle& a, const Rectangle& b) {
  return a.row < b.row + b.rows && b.row < a.row + a.rows && a.column < b.column + b.columns &&
         b.column < a.column + a.columns;
}

/// "rows 0 to 1, columns 2 to 3".
[[nodiscard]] inline std::string rectangle_text(const Rectangle& r) {
  return message("rows ", r.row, " to ", r.row + r.rows - 1, ", columns ", r.column, " to ",
                 r.column + r.columns - 1);
}

/// The shape of a tensor whose first `leading` dimensions are rows; rows are -1 where it has fewer.
[[nodiscard]] inline Rectangle matrix_shape(const std::vector<Index>& shape, Index leading) {
  if (leading < 0 || leading > std::max<Index>(std::ssize(shape), 1)) return {0, 0, -1, -1};
  Rectangle whole{0, 0, 1, 1};
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (static_cast<Index>(i) < leading ? whole.rows : whole.columns) *= shape[i];
  }
  return whole;
}

/// The pieces of every parameter and the uses of every tensor, and all that does not fit.
class ImportPlan {
 public:
  template <class M>
  ImportPlan(const ImportTable& table, const M& model) {
    for_each_parameter(
        [&](std::string_view path, const auto& parameter) {
          const bool is_new =
              parameters_.try_emplace(std::string(path), Parameter{parameter_shape(parameter)})
                  .second;
          if (!is_new) problem("the model has '", path, "' twice");
        },
        model);
    for (const ImportLine& line : table.lines()) take(line);
    for (const auto& [name, parameter] : parameters_) {
      if (parameter.lines == 0 && element_count(parameter.shape) > 0) {
        append_to_list(unfilled_, name, parameter.shape);
      }
    }
  }

  [[nodiscard]] const Weights::Pieces& pieces(std::string_view parameter) const {
    return parameters_.find(parameter)->second.pieces;
  }
  [[nodiscard]] const auto& uses() const { return uses_; }

  /// Throws FormatError, which names all that does not fit.
  void check(const TensorFile& file) {
    std::string missing;
    for (const auto& [name, uses] : uses_) {
      if (!file.contains(name)) missing += (missing.empty() ? "" : ", ") + name;
      if (file.contains(name)) check_uses(name, file.at(name), uses);
    }
    std::string unused;
    for (const auto& [name, tensor] : file.tensors) {
      if (!uses_.contains(name) && !ignored_.contains(name)) {
        append_to_list(unused, name, tensor.shape);
      }
    }
    for (const std::string& name : ignored_) {
      if (!file.contains(name)) missing += (missing.empty() ? "" : ", ") + name;
      if (uses_.contains(name)) problem("tensor '", name, "' is ignored and used");
    }
    if (!unfilled_.empty()) problem("nothing fills ", unfilled_);
    if (!missing.empty()) problem("the file lacks ", missing);
    if (!unused.empty()) problem("nothing uses ", unused);
    if (!problems_.empty()) {
      throw FormatError(file.source +
                        ": the table, the file and the model do not fit together: " + problems_);
    }
  }

  /// The same without a file: throws std::invalid_argument.
  void check() {
    if (!unfilled_.empty()) problem("nothing is made of ", unfilled_);
    check_argument(problems_.empty(), "the table and the model do not fit together: ", problems_);
  }

 private:
  struct Parameter {
    std::vector<Index> shape;
    Weights::Pieces pieces = {};
    int lines = 0;
  };

  template <class... Parts>
  void problem(const Parts&... parts) {
    problems_ += (problems_.empty() ? "" : "; ") + message(parts...);
  }

  void take(const ImportLine& line) {
    if (!line.ignored.empty()) {
      ignored_.insert(line.ignored);
      return;
    }
    const auto place = parameters_.find(line.parameter);
    if (place == parameters_.end()) {
      problem("the model has no parameter '", line.parameter, "'");
      return;
    }
    Parameter& parameter = place->second;
    if (++parameter.lines == 2) problem("'", line.parameter, "' is filled twice");
    if (!line.weights || parameter.lines > 1) return;
    const Rectangle whole = matrix_shape(parameter.shape, 1);
    for (WeightPiece& piece : line.weights->pieces(whole)) {
      if (piece.to.rows == 0 || piece.to.columns == 0) continue;
      if (takes_tensor(piece)) uses_[piece.tensor].push_back({line.parameter, piece});
      parameter.pieces.push_back(std::move(piece));
    }
  }

  void check_uses(const std::string& name, const Tensor& tensor,
                  const std::vector<TensorUse>& uses) {
    const std::string what = message("tensor '", name, "' ", shape_text(tensor.shape));
    if (tensor.dtype != "F64" && tensor.dtype != "F32" && tensor.dtype != "F16" &&
        tensor.dtype != "BF16") {
      problem(what, " has type ", tensor.dtype, ", expected F64, F32, F16 or BF16");
    }
    const Rectangle whole = matrix_shape(tensor.shape, uses.front().piece.leading);
    Index covered = 0;
    std::string takers;
    for (std::size_t i = 0; i < uses.size(); ++i) {
      const auto& [parameter, piece] = uses[i];
      const Rectangle& from = piece.from;
      const std::string use =
          message("'", parameter, "' ", shape_text(parameters_.find(parameter)->second.shape),
                  " takes ", rectangle_text(from));
      if (piece.leading != uses.front().piece.leading) {
        problem(what, " is flattened in two ways; ", use);
        return;
      }
      const bool inside = from.row >= 0 && from.column >= 0 && from.row + from.rows <= whole.rows &&
                          from.column + from.columns <= whole.columns;
      if (!inside) {
        problem(what, " does not have what is taken of it: ", use);
        return;
      }
      if (piece.kind == WeightPiece::Kind::once_more) continue;
      for (std::size_t j = 0; j < i; ++j) {
        const WeightPiece& other = uses[j].piece;
        if (other.kind != WeightPiece::Kind::once_more && overlap(from, other.from)) {
          problem(what, " is used twice: ", use, ", some of which '", uses[j].parameter,
                  "' takes; if that is meant, say once_more");
          return;
        }
      }
      covered += from.rows * from.columns;
      takers += (takers.empty() ? "" : "; ") + use;
    }
    if (covered < element_count(tensor.shape)) {
      problem(what, " is not used up: ", takers.empty() ? "all its uses are once_more" : takers);
    }
  }

  std::map<std::string, Parameter, std::less<>> parameters_;
  std::map<std::string, std::vector<TensorUse>, std::less<>> uses_;
  std::set<std::string, std::less<>> ignored_;
  std::string unfilled_;
  std::string problems_;
};

}  // namespace attend::inline ATTEND_ABI::detail
