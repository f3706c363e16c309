/// The command line of the toy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "../options.hpp"

namespace toy {

struct Arguments {
  std::uint64_t seed = 1;
  std::string alignment = "alignment.svg";
  std::string accuracy = "accuracy.svg";
};

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  Arguments arguments;
  options::parse(count, values,
                 {{"--seed", options::number_into<std::uint64_t>(arguments.seed, 0)},
                  {"--svg", options::text_into(arguments.alignment)},
                  {"--chart", options::text_into(arguments.accuracy)}},
                 "use --seed N, --svg FILE, --chart FILE");
  return arguments;
}

}  // namespace toy
