/// The translator: trains attentional sequence-to-sequence models on parallel text, translates,
/// evaluates. `translator --help` lists the commands.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "evaluate_command.hpp"
#include "train_command.hpp"
#include "translate_command.hpp"

namespace {

void add_train(CLI::App& app, translator::TrainCommand& command) {
  auto* train = app.add_subcommand("train", "train a model on parallel text");
  translator::Recipe& recipe = command.recipe;
  train->add_option("--source", command.source, "training text, one sentence a line")->required();
  train->add_option("--target", command.target, "its translation, line by line")->required();
  train->add_option("--valid-source", command.valid_source, "validation text")->required();
  train->add_option("--valid-target", command.valid_target, "its translation")->required();
  train->add_option("--model", command.model, "the model file to write")->required();
  train
      ->add_option("--encoder", recipe.encoder,
                   "recurrent, causal (recurrent, one direction) or transformer")
      ->capture_default_str();
  train->add_option("--cell", recipe.cell, "gru, lstm or rnn")->capture_default_str();
  train
      ->add_option("--score", recipe.score,
                   "additive, dot, general, concat, scaled_dot, normalised, cosine, "
                   "scaled_general, location, location_sensitive, coverage or none")
      ->capture_default_str();
  train->add_option("--window", recipe.window, "full, causal, local or causal_local")
      ->capture_default_str();
  train
      ->add_option("--alignment", recipe.alignment,
                   "softmax, sharpened, smoothed, sparsemax, argmax, straight_through, sampled, "
                   "monotonic, monotonic_parallel, memory_addressing or local_predictive")
      ->capture_default_str();
  train
      ->add_option("--reach", recipe.reach,
                   "keys on either side that local, causal_local and local_predictive look at")
      ->capture_default_str();
  train->add_option("--beta", recipe.beta, "of sharpened: softmax(beta e)")->capture_default_str();
  train->add_option("--decoder", recipe.decoder, "bahdanau, luong, conditional or transformer")
      ->capture_default_str();
  train->add_flag("--input-feeding", recipe.input_feeding, "feed the readout back (luong)");
  train->add_flag("--maxout", recipe.maxout, "maxout readout instead of tanh");
  train->add_flag("--tie-embeddings", recipe.tied_embeddings,
                  "one matrix for target embeddings and output");
  train->add_flag("--share-embeddings", recipe.shared_embeddings,
                  "one matrix for source and target embeddings");
  train->add_option("--hidden", recipe.hidden, "units of a cell")->capture_default_str();
  train->add_option("--embed", recipe.embedding, "size of embeddings")->capture_default_str();
  train->add_option("--layers", recipe.layers, "layers of encoder and decoder")
      ->capture_default_str();
  train->add_option("--heads", recipe.heads, "heads of a transformer's attention")
      ->capture_default_str();
  train
      ->add_option("--key-heads", recipe.key_heads, "heads of keys and values; 0: as many as heads")
      ->capture_default_str();
  train
      ->add_option("--feed-forward", recipe.feed_forward,
                   "units of a transformer's feed-forward networks")
      ->capture_default_str();
  train
      ->add_option("--activation", recipe.activation,
                   "theirs: relu, gelu, gelu_tanh, silu; gated: glu, reglu, geglu, swiglu")
      ->capture_default_str();
  train
      ->add_option("--positions", recipe.positions,
                   "of a transformer: sinusoidal, rotary, relative, linear_bias or none")
      ->capture_default_str();
  train
      ->add_option("--relative-clip", recipe.relative_clip,
                   "the distance from which on relative positions are all the same")
      ->capture_default_str();
  train
      ->add_option("--soft-cap", recipe.soft_cap,
                   "bound of energies in a transformer's self-attention; 0 for none")
      ->capture_default_str();
  train
      ->add_option("--self-reach", recipe.self_reach,
                   "steps on either side that a transformer's self-attention sees; 0 for all")
      ->capture_default_str();
  train->add_option("--attention-dropout", recipe.attention_dropout, "on a transformer's weights")
      ->capture_default_str();
  train->add_option("--norm-kind", recipe.norm_kind, "layer or rms")->capture_default_str();
  train->add_option("--norm", recipe.norm, "pre or post: where a transformer's norms stand")
      ->capture_default_str();
  train->add_option("--dropout", recipe.dropout, "probability of dropout, everywhere")
      ->capture_default_str();
  train->add_option("--embedding-dropout", recipe.embedding_dropout, "instead, on embeddings");
  train->add_option("--annotation-dropout", recipe.annotation_dropout, "instead, on annotations");
  train->add_option("--readout-dropout", recipe.readout_dropout, "instead, on readouts");
  train
      ->add_option("--label-smoothing", recipe.label_smoothing,
                   "probability given to all other words")
      ->capture_default_str();
  train
      ->add_option("--coverage-loss", recipe.coverage_loss,
                   "how much looking again at a source word costs")
      ->capture_default_str();
  train
      ->add_option("--doubly-stochastic", recipe.doubly_stochastic,
                   "how much it costs to look at a source word more or less than once in all")
      ->capture_default_str();
  train->add_flag("--rewards", recipe.rewards,
                  "--alignment sampled learns from the likelihood of the words it led to");
  train->add_option("--subwords", recipe.subwords, "sub-words, at most so many; 0 for whole words")
      ->capture_default_str();
  train->add_flag("--separate-subwords", recipe.separate_subwords,
                  "sub-words of each language by itself");
  train
      ->add_option("--min-frequency", recipe.min_frequency,
                   "whole words that are rarer are unknown")
      ->capture_default_str();
  train->add_option("--max-length", recipe.max_length, "tokens; longer pairs are left out")
      ->capture_default_str();
  train->add_option("--batch", recipe.batch, "sentences in a batch")->capture_default_str();
  train->add_option("--batch-tokens", recipe.batch_tokens, "fill batches by tokens instead");
  train->add_option("--shards", recipe.shards, "parts of a batch; changes the result's last bits")
      ->capture_default_str();
  train->add_option("--epochs", recipe.epochs, "times through the training text")
      ->capture_default_str();
  train->add_option("--rate", recipe.rate, "learning rate")->capture_default_str();
  train
      ->add_option("--schedule", recipe.schedule,
                   "constant, plateau, step, inverse-square-root (to and from --rate) or noam "
                   "(a factor of --rate)")
      ->capture_default_str();
  train->add_option("--warmup", recipe.warmup, "updates, with inverse-square-root and noam")
      ->capture_default_str();
  train->add_option("--beta2", recipe.beta2, "of AdamW")->capture_default_str();
  train->add_option("--weight-decay", recipe.weight_decay, "of AdamW")->capture_default_str();
  train->add_option("--clip", recipe.clip, "largest norm of a gradient; 0 for none")
      ->capture_default_str();
  train->add_option("--patience", recipe.patience, "epochs without improvement; 0 for ever")
      ->capture_default_str();
  train
      ->add_option("--average", recipe.average,
                   "the model is the mean of the last so many epochs; 0 for the best one")
      ->capture_default_str();
  train->add_option("--select", recipe.select, "keep the best by bleu or perplexity")
      ->capture_default_str();
  train
      ->add_option("--threads", command.threads,
                   "they change no result; more than shards help little")
      ->capture_default_str();
  train->add_option("--seed", recipe.seed, "of all that is random")->capture_default_str();
  train
      ->add_option("--checkpoint-seconds", command.checkpoint_seconds,
                   "between two savings of the state; 0 for one after each update")
      ->capture_default_str();
  train->add_flag("--resume", command.resume,
                  "go on where a training stopped; its options need not be repeated");
  train->add_flag("--overwrite", command.overwrite, "replace an existing model");
}

void add_search(CLI::App& command, translator::SearchOptions& options) {
  command.add_option("--beam", options.beam, "hypotheses kept at each step; 1 is greedy search")
      ->capture_default_str();
  command.add_option("--alpha", options.alpha, "length penalty: scores are divided by |Y|^alpha")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "they change no result")->capture_default_str();
  command
      .add_option("--precision", options.precision,
                  "what the weights are kept in: float32, bfloat16 or int8")
      ->capture_default_str();
  command.add_flag("--copy-unknown", options.copy_unknown,
                   "where the model wants an unknown word, copy the source word it attends to");
  command.add_flag("--hard", options.hard,
                   "a monotonic attention takes one word at a step, whole, and never goes back");
}

