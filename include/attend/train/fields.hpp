/// The scalars of a saved state as text, for the metadata of a file.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include <attend/core/error.hpp>

namespace attend::inline ATTEND_ABI {

/// Names and values, for example {"schedule.scale", "0x10000000000000p-53"}.
using Fields = std::map<std::string, std::string, std::less<>>;

namespace detail {

/// A hexadecimal floating-point literal that any strtod reads back to the same bits. It has no
/// point, whose form depends on the locale.
[[nodiscard]] inline std::string exact_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  int exponent = 0;
  const double mantissa = std::ldexp(std::frexp(std::abs(value), &exponent), 53);
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << (std::signbit(value) ? "-0x" : "0x") << std::hex << static_cast<std::uint64_t>(mantissa)
       << 'p' << std::dec << (mantissa == 0 ? 0 : exponent - 53);
  return text.str();
}

template <std::integral I>
[[nodiscard]] std::string exact_text(I value) {
  return std::to_string(value);
}

[[noreturn]] inline void throw_field(const std::string& name, const std::string& text,
                                     std::string_view expected) {
  throw FormatError(message("the saved state's field '", name, "' is '", text, "', expected ",
                            expected, "; the file is damaged or of another version"));
}

inline void read_exact(const std::string& name, const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') throw_field(name, text, "a number");
}

template <std::integral I>
void read_exact(const std::string& name, const std::string& text, I& value) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  long long whole = 0;
  if (!(stream >> whole) || stream.peek() != std::istringstream::traits_type::eof() || whole < 0 ||
      static_cast<unsigned long long>(whole) >
          static_cast<unsigned long long>(std::numeric_limits<I>::max())) {
    throw_field(name, text, "a whole number of 0 or more");
  }
  value = static_cast<I>(whole);
}

}  // namespace detail

/// Writes a number so that it is read back to the same bits.
template <class T>
requires std::integral<T> || std::same_as<T, double>
void put_field(Fields& fields, std::string_view name, T value) {
  fields[std::string(name)] = detail::exact_text(value);
}

inline void put_field(Fields& fields, std::string_view name, const std::string& text) {
  fields[std::string(name)] = text;
}

/// The text of a field. Throws FormatError if it is missing.
[[nodiscard]] inline const std::string& field_text(const Fields& fields, std::string_view name) {
  const auto field = fields.find(std::string(name));
  if (field == fields.end()) {
    throw FormatError(detail::message("the saved state has no field '", name,
                                      "'; the file is damaged or of another version"));
  }
  return field->second;
}

/// Reads a number (whole numbers are 0 or more). Throws FormatError if it is missing or no number.
template <class T>
requires std::integral<T> || std::same_as<T, double>
void get_field(const Fields& fields, std::string_view name, T& value) {
  detail::read_exact(std::string(name), field_text(fields, name), value);
}

}  // namespace attend
