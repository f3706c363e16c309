/// How translations are searched for.
#pragma once

#include <string>

#include "recipe_check.hpp"
#include <attend/kernel/precision.hpp>

namespace translator {

struct SearchOptions {
  Index beam = 5;
  double alpha = 1;
  Index n_best = 1;
  int threads = 1;
  /// What the weights are stored in while the program runs: float32, bfloat16 or int8.
  std::string precision = "float32";
  /// Let the model choose the unknown symbol, and put the source word in its place.
  bool copy_unknown = false;
  /// A monotonic attention takes one word at a step, whole.
  bool hard = false;
};

inline void check_threads(int threads) {
  constexpr int most = 1024;
  attend::check_argument(threads >= 1 && threads <= most, "--threads is ", threads,
                         ", expected 1 to ", most);
}

/// Throws std::invalid_argument for what cannot be searched, or not with this recipe's models.
inline void check(const SearchOptions& options, const Recipe& recipe) {
  check_at_least("--beam", options.beam, 1);
  attend::check_argument(options.n_best >= 1 && options.n_best <= options.beam, "--n-best is ",
                         options.n_best, ", expected 1 to --beam, which is ", options.beam);
  check_amount("--alpha", options.alpha);
  check_threads(options.threads);
  attend::check_argument(attend::precision_named(options.precision).has_value(), "--precision is ",
                         options.precision, ", expected float32, bfloat16 or int8");
  attend::check_argument(
      !options.copy_unknown || (recipe.subwords == 0 && attends(recipe)),
      "--copy-unknown needs a model of whole words with attention, and this is another");
  attend::check_argument(!options.hard || recipe.alignment.starts_with("monotonic"),
                         "--hard needs a model with --alignment monotonic, and this is another");
}

}  // namespace translator
