/// Text files, line by line, and pairs of files that belong together line by line.
#pragma once

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/utf8.hpp>

namespace attend::inline ATTEND_ABI {

/// Sentences and their translations: `source[i]` belongs to `target[i]`.
struct ParallelText {
  std::vector<std::string> source;
  std::vector<std::string> target;

  [[nodiscard]] std::size_t size() const { return source.size(); }

  /// Pairs of which at least one side is empty or all white space.
  [[nodiscard]] std::size_t blank_pairs() const;
};

/// True for a line of nothing but white space.
[[nodiscard]] inline bool is_blank(std::string_view line) {
  for (std::size_t offset = 0; offset < line.size();) {
    const CodePoint point = code_point_at(line, offset);
    if (!is_white_space(point.value)) return false;
    offset += point.size;
  }
  return true;
}

inline std::size_t ParallelText::blank_pairs() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < source.size(); ++i) {
    count += is_blank(source[i]) || is_blank(target[i]) ? 1 : 0;
  }
  return count;
}

/// The line without the carriage return of CRLF and, if it is line 1, without a byte order mark.
/// Throws FormatError naming the text, the line and the byte (both counted from 1) where the line
/// is not UTF-8 or holds a NUL.
[[nodiscard]] inline std::string_view clean_line(std::string_view line, std::string_view name,
                                                 std::size_t number) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  const std::string_view whole = line;
  if (number == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  if (line.ends_with('\r')) line.remove_suffix(1);

  const auto fail = [&](std::size_t offset, std::string_view reason) {
    const auto byte = offset + static_cast<std::size_t>(line.data() - whole.data()) + 1;
    throw FormatError(
        detail::message(name, ": line ", number, ", byte ", byte, " of the line: ", reason));
  };
  if (const auto bad = find_malformed_utf8(line); bad != std::string_view::npos) {
    fail(bad, "not UTF-8; convert the text, for example with iconv");
  }
  if (const auto nul = line.find('\0'); nul != std::string_view::npos) {
    fail(nul, "a NUL byte; text holds none, is this a binary file?");
  }
  return line;
}

/// A text's lines, each cleaned by `clean_line`; the last may lack its line feed. `name` stands in
/// messages. Throws FormatError as `clean_line` does, and for an empty text.
[[nodiscard]] inline std::vector<std::string> split_lines(std::string_view text,
                                                          std::string_view name) {
  if (text.empty() || text == "\xEF\xBB\xBF") {
    throw FormatError(detail::message(name, ": the text is empty, expected at least one line"));
  }
  std::vector<std::string> lines;
  lines.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(clean_line(text.substr(0, end), name, lines.size() + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The bytes of a file. Throws FormatError naming the file and what the system says against it.
[[nodiscard]] inline std::string read_text(const std::filesystem::path& path) {
  const auto fail = [&](std::string_view reason) {
    throw FormatError(detail::message(path.string(), ": cannot be read: ", reason));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail("it is a directory, expected a text file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(errno != 0 ? std::generic_category().message(errno) : "it does not open");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) fail("reading failed half way");
  return text;
}

/// The lines of a text file, by the rules of `split_lines`.
[[nodiscard]] inline std::vector<std::string> read_lines(const std::filesystem::path& path) {
  return split_lines(read_text(path), path.string());
}

/// The lines of two files that belong together. Blank lines are kept: a sentence of length 0 is
/// legal. Throws FormatError as `read_lines` does, and for unequal counts with both counts.
[[nodiscard]] inline ParallelText read_parallel(const std::filesystem::path& source_path,
                                                const std::filesystem::path& target_path) {
  ParallelText text{.source = read_lines(source_path), .target = read_lines(target_path)};
  if (text.source.size() != text.target.size()) {
    throw FormatError(detail::message(
        source_path.string(), " has ", text.source.size(), " lines but ", target_path.string(),
        " has ", text.target.size(), "; parallel files need one line for each line of the other"));
  }
  return text;
}

}  // namespace attend
