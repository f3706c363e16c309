/// Lines to words and back.
#pragma once

#include <concepts>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/utf8.hpp>

namespace attend::inline ATTEND_ABI {

/// A sequence of words: anything whose elements can be read as `std::string_view`.
template <class R>
concept WordRange = requires(R& words) {
  std::end(words);
  { *std::begin(words) } -> std::convertible_to<std::string_view>;
};

/// The words between white space (Unicode's, as Python's `str.split()` takes it), each a view into
/// the line. Bytes that are not UTF-8 belong to words.
[[nodiscard]] inline std::vector<std::string_view> split_words(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  for (std::size_t offset = 0; offset < line.size();) {
    const CodePoint point = code_point_at(line, offset);
    if (is_white_space(point.value)) {
      if (offset > begin) words.push_back(line.substr(begin, offset - begin));
      begin = offset + point.size;
    }
    offset += point.size;
  }
  if (begin < line.size()) words.push_back(line.substr(begin));
  return words;
}

/// The words would outlive the line that they are views of.
template <class Line>
requires std::same_as<Line, std::string>
void split_words(Line&& line) = delete;

/// The words with `separator` between them.
template <WordRange Words>
[[nodiscard]] std::string join_words(Words&& words, std::string_view separator = " ") {
  std::string line;
  bool first = true;
  for (auto&& element : words) {
    const std::string_view word = element;
    if (!std::exchange(first, false)) line += separator;
    line += word;
  }
  return line;
}

}  // namespace attend
