/// Matrices of random numbers, and their comparison to the bit.
#pragma once

#include <cstring>

#include <attend/core/random.hpp>
#include <attend/core/types.hpp>

namespace reference {

using attend::Index;
using attend::Matrix;
using attend::Random;

/// Uniform in [-size, size).
template <class S>
Matrix<S> random_matrix(Random& random, Index rows, Index cols, double size = 1) {
  Matrix<S> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<S>(random.uniform(-size, size));
  return m;
}

template <class S>
bool same_bits(Index n, const S* a, const S* b) {
  return n == 0 || std::memcmp(a, b, static_cast<std::size_t>(n) * sizeof(S)) == 0;
}

template <class S>
bool same_bits(const Matrix<S>& a, const Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && same_bits(a.size(), a.data(), b.data());
}

}  // namespace reference
