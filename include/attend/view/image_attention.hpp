/// Where in an image a model looked, word by word, as a picture.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include <attend/core/error.hpp>
#include <attend/core/image_batch.hpp>
#include <attend/view/colour.hpp>
#include <attend/view/xml.hpp>

namespace attend::inline ATTEND_ABI {

struct SvgImageAttentionOptions {
  std::string title = {};  ///< Above the picture; empty is none.
  double scale = 2;        ///< Side of an image's pixel, more than 0.
  Index columns = 3;       ///< Panels side by side, at least 1.
};

namespace detail {

inline constexpr double panel_margin = 20;
inline constexpr double panel_label = 24;

/// The ink as runs of equal shades, once for all panels.
[[nodiscard]] inline std::string ink_symbol(const Image<float>& image, double scale) {
  std::string text = "<defs><g id=\"image\">\n";
  const auto shade = [&](Index y, Index x) {
    return std::lround(15 * std::clamp(image.pixels(0, y * image.size.width + x), 0.0F, 1.0F));
  };
  for (Index y = 0; y < image.size.height; ++y) {
    for (Index x = 0, end = 0; x < image.size.width; x = end) {
      end = x + 1;
      while (end < image.size.width && shade(y, end) == shade(y, x)) ++end;
      if (shade(y, x) == 0) continue;
      text +=
          joined({svg_rect(scale * static_cast<double>(x), scale * static_cast<double>(y),
                           scale * static_cast<double>(end - x), scale),
                  " fill-opacity=\"", decimal(static_cast<double>(shade(y, x)) / 15), "\"/>\n"});
    }
  }
  return text + "</g></defs>\n";
}

/// The weights of a word over the cells, the greatest of them the strongest colour.
[[nodiscard]] inline std::string weight_cells(std::string_view word, const Extent& grid,
                                              const Extent& image, double scale,
                                              ConstView<float> weights) {
  if (grid.area() == 0) return {};
  const double width = scale * static_cast<double>(image.width) / static_cast<double>(grid.width);
  const double height =
      scale * static_cast<double>(image.height) / static_cast<double>(grid.height);
  const auto greatest = static_cast<double>(weights.maxCoeff());
  std::string text;
  for (Index i = 0; i < grid.area(); ++i) {
    const auto weight = static_cast<double>(weights(i, 0));
    if (!(weight > 0.01 * greatest)) continue;
    const Index row = i / grid.width;
    text += joined({svg_rect(width * static_cast<double>(i - row * grid.width),
                             height * static_cast<double>(row), width, height),
                    " fill=\"", series_colour(1).hex(), "\" fill-opacity=\"",
                    decimal(0.8 * weight / greatest, 3), "\"><title>", xml_escape(word), ": ",
                    decimal(weight, 3), "</title></rect>\n"});
  }
  return text;
}

}  // namespace detail

/// An SVG document with a panel for each word: the image, of one channel from 0 (white) to 1
/// (black), below the weights (cells x words) of the grid that divides it evenly, a cell's row by
/// row. A colour's strength is relative to the word's greatest weight; a cell tells its own when
/// the pointer rests on it. Throws ShapeError, and std::invalid_argument for an image without
/// pixels or channels other than one, and for options out of range.
[[nodiscard]] inline std::string svg_image_attention(const Image<float>& image, const Extent& grid,
                                                     std::span<const std::string> words,
                                                     ConstView<float> weights,
                                                     const SvgImageAttentionOptions& options = {}) {
  check_shape("svg_image_attention", "weights", weights, grid.area(), std::ssize(words));
  check_shape("svg_image_attention", "image", image.pixels, 1, image.size.area());
  check_argument(image.size.area() > 0, "svg_image_attention: the image has no pixels");
  check_argument(options.scale > 0 && options.columns >= 1,
                 "svg_image_attention: scale and columns are ", options.scale, " and ",
                 options.columns, ", expected more than 0, and 1 or more");
  const double width = options.scale * static_cast<double>(image.size.width);
  const double height = options.scale * static_cast<double>(image.size.height);
  const double top = detail::panel_margin + (options.title.empty() ? 0 : 30);
  std::string content = detail::ink_symbol(image, options.scale);
  if (!options.title.empty()) {
    content += detail::svg_text(
        options.title,
        {.x = detail::panel_margin, .y = detail::panel_margin + 12, .size = 17, .bold = true});
  }
  const double right = width + detail::panel_margin;
  const double down = height + detail::panel_label + detail::panel_margin;
  for (Index u = 0; u < weights.cols(); ++u) {
    const std::string& word = words[static_cast<std::size_t>(u)];
    const Index row = u / options.columns;
    content += detail::joined(
        {"<g transform=\"translate(",
         decimal(detail::panel_margin + right * static_cast<double>(u - row * options.columns)),
         " ", decimal(top + down * static_cast<double>(row)), ")\">\n<use href=\"#image\" fill=\"",
         detail::ink, "\"/>\n",
         detail::weight_cells(word, grid, image.size, options.scale, weights.middleCols(u, 1)),
         detail::svg_rect(0, 0, width, height), " fill=\"none\" stroke=\"", detail::faint_ink,
         "\"/>\n",
         detail::svg_text(word, {.x = width / 2, .y = height + 17, .size = 14, .anchor = "middle"}),
         "</g>\n"});
  }
  const Index rows = (weights.cols() + options.columns - 1) / options.columns;
  const Index columns = std::clamp<Index>(weights.cols(), 1, options.columns);
  const double title = detail::panel_margin + 1.12 * detail::text_width(options.title, 17);
  return detail::svg_document(
      std::max(detail::panel_margin + right * static_cast<double>(columns),
               title + detail::panel_margin),
      top + down * static_cast<double>(rows),
      options.title.empty() ? std::string_view("Attention over an image") : options.title, content);
}

}  // namespace attend
