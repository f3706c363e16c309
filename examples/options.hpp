/// The command line of a small example: names, each with a value.
#pragma once

#include <charconv>
#include <concepts>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace options {

/// What takes the value of a name.
using Taker = std::function<void(std::string_view name, std::string_view value)>;
using Takers = std::map<std::string_view, Taker>;

inline Taker text_into(std::string& place) {
  return [&place](std::string_view /*name*/, std::string_view value) { place = value; };
}

template <std::integral T>
Taker number_into(T& place, T least) {
  return [&place, least](std::string_view name, std::string_view text) {
    T number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < least) {
      throw std::invalid_argument(std::string(name) + " is '" + std::string(text) +
                                  "', expected a whole number from " + std::to_string(least));
    }
    place = number;
  };
}

/// Hands each value to its name's taker. Throws std::invalid_argument with a line that says what to
/// do, which for an unknown name ends with `advice`. Where `help` is given, --help sets it and
/// ends.
inline void parse(int count, const char* const* values, const Takers& takers,
                  std::string_view advice, bool* help = nullptr) {
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = values[i];
    if (help != nullptr && name == "--help") {
      *help = true;
      return;
    }
    const auto found = takers.find(name);
    if (found == takers.end()) {
      throw std::invalid_argument("'" + std::string(name) + "' is unknown; " + std::string(advice));
    }
    if (i + 1 == count) throw std::invalid_argument(std::string(name) + " needs a value");
    found->second(name, values[i + 1]);
  }
}

}  // namespace options
