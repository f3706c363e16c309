/// How weights begin.
#pragma once

#include <cmath>

#include <attend/core/parameters.hpp>
#include <attend/core/random.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// With Random::none() a parameter becomes zero, and true is returned.
template <ParameterLeaf P>
[[nodiscard]] bool begins_as_zeros(P& parameter, const Random& random) {
  if (!random.draws() && parameter.size() > 0) values(parameter).setZero();
  return !random.draws();
}

}  // namespace detail

/// Overwrites every element, row by row, with uniform numbers in [-bound, bound).
template <ParameterLeaf P>
void initialize_uniform(P& parameter, double bound, Random& random) {
  using S = std::remove_cvref_t<decltype(parameter(0, 0))>;
  if (detail::begins_as_zeros(parameter, random)) return;
  for (Index i = 0; i < parameter.rows(); ++i) {
    for (Index j = 0; j < parameter.cols(); ++j) {
      parameter(i, j) = static_cast<S>(random.uniform(-bound, bound));
    }
  }
}

/// Overwrites every element, row by row, with normal numbers of the given deviation.
template <ParameterLeaf P>
void initialize_normal(P& parameter, double deviation, Random& random) {
  using S = std::remove_cvref_t<decltype(parameter(0, 0))>;
  if (detail::begins_as_zeros(parameter, random)) return;
  for (Index i = 0; i < parameter.rows(); ++i) {
    for (Index j = 0; j < parameter.cols(); ++j) {
      parameter(i, j) = static_cast<S>(deviation * random.normal());
    }
  }
}

/// Glorot and Bengio 2010, eq. 16: uniform with bound sqrt(6 / (rows + cols)).
template <ParameterLeaf P>
void initialize_glorot(P& parameter, Random& random) {
  const auto fans = static_cast<double>(parameter.rows() + parameter.cols());
  initialize_uniform(parameter, std::sqrt(6.0 / fans), random);
}

namespace detail {

/// Columns that span what those of Q spanned, by Gram and Schmidt.
template <Scalar S>
void orthonormalize_columns(Matrix<S>& Q) {
  for (Index j = 0; j < Q.cols(); ++j) {
    // Twice is enough (Kahan, Parlett): the second pass removes what rounding left.
    for (int pass = 0; pass < 2; ++pass) {
      for (Index k = 0; k < j; ++k) Q.col(j) -= Q.col(k).dot(Q.col(j)) * Q.col(k);
    }
    Q.col(j) /= Q.col(j).norm();
  }
}

}  // namespace detail

/// Orthogonal blocks (Saxe, McClelland, Ganguli 2014, arXiv 1312.6120): every (cols x cols) block
/// of rows is a random rotation, by Gram and Schmidt in double. For recurrent weights.
template <ParameterLeaf P>
void initialize_orthogonal(P& parameter, Random& random) {
  using S = std::remove_cvref_t<decltype(parameter(0, 0))>;
  const Index n = parameter.cols();
  if (n == 0 || detail::begins_as_zeros(parameter, random)) return;
  Matrix<double> Q(n, n);
  for (Index first = 0; first < parameter.rows(); first += n) {
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < n; ++i) Q(i, j) = random.normal();
    }
    detail::orthonormalize_columns(Q);
    for (Index i = 0; i < std::min(n, parameter.rows() - first); ++i) {
      for (Index j = 0; j < n; ++j) parameter(first + i, j) = static_cast<S>(Q(i, j));
    }
  }
}

}  // namespace attend
