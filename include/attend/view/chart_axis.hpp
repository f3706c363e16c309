/// Round numbers along an axis.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/view/xml.hpp>

namespace attend::inline ATTEND_ABI {

/// Ticks at equal steps from `first` to `last`, and what is written beside them.
struct ChartAxis {
  double first = 0;
  double last = 1;
  std::vector<double> ticks;
  std::vector<std::string> labels;
};

/// An axis around `low <= high` with about five steps of 1, 2, 2.5 or 5 times a power of ten. Where
/// they are equal it ends one step higher. Throws std::invalid_argument for other bounds.
[[nodiscard]] inline ChartAxis chart_axis(double low, double high) {
  check_argument(std::isfinite(high - low) && low <= high, "chart_axis: the bounds are ", low,
                 " and ", high, ", expected finite numbers in order");
  const double range = high > low ? high - low : 1;
  const double power = std::pow(10, std::floor(std::log10(range / 5)));
  double step = 10 * power;
  for (const double digit : {5.0, 2.5, 2.0, 1.0}) {
    if (digit * power * 5 >= range * (1 - 1e-9)) step = digit * power;
  }

  ChartAxis axis;
  const double slack = 1e-9;
  const auto from = std::llround(std::floor(low / step + slack));
  auto to = std::llround(std::ceil(high / step - slack));
  if (from == to) ++to;
  const int decimals = std::max(0, 1 - static_cast<int>(std::floor(std::log10(step))));
  for (auto i = from; i <= to; ++i) {
    axis.ticks.push_back(static_cast<double>(i) * step);
    axis.labels.push_back(decimal(axis.ticks.back(), std::min(decimals, 12)));
  }
  axis.first = axis.ticks.front();
  axis.last = axis.ticks.back();
  return axis;
}

}  // namespace attend
