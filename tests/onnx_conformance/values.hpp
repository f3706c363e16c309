/// Tensors of the conformance cases, and when two are the same.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/io/tensor_file.hpp>

namespace onnx_conformance {

using attend::ConstView;
using attend::Index;
using attend::View;

/// A tensor of any element type, its numbers as floats, row-major.
struct Values {
  std::vector<Index> shape;
  std::vector<float> numbers;
  std::string dtype = "F32";

  [[nodiscard]] Index rank() const { return std::ssize(shape); }
  [[nodiscard]] Index size(Index axis) const { return shape.at(static_cast<std::size_t>(axis)); }
  [[nodiscard]] float operator[](Index i) const { return numbers[static_cast<std::size_t>(i)]; }
  [[nodiscard]] float& operator[](Index i) { return numbers[static_cast<std::size_t>(i)]; }
};

[[nodiscard]] inline Values filled(std::vector<Index> shape, float number = 0) {
  const auto count = static_cast<std::size_t>(attend::element_count(shape));
  return {std::move(shape), std::vector<float>(count, number)};
}

/// Throws FormatError for a type that is none of floating point, I32, I64, U8 and BOOL.
[[nodiscard]] inline Values values_of(const attend::Tensor& tensor) {
  Values result{tensor.shape, {}, tensor.dtype};
  const auto take = [&](const auto& numbers) {
    for (const auto number : numbers) result.numbers.push_back(static_cast<float>(number));
  };
  if (tensor.dtype == "I32") {
    take(attend::elements<std::int32_t>(tensor));
  } else if (tensor.dtype == "I64") {
    take(attend::elements<std::int64_t>(tensor));
  } else if (tensor.dtype == "BOOL" || tensor.dtype == "U8") {
    for (const char byte : tensor.bytes.view()) result.numbers.push_back(byte == 0 ? 0.0F : 1.0F);
  } else {
    result.numbers = attend::elements<float>(tensor);
  }
  return result;
}

/// Relative and absolute, by the precision of the element type.
[[nodiscard]] inline float tolerance_of(const std::string& dtype) {
  if (dtype == "F16") return 2e-3F;
  if (dtype == "BF16") return 1.6e-2F;
  return 1e-5F;
}

/// Why `given` is not `expected`; nothing if it is.
[[nodiscard]] inline std::optional<std::string> difference(const Values& given,
                                                           const Values& expected,
                                                           float tolerance) {
  std::ostringstream why;
  if (given.shape != expected.shape) {
    why << "shape " << attend::shape_text(given.shape) << ", expected "
        << attend::shape_text(expected.shape);
    return why.str();
  }
  for (Index i = 0; i < std::ssize(expected.numbers); ++i) {
    const float a = given[i];
    const float b = expected[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (std::isfinite(b) && std::abs(a - b) <= tolerance * (1 + std::abs(b))) continue;
    why << "element " << i << " is " << a << ", expected " << b;
    return why.str();
  }
  return std::nullopt;
}

}  // namespace onnx_conformance
