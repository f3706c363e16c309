/// The command line of the toy.
#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace toy {

struct Arguments {
  std::uint64_t seed = 1;
  std::string alignment = "alignment.svg";
  std::string accuracy = "accuracy.svg";
};

inline std::uint64_t seed_of(std::string_view text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::invalid_argument("--seed is '" + std::string(text) +
                                "', expected a whole number from 0");
  }
  return seed;
}

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  Arguments arguments;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = values[i];
    if (name != "--seed" && name != "--svg" && name != "--chart") {
      throw std::invalid_argument("'" + std::string(name) +
                                  "' is unknown; use --seed N, --svg FILE, --chart FILE");
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + " needs a value");
    if (name == "--seed") arguments.seed = seed_of(values[i + 1]);
    if (name == "--svg") arguments.alignment = values[i + 1];
    if (name == "--chart") arguments.accuracy = values[i + 1];
  }
  return arguments;
}

}  // namespace toy
