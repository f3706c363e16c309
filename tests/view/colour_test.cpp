#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include <attend/view/colour.hpp>

namespace {

using attend::Colour;
using attend::heat_colour;

/// Lightness L* of CIELAB, 0 ... 100.
double lightness(const Colour& colour) {
  const auto linear = [](double part) {
    const double x = part / 255;
    return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
  };
  const double y =
      0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
  return 116 * std::cbrt(y) - 16;
}

TEST(Colour, Hex) {
  EXPECT_EQ((Colour{0, 171, 255}.hex()), "#00abff");
  EXPECT_EQ(Colour{}.hex(), "#000000");
}

TEST(Colour, OklabOfGreysIsGrey) {
  EXPECT_EQ(attend::oklab_colour(1, 0, 0), (Colour{255, 255, 255}));
  EXPECT_EQ(attend::oklab_colour(0, 0, 0), (Colour{0, 0, 0}));
  // Lightness 0.59987 is sRGB's middle grey, #808080.
  EXPECT_EQ(attend::oklab_colour(0.59987, 0, 0), (Colour{128, 128, 128}));
}

TEST(HeatColour, EqualStepsOfWeightAreEqualStepsOfLightness) {
  constexpr int steps = 20;
  const double mean = (lightness(heat_colour(0)) - lightness(heat_colour(1))) / steps;
  EXPECT_GT(mean, 2.5) << "from nearly white to dark";
  EXPECT_GT(lightness(heat_colour(0)), 95);
  for (int i = 0; i < steps; ++i) {
    const double step = lightness(heat_colour(static_cast<double>(i) / steps)) -
                        lightness(heat_colour(static_cast<double>(i + 1) / steps));
    EXPECT_NEAR(step, mean, 0.35 * mean) << i;
  }
}

TEST(HeatColour, IsBlueAndClipped) {
  for (const double w : {0.2, 0.5, 1.0}) {
    EXPECT_GT(heat_colour(w).blue, heat_colour(w).green);
    EXPECT_GT(heat_colour(w).green, heat_colour(w).red);
  }
  EXPECT_EQ(heat_colour(-3), heat_colour(0));
  EXPECT_EQ(heat_colour(7), heat_colour(1));
}

TEST(SeriesColour, NeighboursDiffer) {
  for (std::size_t i = 0; i < 5; ++i) {
    const Colour a = attend::series_colour(i);
    const Colour b = attend::series_colour(i + 1);
    EXPECT_GT(std::abs(a.red - b.red) + std::abs(a.green - b.green) + std::abs(a.blue - b.blue),
              100);
  }
  EXPECT_EQ(attend::series_colour(6), attend::series_colour(0));
}

}  // namespace
