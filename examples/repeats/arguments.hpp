/// The command line of the example.
#pragma once

#include <string_view>

#include "../options.hpp"

namespace repeats {

inline constexpr options::Training usual_training = {.examples = 4000, .epochs = 12};

inline constexpr std::string_view usage =
    "usage: repeats [--examples N] [--epochs N] [--seed N]\n"
    "Learns to copy lines of three words, each of which stands in many places, with scores from a\n"
    "lambda and with a window that moves, and tests them on longer lines.\n"
    "  --examples  to learn from (4000)\n"
    "  --epochs    times that each is seen (12)\n"
    "  --seed      of all chance (1)\n";

}  // namespace repeats
