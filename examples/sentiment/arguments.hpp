/// The command line of the example.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "../options.hpp"
#include <attend/core/types.hpp>

namespace sentiment {

/// The sizes of a model, and how it learns.
struct Recipe {
  std::string pooling = "attentive";
  attend::Index hops = 8;
  double penalty = 0.1;
  attend::Index embedding = 100;
  attend::Index hidden = 100;
  double dropout = 0.3;
  double word_dropout = 0.1;
  double weight_decay = 0.1;
  double rate = 2e-3;
  std::int64_t epochs = 10;
  std::uint64_t seed = 1;
};

struct Arguments {
  bool help = false;
  std::string train = {}, dev = {}, test = {};
  std::string save = {}, model = {};
  int shown = 5;
  Recipe recipe = {};
};

inline constexpr std::string_view usage =
    "usage: sentiment [OPTION VALUE]...     learns to label sentences and shows what it looked at\n"
    "       sentiment --model FILE          labels the lines of standard input\n"
    "\n"
    "  --train --dev --test  files of lines 'label text'\n"
    "                 (train.txt, dev.txt and test.txt of $ATTEND_SHARED_DIR/data/sst2)\n"
    "  --save         where to put the model of the best epoch\n"
    "  --show         test sentences to show (5)\n"
    "  --pooling      attentive, structured, mean, max or last (attentive)\n"
    "  --hops         vectors of structured pooling (8)\n"
    "  --penalty      factor of what keeps its hops apart (0.1)\n"
    "  --embedding    size of a word's vector (100)\n"
    "  --hidden       size of each direction's state (100)\n"
    "  --dropout      of word vectors, annotations and what the output reads (0.3)\n"
    "  --word-dropout share of the words that training hides (0.1)\n"
    "  --weight-decay (0.1)\n"
    "  --rate         of learning (0.002)\n"
    "  --epochs       times that each sentence is seen (10)\n"
    "  --seed         of all chance (1)\n";

/// Throws std::invalid_argument with a line that says what to do.
inline Arguments parse_arguments(int count, const char* const* values) {
  const auto data = options::shared_data("sst2");
  Arguments given{.train = (data / "train.txt").string(),
                  .dev = (data / "dev.txt").string(),
                  .test = (data / "test.txt").string()};
  Recipe& recipe = given.recipe;
  using options::number_into, options::real_into, options::text_into;
  options::parse(count, values,
                 {{"--train", text_into(given.train)},
                  {"--dev", text_into(given.dev)},
                  {"--test", text_into(given.test)},
                  {"--save", text_into(given.save)},
                  {"--model", text_into(given.model)},
                  {"--show", number_into(given.shown, 0)},
                  {"--pooling", options::one_of({"attentive", "structured", "mean", "max", "last"},
                                                recipe.pooling)},
                  {"--hops", number_into<attend::Index>(recipe.hops, 1)},
                  {"--penalty", real_into(recipe.penalty, {.least = 0})},
                  {"--embedding", number_into<attend::Index>(recipe.embedding, 1)},
                  {"--hidden", number_into<attend::Index>(recipe.hidden, 1)},
                  {"--dropout", real_into(recipe.dropout, {.least = 0, .below = 1})},
                  {"--word-dropout", real_into(recipe.word_dropout, {.least = 0, .below = 1})},
                  {"--weight-decay", real_into(recipe.weight_decay, {.least = 0})},
                  {"--rate", real_into(recipe.rate, {.least = 0})},
                  {"--epochs", number_into<std::int64_t>(recipe.epochs, 1)},
                  {"--seed", number_into<std::uint64_t>(recipe.seed, 0)}},
                 "see --help", &given.help);
  return given;
}

}  // namespace sentiment