void add_translate(CLI::App& app, translator::TranslateCommand& command,
                   std::vector<std::string>& alignments) {
  auto* translate = app.add_subcommand("translate", "translate standard input, line by line");
  translate->add_option("--model", command.model, "a model file")->required();
  add_search(*translate, command.search);
  translate
      ->add_option("--n-best", command.search.n_best,
                   "translations a line, each as: number ||| text ||| score")
      ->capture_default_str();
  translate->add_option("--alignments", alignments, "moses, heatmap, or svg FOLDER")
      ->expected(1, 2);
  translate
      ->add_option(
          "--wait-k", command.wait_k,
          "translate while words arrive: begin after K of them, then one for one, greedily; "
          "0: whole lines")
      ->capture_default_str();
  translate->add_option(
      "--policy", command.policy,
      "monotonic: translate while words arrive, reading until the attention takes one; for models "
      "trained with --alignment monotonic and --encoder causal");
}

void add_evaluate(CLI::App& app, translator::EvaluateCommand& command) {
  auto* evaluate =
      app.add_subcommand("evaluate", "BLEU, perplexity, word errors, speed, BLEU by length");
  evaluate->add_option("--model", command.models, "one model file or more")->required();
  evaluate->add_option("--source", command.source, "text, one sentence a line")->required();
  evaluate->add_option("--target", command.target, "its translation, line by line")->required();
  evaluate->add_option("--chart", command.chart, "an SVG of BLEU by length");
  add_search(*evaluate, command.search);
}

