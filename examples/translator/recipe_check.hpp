/// What a recipe may say.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "recipe.hpp"
#include <attend/train/schedule.hpp>

namespace translator {

/// The rate of each update. `step` holds the full rate for three fifths of the epochs, then halves
/// it five times or so.
inline attend::Schedule schedule_of(const Recipe& recipe) {
  return named<attend::Schedule>(
      "--schedule", recipe.schedule,
      {{"constant", attend::ConstantRate{recipe.rate}},
       {"plateau", attend::Plateau{.rate = recipe.rate, .factor = 0.5, .patience = 1}},
       {"inverse-square-root", attend::InverseSquareRoot{recipe.rate, recipe.warmup}},
       {"noam",
        attend::InverseSquareRoot::of_dimension(recipe.embedding, recipe.warmup, recipe.rate)},
       {"step", attend::StepDecay{.rate = recipe.rate,
                                  .after = std::max<std::int64_t>(recipe.epochs * 3 / 5, 1),
                                  .every = std::max<std::int64_t>(recipe.epochs / 10, 1)}}});
}

inline void check_at_least(std::string_view option, std::int64_t value, std::int64_t least) {
  attend::check_argument(value >= least, option, " is ", value, ", expected ", least, " or more");
}

inline void check_probability(std::string_view option, double value) {
  attend::check_argument(value >= 0 && value < 1, option, " is ", value,
                         ", expected a probability from 0 to less than 1");
}

inline void check_amount(std::string_view option, double value) {
  attend::check_argument(value >= 0 && std::isfinite(value), option, " is ", value,
                         ", expected a number of 0 or more");
}

inline void check_weight_loss(std::string_view option, double factor, const Recipe& recipe) {
  check_amount(option, factor);
  attend::check_argument(factor == 0 || (decoder_is_recurrent(recipe) && recipe.score != "none"),
                         option, " needs a recurrent decoder with a score");
}

/// Names of options, and whether they were given.
using GivenOptions = std::initializer_list<std::pair<std::string_view, bool>>;

inline void check_heard(bool heard, std::string_view by, GivenOptions options) {
  for (const auto& [option, given] : options) {
    attend::check_argument(heard || !given, option, " belongs to ", by);
  }
}

/// For a new model: throws std::invalid_argument for options that its parts would not hear of.
inline void check_parts(const Recipe& recipe) {
  const Recipe usual;
  const auto given = [&](auto Recipe::*option) { return recipe.*option != usual.*option; };
  const bool decodes = decoder_is_recurrent(recipe);
  const bool encodes = recipe.encoder != "transformer";
  attend::check_argument(decodes || !given(&Recipe::score), "--score ", recipe.score,
                         " belongs to a recurrent decoder; choose another --decoder");
  check_heard(decodes, "a recurrent decoder; choose another --decoder",
              {{"--maxout", given(&Recipe::maxout)},
               {"--readout-dropout", given(&Recipe::readout_dropout)}});
  check_heard(encodes, "a recurrent encoder; choose another --encoder",
              {{"--annotation-dropout", given(&Recipe::annotation_dropout)}});
  check_heard(encodes || decodes,
              "a recurrent encoder or decoder; the size of a transformer is --embed, its dropout "
              "--dropout",
              {{"--cell", given(&Recipe::cell)},
               {"--hidden", given(&Recipe::hidden)},
               {"--embedding-dropout", given(&Recipe::embedding_dropout)}});
  check_heard(recipe.window == "local" || recipe.window == "causal_local" ||
                  recipe.alignment == "local_predictive",
              "--window local and causal_local and to --alignment local_predictive",
              {{"--reach", given(&Recipe::reach)}});
  check_heard(recipe.alignment == "sharpened", "--alignment sharpened",
              {{"--beta", given(&Recipe::beta)}});
  check_heard(!encodes || !decodes, "a transformer; choose one as --encoder or --decoder",
              {{"--heads", given(&Recipe::heads)},
               {"--key-heads", given(&Recipe::key_heads)},
               {"--feed-forward", given(&Recipe::feed_forward)},
               {"--activation", given(&Recipe::activation)},
               {"--norm", given(&Recipe::norm)},
               {"--norm-kind", given(&Recipe::norm_kind)},
               {"--positions", given(&Recipe::positions)},
               {"--relative-clip", given(&Recipe::relative_clip)},
               {"--soft-cap", given(&Recipe::soft_cap)},
               {"--self-reach", given(&Recipe::self_reach)},
               {"--attention-dropout", given(&Recipe::attention_dropout)}});
}

inline void check_model(const Recipe& recipe) {
  check_at_least("--hidden", recipe.hidden, 1);
  check_at_least("--embed", recipe.embedding, 1);
  check_at_least("--layers", recipe.layers, 1);
  check_at_least("--heads", recipe.heads, 1);
  check_at_least("--key-heads", recipe.key_heads, 0);
  check_at_least("--feed-forward", recipe.feed_forward, 1);
  check_probability("--attention-dropout", recipe.attention_dropout);
  check_probability("--dropout", recipe.dropout);
  for (const auto& [option, own] : {std::pair("--embedding-dropout", recipe.embedding_dropout),
                                    std::pair("--annotation-dropout", recipe.annotation_dropout),
                                    std::pair("--readout-dropout", recipe.readout_dropout)}) {
    if (own != Recipe::as_dropout) check_probability(option, own);
  }
  check_probability("--label-smoothing", recipe.label_smoothing);
  const bool transformer = recipe.encoder == "transformer" || !decoder_is_recurrent(recipe);
  attend::check_argument(!transformer || recipe.embedding % recipe.heads == 0, "--embed is ",
                         recipe.embedding, ", which ", recipe.heads,
                         " heads cannot share evenly; choose a --heads that divides it");
  attend::check_argument(
      !transformer || recipe.key_heads == 0 || recipe.heads % recipe.key_heads == 0,
      "--key-heads is ", recipe.key_heads, ", which --heads, ", recipe.heads,
      ", is no multiple of");
  const bool rotary = transformer && recipe.positions == "rotary";
  attend::check_argument(!rotary || recipe.embedding / recipe.heads % 2 == 0,
                         "--positions rotary turns features in pairs, and a head has ",
                         recipe.embedding / recipe.heads, "; choose another --embed or --heads");
  check_at_least("--relative-clip", recipe.relative_clip, 1);
  check_amount("--soft-cap", recipe.soft_cap);
  check_at_least("--self-reach", recipe.self_reach, 0);
  const bool joint = recipe.subwords > 0 && !recipe.separate_subwords;
  attend::check_argument(!recipe.shared_embeddings || joint,
                         "--share-embeddings needs --subwords of both languages together");
  check_at_least("--reach", recipe.reach, 1);
  attend::check_argument(recipe.beta > 0, "--beta is ", recipe.beta, ", expected more than 0");
  attend::check_argument((decoder_is_recurrent(recipe) && recipe.score != "none") ||
                             (recipe.window == "full" && recipe.alignment == "softmax"),
                         "--window and --alignment belong to a recurrent decoder with a score");
  check_weight_loss("--coverage-loss", recipe.coverage_loss, recipe);
  check_weight_loss("--doubly-stochastic", recipe.doubly_stochastic, recipe);
  attend::check_argument(!recipe.rewards || recipe.alignment == "sampled",
                         "--rewards are for --alignment sampled");
  const bool luong = recipe.decoder == "luong" && recipe.score != "none";
  attend::check_argument(!recipe.input_feeding || luong,
                         "--input-feeding needs --decoder luong and a score");
}

inline void check_text(const Recipe& recipe) {
  check_at_least("--subwords", recipe.subwords, 0);
  check_at_least("--min-frequency", recipe.min_frequency, 1);
  check_at_least("--max-length", recipe.max_length, 2);
}

inline void check_training(const Recipe& recipe) {
  check_at_least("--batch", recipe.batch, 1);
  check_at_least("--batch-tokens", recipe.batch_tokens, 0);
  check_at_least("--shards", recipe.shards, 1);
  check_at_least("--epochs", recipe.epochs, 1);
  check_at_least("--warmup", recipe.warmup, 1);
  check_at_least("--patience", recipe.patience, 0);
  check_at_least("--average", recipe.average, 0);
  check_amount("--rate", recipe.rate);
  check_amount("--weight-decay", recipe.weight_decay);
  check_probability("--beta2", recipe.beta2);
  check_amount("--clip", recipe.clip);
  attend::check_argument(recipe.select == "bleu" || recipe.select == "perplexity", "--select is '",
                         recipe.select, "', expected bleu or perplexity");
}

/// Throws std::invalid_argument that names the option, what it is and what it may be.
inline void check(const Recipe& recipe) {
  check_model(recipe);
  check_text(recipe);
  check_training(recipe);
  constexpr Index any = 3;
  (void)model_config(recipe, any, any);
  (void)schedule_of(recipe);
}

}  // namespace translator
