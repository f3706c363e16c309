/// The few pieces of XML that pictures need.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <attend/core/utf8.hpp>
#include <attend/view/visible_text.hpp>

namespace attend::inline ATTEND_ABI {

/// Text as the content of an element or a quoted attribute.
[[nodiscard]] inline std::string xml_escape(std::string_view text) {
  std::string escaped;
  for (const char c : visible_text(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

/// A number below 1e15 in plain decimals, at most `decimals` of them and no needless zeros,
/// whatever the locale.
[[nodiscard]] inline std::string decimal(double number, int decimals = 2) {
  std::int64_t unit = 1;
  for (int i = 0; i < decimals; ++i) unit *= 10;
  const auto scaled =
      static_cast<std::int64_t>(std::llround(std::abs(number) * static_cast<double>(unit)));
  std::string text = (number < 0 && scaled != 0 ? "-" : "") + std::to_string(scaled / unit);
  std::string digits = std::to_string(scaled % unit + unit).substr(1);
  while (digits.ends_with('0')) digits.pop_back();
  return digits.empty() ? text : text + '.' + digits;
}

namespace detail {

inline constexpr std::string_view svg_font =
    "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif";
inline constexpr std::string_view ink = "#1f2933";
inline constexpr std::string_view faint_ink = "#616e7c";

/// The parts, one behind the other.
[[nodiscard]] inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

/// The beginning of a rectangle, without what fills it and without its end.
[[nodiscard]] inline std::string svg_rect(double x, double y, double width, double height) {
  return joined({"<rect x=\"", decimal(x), "\" y=\"", decimal(y), "\" width=\"", decimal(width),
                 "\" height=\"", decimal(height), "\""});
}

/// The width of a line of text, on the generous side, since only the viewer knows the font.
[[nodiscard]] inline double text_width(std::string_view text, double font_size) {
  return 0.6 * font_size * static_cast<double>(display_width(visible_text(text)));
}

/// Attributes of a text: where it is, where it is anchored, how large.
struct SvgText {
  double x = 0, y = 0;
  double size = 13;
  std::string_view anchor = "start";
  std::string_view fill = ink;
  double turned = 0;  ///< Degrees, clockwise, around (x, y).
  bool bold = false;
};

[[nodiscard]] inline std::string svg_text(std::string_view text, const SvgText& at) {
  const std::string x = decimal(at.x);
  const std::string y = decimal(at.y);
  std::string turned;
  if (at.turned != 0) {
    turned = joined({" transform=\"rotate(", decimal(at.turned), " ", x, " ", y, ")\""});
  }
  return joined({"<text x=\"", x, "\" y=\"", y, "\" font-size=\"", decimal(at.size),
                 "\" text-anchor=\"", at.anchor, "\" fill=\"", at.fill, "\"",
                 at.bold ? " font-weight=\"600\"" : "", turned, ">", xml_escape(text),
                 "</text>\n"});
}

/// A document of its own with a white ground; `label` is what a screen reader says.
[[nodiscard]] inline std::string svg_document(double width, double height, std::string_view label,
                                              std::string_view content) {
  const std::string w = decimal(std::ceil(width));
  const std::string h = decimal(std::ceil(height));
  return joined({"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", w, "\" height=\"", h,
                 "\" viewBox=\"0 0 ", w, " ", h, "\" role=\"img\" aria-label=\"", xml_escape(label),
                 "\" font-family=\"", svg_font,
                 "\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", content,
                 "</svg>\n"});
}

}  // namespace detail

}  // namespace attend
