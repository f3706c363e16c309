/// The command line of the example.
#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace pointing {

struct Arguments {
  bool help = false;
  std::string task = {};
  std::uint64_t seed = 1;
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

inline std::int64_t number_from(std::string_view name, std::string_view text, std::int64_t least) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least) {
    throw std::invalid_argument(std::string(name) + " is '" + std::string(text) +
                                "', expected a whole number from " + std::to_string(least));
  }
  return number;
}

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  Arguments arguments;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = values[i];
    if (name == "--help") {
      arguments.help = true;
      return arguments;
    }
    if (name != "--task" && name != "--examples" && name != "--epochs" && name != "--seed") {
      throw std::invalid_argument("'" + std::string(name) + "' is unknown; see --help");
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + " needs a value");
    const std::string_view value = values[i + 1];
    if (name == "--task") {
      if (value != "sort" && value != "hull") {
        throw std::invalid_argument("--task is '" + std::string(value) +
                                    "', expected sort or hull");
      }
      arguments.task = value;
    } else if (name == "--examples") {
      arguments.examples = number_from(name, value, 1);
    } else if (name == "--epochs") {
      arguments.epochs = number_from(name, value, 1);
    } else {
      arguments.seed = static_cast<std::uint64_t>(number_from(name, value, 0));
    }
  }
  return arguments;
}

}  // namespace pointing
