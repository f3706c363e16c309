/// Small charts, such as BLEU by length of sentence.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/view/chart_axis.hpp>
#include <attend/view/colour.hpp>
#include <attend/view/xml.hpp>

namespace attend::inline ATTEND_ABI {

/// One value for each label of the chart; NaN where there is none.
struct ChartSeries {
  std::string name;
  std::vector<double> values;
};

enum class ChartKind { lines, bars };

struct Chart {
  std::string title = {};
  std::string x_title = {};
  std::string y_title = {};
  std::vector<std::string> labels;
  std::vector<ChartSeries> series;
  ChartKind kind = ChartKind::lines;
};

namespace detail {

/// Where the plot lies in its picture, and how values become heights.
struct ChartLayout {
  double left, top, width, height;
  double slot;   ///< Width that a label has.
  bool slanted;  ///< Labels that are wider than their slot.
  double full_width, full_height;
  ChartAxis axis;

  [[nodiscard]] double x(std::size_t label) const {
    return left + slot * (static_cast<double>(label) + 0.5);
  }
  [[nodiscard]] double y(double value) const {
    return top + height * (axis.last - value) / (axis.last - axis.first);
  }
};

inline void check(const Chart& chart) {
  check_argument(!chart.labels.empty(), "svg_chart: no labels, expected at least one");
  for (const ChartSeries& series : chart.series) {
    if (series.values.size() != chart.labels.size()) {
      throw_size("svg_chart", "values of '" + series.name + "'",
                 static_cast<Index>(series.values.size()), static_cast<Index>(chart.labels.size()));
    }
    for (const double value : series.values) {
      check_argument(!(std::abs(value) > 1e12), "svg_chart: a value of '", series.name, "' is ",
                     value, ", expected -1e12 to 1e12, or NaN for none");
    }
  }
}

[[nodiscard]] inline ChartLayout lay_out(const Chart& chart) {
  double low = 0;
  double high = 0;
  for (const ChartSeries& series : chart.series) {
    for (const double value : series.values) {
      if (std::isnan(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  ChartLayout layout{};
  layout.axis = chart_axis(low, high);
  double numbers = 0;
  for (const std::string& number : layout.axis.labels) {
    numbers = std::max(numbers, text_width(number, 12));
  }
  double labels = 0;
  for (const std::string& label : chart.labels) labels = std::max(labels, text_width(label, 12));
  double legend = 0;
  for (const ChartSeries& series : chart.series) legend += text_width(series.name, 13) + 52;

  const double count = static_cast<double>(chart.labels.size());
  layout.left = 24 + (chart.y_title.empty() ? 0 : 24) + numbers + 10;
  layout.top = 24 + (chart.title.empty() ? 0 : 36) + (chart.series.empty() ? 0 : 32);
  layout.width = std::max({560.0, 44 * count, legend, 1.12 * text_width(chart.title, 17)});
  layout.height = 280;
  layout.slot = layout.width / count;
  layout.slanted = labels + 8 > layout.slot;
  if (layout.slanted) layout.left = std::max(layout.left, 20 + 0.7 * labels - layout.slot / 2);
  layout.full_width = layout.left + layout.width + 28;
  layout.full_height = layout.top + layout.height + (layout.slanted ? 24 + 0.7 * labels : 28) +
                       (chart.x_title.empty() ? 0 : 28) + 12;
  return layout;
}

[[nodiscard]] inline std::string line_between(double x1, double y1, double x2, double y2,
                                              std::string_view stroke) {
  return joined({"<line x1=\"", decimal(x1), "\" y1=\"", decimal(y1), "\" x2=\"", decimal(x2),
                 "\" y2=\"", decimal(y2), "\" stroke=\"", stroke, "\"/>\n"});
}

[[nodiscard]] inline std::string chart_frame(const Chart& chart, const ChartLayout& layout) {
  std::string text;
  const double right = layout.left + layout.width;
  for (std::size_t i = 0; i < layout.axis.ticks.size(); ++i) {
    const double y = layout.y(layout.axis.ticks[i]);
    const bool zero = layout.axis.ticks[i] == 0;
    text += line_between(layout.left, y, right, y, zero ? "#9aa5b1" : "#e4e7eb");
    text += svg_text(
        layout.axis.labels[i],
        {.x = layout.left - 10, .y = y + 4, .size = 12, .anchor = "end", .fill = faint_ink});
  }
  const double bottom = layout.top + layout.height;
  for (std::size_t i = 0; i < chart.labels.size(); ++i) {
    text += svg_text(chart.labels[i], {.x = layout.x(i) + (layout.slanted ? 4 : 0),
                                       .y = bottom + 20,
                                       .size = 12,
                                       .anchor = layout.slanted ? "end" : "middle",
                                       .fill = faint_ink,
                                       .turned = layout.slanted ? -45.0 : 0.0});
  }
  if (!chart.title.empty()) {
    text += svg_text(chart.title, {.x = layout.left, .y = 40, .size = 17, .bold = true});
  }
  if (!chart.x_title.empty()) {
    text += svg_text(
        chart.x_title,
        {.x = layout.left + layout.width / 2, .y = layout.full_height - 16, .anchor = "middle"});
  }
  if (!chart.y_title.empty()) {
    text +=
        svg_text(chart.y_title,
                 {.x = 32, .y = layout.top + layout.height / 2, .anchor = "middle", .turned = -90});
  }
  return text;
}

[[nodiscard]] inline std::string chart_legend(const Chart& chart, const ChartLayout& layout) {
  std::string text;
  double x = layout.left;
  const double y = layout.top - 26;
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    text +=
        joined({svg_rect(x, y - 4, 20, 6), " rx=\"3\" fill=\"", series_colour(s).hex(), "\"/>\n"});
    text += svg_text(chart.series[s].name, {.x = x + 27, .y = y + 4});
    x += text_width(chart.series[s].name, 13) + 52;
  }
  return text;
}

[[nodiscard]] inline std::string value_title(const Chart& chart, std::size_t s, std::size_t i) {
  return joined({"<title>", xml_escape(chart.series[s].name), ", ", xml_escape(chart.labels[i]),
                 ": ", decimal(chart.series[s].values[i]), "</title>"});
}

[[nodiscard]] inline std::string chart_line(const Chart& chart, std::size_t s,
                                            const ChartLayout& layout) {
  const std::vector<double>& values = chart.series[s].values;
  const std::string colour = series_colour(s).hex();
  std::string path;
  std::string points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const bool goes_on = i > 0 && !std::isnan(values[i - 1]);
    const std::string x = decimal(layout.x(i));
    const std::string y = decimal(layout.y(values[i]));
    path += joined({goes_on ? "L" : "M", x, " ", y});
    points += joined({"<circle cx=\"", x, "\" cy=\"", y, "\" r=\"4.5\" fill=\"", colour,
                      "\" stroke=\"#ffffff\" stroke-width=\"1.5\">", value_title(chart, s, i),
                      "</circle>\n"});
  }
  return joined({"<path d=\"", path, "\" fill=\"none\" stroke=\"", colour,
                 "\" stroke-width=\"2.5\" stroke-linejoin=\"round\"/>\n", points});
}

[[nodiscard]] inline std::string chart_bars(const Chart& chart, std::size_t s,
                                            const ChartLayout& layout) {
  const std::vector<double>& values = chart.series[s].values;
  const double count = static_cast<double>(chart.series.size());
  const double width = std::min(0.76 * layout.slot / count, 48.0);
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const double x = layout.x(i) + width * (static_cast<double>(s) - count / 2);
    const double top = layout.y(std::max(values[i], 0.0));
    const double height = layout.y(std::min(values[i], 0.0)) - top;
    text += joined({svg_rect(x + 1, top, std::max(width - 2, 1.0), height), " rx=\"2\" fill=\"",
                    series_colour(s).hex(), "\">", value_title(chart, s, i), "</rect>\n"});
  }
  return text;
}

}  // namespace detail

/// An SVG document: the series over the labels, a value axis from 0 with round numbers, a legend.
/// A value names itself when the pointer rests on it. Throws std::invalid_argument without labels
/// or for a value beyond 1e12, ShapeError for a series that has not one value for each label.
[[nodiscard]] inline std::string svg_chart(const Chart& chart) {
  detail::check(chart);
  const detail::ChartLayout layout = detail::lay_out(chart);
  std::string content = detail::chart_frame(chart, layout) + detail::chart_legend(chart, layout);
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    content += chart.kind == ChartKind::bars ? detail::chart_bars(chart, s, layout)
                                             : detail::chart_line(chart, s, layout);
  }
  const std::string_view label = chart.title.empty() ? "Chart" : std::string_view(chart.title);
  return detail::svg_document(layout.full_width, layout.full_height, label, content);
}

}  // namespace attend
