// A score of your own: the library needs an energy and its gradient, and nothing else.

#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <utility>
#include <vector>

#include <attend/attend.hpp>

using attend::ConstView, attend::Gru, attend::Index, attend::Matrix, attend::Random, attend::View;

// e(k, q) = -s |k - q|^2: near keys answer best, s learns how near is near. Keys and queries are
// compared as they are, so there are no projections to write.
template <attend::Scalar S>
struct NegativeSquaredDistance {
  using Scalar = S;
  attend::Vector<S> sharpness = attend::Vector<S>::Constant(1, S{0.5});

  static void parameters(auto&& f, auto&... m) { f("sharpness", m.sharpness...); }

  [[nodiscard]] Index projected_size(Index d) const { return d; }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    for (Index u = 0; u < A.cols(); ++u) {
      for (Index t = 0; t < K.cols(); ++t) {
        E(t, u) = -sharpness(0) * (K.col(t) - A.col(u)).squaredNorm();
      }
    }
  }

  // de/dk = -2 s (k - q) = -de/dq, de/ds = -|k - q|^2. Backward adds.
  void energies_backward(ConstView<S> K, ConstView<S> A, ConstView<S> dE, View<S> dK, View<S> dA,
                         NegativeSquaredDistance& gradient) const {
    for (Index u = 0; u < A.cols(); ++u) {
      for (Index t = 0; t < K.cols(); ++t) {
        const attend::Vector<S> difference = K.col(t) - A.col(u);
        dK.col(t) -= 2 * sharpness(0) * dE(t, u) * difference;
        dA.col(u) += 2 * sharpness(0) * dE(t, u) * difference;
        gradient.sharpness(0) -= dE(t, u) * difference.squaredNorm();
      }
    }
  }
};
static_assert(attend::Score<NegativeSquaredDistance<float>>);

Matrix<double> random_matrix(Index rows, Index columns, Random& random) {
  Matrix<double> m(rows, columns);
  attend::initialize_normal(m, 1.0, random);
  return m;
}

// The library's own checker compares the gradient with differences of a loss, here sum(dE o E).
attend::GradientReport check_gradient(Random& random) {
  const NegativeSquaredDistance<double> score;
  const Matrix<double> K = random_matrix(5, 7, random), A = random_matrix(5, 3, random);
  const Matrix<double> dE = random_matrix(7, 3, random);
  Matrix<double> dK = Matrix<double>::Zero(5, 7), dA = Matrix<double>::Zero(5, 3);
  auto gradient = attend::zero_like(score);
  score.energies_backward(K, A, dE, dK, dA, gradient);

  const auto loss = [&](const auto& z, const Matrix<double>& keys, const Matrix<double>& queries) {
    Matrix<double> E(7, 3);
    z.energies(keys, queries, E);
    return dE.cwiseProduct(E).sum();
  };
  auto report =
      attend::check_parameters(score, gradient, [&](const auto& z) { return loss(z, K, A); });
  report.add(attend::check_input("K", K, dK, [&](const auto& x) { return loss(score, x, A); }));
  report.add(attend::check_input("A", A, dA, [&](const auto& x) { return loss(score, K, x); }));
  return report;
}

// In the attention engine: the query is nearest to the third annotation.
void attend_with_it(Random& random) {
  const Matrix<double> annotations = random_matrix(4, 5, random);
  const Matrix<double> query = annotations.col(2) + 0.1 * random_matrix(4, 1, random);
  const attend::Attention attention{NegativeSquaredDistance<double>{}};
  Matrix<double> context(4, 1), weights;
  attend::AttentionWorkspace<double> workspace;
  attention.attend(annotations, query, context, workspace, weights);
  std::cout << "weights of five annotations, the third is near: " << weights.transpose() << '\n';
}

// The same from a lambda, its gradient derived by dual numbers: slower, and the whole of it is
// here. It could take one more argument, attend::Place, to know where key and query stand.
attend::GradientReport check_lambda(Random& random) {
  auto score = attend::learned_score<double>(
      attend::Vector<double>::Constant(1, 0.5),
      [](const auto& k, const auto& q, const auto& w) { return -w(0) * (k - q).squaredNorm(); });
  const Matrix<double> K = random_matrix(5, 7, random), A = random_matrix(5, 3, random);
  const Matrix<double> dE = random_matrix(7, 3, random);
  Matrix<double> dK = Matrix<double>::Zero(5, 7), dA = Matrix<double>::Zero(5, 3), used = dE;
  auto gradient = attend::zero_like(score);
  score.energies_backward(K, A, used, dK, dA, gradient);
  const auto loss = [&](const auto& z, const Matrix<double>& keys) {
    Matrix<double> E(7, 3);
    z.energies(keys, A, E);
    return dE.cwiseProduct(E).sum();
  };
  auto report =
      attend::check_parameters(score, gradient, [&](const auto& z) { return loss(z, K); });
  report.add(attend::check_input("K", K, dK, [&](const auto& x) { return loss(score, x); }));
  return report;
}

// In a decoder: a memory of one source of four annotations, and two steps of a hypothesis.
void decode_with_it(Random& random) {
  const auto decoder = attend::bahdanau_decoder(
      {.vocabulary = 9,
       .embedding = 4,
       .hidden = 6,
       .annotation = 6,
       .encoder_states = 6,
       .readout = 6},
      [](Index input, Random& r) { return Gru<double>({.input = input, .hidden = 6}, r); },
      NegativeSquaredDistance<double>{}, random);
  const std::array<Index, 1> lengths{4}, sentences{0};
  const attend::Ragged layout{lengths};
  typename decltype(decoder)::Memory memory;
  decoder.remember(layout, random_matrix(6, 4, random), random_matrix(6, 1, random), memory);
  typename decltype(decoder)::State state;
  decoder.begin(memory, sentences, state);
  for (const attend::Token token : {attend::start_token, attend::Token{5}}) {
    decoder.step(memory, std::array{token}, state);
    std::cout << "weights of a decoder's step:";
    for (const double weight : state.weights(0)) std::cout << ' ' << weight;
    std::cout << '\n';
  }
}

int main() {
  Random random(1);
  const attend::GradientReport report = check_gradient(random);
  std::cout << report.message() << '\n';
  const attend::GradientReport derived = check_lambda(random);
  std::cout << "from a lambda, " << derived.message() << '\n';
  attend_with_it(random);
  decode_with_it(random);
  return report.passed() && derived.passed() ? EXIT_SUCCESS : EXIT_FAILURE;
}
