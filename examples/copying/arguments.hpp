/// The command line of the example.
#pragma once

#include <string_view>

#include "../options.hpp"

namespace names {

struct Arguments {
  bool help = false;
  options::Training training = {.examples = 10000, .epochs = 10};
};

inline constexpr std::string_view usage =
    "usage: copying [--examples N] [--epochs N] [--seed N]\n"
    "Learns to translate sentences with names that it has never seen, with and without copying.\n"
    "  --examples  to learn from (10000)\n"
    "  --epochs    times that each is seen (10)\n"
    "  --seed      of all chance (1)\n";

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  Arguments arguments;
  options::parse(count, values, options::takers_of(arguments.training), "see --help",
                 &arguments.help);
  return arguments;
}

}  // namespace names
