/// A sentence whose words show how much attention they got.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/view/colour.hpp>
#include <attend/view/visible_text.hpp>

namespace attend::inline ATTEND_ABI {

enum class WeighedWordsStyle : std::uint8_t {
  percent,  ///< Behind each word that has at least twice its even share: "a charming(61%) film".
  colour    ///< 24-bit ANSI background colours, the deepest for the heaviest word.
};

/// The words with blanks between them. `weights`, one a word, are not negative and add up to 1 or
/// to nothing. What is not UTF-8 or would control the terminal is shown as U+FFFD. Throws
/// ShapeError, and std::invalid_argument for a weight that is negative or not finite.
template <class Words>
[[nodiscard]] std::string weighed_words(const Words& words, std::span<const float> weights,
                                        WeighedWordsStyle style = WeighedWordsStyle::percent) {
  check_size("weighed_words", "number of weights", std::ssize(weights), std::ssize(words));
  const float heaviest = weights.empty() ? 0 : std::ranges::max(weights);
  const float twice_even = 2 / static_cast<float>(weights.size());
  std::string text;
  std::size_t i = 0;
  for (const auto& word : words) {
    const float weight = weights[i++];
    check_argument(std::isfinite(weight) && weight >= 0, "weighed_words: weight ", i - 1, " is ",
                   weight, ", expected a finite number of 0 or more");
    if (i > 1) text += ' ';
    const std::string visible = visible_text(word);
    if (style == WeighedWordsStyle::colour) {
      const double share = heaviest > 0 ? static_cast<double>(weight / heaviest) : 0;
      const Colour c = heat_colour(share);
      text += detail::message("\x1b[48;2;", +c.red, ';', +c.green, ';', +c.blue, ";38;5;",
                              share > 0.5 ? 231 : 16, 'm', visible, "\x1b[0m");
    } else {
      text += visible;
      if (weights.size() > 1 && weight >= twice_even) {
        text += detail::message('(', std::lround(100 * weight), "%)");
      }
    }
  }
  return text;
}

}  // namespace attend
