/// The random inputs that all contenders of a case share.
#pragma once

#include <case.hpp>
#include <reference/matrices.hpp>

namespace bench {

using attend::Random;
using reference::random_matrix;

inline double as_double(Index n) { return static_cast<double>(n); }

/// Bytes of n floats.
inline double float_bytes(Index n) { return 4.0 * as_double(n); }

/// Uniform in [-size, size), the same for the same seed.
inline Matrix<float> numbers(std::uint64_t seed, Index rows, Index cols, double size = 1) {
  Random random(seed);
  return random_matrix<float>(random, rows, cols, size);
}

inline Result result_of(const auto& m) { return m.template cast<double>(); }

}  // namespace bench
