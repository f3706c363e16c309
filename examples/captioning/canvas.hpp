/// Pictures of several digits, and what they say.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "digits.hpp"
#include <attend/core/random.hpp>
#include <attend/model/pair_batch.hpp>

namespace captioning {

using attend::Random, attend::Token;
using Picture = attend::CaptionedImage<float>;

inline constexpr Token start = 0;
inline constexpr Token end = 1;
inline constexpr Token first_word = 2;
inline constexpr std::array<std::string_view, 10> words = {"zero", "one", "two",   "three", "four",
                                                           "five", "six", "seven", "eight", "nine"};
inline constexpr Index vocabulary = first_word + static_cast<Index>(words.size());

inline std::string_view word_of(Token token) {
  return words.at(static_cast<std::size_t>(token - first_word));
}

inline std::string sentence(std::span<const Token> tokens) {
  std::string text;
  for (const Token token : tokens) {
    if (token < first_word) continue;
    text += (text.empty() ? "" : " ");
    text += word_of(token);
  }
  return text;
}

inline constexpr Extent smallest_canvas = {28, 64};
inline constexpr Extent largest_canvas = {48, 128};

namespace detail {

/// The ink at a place between pixels; nothing outside.
inline float ink_at(const Image<float>& ink, double y, double x) {
  const double top = std::floor(y);
  const double left = std::floor(x);
  const auto pixel = [&](double row, double column) {
    const auto i = static_cast<Index>(row);
    const auto j = static_cast<Index>(column);
    const bool inside = i >= 0 && i < ink.size.height && j >= 0 && j < ink.size.width;
    return inside ? static_cast<double>(ink.pixels(0, i * ink.size.width + j)) : 0.0;
  };
  const double down = y - top;
  const double right = x - left;
  return static_cast<float>(
      (1 - down) * ((1 - right) * pixel(top, left) + right * pixel(top, left + 1)) +
      down * ((1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)));
}

/// The same digit, a little smaller or larger, narrower or wider, and slanted.
inline Image<float> varied(const Image<float>& ink, Random& random) {
  const double tall = random.uniform(0.8, 1.25);
  const double wide = random.uniform(0.8, 1.25);
  const double slant = random.uniform(-0.3, 0.3);
  const auto height = static_cast<Index>(std::ceil(tall * static_cast<double>(ink.size.height)));
  const double middle = static_cast<double>(height) / 2;
  const auto width = static_cast<Index>(
      std::ceil(wide * static_cast<double>(ink.size.width) + 2 * std::abs(slant) * middle));
  Image<float> to{{height, width}, attend::Matrix<float>(1, height * width)};
  for (Index i = 0; i < to.size.area(); ++i) {
    const Index row = i / width;
    const double y = static_cast<double>(row) + 0.5;
    const double x = static_cast<double>(i - row * width) + 0.5;
    const double straight = x - slant * (middle - y) - std::abs(slant) * middle;
    to.pixels(0, i) = ink_at(ink, y / tall - 0.5, straight / wide - 0.5);
  }
  return to;
}

inline void draw(const Image<float>& ink, Index top, Index left, Picture& picture) {
  for (Index y = 0; y < ink.size.height; ++y) {
    picture.source.pixels.middleCols((top + y) * picture.source.size.width + left, ink.size.width) =
        ink.pixels.middleCols(y * ink.size.width, ink.size.width);
  }
}

}  // namespace detail

/// A canvas of random size with `count` of the digits at random heights, none above another, and
/// their names from left to right.
inline Picture make_picture(std::span<const Digit> digits, Index count, Random& random) {
  std::vector<Image<float>> inks;
  std::vector<Token> names;
  const Index gap = 2;
  Index taken = 0;
  do {
    inks.clear();
    names.clear();
    taken = gap;
    for (Index i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(random.below(std::ssize(digits)));
      inks.push_back(detail::varied(digits[at].image, random));
      names.push_back(first_word + digits[at].value);
      taken += inks.back().size.width + gap;
    }
  } while (taken > largest_canvas.width);
  names.push_back(end);
  const auto between = [&](Index low, Index high) { return low + random.below(high - low + 1); };
  const Extent size{between(smallest_canvas.height, largest_canvas.height),
                    between(std::max(smallest_canvas.width, taken), largest_canvas.width)};
  Picture picture{{size, attend::Matrix<float>::Zero(1, size.area())}, std::move(names)};
  // What is left of the width lies before, between and behind the digits.
  std::vector<Index> cuts;
  for (Index i = 0; i < count; ++i) cuts.push_back(random.below(size.width - taken + 1));
  std::ranges::sort(cuts);
  Index left = gap;
  for (std::size_t i = 0; i < inks.size(); ++i) {
    const Extent& ink = inks[i].size;
    detail::draw(inks[i], random.below(size.height - ink.height + 1), left + cuts[i], picture);
    left += ink.width + gap;
  }
  return picture;
}

}  // namespace captioning
