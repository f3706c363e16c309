/// Alignments as pictures.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

#include <attend/view/colour.hpp>
#include <attend/view/word_alignment.hpp>
#include <attend/view/xml.hpp>

namespace attend::inline ATTEND_ABI {

struct SvgHeatMapOptions {
  std::string title = {};    ///< Above the picture; empty is none.
  double cell = 30;          ///< Side of a cell in pixels, more than 0.
  bool scale = true;         ///< The scale of colours below the picture.
  int tooltip_decimals = 3;  ///< Of the weight that shows when the pointer rests on a cell.
};

namespace detail {

inline constexpr double svg_label_size = 14;
inline constexpr double svg_margin = 20;

/// Where the parts of a heat map lie, in pixels.
struct HeatMapLayout {
  double left, top;  ///< The grid's corner.
  double grid_width, grid_height;
  double width, height;  ///< Of the whole picture.
};

inline constexpr double svg_scale_width = 140;

[[nodiscard]] inline HeatMapLayout lay_out(const WordAlignment& alignment,
                                           const SvgHeatMapOptions& options) {
  const double slope = std::numbers::sqrt2 / 2;
  HeatMapLayout layout{};
  layout.grid_width = options.cell * static_cast<double>(alignment.source().size());
  layout.grid_height = options.cell * static_cast<double>(alignment.target().size());

  double labels = 0;
  for (const auto& word : alignment.target()) {
    labels = std::max(labels, text_width(word, svg_label_size));
  }
  double heads = 0;
  double overhang = 0;
  for (std::size_t t = 0; t < alignment.source().size(); ++t) {
    const double reach = slope * text_width(alignment.source()[t], svg_label_size);
    const double column = options.cell * (static_cast<double>(t) + 0.5);
    heads = std::max(heads, reach);
    overhang = std::max(overhang, column + reach + svg_label_size - layout.grid_width);
  }
  layout.left = svg_margin + labels + 10;
  layout.top = svg_margin + (options.title.empty() ? 0 : 34) + heads + 16;
  const double content = std::max(layout.grid_width + std::max(overhang, 0.0),
                                  options.scale ? svg_scale_width + 20 : 0.0);
  const double title = svg_margin + 1.12 * text_width(options.title, 17);  // bold
  layout.width = std::max(layout.left + content, title) + svg_margin;
  layout.height = layout.top + layout.grid_height + (options.scale ? 52 : 0) + svg_margin;
  return layout;
}

[[nodiscard]] inline std::string heat_map_cells(const WordAlignment& alignment,
                                                const HeatMapLayout& layout,
                                                const SvgHeatMapOptions& options) {
  std::string text;
  const double side = options.cell - 2;
  for (std::size_t u = 0; u < alignment.target().size(); ++u) {
    for (std::size_t t = 0; t < alignment.source().size(); ++t) {
      const double weight = alignment.weights()(static_cast<Index>(t), static_cast<Index>(u));
      const double x = layout.left + options.cell * static_cast<double>(t) + 1;
      const double y = layout.top + options.cell * static_cast<double>(u) + 1;
      text += joined({svg_rect(x, y, side, side), " rx=\"3\" fill=\"", heat_colour(weight).hex(),
                      "\"><title>", xml_escape(alignment.source()[t]), " \u2192 ",
                      xml_escape(alignment.target()[u]), ": ",
                      decimal(weight, options.tooltip_decimals), "</title></rect>\n"});
    }
  }
  return text;
}

[[nodiscard]] inline std::string heat_map_labels(const WordAlignment& alignment,
                                                 const HeatMapLayout& layout, double cell) {
  std::string text;
  for (std::size_t t = 0; t < alignment.source().size(); ++t) {
    const double x = layout.left + cell * (static_cast<double>(t) + 0.5) + 4;
    text += svg_text(alignment.source()[t],
                     {.x = x, .y = layout.top - 8, .size = svg_label_size, .turned = -45});
  }
  for (std::size_t u = 0; u < alignment.target().size(); ++u) {
    const double y = layout.top + cell * (static_cast<double>(u) + 0.5) + 0.36 * svg_label_size;
    text += svg_text(alignment.target()[u],
                     {.x = layout.left - 10, .y = y, .size = svg_label_size, .anchor = "end"});
  }
  return text;
}

[[nodiscard]] inline std::string heat_map_scale(const HeatMapLayout& layout) {
  constexpr int steps = 56;
  constexpr double step = svg_scale_width / steps;
  const double top = layout.top + layout.grid_height + 20;
  std::string text;
  for (int i = 0; i < steps; ++i) {
    const double width = step + (i + 1 < steps ? 0.5 : 0);
    text += joined({svg_rect(layout.left + 1 + step * i, top, width, 10), " fill=\"",
                    heat_colour((i + 0.5) / steps).hex(), "\"/>\n"});
  }
  const auto number = [&](std::string_view label, double share, std::string_view anchor) {
    text += svg_text(label, {.x = layout.left + 1 + share * svg_scale_width,
                             .y = top + 25,
                             .size = 11,
                             .anchor = anchor,
                             .fill = faint_ink});
  };
  number("0", 0, "start");
  number("weight", 0.5, "middle");
  number("1", 1, "end");
  return text;
}

}  // namespace detail

/// An SVG document: source words slanted on top, target words at the left, one square for each
/// weight from 0 (nearly white) to 1 (deep blue), which names its words and its weight when the
/// pointer rests on it. Sized to its content. Throws std::invalid_argument for a cell that is not
/// larger than 2 pixels.
[[nodiscard]] inline std::string svg_heat_map(const WordAlignment& alignment,
                                              const SvgHeatMapOptions& options = {}) {
  check_argument(options.cell > 2, "svg_heat_map: cell is ", options.cell,
                 " pixels, expected more than 2");
  const detail::HeatMapLayout layout = detail::lay_out(alignment, options);
  std::string content;
  if (!options.title.empty()) {
    content += detail::svg_text(
        options.title,
        {.x = detail::svg_margin, .y = detail::svg_margin + 15, .size = 17, .bold = true});
  }
  content += detail::heat_map_labels(alignment, layout, options.cell);
  content += detail::heat_map_cells(alignment, layout, options);
  if (options.scale) content += detail::heat_map_scale(layout);
  const std::string_view label =
      options.title.empty() ? "Alignment" : std::string_view(options.title);
  return detail::svg_document(layout.width, layout.height, label, content);
}

}  // namespace attend
