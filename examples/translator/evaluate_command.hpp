/// `translator evaluate` and `translator info`.
#pragma once

#include <cstdio>
#include <limits>
#include <string>
#include <vector>

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

inline std::string bucket_name(const LengthBucket& bucket, bool last) {
  const std::string from = std::to_string(bucket.lower);
  return last ? from + "+" : from + "-" + std::to_string(bucket.upper);
}

inline int evaluate(const EvaluateCommand& command) {
  const attend::ParallelText text = attend::read_parallel(command.source, command.target);
  attend::ThreadPool pool(command.search.threads);
  attend::Chart chart{.title = "BLEU by length of the source",
                      .x_title = "words in the source",
                      .y_title = "BLEU",
                      .labels = {},
                      .series = {}};
  for (const std::string& path : command.models) {
    const Evaluation result = evaluate(load_model(path), text, command.search, pool);
    std::printf("%s\n", path.c_str());
    std::printf("  BLEU %.2f  (beam %ld, alpha %g; precisions %.1f %.1f %.1f %.1f, brevity %.3f)\n",
                result.bleu.score, static_cast<long>(command.search.beam), command.search.alpha,
                result.bleu.precisions[0], result.bleu.precisions[1], result.bleu.precisions[2],
                result.bleu.precisions[3], result.bleu.brevity_penalty);
    std::printf("  perplexity %.3f over %ld target tokens\n", result.loss.perplexity(),
                static_cast<long>(result.loss.tokens));
    std::printf("  %.0f words/s with %d threads\n", result.words_per_second,
                command.search.threads);
    std::printf("  source words  sentences   BLEU\n");
    attend::ChartSeries series{.name = std::filesystem::path(path).stem().string(), .values = {}};
    chart.labels.clear();
    for (std::size_t k = 0; k < result.buckets.size(); ++k) {
      const LengthBucket& bucket = result.buckets[k];
      const std::string name = bucket_name(bucket, k + 1 == result.buckets.size());
      const double bleu = bucket.sentences > 0 ? attend::bleu(bucket.statistics).score
                                               : std::numeric_limits<double>::quiet_NaN();
      std::printf("  %12s  %9zu  %5.2f\n", name.c_str(), bucket.sentences, bleu);
      chart.labels.push_back(name);
      series.values.push_back(bleu);
    }
    chart.series.push_back(std::move(series));
  }
  if (!command.chart.empty()) attend::write_atomically(command.chart, attend::svg_chart(chart));
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
