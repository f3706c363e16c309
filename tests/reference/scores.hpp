/// The library's scores as their equations have them, one case a score: a new one is one line in
/// each list of cases.
#pragma once

#include <cmath>

#include <attend/core/initialize.hpp>
#include <attend/score/any_score.hpp>
#include <attend/score/cosine.hpp>
#include <attend/score/normalised_additive.hpp>
#include <attend/score/scaled.hpp>

namespace reference {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::ScoreConfig;
using attend::Vector;

/// A weight of any storage as long doubles.
template <class P>
auto wide(const P& p) {
  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> m(p.rows(), p.cols());
  for (Index j = 0; j < p.cols(); ++j) {
    for (Index i = 0; i < p.rows(); ++i) m(i, j) = p(i, j);
  }
  return m;
}
using Wide = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

/// Every parameter uniform in [-1, 1), biases too.
template <class M>
void randomize(M& model, Random& random) {
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, 1.0, random); }, model);
}

inline long double neuron(const Wide& v, const Wide& a) {
  long double sum = 0;
  for (Index i = 0; i < v.rows(); ++i) sum += v(i) * std::tanh(a(i));
  return sum;
}

struct AdditiveCase {
  template <class S>
  static attend::Additive<S> make(ScoreConfig c, Random& random) {
    return {c, random};
  }
  template <class S>
  static long double energy(const attend::Additive<S>& z, const Wide& q, const Wide& h) {
    return neuron(wide(z.v), wide(z.W) * q + wide(z.U) * h + wide(*z.b));
  }
  static constexpr bool same_sizes = false;
};

struct ConcatCase {
  template <class S>
  static attend::Concat<S> make(ScoreConfig c, Random& random) {
    return {c, random};
  }
  /// With the one matrix over [q; h] that the halves are of.
  template <class S>
  static long double energy(const attend::Concat<S>& z, const Wide& q, const Wide& h) {
    Wide W_a(z.v.size(), q.rows() + h.rows());
    W_a << wide(z.W), wide(z.U);
    Wide both(q.rows() + h.rows(), 1);
    both << q, h;
    return neuron(wide(z.v), W_a * both);
  }
  static constexpr bool same_sizes = false;
};

struct GeneralCase {
  template <class S>
  static attend::General<S> make(ScoreConfig c, Random& random) {
    return {c, random};
  }
  template <class S>
  static long double energy(const attend::General<S>& z, const Wide& q, const Wide& h) {
    return (q.transpose() * wide(z.W_a) * h)(0);
  }
  static constexpr bool same_sizes = false;
};

struct DotCase {
  template <class S>
  static attend::Dot<S> make(ScoreConfig, Random&) {
    return {};
  }
  template <class S>
  static long double energy(const attend::Dot<S>&, const Wide& q, const Wide& h) {
    return (q.transpose() * h)(0);
  }
  static constexpr bool same_sizes = true;
};

struct ScaledDotCase {
  template <class S>
  static attend::Dot<S> make(ScoreConfig c, Random&) {
    return attend::scaled_dot<S>(c.key);
  }
  template <class S>
  static long double energy(const attend::Dot<S>&, const Wide& q, const Wide& h) {
    return (q.transpose() * h)(0) / std::sqrt(static_cast<long double>(h.rows()));
  }
  static constexpr bool same_sizes = true;
};

struct NormalisedAdditiveCase {
  template <class S>
  static attend::NormalisedAdditive<S> make(ScoreConfig c, Random& random) {
    return {c, random};
  }
  template <class S>
  static long double energy(const attend::NormalisedAdditive<S>& z, const Wide& q, const Wide& h) {
    const Wide v = wide(z.v) * (wide(z.g)(0) / wide(z.v).norm());
    return neuron(v, wide(z.W) * q + wide(z.U) * h + wide(*z.b)) + z.r(0);
  }
  static constexpr bool same_sizes = false;
};

struct CosineCase {
  template <class S>
  static attend::Cosine<S> make(ScoreConfig c, Random&) {
    return attend::Cosine<S>(c.key);
  }
  template <class S>
  static long double energy(const attend::Cosine<S>& z, const Wide& q, const Wide& h) {
    const long double logit = (wide(z.w).transpose() * q)(0) + z.b(0);
    return std::log1p(std::exp(logit)) * (q.transpose() * h)(0) / (q.norm() * h.norm());
  }
  static constexpr bool same_sizes = true;
};

struct ScaledGeneralCase {
  template <class S>
  static attend::Scaled<attend::General<S>> make(ScoreConfig c, Random& random) {
    return attend::Scaled(attend::General<S>(c, random));
  }
  template <class S>
  static long double energy(const attend::Scaled<attend::General<S>>& z, const Wide& q,
                            const Wide& h) {
    return z.g(0) * GeneralCase::energy(z.score, q, h);
  }
  static constexpr bool same_sizes = false;
};

/// A case's score chosen at run time.
template <class Case>
struct AnyCase {
  template <class S>
  static attend::AnyScore<S> make(ScoreConfig c, Random& random) {
    return Case::template make<S>(c, random);
  }
  static constexpr bool same_sizes = Case::same_sizes;
};

/// The case whose equation it is.
template <class Case>
struct Plain {
  using type = Case;
};
template <class Case>
struct Plain<AnyCase<Case>> {
  using type = Case;
};

/// A score with random parameters; the same seed gives the same whether it is plain or any.
template <class Case, class S>
auto make_score(ScoreConfig config, std::uint64_t seed) {
  Random random(seed);
  auto score = Case::template make<S>(config, random);
  Random other(seed + 1);
  randomize(score, other);
  return score;
}

/// E (T x U) by the equation.
template <class Case, class S>
Wide energies(ScoreConfig config, std::uint64_t seed, const Matrix<S>& H, const Matrix<S>& Q) {
  using Equation = typename Plain<Case>::type;
  const auto score = make_score<Equation, S>(config, seed);
  Wide E(H.cols(), Q.cols());
  for (Index u = 0; u < Q.cols(); ++u) {
    for (Index t = 0; t < H.cols(); ++t) {
      E(t, u) = Equation::energy(score, wide(Q.col(u)), wide(H.col(t)));
    }
  }
  return E;
}

}  // namespace reference
