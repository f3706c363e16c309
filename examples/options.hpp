/// The command line of a small example: names, each with a value.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

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

/// The numbers x with least <= x < below.
struct Range {
  double least = 0;
  double below = std::numeric_limits<double>::infinity();
};

inline Taker real_into(double& place, Range range = {}) {
  return [&place, range](std::string_view name, std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool inside = number >= range.least && number < range.below;
    if (error != std::errc{} || end != text.data() + text.size() || !inside) {
      std::ostringstream expected;
      expected << name << " is '" << text << "', expected a number from " << range.least;
      if (range.below < std::numeric_limits<double>::infinity()) {
        expected << " to less than " << range.below;
      }
      throw std::invalid_argument(expected.str());
    }
    place = number;
  };
}

inline Taker one_of(std::vector<std::string_view> choices, std::string& place) {
  return [&place, choices = std::move(choices)](std::string_view name, std::string_view value) {
    if (std::ranges::find(choices, value) == choices.end()) {
      std::string all;
      for (const std::string_view choice : choices) {
        if (!all.empty()) all += choice == choices.back() ? " or " : ", ";
        all += choice;
      }
      throw std::invalid_argument(std::string(name) + " is '" + std::string(value) +
                                  "', expected " + all);
    }
    place = value;
  };
}

/// How much an example learns from, how often, and its chance.
struct Training {
  std::int64_t examples = 0;
  std::int64_t epochs = 0;
  std::uint64_t seed = 1;
};

/// What --examples, --epochs and --seed say.
inline Takers takers_of(Training& training) {
  return {{"--examples", number_into<std::int64_t>(training.examples, 1)},
          {"--epochs", number_into<std::int64_t>(training.epochs, 1)},
          {"--seed", number_into<std::uint64_t>(training.seed, 0)}};
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

/// The command line of an example that does nothing but learn.
struct TrainingArguments {
  bool help = false;
  Training training = {};
};

/// Where nothing is said, `usual`. Throws std::invalid_argument with a line that says what to do.
inline TrainingArguments parse_training(int count, const char* const* values,
                                        const Training& usual) {
  TrainingArguments arguments{.training = usual};
  parse(count, values, takers_of(arguments.training), "see --help", &arguments.help);
  return arguments;
}

/// A folder of the data that are no part of the project, $ATTEND_SHARED_DIR/data.
inline std::filesystem::path shared_data(std::string_view folder) {
  const char* shared = std::getenv("ATTEND_SHARED_DIR");
  return std::filesystem::path(shared != nullptr ? shared : "../shared") / "data" / folder;
}

}  // namespace options
