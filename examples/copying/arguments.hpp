/// The command line of the example.
#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace names {

struct Arguments {
  bool help = false;
  std::uint64_t seed = 1;
  std::int64_t examples = 10000;
  std::int64_t epochs = 10;
};

inline constexpr std::string_view usage =
    "usage: copying [--examples N] [--epochs N] [--seed N]\n"
    "Learns to translate sentences with names that it has never seen, with and without copying.\n"
    "  --examples  to learn from (10000)\n"
    "  --epochs    times that each is seen (10)\n"
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
    if (name != "--examples" && name != "--epochs" && name != "--seed") {
      throw std::invalid_argument("'" + std::string(name) + "' is unknown; see --help");
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + " needs a value");
    const std::string_view value = values[i + 1];
    if (name == "--examples") {
      arguments.examples = number_from(name, value, 1);
    } else if (name == "--epochs") {
      arguments.epochs = number_from(name, value, 1);
    } else {
      arguments.seed = static_cast<std::uint64_t>(number_from(name, value, 0));
    }
  }
  return arguments;
}

}  // namespace names
