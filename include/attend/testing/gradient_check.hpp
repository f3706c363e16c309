/// Gradient checks: a layer, a cell or a score of your own is proven as the library's are.
///
///     GradientReport report = check_parameters(layer, gradient, [&](const auto& l) { ... });
///     report.add(check_input("X", X, dX, [&](const auto& x) { ... }));
///     EXPECT_TRUE(report.passed()) << report.message();
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/random.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

struct GradientCheckOptions {
  /// The largest error that passes, in units of max(1, |expected|, |actual|).
  double tolerance = 1e-7;
  /// How far an element x moves, in units of max(1, |x|).
  double step = 1e-3;
  /// At most so many elements of each matrix, drawn with `random`; 0 means all of them.
  Index sample = 0;
  Random* random = nullptr;
};

/// One element of a gradient: `expected` from differences of the loss, `actual` as it was given.
struct GradientElement {
  std::string matrix;
  Index row = 0;
  Index column = 0;
  double expected = 0;
  double actual = 0;

  /// |expected - actual| / max(1, |expected|, |actual|); infinite where one is not a number.
  [[nodiscard]] double error() const {
    const double scale = std::max({1.0, std::abs(expected), std::abs(actual)});
    const double relative = std::abs(expected - actual) / scale;
    return std::isnan(relative) ? HUGE_VAL : relative;
  }
  /// "U_gates(3, 4)", counted from 0.
  [[nodiscard]] std::string name() const {
    return detail::message(matrix, "(", row, ", ", column, ")");
  }
};

/// What a check found; reports of several checks add up to one.
struct GradientReport {
  Index checked = 0;
  Index failed = 0;
  GradientElement worst;
  /// The worst element of every matrix with an error above the tolerance.
  std::vector<GradientElement> failures;

  [[nodiscard]] bool passed() const { return failed == 0; }
  [[nodiscard]] double worst_error() const { return worst.error(); }

  void add(const GradientReport& other) {
    if (other.checked > 0 && (checked == 0 || other.worst_error() > worst_error()))
      worst = other.worst;
    checked += other.checked;
    failed += other.failed;
    for (const GradientElement& failure : other.failures) failures.push_back(failure);
  }

  /// A line for the whole, and one for every matrix that failed.
  [[nodiscard]] std::string message() const {
    std::string text = detail::message("gradient check: ", failed, " of ", checked,
                                       " elements failed, worst error ", worst_error(), " at ",
                                       checked > 0 ? worst.name() : std::string("none"));
    for (const GradientElement& element : failures) {
      std::ostringstream line;
      line.precision(12);
      line << "\n  " << element.name() << ": expected " << element.expected << ", actual "
           << element.actual << ", error " << element.error();
      text += line.str();
    }
    return text;
  }
};

namespace detail {

/// df/dx by the five-point stencil (Abramowitz, Stegun 25.3.6), error h^4 f'''''/30; f reads x.
template <class F>
double five_point_difference(double& x, double h, F&& f) {
  const double kept = x;
  const auto at = [&](double steps) {
    x = kept + steps * h;
    return static_cast<double>(f());
  };
  const double near = at(1) - at(-1);
  const double far = at(2) - at(-2);
  x = kept;
  return (8 * near - far) / (12 * h);
}

/// A stencil across a kink, as that of relu, is wrong where a smaller one is right; a gradient that
/// is wrong is so for every step.
template <class F>
double closest_difference(double& x, double actual, const GradientCheckOptions& options, F&& f) {
  double closest = 0;
  double step = options.step * std::max(1.0, std::abs(x));
  for (int attempt = 0; attempt < 3; ++attempt, step /= 10) {
    const double estimate = five_point_difference(x, step, f);
    const bool closer = std::abs(estimate - actual) < std::abs(closest - actual);
    if (attempt == 0 || closer) closest = estimate;
    if (GradientElement{{}, 0, 0, closest, actual}.error() <= options.tolerance) break;
  }
  return closest;
}

/// The elements of a matrix to check: all, or a sample without repetition.
inline std::vector<Index> elements_to_check(Index size, const GradientCheckOptions& options) {
  std::vector<Index> elements(static_cast<std::size_t>(size));
  std::iota(elements.begin(), elements.end(), Index{0});
  if (options.sample <= 0 || options.sample >= size) return elements;
  check_argument(options.random != nullptr, "gradient check: a sample of ", options.sample,
                 " elements needs a generator, set options.random");
  for (Index i = 0; i < options.sample; ++i) {
    const Index other = i + options.random->below(size - i);
    std::swap(elements[static_cast<std::size_t>(i)], elements[static_cast<std::size_t>(other)]);
  }
  elements.resize(static_cast<std::size_t>(options.sample));
  return elements;
}

template <class X, class G, class F>
GradientReport check_elements(std::string_view name, X& x, const G& gradient,
                              const GradientCheckOptions& options, F&& loss) {
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(x(0, 0))>, double>,
                "a gradient check needs double: differences of float losses show nothing");
  check_shape("gradient check", detail::message("the gradient of ", name), gradient, x.rows(),
              x.cols());
  GradientReport report;
  GradientElement worst_here;
  for (const Index element : elements_to_check(x.rows() * x.cols(), options)) {
    GradientElement e{std::string(name), element % x.rows(), element / x.rows(), 0, 0};
    e.actual = gradient(e.row, e.column);
    e.expected = closest_difference(x(e.row, e.column), e.actual, options, loss);
    if (!(e.error() <= options.tolerance)) ++report.failed;
    if (report.checked++ == 0 || e.error() > worst_here.error()) worst_here = std::move(e);
  }
  if (report.failed > 0) report.failures.push_back(worst_here);
  report.worst = std::move(worst_here);
  return report;
}

}  // namespace detail

/// Checks `gradient`, a value of the model's own type, against differences of `loss(model)` for
/// every element of every parameter. Throws ShapeError where the two have different shapes.
template <Parameterized M, class Loss>
[[nodiscard]] GradientReport check_parameters(const M& model, const M& gradient, Loss&& loss,
                                              const GradientCheckOptions& options = {}) {
  GradientReport report;
  M moved = model;
  for_each_parameter(
      [&](std::string_view name, auto& p, const auto& dp) {
        report.add(detail::check_elements(name, p, dp, options,
                                          [&] { return loss(std::as_const(moved)); }));
      },
      moved, gradient);
  return report;
}

/// Checks dX against differences of `loss(X)` for every element of the matrix or vector X, which
/// messages call `name`. Throws ShapeError where X and dX have different shapes.
template <ParameterLeaf X, ParameterLeaf G, class Loss>
[[nodiscard]] GradientReport check_input(std::string_view name, const X& x, const G& dx,
                                         Loss&& loss, const GradientCheckOptions& options = {}) {
  X moved = x;
  return detail::check_elements(name, moved, dx, options,
                                [&] { return loss(std::as_const(moved)); });
}

}  // namespace attend
