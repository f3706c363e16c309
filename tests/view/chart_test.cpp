#include <limits>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "well_formed.hpp"
#include <attend/view/chart.hpp>

namespace {

using attend::Chart;
using attend::ChartKind;
using attend::svg_chart;
using attend_test::complaint_of_xml;
using attend_test::occurrences;
using attend_test::root_number;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

Chart bleu_by_length() {
  return {.title = "BLEU by length",
          .x_title = "source words",
          .y_title = "BLEU",
          .labels = {"1-5", "6-10", "11-15", "16-20"},
          .series = {{"attention", {40, 30.25, 25, 20}}, {"<none>", {38, none, 10, 5}}}};
}

TEST(SvgChart, LinesHaveAPointForEachValue) {
  const std::string svg = svg_chart(bleu_by_length());
  EXPECT_EQ(complaint_of_xml(svg), "");
  EXPECT_EQ(occurrences(svg, "<circle "), 7U);
  EXPECT_EQ(occurrences(svg, "<path "), 2U);
  EXPECT_NE(svg.find("<title>attention, 6-10: 30.25</title>"), std::string::npos);
  EXPECT_NE(svg.find(">&lt;none&gt;</text>"), std::string::npos);
  for (const std::string word : {"BLEU by length", "source words", "BLEU", "16-20", "40"}) {
    EXPECT_NE(svg.find(">" + word + "</text>"), std::string::npos) << word;
  }
}

TEST(SvgChart, AMissingValueBreaksTheLine) {
  const std::string svg = svg_chart(bleu_by_length());
  const auto whole = svg.find("<path d=\"");
  const auto broken = svg.find("<path d=\"", whole + 1);
  const auto path = [&](std::size_t at) { return svg.substr(at, svg.find('>', at) - at); };
  EXPECT_EQ(occurrences(path(whole), "M"), 1U);
  EXPECT_EQ(occurrences(path(whole), "L"), 3U);
  EXPECT_EQ(occurrences(path(broken), "M"), 2U);
  EXPECT_EQ(occurrences(path(broken), "L"), 1U);
}

TEST(SvgChart, HeightsAreInProportion) {
  const auto height = [](const std::string& svg, const std::string& title) {
    const auto end = svg.find("<title>" + title);
    const auto at = svg.rfind("height=\"", end);
    return std::stod(svg.substr(at + 8, 10));
  };
  Chart chart{.labels = {"a", "b", "c"}, .series = {{"s", {10, 20, -5}}}, .kind = ChartKind::bars};
  const std::string svg = svg_chart(chart);
  EXPECT_EQ(complaint_of_xml(svg), "");
  EXPECT_NEAR(height(svg, "s, b"), 2 * height(svg, "s, a"), 0.05);
  EXPECT_NEAR(height(svg, "s, c"), 0.5 * height(svg, "s, a"), 0.05);
}

TEST(SvgChart, BarsOfALabelStandSideBySide) {
  Chart chart = bleu_by_length();
  chart.kind = ChartKind::bars;
  const std::string svg = svg_chart(chart);
  const auto number = [&](const std::string& title, const std::string& attribute) {
    const auto begin = svg.rfind("<rect ", svg.find("<title>" + title));
    const auto at = svg.find(' ' + attribute + "=\"", begin);
    return std::stod(svg.substr(at + attribute.size() + 3, 10));
  };
  EXPECT_GE(number("&lt;none&gt;, 1-5", "x"),
            number("attention, 1-5", "x") + number("attention, 1-5", "width"));
  EXPECT_LE(number("&lt;none&gt;, 1-5", "x") + number("&lt;none&gt;, 1-5", "width"),
            number("attention, 6-10", "x"));
  EXPECT_EQ(svg.find("&lt;none&gt;, 6-10"), std::string::npos) << "there is no value";
}

TEST(SvgChart, WideLabelsAreSlantedAndFit) {
  Chart chart = bleu_by_length();
  const std::string upright = svg_chart(chart);
  for (std::string& label : chart.labels) label.insert(0, 60, 'w');
  const std::string slanted = svg_chart(chart);
  EXPECT_EQ(occurrences(upright, "rotate(-45"), 0U);
  EXPECT_EQ(occurrences(slanted, "rotate(-45"), 4U);
  EXPECT_GT(root_number(slanted, "height"), root_number(upright, "height") + 200);
  EXPECT_GT(root_number(slanted, "width"), root_number(upright, "width") + 100);
}

TEST(SvgChart, LittleToShow) {
  EXPECT_EQ(complaint_of_xml(svg_chart({.labels = {"a"}, .series = {}})), "");
  EXPECT_EQ(complaint_of_xml(svg_chart({.labels = {"a"}, .series = {{"s", {0}}}})), "");
  EXPECT_EQ(complaint_of_xml(svg_chart({.labels = {"a", "b"}, .series = {{"s", {none, none}}}})),
            "");
  EXPECT_EQ(complaint_of_xml(svg_chart({.labels = std::vector<std::string>(100, "x"),
                                        .series = {{"s", std::vector<double>(100, 1)}},
                                        .kind = ChartKind::bars})),
            "");
}

TEST(SvgChart, WhatDoesNotFitIsRefused) {
  const auto thrown = [](const Chart& chart) {
    return reference::message_of([&] { (void)svg_chart(chart); });
  };
  EXPECT_EQ(thrown({.labels = {}, .series = {}}), "svg_chart: no labels, expected at least one");
  EXPECT_EQ(thrown({.labels = {"a", "b"}, .series = {{"s", {1}}}}),
            "svg_chart: values of 's' is 1, expected 2");
  EXPECT_EQ(thrown({.labels = {"a"}, .series = {{"s", {std::numeric_limits<double>::infinity()}}}}),
            "svg_chart: a value of 's' is inf, expected -1e12 to 1e12, or NaN for none");
}

}  // namespace
