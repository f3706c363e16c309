/// Gradients as the definition has them: central differences, the oracle for every way back.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <attend/core/parameters.hpp>

namespace reference {

using attend::Index;

/// The step's own error is near 1e-11, that of rounding near 1e-10.
inline constexpr double difference_step = 1e-5;
inline constexpr double gradient_tolerance = 1e-7;

/// df/dx for one number that f reads.
template <class F>
double central_difference(double& x, F&& f) {
  const double kept = x;
  x = kept + difference_step;
  const double above = f();
  x = kept - difference_step;
  const double below = f();
  x = kept;
  return (above - below) / (2 * difference_step);
}

/// Expects `gradient` to be the derivative of f() by every element of x, which f reads.
template <class X, class G, class F>
void expect_gradient(const std::string& name, X&& x, const G& gradient, F&& f) {
  ASSERT_EQ(x.rows(), gradient.rows()) << name;
  ASSERT_EQ(x.cols(), gradient.cols()) << name;
  for (Index j = 0; j < x.cols(); ++j) {
    for (Index i = 0; i < x.rows(); ++i) {
      const double expected = central_difference(x(i, j), f);
      ASSERT_NEAR(gradient(i, j), expected, gradient_tolerance * (1 + std::abs(expected)))
          << name << "(" << i << ", " << j << ")";
    }
  }
}

/// The same for every parameter of a model that f reads.
template <class M, class F>
void expect_parameter_gradients(M& model, const M& gradient, F&& f) {
  attend::for_each_parameter([&](std::string_view name, auto& x,
                                 const auto& dx) { expect_gradient(std::string(name), x, dx, f); },
                             model, gradient);
}

}  // namespace reference
