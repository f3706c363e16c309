/// Parameters to named tensors and back.
#pragma once

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

struct LoadOptions {
  /// Weights that are NaN or infinite are an error unless this is set.
  bool allow_non_finite = false;
};

namespace detail {

template <ParameterLeaf P>
using ParameterScalar = std::remove_cvref_t<decltype(std::declval<P&>()(Index{0}, Index{0}))>;

/// [rows, cols]; [rows] for a vector.
template <ParameterLeaf P>
[[nodiscard]] std::vector<Index> parameter_shape(const P& parameter) {
  if constexpr (requires { requires P::ColsAtCompileTime == 1; }) return {parameter.rows()};
  return {parameter.rows(), parameter.cols()};
}

[[nodiscard]] inline std::string tensor_name(std::string_view prefix, std::string_view path) {
  return path.empty() ? std::string(prefix) : join_path(prefix, path);
}

[[nodiscard]] inline bool is_under(std::string_view prefix, std::string_view name) {
  if (prefix.empty() || name == prefix) return true;
  return name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] == '.';
}

inline void append_to_list(std::string& list, std::string_view name, std::span<const Index> shape) {
  list.append(list.empty() ? "" : ", ").append(name).append(" ").append(shape_text(shape));
}

/// Throws unless the file's tensors under the prefix and the model's parameters are the same names
/// with the same shapes.
template <class M>
void check_names_and_shapes(const TensorFile& file, std::string_view prefix, const M& model) {
  std::string missing;
  std::string unequal;
  std::set<std::string, std::less<>> expected;
  for_each_parameter(
      [&](std::string_view path, const auto& parameter) {
        const std::string name = tensor_name(prefix, path);
        const std::vector<Index> shape = parameter_shape(parameter);
        check_argument(expected.insert(name).second, "load_parameters: the model has '", name,
                       "' twice; give each parameter its own name");
        if (!file.contains(name)) {
          append_to_list(missing, name, shape);
        } else if (file.at(name).shape != shape && unequal.empty()) {
          unequal = message("tensor '", name, "' has shape ", shape_text(file.at(name).shape),
                            ", the model expects ", shape_text(shape));
        }
      },
      model);
  std::string unused;
  for (const auto& [name, tensor] : file.tensors) {
    if (is_under(prefix, name) && !expected.contains(name)) {
      append_to_list(unused, name, tensor.shape);
    }
  }
  if (!missing.empty() || !unused.empty()) {
    throw FormatError(message(file.source, ": not this model's file: ",
                              missing.empty() ? "" : "the file lacks " + missing,
                              missing.empty() || unused.empty() ? "" : "; ",
                              unused.empty() ? "" : "the model lacks " + unused));
  }
  if (!unequal.empty()) throw FormatError(file.source + ": " + unequal);
}

/// Fills a parameter with rows: `at(k)` is element k. It goes down the columns of a few rows at a
/// time, as both the rows' cache lines and packed weights like it.
template <ParameterLeaf P, class At>
void fill(P& parameter, At&& at) {
  constexpr Index height = 64;
  const Index columns = parameter.cols();
  for (Index first = 0; first < parameter.rows(); first += height) {
    const Index end = std::min(first + height, parameter.rows());
    for (Index j = 0; j < columns; ++j) {
      for (Index i = first; i < end; ++i) parameter(i, j) = at(i * columns + j);
    }
  }
}

/// Throws unless the elements of the tensor can become parameters.
template <Scalar S>
void check_elements(const TensorFile& file, const std::string& name, const LoadOptions& options) {
  const Tensor& tensor = file.at(name);
  if (tensor.dtype != "F64" && tensor.dtype != "F32" && tensor.dtype != "F16" &&
      tensor.dtype != "BF16") {
    throw FormatError(message(file.source, ": tensor '", name, "' has type ", tensor.dtype,
                              ", expected F64, F32, F16 or BF16"));
  }
  if (options.allow_non_finite) return;
  with_elements<S>(tensor, [&](auto at) {
    for (Index i = 0, count = element_count(tensor.shape); i < count; ++i) {
      if (!std::isfinite(at(i))) [[unlikely]] {
        throw FormatError(message(file.source, ": tensor '", name, "': element ", i, " is ", at(i),
                                  ", not a finite number"));
      }
    }
  });
}

}  // namespace detail

/// Adds every parameter of `model` to the file as "<prefix>.<path>": a matrix as [rows, cols],
/// row-major as PyTorch has it, a vector as [rows]. Packed weights are written without their
/// padding, so that the file does not depend on the machine. Throws std::invalid_argument where a
/// name is taken.
template <class M>
void store_parameters(TensorFile& file, std::string_view prefix, const M& model) {
  for_each_parameter(
      [&](std::string_view path, const auto& parameter) {
        using S = detail::ParameterScalar<decltype(parameter)>;
        std::vector<S> values;
        values.reserve(static_cast<std::size_t>(parameter.rows() * parameter.cols()));
        for (Index i = 0; i < parameter.rows(); ++i) {
          for (Index j = 0; j < parameter.cols(); ++j) values.push_back(parameter(i, j));
        }
        file.insert(detail::tensor_name(prefix, path),
                    make_tensor<S>(detail::parameter_shape(parameter), values));
      },
      model);
}

/// Overwrites every parameter of `model`, which has its shapes already, with what store_parameters
/// wrote. Every tensor under the prefix ("" for all) must be used and every parameter be there, in
/// its shape; else throws FormatError, which lists what was left on both sides, and the model stays
/// as it was.
template <class M>
void load_parameters(const TensorFile& file, std::string_view prefix, M& model,
                     const LoadOptions& options = {}) {
  detail::check_names_and_shapes(file, prefix, std::as_const(model));
  for_each_parameter(
      [&](std::string_view path, const auto& parameter) {
        using S = detail::ParameterScalar<decltype(parameter)>;
        detail::check_elements<S>(file, detail::tensor_name(prefix, path), options);
      },
      std::as_const(model));
  for_each_parameter(
      [&](std::string_view path, auto& parameter) {
        using S = detail::ParameterScalar<decltype(parameter)>;
        detail::with_elements<S>(file.at(detail::tensor_name(prefix, path)),
                                 [&](auto at) { detail::fill(parameter, at); });
      },
      model);
}

}  // namespace attend
