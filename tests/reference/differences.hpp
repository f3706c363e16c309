/// Gradient checks of what a function reads where it stands.
#pragma once

#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <attend/testing/gradient_check.hpp>

namespace reference {

/// f() with `x` moved for the time of the call.
template <class X, class F>
auto with_moved(X& x, F& f) {
  return [&x, &f](const X& moved) {
    X kept = std::exchange(x, moved);
    const double loss = f();
    x = std::move(kept);
    return loss;
  };
}

/// Expects `gradient` to be the derivative of f() by every element of x, which f reads.
template <class X, class G, class F>
void expect_gradient(std::string_view name, X& x, const G& gradient, F&& f) {
  const auto report = attend::check_input(name, x, gradient, with_moved(x, f));
  EXPECT_TRUE(report.passed()) << report.message();
}

/// The same for every parameter of a model that f reads.
template <class M, class F>
void expect_parameter_gradients(M& model, const M& gradient, F&& f) {
  const auto report = attend::check_parameters(model, gradient, with_moved(model, f));
  EXPECT_TRUE(report.passed()) << report.message();
}

}  // namespace reference