void take_alignments(const std::vector<std::string>& given, translator::TranslateCommand& command) {
  if (given.empty()) return;
  command.alignments = given[0];
  const bool svg = given[0] == "svg";
  if ((given[0] != "moses" && given[0] != "heatmap" && !svg) || given.size() != (svg ? 2U : 1U)) {
    throw std::invalid_argument("--alignments takes moses, heatmap, or svg and a folder");
  }
  if (svg) command.folder = given[1];
}

/// A message as one line.
std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

struct Commands {
  translator::TrainCommand training;
  translator::TranslateCommand translation;
  translator::EvaluateCommand evaluation;
  std::vector<std::string> alignments;
  std::string reference;
  std::string described;
};

void add_commands(CLI::App& app, Commands& commands) {
  app.require_subcommand(1);
  add_train(app, commands.training);
  add_translate(app, commands.translation, commands.alignments);
  add_evaluate(app, commands.evaluation);
  app.add_subcommand("bleu", "BLEU of translations from standard input, line by line")
      ->add_option("--target", commands.reference, "what they should be")
      ->required();
  app.add_subcommand("info", "what a model file holds")
      ->add_option("--model", commands.described, "a model file")
      ->required();
}

/// With --resume, what is not given is as it was when the training began.
void parse(CLI::App& app, Commands& commands, int argc, char** argv) {
  app.parse(argc, argv);
  if (commands.training.resume) {
    commands.training.recipe = translator::recipe_to_resume(commands.training.model);
    app.parse(argc, argv);
  }
  take_alignments(commands.alignments, commands.translation);
}

int run(const CLI::App& app, const Commands& commands) {
  if (app.got_subcommand("train")) return translator::train(commands.training);
  if (app.got_subcommand("translate")) return translator::translate(commands.translation);
  if (app.got_subcommand("evaluate")) return translator::evaluate(commands.evaluation);
  if (app.got_subcommand("bleu")) return translator::print_bleu(commands.reference);
  return translator::info(commands.described);
}

void check_standard_output() {
  const bool printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!printed || !std::cout.flush()) {
    throw std::runtime_error("standard output cannot be written; is the disk full?");
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Attentional sequence-to-sequence translation on a CPU");
  Commands commands;
  try {
    add_commands(app, commands);
    parse(app, commands, argc, argv);
    const int code = run(app, commands);
    check_standard_output();
    return code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::cerr << "translator: " << one_line(error.what()) << "; see translator --help\n";
  } catch (const std::bad_alloc&) {
    std::cerr << "translator: out of memory; choose smaller sizes or batches\n";
  } catch (const std::exception& error) {
    std::cerr << "translator: " << one_line(error.what()) << '\n';
  }
  return 2;
}
