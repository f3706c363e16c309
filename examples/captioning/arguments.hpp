/// The command line of the example.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../options.hpp"

namespace captioning {

struct Arguments {
  bool help = false;
  std::string data = {};
  std::string alignment = "sparsemax";
  double penalty = 0.03;
  std::int64_t rounds = 20;
  std::int64_t canvases = 10000;
  std::int64_t tests = 500;
  std::int64_t seed = 1;
  std::string model = {};
  std::string read = {};
  std::string picture = {};
};

inline constexpr std::string_view usage =
    "usage: captioning [--data FOLDER] [--alignment softmax|sparsemax|sampled] [--penalty X]\n"
    "                  [--model FILE] [--picture FILE.svg] ...\n"
    "       captioning --read FILE.pgm --model FILE [--picture FILE.svg]\n"
    "Learns to read pictures of 1 to 4 hand-written digits, without the doubly stochastic penalty\n"
    "and with it, and reads pictures of 1 to 6 digits that it has not seen. Or a picture of "
    "yours.\n"
    "  --data       where MNIST's files are ($ATTEND_SHARED_DIR/data/mnist)\n"
    "  --alignment  how weights come of energies; sampled learns from rewards (sparsemax)\n"
    "  --penalty    the weight of the penalty; 0 leaves it out (0.03)\n"
    "  --rounds     of learning (20)\n"
    "  --canvases   pictures that are drawn for each round (10000)\n"
    "  --tests      pictures to read, of each number of digits (500)\n"
    "  --seed       of all chance (1)\n"
    "  --model      where the model that learned last is written, or read from\n"
    "  --picture    where to draw what it looked at\n"
    "  --read       a grey picture, digits about 20 pixels high\n";

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  Arguments arguments{.data = options::shared_data("mnist").string()};
  options::parse(count, values,
                 {{"--data", options::text_into(arguments.data)},
                  {"--alignment", options::text_into(arguments.alignment)},
                  {"--penalty", options::real_into(arguments.penalty)},
                  {"--rounds", options::number_into<std::int64_t>(arguments.rounds, 1)},
                  {"--canvases", options::number_into<std::int64_t>(arguments.canvases, 1)},
                  {"--tests", options::number_into<std::int64_t>(arguments.tests, 1)},
                  {"--seed", options::number_into<std::int64_t>(arguments.seed, 0)},
                  {"--model", options::text_into(arguments.model)},
                  {"--picture", options::text_into(arguments.picture)},
                  {"--read", options::text_into(arguments.read)}},
                 "see --help", &arguments.help);
  if (!arguments.read.empty() && arguments.model.empty()) {
    throw std::invalid_argument("--read needs a --model to read with");
  }
  return arguments;
}

}  // namespace captioning
