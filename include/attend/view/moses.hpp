/// Hard alignments in the form of Moses and fast_align: `0-0 1-2`.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Source word and target word that belong together, both counted from 0.
struct AlignmentPoint {
  Index source = 0;
  Index target = 0;
  bool operator==(const AlignmentPoint&) const = default;
};

struct HardAlignmentOptions {
  double threshold = 0;     ///< Words attended to less than this are not linked.
  bool source_end = false;  ///< The last row of the weights is the end symbol.
  bool target_end = false;  ///< The last column of the weights is the end symbol.
};

/// For each target word the source word it attends to most, of equals the first, in the order of
/// target words. `weights` (T x U) are those of WordAlignment. A word that attends most to the end
/// symbol, or to nothing, has no point; nor has the end symbol itself.
template <class D>
[[nodiscard]] std::vector<AlignmentPoint> hard_alignment(const Eigen::MatrixBase<D>& weights,
                                                         const HardAlignmentOptions& options = {}) {
  std::vector<AlignmentPoint> points;
  if (weights.rows() == 0) return points;
  const Index words = weights.cols() - (options.target_end && weights.cols() > 0 ? 1 : 0);
  for (Index u = 0; u < words; ++u) {
    Index best = 0;
    for (Index t = 1; t < weights.rows(); ++t) {
      if (weights(t, u) > weights(best, u)) best = t;
    }
    const auto weight = static_cast<double>(weights(best, u));
    const bool end = options.source_end && best + 1 == weights.rows();
    if (!end && weight > 0 && weight >= options.threshold) {
      points.push_back({.source = best, .target = u});
    }
  }
  return points;
}

/// `source-target` for each point, with a space between.
[[nodiscard]] inline std::string to_moses(const std::vector<AlignmentPoint>& points) {
  std::string line;
  for (const AlignmentPoint& point : points) {
    if (!line.empty()) line += ' ';
    line += std::to_string(point.source) + '-' + std::to_string(point.target);
  }
  return line;
}

/// Reads a line of points. Throws FormatError with `name`, the line's number, the point's place in
/// it (from 1) and what it is.
[[nodiscard]] inline std::vector<AlignmentPoint> from_moses(std::string_view line,
                                                            std::string_view name,
                                                            std::size_t number = 1) {
  std::vector<AlignmentPoint> points;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos) return points;
    line.remove_prefix(begin);
    const std::string_view text = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(text.size());

    std::uint32_t source = 0;
    std::uint32_t target = 0;
    const char* const end = text.data() + text.size();
    const auto left = std::from_chars(text.data(), end, source);
    const bool hyphen = left.ec == std::errc{} && left.ptr != end && *left.ptr == '-';
    const auto right = std::from_chars(hyphen ? left.ptr + 1 : end, end, target);
    if (!hyphen || right.ec != std::errc{} || right.ptr != end) {
      throw FormatError(detail::message(name, ": line ", number, ", point ", points.size() + 1,
                                        ": '", text,
                                        "' is no point, expected source-target such as 0-2"));
    }
    points.push_back({.source = source, .target = target});
  }
}

}  // namespace attend
