/// The command line of the example.
#pragma once

#include <string>
#include <string_view>

#include "../options.hpp"

namespace pointing {

struct Arguments {
  bool help = false;
  std::string task = {};
  options::Training training = {.examples = 40000, .epochs = 12};
};

inline constexpr std::string_view usage =
    "usage: pointing [--task sort|hull] [--examples N] [--epochs N] [--seed N]\n"
    "Learns to sort numbers and to go round the convex hull of points, by pointing.\n"
    "  --task      only one of the two\n"
    "  --examples  to learn from (40000)\n"
    "  --epochs    times that each is seen (12)\n"
    "  --seed      of all chance (1)\n";

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  Arguments arguments;
  options::Takers takers = options::takers_of(arguments.training);
  takers["--task"] = options::one_of({"sort", "hull"}, arguments.task);
  options::parse(count, values, takers, "see --help", &arguments.help);
  return arguments;
}

}  // namespace pointing
