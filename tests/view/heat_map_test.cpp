#include <algorithm>
#include <reference/message_of.hpp>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/view/heat_map.hpp>

namespace {

using attend::display_width;
using attend::heat_map;
using attend::HeatMapStyle;
using attend::Matrix;
using attend::WordAlignment;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

WordAlignment sample() {
  Matrix<float> weights(3, 2);
  weights << 1.0f, 0.0f,  //
      0.0f, 0.25f,        //
      0.0f, 0.75f;
  return {{"der", "gro\u00DFe", "Hund"}, {"the", "large"}, weights};
}

TEST(HeatMap, Blocks) {
  EXPECT_EQ(heat_map(sample()),
            "         g\n"
            "         r H\n"
            "       d o u\n"
            "       e \u00DF n\n"
            "       r e d\n"
            "      \u250C\u2500\u2500\u2500\u2500\u2500\u2500\u2510\n"
            "  the \u2502\u2588\u2588    \u2502\n"
            "large \u2502  \u2591\u2591\u2593\u2593\u2502\n"
            "      \u2514\u2500\u2500\u2500\u2500\u2500\u2500\u2518\n");
}

TEST(HeatMap, Ascii) {
  const std::string map = heat_map(sample(), {.style = HeatMapStyle::ascii});
  const auto lines = lines_of(map);
  EXPECT_EQ(lines[5], "      +------+");
  EXPECT_EQ(lines[6], "  the |@@    |");
  EXPECT_EQ(lines[7], "large |  ::##|");
}

TEST(HeatMap, ColourIsResetAtTheEndOfEachRow) {
  const auto lines = lines_of(heat_map(sample(), {.style = HeatMapStyle::colour}));
  const auto c = attend::heat_colour(1);
  const auto z = attend::heat_colour(0);
  const auto cell = [](attend::Colour colour) {
    return "\x1b[48;2;" + std::to_string(colour.red) + ";" + std::to_string(colour.green) + ";" +
           std::to_string(colour.blue) + "m  ";
  };
  EXPECT_EQ(lines[6], "  the \u2502" + cell(c) + cell(z) + cell(z) + "\x1b[0m\u2502");
}

TEST(HeatMap, RowsAreEquallyWideWhateverTheScript) {
  const Matrix<double> weights = Matrix<double>::Constant(3, 4, 0.5);
  const WordAlignment alignment({"\u4E2D\u6587", "o\u0308l", "x"},
                                {"\u732B", "na\u0308chste", "\U0001F600", "z"}, weights);
  for (const attend::Index cell_width : {2, 3, 5}) {
    const auto lines = lines_of(heat_map(alignment, {.cell_width = cell_width}));
    ASSERT_EQ(lines.size(), 2U + 6U);
    for (std::size_t i = 2; i < lines.size(); ++i) {
      EXPECT_EQ(display_width(lines[i]), 7U + 3U + static_cast<std::size_t>(3 * cell_width));
    }
    EXPECT_EQ(lines[0], std::string(9, ' ') + "\u4E2D" +
                            std::string(static_cast<std::size_t>(cell_width) - 2, ' ') + "o\u0308");
  }
}

TEST(HeatMap, LongWordsAreCut) {
  const WordAlignment alignment({"Donaudampfschiff"}, {"steamboat"},
                                Matrix<double>::Ones(1, 1).eval());
  const auto lines = lines_of(heat_map(alignment, {.longest_word = 4}));
  ASSERT_EQ(lines.size(), 4U + 3U);
  EXPECT_EQ(lines[3], "      \u2026");
  EXPECT_EQ(lines[5], "ste\u2026 \u2502\u2588\u2588\u2502");
  const auto least = lines_of(heat_map(alignment, {.longest_word = 1}));
  EXPECT_EQ(least[2], "\u2026 \u2502\u2588\u2588\u2502");
}

TEST(HeatMap, NothingToShow) {
  EXPECT_EQ(heat_map(WordAlignment({}, {}, Matrix<float>(0, 0))), " \u250C\u2510\n \u2514\u2518\n");
  EXPECT_EQ(heat_map(WordAlignment({}, {"a"}, Matrix<float>(0, 1))),
            "  \u250C\u2510\na \u2502\u2502\n  \u2514\u2518\n");
  EXPECT_EQ(heat_map(WordAlignment({""}, {""}, Matrix<float>::Zero(1, 1).eval())),
            " \u250C\u2500\u2500\u2510\n \u2502  \u2502\n \u2514\u2500\u2500\u2518\n");
}

TEST(HeatMap, WordsCannotSteerTheTerminal) {
  const std::string map =
      heat_map(WordAlignment({"\x1b[2J"}, {"a\nb\xFF"}, Matrix<float>::Ones(1, 1).eval()));
  EXPECT_EQ(map.find('\x1b'), std::string::npos);
  EXPECT_NE(map.find("a\uFFFDb\uFFFD \u2502"), std::string::npos);
}

TEST(HeatMap, WeightsOutsideAreClipped) {
  Matrix<double> weights(2, 1);
  weights << -1, 7;
  const auto lines = lines_of(heat_map(WordAlignment({"a", "b"}, {"c"}, weights)));
  EXPECT_EQ(lines[2], "c \u2502  \u2588\u2588\u2502");
}

TEST(HeatMap, OptionsAreChecked) {
  const auto thrown = [](const attend::HeatMapOptions& options) {
    return reference::message_of([&] { (void)heat_map(sample(), options); });
  };
  EXPECT_EQ(thrown({.cell_width = 1}), "heat_map: cell_width is 1, expected 2 or more");
  EXPECT_EQ(thrown({.longest_word = 0}), "heat_map: longest_word is 0, expected 1 or more");
}

}  // namespace
