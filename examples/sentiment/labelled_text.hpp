/// Lines 'label text'.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/text/corpus.hpp>
#include <attend/text/tokenize.hpp>

namespace sentiment {

struct LabelledText {
  std::string label;
  std::string text;
};

/// Throws FormatError with the file and the line where a line has not both. Blank lines are left
/// out; throws std::invalid_argument where nothing else is there.
inline std::vector<LabelledText> read_labelled(const std::filesystem::path& path) {
  std::vector<LabelledText> texts;
  std::size_t number = 0;
  for (const std::string& line : attend::read_lines(path)) {
    ++number;
    const auto words = attend::split_words(line);
    if (words.empty()) continue;
    if (words.size() == 1) {
      throw attend::FormatError(attend::detail::message(path.string(), ": line ", number, " is '",
                                                        line, "', expected a label and a text"));
    }
    texts.push_back({std::string(words[0]),
                     line.substr(static_cast<std::size_t>(words[1].data() - line.data()))});
  }
  attend::check_argument(!texts.empty(), path.string(), ": all lines are blank");
  return texts;
}

/// Each label once, in order.
inline std::vector<std::string> labels_of(const std::vector<LabelledText>& texts) {
  std::vector<std::string> labels;
  for (const LabelledText& one : texts) labels.push_back(one.label);
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

}  // namespace sentiment
