#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "well_formed.hpp"
#include <attend/view/image_attention.hpp>

namespace {

using attend::Image;
using attend::Matrix;
using attend::svg_image_attention;
using attend_test::complaint_of_xml;
using attend_test::occurrences;
using attend_test::root_number;

/// Four rows of six pixels; ink in the second row.
Image<float> some_image() {
  Image<float> image{{4, 6}, Matrix<float>::Zero(1, 24)};
  image.pixels.block(0, 7, 1, 3).setOnes();
  image.pixels(0, 10) = 0.2F;
  return image;
}

TEST(SvgImageAttention, HasAPanelForEachWordAndACellForEachWeight) {
  Matrix<float> weights(6, 2);
  weights << 0.5F, 0, 0.25F, 0, 0.25F, 0, 0, 1, 0, 0, 0, 0.001F;
  const std::vector<std::string> words = {"three", "<end>"};
  const std::string svg =
      svg_image_attention(some_image(), {2, 3}, words, weights, {.title = "read & seen"});
  EXPECT_EQ(complaint_of_xml(svg), "");
  EXPECT_EQ(occurrences(svg, "<use href=\"#image\""), 2U);
  EXPECT_EQ(occurrences(svg, "<title>"), 4U);
  EXPECT_NE(svg.find("<title>three: 0.25</title>"), std::string::npos);
  EXPECT_NE(svg.find("<title>&lt;end&gt;: 1</title>"), std::string::npos);
  // Three pixels of the same shade are one rectangle, and the fourth another.
  EXPECT_NE(svg.find("x=\"2\" y=\"2\" width=\"6\" height=\"2\" fill-opacity=\"1\""),
            std::string::npos);
  EXPECT_NE(svg.find("x=\"8\" y=\"2\" width=\"2\" height=\"2\" fill-opacity=\"0.2\""),
            std::string::npos);
  // Cell 3 is the first of the second row, 4 pixels wide and high at this scale.
  EXPECT_NE(svg.find("x=\"0\" y=\"4\" width=\"4\" height=\"4\" fill=\"#d55e00\""),
            std::string::npos);
  EXPECT_NE(svg.find(">read &amp; seen</text>"), std::string::npos);
}

TEST(SvgImageAttention, GrowsWithItsPanels) {
  const auto with = [](attend::Index panels) {
    const std::vector<std::string> words(static_cast<std::size_t>(panels), "a");
    return svg_image_attention(some_image(), {1, 2}, words,
                               Matrix<float>(Matrix<float>::Ones(2, panels)),
                               {.scale = 20, .columns = 2});
  };
  EXPECT_GE(root_number(with(2), "width"), 2 * 120);
  EXPECT_EQ(root_number(with(4), "width"), root_number(with(2), "width"));
  EXPECT_GE(root_number(with(3), "height"), root_number(with(2), "height") + 80);
  EXPECT_EQ(complaint_of_xml(with(0)), "");
  const std::vector<std::string> words = {"a"};
  const std::string blind = svg_image_attention(some_image(), {0, 2}, words, Matrix<float>(0, 1));
  EXPECT_EQ(complaint_of_xml(blind), "");
}

TEST(SvgImageAttention, SaysWhatDoesNotFit) {
  const std::vector<std::string> words = {"a"};
  const auto drawn = [&](const Image<float>& image, const Matrix<float>& weights,
                         const attend::SvgImageAttentionOptions& options = {}) {
    return reference::message_of([&] {
      (void)svg_image_attention(image, {2, 3}, words, weights, options);
    });
  };
  const Matrix<float> six = Matrix<float>::Ones(6, 1);
  EXPECT_EQ(drawn(some_image(), six), "nothing was thrown");
  EXPECT_EQ(drawn(some_image(), Matrix<float>::Ones(5, 1)),
            "svg_image_attention: weights is (5 x 1), expected (6 x 1)");
  EXPECT_EQ(drawn({{2, 2}, Matrix<float>::Ones(3, 4)}, six),
            "svg_image_attention: image is (3 x 4), expected (1 x 4)");
  EXPECT_EQ(drawn({{0, 2}, Matrix<float>(1, 0)}, six),
            "svg_image_attention: the image has no pixels");
  EXPECT_EQ(drawn(some_image(), six, {.columns = 0}),
            "svg_image_attention: scale and columns are 2 and 0, expected more than 0, and 1 or "
            "more");
}

}  // namespace
