/// Text that may be put into a terminal or a document without harm.
#pragma once

#include <string>
#include <string_view>

#include <attend/core/utf8.hpp>

namespace attend::inline ATTEND_ABI {

/// The text with U+FFFD for every byte that is not UTF-8 and every character that controls a
/// terminal or that XML 1.0 forbids.
[[nodiscard]] inline std::string visible_text(std::string_view text) {
  std::string visible;
  for (std::size_t offset = 0; offset < text.size();) {
    const CodePoint point = code_point_at(text, offset);
    const bool control = point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0);
    const bool forbidden = point.value == 0xFFFE || point.value == 0xFFFF;
    if (!point.valid || control || forbidden) {
      visible += "\xEF\xBF\xBD";
    } else {
      visible += text.substr(offset, point.size);
    }
    offset += point.size;
  }
  return visible;
}

}  // namespace attend
