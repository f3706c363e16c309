/// `translator evaluate`, `translator bleu` and `translator info`.
#pragma once

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../output.hpp"
#include "evaluate.hpp"
#include <attend/io/atomic_file.hpp>
#include <attend/view/chart.hpp>

namespace translator {

struct EvaluateCommand {
  std::vector<std::string> models;
  std::string source;
  std::string target;
  std::string chart;
  SearchOptions search;
};

/// "6-10", or "26+" for the last.
inline std::string name_of(const LengthBucket& bucket) {
  const std::string from = std::to_string(bucket.lower);
  return bucket.open ? from + "+" : from + "-" + std::to_string(bucket.upper);
}

inline double bleu_of(const LengthBucket& bucket) {
  return bucket.sentences > 0 ? attend::bleu(bucket.statistics).score
                              : std::numeric_limits<double>::quiet_NaN();
}

/// "precisions 68.1 45.2 31.0 21.7, brevity 0.990"
inline std::string parts_of(const attend::Bleu& bleu) {
  char text[100];
  std::snprintf(text, sizeof text, "precisions %.1f %.1f %.1f %.1f, brevity %.3f",
                bleu.precisions[0], bleu.precisions[1], bleu.precisions[2], bleu.precisions[3],
                bleu.brevity_penalty);
  return text;
}

inline void print(const std::string& path, const Evaluation& result, const SearchOptions& options) {
  std::printf("%s\n", path.c_str());
  std::printf("  BLEU %.2f  (beam %ld, alpha %g; %s)\n", result.bleu.score,
              static_cast<long>(options.beam), options.alpha, parts_of(result.bleu).c_str());
  std::printf("  perplexity %.3f over %ld target tokens\n", result.loss.perplexity(),
              static_cast<long>(result.loss.tokens));
  std::printf("  word error rate %.2f%%, %.2f%% of %ld sources without any error\n",
              100 * result.errors.rate(), 100 * result.errors.exact_rate(),
              static_cast<long>(result.errors.sequences));
  std::printf("  %.0f words/s with %d thread%s, weights in %s\n", result.words_per_second,
              options.threads, options.threads == 1 ? "" : "s", options.precision.c_str());
  std::printf("  source words  sentences   BLEU\n");
  for (const LengthBucket& bucket : result.buckets) {
    std::printf("  %12s  %9zu  ", name_of(bucket).c_str(), bucket.sentences);
    bucket.sentences > 0 ? std::printf("%5.2f\n", bleu_of(bucket)) : std::printf("    -\n");
  }
}

inline attend::Chart empty_chart() {
  return {.title = "BLEU by length of the source",
          .x_title = "words in the source",
          .y_title = "BLEU",
          .labels = {},
          .series = {}};
}

inline void draw(const std::string& path, const Evaluation& result, attend::Chart& chart) {
  attend::ChartSeries series{.name = std::filesystem::path(path).stem().string(), .values = {}};
  chart.labels.clear();
  for (const LengthBucket& bucket : result.buckets) {
    chart.labels.push_back(name_of(bucket));
    series.values.push_back(bleu_of(bucket));
  }
  chart.series.push_back(std::move(series));
}

inline int evaluate(const EvaluateCommand& command) {
  if (!command.chart.empty()) output::check(command.chart);
  std::vector<TranslationModel> translators;
  for (const std::string& path : command.models) {
    translators.push_back(load_model(path));
    check(command.search, translators.back().recipe);
    prepare(translators.back().model, command.search);
  }
  const attend::ParallelText text = attend::read_parallel(command.source, command.target);
  attend::ThreadPool pool(command.search.threads);
  attend::Chart chart = empty_chart();
  for (std::size_t i = 0; i < translators.size(); ++i) {
    const Evaluation result = evaluate(translators[i], text, command.search, pool);
    print(command.models[i], result, command.search);
    draw(command.models[i], result, chart);
  }
  if (!command.chart.empty()) attend::write_atomically(command.chart, attend::svg_chart(chart));
  return 0;
}

/// The BLEU of the lines of standard input against those of a file. Throws std::invalid_argument
/// unless they are as many.
inline int print_bleu(const std::string& target) {
  const std::vector<std::string> references = attend::read_lines(target);
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
  attend::check_argument(lines.size() == references.size(), "bleu: standard input has ",
                         lines.size(), " lines, ", target, " has ", references.size());
  const attend::Bleu bleu = attend::bleu(lines, references);
  std::printf("BLEU %.2f  (%s)\n", bleu.score, parts_of(bleu).c_str());
  return 0;
}

inline int info(const std::string& path) {
  const TranslationModel translator = load_model(path);
  std::printf("%s: %ld parameters, %ld and %ld %s\n%s\n", path.c_str(),
              static_cast<long>(attend::parameter_count(translator.model)),
              static_cast<long>(translator.languages.source.size()),
              static_cast<long>(translator.languages.target.size()),
              std::string(translator.languages.source.unit()).c_str(),
              nlohmann::json(translator.recipe).dump(2).c_str());
  attend::for_each_parameter(
      [](std::string_view name, const auto& p) {
        std::printf("  %-52s %6ld x %ld\n", std::string(name).c_str(), static_cast<long>(p.rows()),
                    static_cast<long>(p.cols()));
      },
      translator.model);
  return 0;
}

}  // namespace translator
