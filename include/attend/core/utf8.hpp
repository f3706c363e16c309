/// UTF-8: what is well formed, where code points begin, how wide they stand in a terminal.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <attend/core/error.hpp>

namespace attend::inline ATTEND_ABI {

/// One code point and the bytes it takes. A byte that begins no well-formed code point stands for
/// U+FFFD, takes one byte and is not valid.
struct CodePoint {
  char32_t value = U'\uFFFD';
  std::size_t size = 1;
  bool valid = false;
};

/// The code point that begins at `offset < text.size()`, by RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF.
[[nodiscard]] constexpr CodePoint code_point_at(std::string_view text,
                                                std::size_t offset) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.value = lead, .size = 1, .valid = true};
  if (lead < 0xC2 || lead > 0xF4) return {};

  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() - offset < size) return {};
  char32_t value = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return {};
  return {.value = value, .size = size, .valid = true};
}

/// The offset of the first byte that is not UTF-8, or `std::string_view::npos`.
[[nodiscard]] constexpr std::size_t find_malformed_utf8(std::string_view text) noexcept {
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint point = code_point_at(text, offset);
    if (!point.valid) return offset;
    offset += point.size;
  }
  return std::string_view::npos;
}

[[nodiscard]] constexpr bool is_utf8(std::string_view text) noexcept {
  return find_malformed_utf8(text) == std::string_view::npos;
}

/// The text's code points, each a view into it. Throws FormatError with the offset of the first
/// byte that is not UTF-8.
[[nodiscard]] inline std::vector<std::string_view> split_code_points(std::string_view text) {
  std::vector<std::string_view> points;
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint point = code_point_at(text, offset);
    if (!point.valid) {
      throw FormatError(detail::message("split_code_points: byte ", offset,
                                        " (counted from 0) is not UTF-8; convert the text first"));
    }
    points.push_back(text.substr(offset, point.size));
    offset += point.size;
  }
  return points;
}

/// What Python's `str.split()` takes for white space.
[[nodiscard]] constexpr bool is_white_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

namespace detail {

struct CodePointRange {
  char32_t first, last;
};

/// Combining marks and format characters of the scripts most often met; sorted.
inline constexpr std::array<CodePointRange, 31> zero_width_ranges{{
    {0x0300, 0x036F},   {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
    {0x0610, 0x061A},   {0x064B, 0x065F}, {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x06DF, 0x06E4},
    {0x0900, 0x0902},   {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0E31, 0x0E31},   {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
    {0x200B, 0x200F},   {0x202A, 0x202E}, {0x2060, 0x2064}, {0x2066, 0x206F}, {0x20D0, 0x20FF},
    {0x302A, 0x302D},   {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF},
    {0xE0100, 0xE01EF},
}};

/// East Asian wide and full-width characters, and emoji; sorted.
inline constexpr std::array<CodePointRange, 15> wide_ranges{{
    {0x1100, 0x115F},
    {0x2E80, 0x303E},
    {0x3041, 0x33FF},
    {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},
    {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F},
    {0x1F900, 0x1F9FF},
    {0x20000, 0x3FFFD},
}};

template <std::size_t n>
[[nodiscard]] constexpr bool in_ranges(const std::array<CodePointRange, n>& ranges,
                                       char32_t c) noexcept {
  const auto range =
      std::lower_bound(ranges.begin(), ranges.end(), c,
                       [](const CodePointRange& r, char32_t value) { return r.last < value; });
  return range != ranges.end() && range->first <= c;
}

}  // namespace detail

/// Columns of a terminal that a code point takes, approximately: 0 for control characters and
/// combining marks, 2 for wide East Asian characters and emoji, 1 for the rest.
[[nodiscard]] constexpr std::size_t display_width(char32_t c) noexcept {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return 0;
  if (c < 0x300) return 1;
  if (detail::in_ranges(detail::zero_width_ranges, c)) return 0;
  return detail::in_ranges(detail::wide_ranges, c) ? 2 : 1;
}

/// Columns of a terminal that the text takes; a byte that is not UTF-8 takes one.
[[nodiscard]] constexpr std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint point = code_point_at(text, offset);
    width += display_width(point.value);
    offset += point.size;
  }
  return width;
}

}  // namespace attend
