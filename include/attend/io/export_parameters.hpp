/// A model's parameters under the names and in the shapes that others use.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/io/import_parameters.hpp>
#include <attend/io/import_plan.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// A tensor that grows piece by piece.
template <Scalar S>
struct ExportedTensor {
  Index rows = 0;
  Index columns = 0;
  bool is_vector = true;
  std::vector<S> values = {};
};

/// The size of a tensor that its pieces fill. Throws std::invalid_argument for holes, overlaps and
/// more than two dimensions.
template <Scalar S>
[[nodiscard]] ExportedTensor<S> exported_shape(const std::string& name,
                                               const std::vector<TensorUse>& uses) {
  ExportedTensor<S> tensor;
  Index covered = 0;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const WeightPiece& piece = uses[i].piece;
    check_argument(piece.leading == 1, "export_parameters: tensor '", name,
                   "' is flattened; only matrices and vectors can be made");
    if (piece.kind == WeightPiece::Kind::once_more) continue;
    for (std::size_t j = 0; j < i; ++j) {
      check_argument(uses[j].piece.kind == WeightPiece::Kind::once_more ||
                         !overlap(piece.from, uses[j].piece.from),
                     "export_parameters: '", uses[j].parameter, "' and '", uses[i].parameter,
                     "' both write to the same place of tensor '", name, "'");
    }
    tensor.rows = std::max(tensor.rows, piece.from.row + piece.from.rows);
    tensor.columns = std::max(tensor.columns, piece.from.column + piece.from.columns);
    covered += piece.from.rows * piece.from.columns;
  }
  check_argument(covered == tensor.rows * tensor.columns && covered > 0,
                 "export_parameters: tensor '", name, "' (", tensor.rows, " x ", tensor.columns,
                 ") would have holes: ", covered, " elements are known");
  tensor.values.resize(static_cast<std::size_t>(covered));
  return tensor;
}

/// Throws std::invalid_argument unless the parameter is where the table says so zero, or one.
template <ParameterLeaf P>
void check_constant(std::string_view path, const WeightPiece& piece, const P& parameter) {
  const bool one = piece.kind == WeightPiece::Kind::identity;
  for (Index i = 0; i < piece.to.rows; ++i) {
    for (Index j = 0; j < piece.to.columns; ++j) {
      const auto value = parameter(piece.to.row + i, piece.to.column + j);
      check_argument(value == (one && i == j ? 1 : 0), "export_parameters: '", path, "' is to be ",
                     one ? "the identity" : "zero", " by the table, but has ", value, " at (",
                     piece.to.row + i, ", ", piece.to.column + j,
                     "); it cannot be written under these names");
    }
  }
}

}  // namespace detail

/// The tensors that `import_parameters` with this table would make this model from: the table read
/// backwards. Of a sum the first takes everything and the second is zero; what the table ignores or
/// keeps does not appear. Vectors that are not transposed have one dimension, all else two. Throws
/// std::invalid_argument where the table leaves a parameter out, a tensor would have holes, or a
/// parameter has numbers where the table has zeros() or identity().
template <class M>
[[nodiscard]] TensorFile export_parameters(const ImportTable& table, const M& model) {
  using S = typename M::Scalar;
  detail::ImportPlan plan(table, model);
  plan.check();
  std::map<std::string, detail::ExportedTensor<S>> tensors;
  for (const auto& [name, uses] : plan.uses()) {
    tensors.emplace(name, detail::exported_shape<S>(name, uses));
  }
  for_each_parameter(
      [&](std::string_view path, const auto& parameter) {
        for (const WeightPiece& piece : plan.pieces(path)) {
          if (!detail::takes_tensor(piece)) detail::check_constant(path, piece, parameter);
          if (!detail::takes_tensor(piece) || piece.kind == WeightPiece::Kind::once_more) continue;
          auto& tensor = tensors.at(piece.tensor);
          const bool vector = detail::parameter_shape(parameter).size() == 1;
          tensor.is_vector = tensor.is_vector && vector && !piece.transposed;
          const bool adds = piece.kind == WeightPiece::Kind::add;
          detail::for_each_element(piece, tensor.columns, [&](Index i, Index j, Index k) {
            tensor.values[static_cast<std::size_t>(k)] = adds ? S{0} : parameter(i, j);
          });
        }
      },
      model);
  TensorFile file;
  for (const auto& [name, tensor] : tensors) {
    std::vector<Index> shape{tensor.rows};
    if (!tensor.is_vector) shape.push_back(tensor.columns);
    file.insert(name, make_tensor<S>(std::move(shape), tensor.values));
  }
  return file;
}

}  // namespace attend
