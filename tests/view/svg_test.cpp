#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "well_formed.hpp"
#include <attend/view/svg.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::svg_heat_map;
using attend::WordAlignment;
using attend_test::complaint_of_xml;
using attend_test::occurrences;
using attend_test::root_number;

WordAlignment alignment_of(std::vector<std::string> source, std::vector<std::string> target,
                           double weight) {
  const Matrix<double> weights = Matrix<double>::Constant(
      static_cast<Index>(source.size()), static_cast<Index>(target.size()), weight);
  return {std::move(source), std::move(target), weights};
}

TEST(SvgHeatMap, HasACellForEachWeight) {
  Matrix<float> weights(2, 3);
  weights << 0.75f, 0, 1,  //
      0.25f, 1, 0;
  const std::string svg =
      svg_heat_map(WordAlignment({"ein", "Haus"}, {"a", "house", "."}, weights), {.scale = false});
  EXPECT_EQ(complaint_of_xml(svg), "");
  EXPECT_EQ(occurrences(svg, "<title>"), 6U);
  EXPECT_NE(svg.find("<title>ein \u2192 a: 0.75</title>"), std::string::npos);
  EXPECT_NE(svg.find("<title>Haus \u2192 house: 1</title>"), std::string::npos);
  EXPECT_EQ(occurrences(svg, attend::heat_colour(0.25).hex()), 1U);
  EXPECT_EQ(occurrences(svg, attend::heat_colour(1).hex()), 2U);
}

TEST(SvgHeatMap, WordsAndTitleAreEscaped) {
  const std::string svg =
      svg_heat_map(alignment_of({"<s>", "&"}, {"\"", "\x1B\xFF"}, 0.5), {.title = "a < b & 'c'"});
  EXPECT_EQ(complaint_of_xml(svg), "");
  EXPECT_NE(svg.find(">&lt;s&gt;</text>"), std::string::npos);
  EXPECT_NE(svg.find(">\uFFFD\uFFFD</text>"), std::string::npos);
  EXPECT_NE(svg.find(">a &lt; b &amp; &#39;c&#39;</text>"), std::string::npos);
  EXPECT_NE(svg.find("aria-label=\"a &lt; b"), std::string::npos);
}

TEST(SvgHeatMap, GrowsWithItsContent) {
  const std::string small = svg_heat_map(alignment_of({"a", "b"}, {"c", "d"}, 0));
  const std::string wide = svg_heat_map(alignment_of(std::vector<std::string>(20, "a"), {"c"}, 0));
  const std::string tall = svg_heat_map(alignment_of({"a"}, std::vector<std::string>(20, "c"), 0));
  EXPECT_GE(root_number(wide, "width"), 20 * 30);
  EXPECT_GE(root_number(tall, "height"), 20 * 30);
  EXPECT_LT(root_number(small, "width"), 250);

  const std::string long_word = "Donaudampfschifffahrt";
  const std::string label = svg_heat_map(alignment_of({"a", "b"}, {long_word}, 0));
  const std::string head = svg_heat_map(alignment_of({"a", long_word}, {"c"}, 0));
  EXPECT_GT(root_number(label, "width"), root_number(small, "width") + 100);
  EXPECT_GT(root_number(head, "height"), root_number(small, "height") + 80);
  const std::string title =
      svg_heat_map(alignment_of({"a"}, {"c"}, 0), {.title = std::string(80, 'x')});
  EXPECT_GT(root_number(title, "width"), 80 * 9);
}

TEST(SvgHeatMap, OptionsAreHeeded) {
  const auto alignment = alignment_of({"a"}, {"b"}, 1.0 / 3);
  EXPECT_NE(svg_heat_map(alignment, {.tooltip_decimals = 1}).find(": 0.3<"), std::string::npos);
  EXPECT_NE(svg_heat_map(alignment).find(">weight</text>"), std::string::npos);
  EXPECT_EQ(svg_heat_map(alignment, {.scale = false}).find(">weight</text>"), std::string::npos);
  EXPECT_NE(svg_heat_map(alignment, {.cell = 52}).find("width=\"50\""), std::string::npos);
  EXPECT_EQ(occurrences(svg_heat_map(alignment), "<text "), 2U + 3U);
  EXPECT_EQ(occurrences(svg_heat_map(alignment, {.title = "t"}), "<text "), 3U + 3U);
}

TEST(SvgHeatMap, NothingToShow) {
  EXPECT_EQ(complaint_of_xml(svg_heat_map(alignment_of({}, {}, 0))), "");
  EXPECT_EQ(complaint_of_xml(svg_heat_map(alignment_of({}, {"a"}, 0))), "");
  EXPECT_EQ(complaint_of_xml(svg_heat_map(alignment_of({""}, {""}, 0))), "");
}

TEST(SvgHeatMap, CellsThatCannotBeSeenAreRefused) {
  try {
    (void)svg_heat_map(alignment_of({"a"}, {"b"}, 1), {.cell = 2});
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "svg_heat_map: cell is 2 pixels, expected more than 2");
  }
}

}  // namespace
