/// The command line of the example.
#pragma once

#include <string_view>

#include "../options.hpp"

namespace names {

inline constexpr options::Training usual_training = {.examples = 10000, .epochs = 10};

inline constexpr std::string_view usage =
    "usage: copying [--examples N] [--epochs N] [--seed N]\n"
    "Learns to translate sentences with names that it has never seen, with and without copying.\n"
    "  --examples  to learn from (10000)\n"
    "  --epochs    times that each is seen (10)\n"
    "  --seed      of all chance (1)\n";

}  // namespace names
