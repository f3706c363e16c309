/// Alignments as text for a terminal.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/utf8.hpp>
#include <attend/view/colour.hpp>
#include <attend/view/visible_text.hpp>
#include <attend/view/word_alignment.hpp>

namespace attend::inline ATTEND_ABI {

enum class HeatMapStyle {
  blocks,  ///< Five shades of Unicode blocks.
  ascii,   ///< Ten shades of ASCII characters; the words stay as they are.
  colour   ///< 24-bit ANSI background colours.
};

struct HeatMapOptions {
  HeatMapStyle style = HeatMapStyle::blocks;
  Index cell_width = 2;     ///< Columns of the terminal for a source word, at least 2.
  Index longest_word = 24;  ///< Longer words are cut and end in an ellipsis.
};

namespace detail {

/// What stands in one place of a terminal: a code point and the combining marks that follow it.
inline std::vector<std::string> glyphs(std::string_view text) {
  std::vector<std::string> result;
  for (const std::string_view point : split_code_points(text)) {
    if (display_width(point) == 0 && !result.empty()) {
      result.back() += point;
    } else {
      result.emplace_back(point);
    }
  }
  return result;
}

/// The glyphs of a word that may be shown, at most `longest` columns of them.
inline std::vector<std::string> shown_glyphs(std::string_view word, std::size_t longest) {
  const std::string visible = visible_text(word);
  std::vector<std::string> result = glyphs(visible);
  std::size_t width = display_width(visible);
  if (width <= longest) return result;
  while (!result.empty() && width + 1 > longest) {
    width -= display_width(result.back());
    result.pop_back();
  }
  result.emplace_back("\u2026");
  return result;
}

inline std::string spaces(std::size_t n) { return std::string(n, ' '); }

inline std::string repeated(std::string_view text, std::size_t n) {
  std::string result;
  for (; n > 0; --n) result += text;
  return result;
}

inline std::string heat_cell(double weight, const HeatMapOptions& options) {
  const auto width = static_cast<std::size_t>(options.cell_width);
  const double w = std::clamp(weight, 0.0, 1.0);
  switch (options.style) {
    case HeatMapStyle::blocks: {
      constexpr std::array<std::string_view, 5> shades{" ", "\u2591", "\u2592", "\u2593", "\u2588"};
      return repeated(shades[static_cast<std::size_t>(std::lround(w * 4))], width);
    }
    case HeatMapStyle::ascii: {
      constexpr std::string_view shades = " .:-=+*#%@";
      return std::string(width, shades[static_cast<std::size_t>(std::lround(w * 9))]);
    }
    case HeatMapStyle::colour: {
      const Colour c = heat_colour(w);
      return message("\x1b[48;2;", +c.red, ';', +c.green, ';', +c.blue, 'm', spaces(width));
    }
  }
  return {};
}

/// Source words from top to bottom, each above its column, ending on the same line.
inline std::string column_heads(const WordAlignment& alignment, std::size_t indent,
                                const HeatMapOptions& options) {
  std::vector<std::vector<std::string>> words;
  std::size_t height = 0;
  for (const std::string& word : alignment.source()) {
    words.push_back(shown_glyphs(word, static_cast<std::size_t>(options.longest_word)));
    height = std::max(height, words.back().size());
  }
  std::string text;
  for (std::size_t row = 0; row < height; ++row) {
    std::string line = spaces(indent);
    for (const auto& word : words) {
      const std::size_t above = height - word.size();
      const std::string glyph = row < above ? "" : word[row - above];
      const std::size_t width = display_width(glyph);
      line += glyph + spaces(static_cast<std::size_t>(options.cell_width) -
                             std::min<std::size_t>(width, 2));
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

}  // namespace detail

/// Target words as rows, source words as heads of columns (downwards), weights from 0 to 1 as
/// shades; every line ends in a line feed. What is not UTF-8 or would control the terminal is shown
/// as U+FFFD. Throws std::invalid_argument for a cell narrower than 2 or no room for words.
[[nodiscard]] inline std::string heat_map(const WordAlignment& alignment,
                                          const HeatMapOptions& options = {}) {
  check_argument(options.cell_width >= 2, "heat_map: cell_width is ", options.cell_width,
                 ", expected 2 or more");
  check_argument(options.longest_word >= 1, "heat_map: longest_word is ", options.longest_word,
                 ", expected 1 or more");
  const bool ascii = options.style == HeatMapStyle::ascii;
  const bool colour = options.style == HeatMapStyle::colour;
  const std::string_view upright = ascii ? "|" : "\u2502";

  std::vector<std::string> labels;
  std::size_t label_width = 0;
  for (const std::string& word : alignment.target()) {
    std::string label;
    for (const std::string& glyph :
         detail::shown_glyphs(word, static_cast<std::size_t>(options.longest_word))) {
      label += glyph;
    }
    label_width = std::max(label_width, display_width(label));
    labels.push_back(std::move(label));
  }

  std::string text = detail::column_heads(alignment, label_width + 2, options);
  const auto width = static_cast<std::size_t>(options.cell_width) * alignment.source().size();
  const auto rule = [&](std::string_view left, std::string_view right) {
    text += detail::spaces(label_width + 1);
    text += ascii ? "+" : left;
    text += detail::repeated(ascii ? "-" : "\u2500", width);
    text += ascii ? "+" : right;
    text += '\n';
  };
  rule("\u250C", "\u2510");
  for (std::size_t u = 0; u < labels.size(); ++u) {
    text += detail::spaces(label_width - display_width(labels[u])) + labels[u] + ' ';
    text += upright;
    for (Index t = 0; t < alignment.weights().rows(); ++t) {
      text += detail::heat_cell(alignment.weights()(t, static_cast<Index>(u)), options);
    }
    if (colour) text += "\x1b[0m";
    text += upright;
    text += '\n';
  }
  rule("\u2514", "\u2518");
  return text;
}

}  // namespace attend
