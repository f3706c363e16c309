/// Attention as the definition has it: plain loops and a softmax in two passes, in long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <reference/scores.hpp>
#include <vector>

#include <attend/attention/window.hpp>

namespace reference {

struct Attended {
  Wide weights;
  Wide contexts;
  std::vector<long double> normalisers;
};

/// E (T x U), values (d_v x T); query u stands at position first + u.
template <attend::Window W>
Attended attention(const Wide& E, const Wide& values, const W& window, Index first = 0) {
  const Index T = E.rows();
  const Index U = E.cols();
  Attended a{Wide::Zero(T, U), Wide::Zero(values.rows(), U), {}};
  for (Index u = 0; u < U; ++u) {
    const attend::KeyRange seen = window.range(first + u, T);
    long double largest = -std::numeric_limits<long double>::infinity();
    for (Index t = seen.begin; t < seen.end; ++t) largest = std::max(largest, E(t, u));
    long double sum = 0;
    for (Index t = seen.begin; t < seen.end; ++t) sum += std::exp(E(t, u) - largest);
    for (Index t = seen.begin; t < seen.end; ++t) {
      a.weights(t, u) = std::exp(E(t, u) - largest) / sum;
      for (Index i = 0; i < values.rows(); ++i) a.contexts(i, u) += a.weights(t, u) * values(i, t);
    }
    a.normalisers.push_back(sum > 0 ? largest + std::log(sum)
                                    : std::numeric_limits<long double>::infinity());
  }
  return a;
}

}  // namespace reference
