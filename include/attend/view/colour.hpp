/// The colours of heat maps.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include <attend/core/abi.hpp>

namespace attend::inline ATTEND_ABI {

/// A colour of sRGB.
struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;

  /// `#rrggbb`
  [[nodiscard]] std::string hex() const {
    constexpr const char* digits = "0123456789abcdef";
    std::string text = "#";
    for (const std::uint8_t part : {red, green, blue}) {
      text += digits[part >> 4];
      text += digits[part & 15];
    }
    return text;
  }
};

/// The sRGB colour of a lightness (0 ... 1), a chroma and a hue (radians) in OKLab (Ottosson 2020),
/// clipped to what a screen can show.
[[nodiscard]] inline Colour oklab_colour(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue);
  const double b = chroma * std::sin(hue);
  const auto cube = [](double x) { return x * x * x; };
  const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  const auto encode = [](double linear) {
    const double x = std::clamp(linear, 0.0, 1.0);
    const double gamma = x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
    return static_cast<std::uint8_t>(std::lround(255 * gamma));
  };
  return {.red = encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          .green = encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          .blue = encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

/// The colour of a weight from 0 (nearly white) to 1 (deep blue): one hue, and equal steps of
/// weight are equal steps of perceived lightness. Weights outside are clipped.
[[nodiscard]] inline Colour heat_colour(double weight) {
  const double w = std::clamp(weight, 0.0, 1.0);
  const double lightness = 0.975 - 0.6 * w;
  const double chroma = 0.006 + 0.40 * w * (1 - 0.66 * w);
  constexpr double blue_hue = 4.5;
  return oklab_colour(lightness, chroma, blue_hue);
}

/// Colours that people with any colour vision tell apart (Okabe & Ito 2008), for series of charts.
[[nodiscard]] inline Colour series_colour(std::size_t i) {
  constexpr std::array<Colour, 6> colours{
      {{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {86, 180, 233}, {230, 159, 0}}};
  return colours[i % colours.size()];
}

}  // namespace attend
