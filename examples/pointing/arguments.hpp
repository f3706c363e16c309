/// The command line of the example.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../options.hpp"

namespace pointing {

struct Arguments {
  bool help = false;
  std::string task = {};
  std::int64_t seed = 1;
  std::int64_t examples = 40000;
  std::int64_t epochs = 12;
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
  const auto take_task = [&](std::string_view /*name*/, std::string_view value) {
    if (value != "sort" && value != "hull") {
      throw std::invalid_argument("--task is '" + std::string(value) + "', expected sort or hull");
    }
    arguments.task = value;
  };
  options::parse(count, values,
                 {{"--task", take_task},
                  {"--examples", options::number_into<std::int64_t>(arguments.examples, 1)},
                  {"--epochs", options::number_into<std::int64_t>(arguments.epochs, 1)},
                  {"--seed", options::number_into<std::int64_t>(arguments.seed, 0)}},
                 "see --help", &arguments.help);
  return arguments;
}

}  // namespace pointing
