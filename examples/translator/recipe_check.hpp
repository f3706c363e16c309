/// What a recipe may say.
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

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

/// For a new model: throws std::invalid_argument for options that its parts would not hear of.
inline void check_parts(const Recipe& recipe) {
  const Recipe usual;
  attend::check_argument(decoder_is_recurrent(recipe) || recipe.score == usual.score, "--score ",
                         recipe.score, " belongs to a recurrent decoder; choose another --decoder");
  if (recipe.encoder == "transformer" || !decoder_is_recurrent(recipe)) return;
  for (const auto& [option, given] :
       {std::pair("--heads", recipe.heads != usual.heads),
        std::pair("--key-heads", recipe.key_heads != usual.key_heads),
        std::pair("--feed-forward", recipe.feed_forward != usual.feed_forward),
        std::pair("--activation", recipe.activation != usual.activation),
        std::pair("--norm", recipe.norm != usual.norm),
        std::pair("--norm-kind", recipe.norm_kind != usual.norm_kind),
        std::pair("--positions", recipe.positions != usual.positions),
        std::pair("--relative-clip", recipe.relative_clip != usual.relative_clip),
        std::pair("--soft-cap", recipe.soft_cap != usual.soft_cap),
        std::pair("--self-reach", recipe.self_reach != usual.self_reach),
        std::pair("--attention-dropout", recipe.attention_dropout != usual.attention_dropout)}) {
    attend::check_argument(!given, option,
                           " belongs to a transformer; choose one as --encoder or --decoder");
  }
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
