/// How many translations are exactly right, by the length of the source.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <iomanip>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <attend/model/seq2seq.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/text/vocabulary.hpp>
#include <attend/view/chart.hpp>

namespace toy {

class Exactness {
 public:
  struct Count {
    int sentences = 0;
    int exact = 0;
    [[nodiscard]] double percent() const {
      if (sentences == 0) return std::numeric_limits<double>::quiet_NaN();
      return 100.0 * exact / sentences;
    }
  };

  static constexpr std::array<std::size_t, 5> longest{5, 10, 15, 20, 99};

  static std::string label(std::size_t bucket) {
    const std::string from = std::to_string(bucket == 0 ? 1 : longest[bucket - 1] + 1);
    if (bucket + 1 == longest.size()) return from + " and more";
    return from + " to " + std::to_string(longest[bucket]);
  }

  void add(std::size_t length, bool exact) {
    const auto found = std::find_if(longest.begin(), longest.end() - 1,
                                    [&](std::size_t limit) { return length <= limit; });
    for (Count* count : {&all_, &buckets_[static_cast<std::size_t>(found - longest.begin())]}) {
      ++count->sentences;
      count->exact += exact ? 1 : 0;
    }
  }

  [[nodiscard]] const Count& all() const { return all_; }
  [[nodiscard]] const Count& bucket(std::size_t i) const { return buckets_[i]; }

 private:
  Count all_;
  std::array<Count, longest.size()> buckets_;
};

/// A translation counts only if every word is right, and the end.
inline Exactness exactness(const std::vector<attend::Hypothesis<float>>& translations,
                           std::span<const attend::SentencePair> pairs) {
  Exactness result;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    std::vector<attend::Token> written = translations[i].tokens;
    if (translations[i].finished) written.push_back(attend::end_token);
    result.add(pairs[i].source.size(), written == pairs[i].target);
  }
  return result;
}

/// Two models side by side, a row for each range of lengths.
inline std::string table(const Exactness& with, const Exactness& without) {
  std::ostringstream text;
  const auto row = [&](const std::string& name, const Exactness::Count& a,
                       const Exactness::Count& b) {
    text << std::setw(14) << name << std::setw(11) << a.sentences << std::fixed
         << std::setprecision(1) << std::setw(15) << a.percent() << "%" << std::setw(18)
         << b.percent() << "%\n";
  };
  text << "  source words  sentences  with attention  without attention\n";
  for (std::size_t i = 0; i < Exactness::longest.size(); ++i) {
    if (with.bucket(i).sentences > 0) row(Exactness::label(i), with.bucket(i), without.bucket(i));
  }
  row("all", with.all(), without.all());
  return text.str();
}

/// The same as an SVG document.
inline std::string chart(const Exactness& with, const Exactness& without) {
  attend::Chart chart{.title = "Exact translations by length of the source",
                      .x_title = "words of the source",
                      .y_title = "exact (%)",
                      .labels = {},
                      .series = {{"with attention", {}}, {"without attention", {}}}};
  for (std::size_t i = 0; i < Exactness::longest.size(); ++i) {
    chart.labels.push_back(Exactness::label(i));
    chart.series[0].values.push_back(with.bucket(i).percent());
    chart.series[1].values.push_back(without.bucket(i).percent());
  }
  return attend::svg_chart(chart);
}

}  // namespace toy
