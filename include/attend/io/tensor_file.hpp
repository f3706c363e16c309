/// Named tensors as files keep them.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/io/bytes.hpp>

namespace attend::inline ATTEND_ABI {

/// The element types of attend's own files.
template <class T>
concept TensorElement = Scalar<T> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

/// A tensor as a file keeps it: the name of its element type in the format's spelling ("F32"), its
/// shape, and its elements in row-major order, little-endian.
struct Tensor {
  std::string dtype;
  std::vector<Index> shape;
  Bytes bytes;

  bool operator==(const Tensor&) const = default;
};

namespace detail {

template <std::size_t size>
using UnsignedOfSize = std::conditional_t<
    size == 1, std::uint8_t,
    std::conditional_t<size == 2, std::uint16_t,
                       std::conditional_t<size == 4, std::uint32_t, std::uint64_t>>>;

template <class T>
[[nodiscard]] T from_little_endian(const char* bytes) {
  using Bits = UnsignedOfSize<sizeof(T)>;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return std::bit_cast<T>(static_cast<Bits>(bits));
}

template <class T>
void to_little_endian(T value, char* bytes) {
  const std::uint64_t bits = std::bit_cast<UnsignedOfSize<sizeof(T)>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(static_cast<unsigned char>((bits >> (8 * i)) & 0xFFU));
  }
}

/// IEEE 754 binary16.
[[nodiscard]] inline float from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  float magnitude = 0;
  if (exponent == 0x1F) {
    magnitude = fraction == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  } else {
    const int significand = exponent == 0 ? fraction : fraction + 0x400;
    magnitude = std::ldexp(static_cast<float>(significand), (exponent == 0 ? 1 : exponent) - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// The upper half of a float.
[[nodiscard]] inline float from_brain_float(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16U);
}

template <TensorElement T>
[[nodiscard]] constexpr std::string_view dtype_of() {
  if constexpr (std::is_same_v<T, float>) return "F32";
  if constexpr (std::is_same_v<T, double>) return "F64";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "U8";
  if constexpr (std::is_same_v<T, std::int32_t>) return "I32";
  if constexpr (std::is_same_v<T, std::int64_t>) return "I64";
}

}  // namespace detail

/// How many elements a shape has; -1 when that is no number at all: a size below 0, an overflow.
[[nodiscard]] inline Index element_count(std::span<const Index> shape) {
  Index count = 1;
  for (const Index size : shape) {
    if (size < 0 || (size > 0 && count > std::numeric_limits<Index>::max() / size)) return -1;
    count *= size;
  }
  return count;
}

/// "[3, 4]", as messages show a shape.
[[nodiscard]] inline std::string shape_text(std::span<const Index> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

/// A tensor of `values`, row-major. Throws ShapeError when they do not fill the shape.
template <TensorElement T>
[[nodiscard]] Tensor make_tensor(std::vector<Index> shape, std::span<const T> values) {
  if (element_count(shape) != static_cast<Index>(values.size())) {
    throw ShapeError(detail::message("make_tensor: the shape is ", shape_text(shape),
                                     ", the values are ", values.size()));
  }
  std::string bytes(values.size() * sizeof(T), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    detail::to_little_endian(values[i], bytes.data() + i * sizeof(T));
  }
  return {std::string(detail::dtype_of<T>()), std::move(shape), std::move(bytes)};
}

namespace detail {

/// Calls `use(at)`, where `at(i)` is element i of the tensor, row-major, as it is read from the
/// bytes. Throws FormatError for a type that cannot become T.
template <TensorElement T, class Use>
void with_elements(const Tensor& tensor, Use&& use) {
  const char* bytes = tensor.bytes.data();
  const auto read = [&]<class From>(auto value_of, From) {
    use([&](Index i) {
      return static_cast<T>(
          value_of(from_little_endian<From>(bytes + i * static_cast<Index>(sizeof(From)))));
    });
  };
  const auto same = [](auto value) { return value; };
  if (tensor.dtype == dtype_of<T>()) return read(same, T{});
  if constexpr (Scalar<T>) {
    if (tensor.dtype == "F32") return read(same, float{});
    if (tensor.dtype == "F64") return read(same, double{});
    if (tensor.dtype == "F16") return read(from_half, std::uint16_t{});
    if (tensor.dtype == "BF16") return read(from_brain_float, std::uint16_t{});
  }
  throw FormatError(message("elements: the type is ", tensor.dtype, ", expected ",
                            Scalar<T> ? "F64, F32, F16 or BF16" : dtype_of<T>()));
}

}  // namespace detail

/// The elements of a tensor, row-major. Floating point is read from F64, F32, F16 and BF16; the
/// integers only from their own type. Throws FormatError with both types.
template <TensorElement T>
[[nodiscard]] std::vector<T> elements(const Tensor& tensor) {
  std::vector<T> values;
  detail::with_elements<T>(tensor, [&](auto at) {
    values.resize(static_cast<std::size_t>(element_count(tensor.shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = at(static_cast<Index>(i));
  });
  return values;
}

/// What a file holds: tensors and notes by name, and where they came from.
struct TensorFile {
  std::map<std::string, Tensor, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
  /// The path it was read from; messages name it.
  std::string source;

  /// Throws std::invalid_argument where the name is taken.
  void insert(std::string name, Tensor tensor) {
    const auto [place, is_new] = tensors.try_emplace(std::move(name), std::move(tensor));
    check_argument(is_new, "TensorFile: there is a tensor '", place->first,
                   "' already; give each its own name");
  }
  /// Bytes that are no numbers, as a U8 tensor: a vocabulary, a sub-word model.
  void insert_bytes(std::string name, std::string bytes) {
    const auto size = static_cast<Index>(bytes.size());
    insert(std::move(name), Tensor{"U8", {size}, std::move(bytes)});
  }

  [[nodiscard]] bool contains(std::string_view name) const {
    return tensors.find(name) != tensors.end();
  }
  /// Throws FormatError where there is no such tensor.
  [[nodiscard]] const Tensor& at(std::string_view name) const {
    const auto place = tensors.find(name);
    if (place == tensors.end()) {
      throw FormatError(detail::message(source, ": there is no tensor '", name, "'"));
    }
    return place->second;
  }
  /// What `insert_bytes` put in. Throws FormatError where it is missing or not U8.
  [[nodiscard]] std::string_view bytes(std::string_view name) const {
    const Tensor& tensor = at(name);
    if (tensor.dtype != "U8") {
      throw FormatError(detail::message(source, ": tensor '", name, "' has type ", tensor.dtype,
                                        ", expected U8"));
    }
    return tensor.bytes.view();
  }
  /// Throws FormatError where there is no such note.
  [[nodiscard]] const std::string& note(std::string_view key) const {
    const auto place = metadata.find(key);
    if (place == metadata.end()) {
      throw FormatError(detail::message(source, ": the metadata has no '", key, "'"));
    }
    return place->second;
  }
};

}  // namespace attend
