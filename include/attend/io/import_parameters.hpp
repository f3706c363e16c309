/// Weights from elsewhere: a file's tensors become a model's parameters, by a table.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/io/import_plan.hpp>
#include <attend/io/import_table.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Calls `use(i, j, k)` for element k of the piece's tensor that goes to (i, j) of the parameter.
template <class Use>
void for_each_element(const WeightPiece& piece, Index tensor_columns, Use&& use) {
  for (Index r = 0; r < piece.from.rows; ++r) {
    const Index first = (piece.from.row + r) * tensor_columns + piece.from.column;
    for (Index c = 0; c < piece.from.columns; ++c) {
      const Index i = piece.to.row + (piece.transposed ? c : r);
      const Index j = piece.to.column + (piece.transposed ? r : c);
      use(i, j, first + c);
    }
  }
}

template <Scalar S, ParameterLeaf P>
void fill_constant(const WeightPiece& piece, P& parameter) {
  const bool one = piece.kind == WeightPiece::Kind::identity;
  for (Index i = 0; i < piece.to.rows; ++i) {
    for (Index j = 0; j < piece.to.columns; ++j) {
      parameter(piece.to.row + i, piece.to.column + j) = one && i == j ? S{1} : S{0};
    }
  }
}

template <Scalar S, ParameterLeaf P>
void fill_piece(const TensorFile& file, const WeightPiece& piece, P& parameter) {
  if (!takes_tensor(piece)) {
    fill_constant<S>(piece, parameter);
    return;
  }
  const Tensor& tensor = file.at(piece.tensor);
  const Index columns = matrix_shape(tensor.shape, piece.leading).columns;
  const bool adds = piece.kind == WeightPiece::Kind::add;
  with_elements<S>(tensor, [&](auto at) {
    for_each_element(piece, columns, [&](Index i, Index j, Index k) {
      S& element = parameter(i, j);
      element = adds ? element + at(k) : at(k);
    });
  });
}

}  // namespace detail

/// Overwrites the parameters of `model`, which has its shapes already, with the tensors of the file
/// as the table says; half precision and double become the model's scalar. Strict: every tensor is
/// used up exactly once, every parameter is filled exactly once; what is meant otherwise, the table
/// says (ignored, kept, once_more). Throws FormatError that lists all that does not fit, on both
/// sides with shapes, and for numbers that are not finite; the model stays as it was.
template <class M>
void import_parameters(const TensorFile& file, const ImportTable& table, M& model,
                       const LoadOptions& options = {}) {
  detail::ImportPlan plan(table, std::as_const(model));
  plan.check(file);
  for_each_parameter(
      [&](std::string_view path, const auto& parameter) {
        using S = detail::ParameterScalar<decltype(parameter)>;
        for (const WeightPiece& piece : plan.pieces(path)) {
          if (detail::takes_tensor(piece)) {
            detail::check_elements<S>(file, piece.tensor, options);
          }
        }
      },
      std::as_const(model));
  for_each_parameter(
      [&](std::string_view path, auto& parameter) {
        using S = detail::ParameterScalar<decltype(parameter)>;
        for (const WeightPiece& piece : plan.pieces(path)) {
          detail::fill_piece<S>(file, piece, parameter);
        }
      },
      model);
}

}  // namespace attend
