/// Products as the definition has them: three loops in long double, the oracle for the kernels.
#pragma once

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <attend/core/types.hpp>

namespace reference {

using attend::Index;

/// Expects Y = Y0 + A B for A(i, k) and B(k, j) given as functions, within the error of a chain of
/// `inner` roundings: (inner + 1) epsilon (|Y0| + sum |A| |B|).
template <class S, class A, class B>
void expect_product(const attend::Matrix<S>& Y, const attend::Matrix<S>& Y0, Index inner, A a,
                    B b) {
  ASSERT_EQ(Y.rows(), Y0.rows());
  ASSERT_EQ(Y.cols(), Y0.cols());
  for (Index j = 0; j < Y.cols(); ++j) {
    for (Index i = 0; i < Y.rows(); ++i) {
      long double sum = Y0(i, j);
      long double magnitude = std::abs(Y0(i, j));
      for (Index k = 0; k < inner; ++k) {
        const long double term = static_cast<long double>(a(i, k)) * b(k, j);
        sum += term;
        magnitude += std::abs(term);
      }
      const long double error = std::abs(static_cast<long double>(Y(i, j)) - sum);
      const long double bound =
          static_cast<long double>(inner + 1) * std::numeric_limits<S>::epsilon() * magnitude;
      ASSERT_LE(error, bound) << "at (" << i << ", " << j << ") of (" << Y.rows() << " x " << inner
                              << ") (" << inner << " x " << Y.cols() << "), expected " << sum;
    }
  }
}

}  // namespace reference
