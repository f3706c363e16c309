#include <cmath>
#include <reference/attention.hpp>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/attention/attention.hpp>

namespace {

using attend::Attention;
using attend::AttentionWorkspace;
using attend::Causal;
using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::View;
using reference::random_matrix;

/// A user's own score: e = -w |k - q|^2, with one weight and no projections.
template <class T>
struct Closeness {
  using Scalar = T;
  attend::Vector<T> w = attend::Vector<T>::Ones(1);

  static void parameters(auto&& f, auto&... m) { f("w", m.w...); }
  [[nodiscard]] Index projected_size(Index d) const { return d; }

  void energies(ConstView<T> K, ConstView<T> A, View<T> E) const {
    for (Index u = 0; u < E.cols(); ++u) {
      for (Index t = 0; t < E.rows(); ++t) E(t, u) = -w(0) * (K.col(t) - A.col(u)).squaredNorm();
    }
  }

  void energies_backward(ConstView<T> K, ConstView<T> A, ConstView<T> dE, View<T> dK, View<T> dA,
                         Closeness& gradient) const {
    for (Index u = 0; u < dE.cols(); ++u) {
      for (Index t = 0; t < dE.rows(); ++t) {
        const attend::Vector<T> apart = K.col(t) - A.col(u);
        dK.col(t) -= 2 * w(0) * dE(t, u) * apart;
        dA.col(u) += 2 * w(0) * dE(t, u) * apart;
        gradient.w(0) -= dE(t, u) * apart.squaredNorm();
      }
    }
  }
};

static_assert(attend::Score<Closeness<float>> && attend::Score<Closeness<double>>);
static_assert(!attend::ProjectsKeys<Closeness<float>>);
static_assert(!attend::ProjectsQueries<Closeness<float>>);

TEST(UserScore, PlugsIntoTheEngine) {
  Random random(1);
  Matrix<double> H = random_matrix<double>(random, 3, 67);
  Matrix<double> Q = random_matrix<double>(random, 3, 4);
  Attention attention(Closeness<double>{}, Causal{62});
  attention.score.w(0) = 1.5;
  AttentionWorkspace<double> workspace;
  Matrix<double> C(3, 4);
  attention.attend(H, Q, C, workspace);

  reference::Wide E(67, 4);
  for (Index u = 0; u < 4; ++u) {
    for (Index t = 0; t < 67; ++t) E(t, u) = -1.5 * (H.col(t) - Q.col(u)).squaredNorm();
  }
  const auto expected = reference::attention(E, reference::wide(H), Causal{62});
  EXPECT_LE((reference::wide(C) - expected.contexts).cwiseAbs().maxCoeff(), 1e-14);

  attend::Memory<double> memory;
  const std::vector<Index> lengths = {67};
  memory.resize(lengths, 3, attention.key_size(3));
  ASSERT_TRUE(memory.keys_are_values());
  memory.values() = H;
  std::vector<double> normalisers(4);
  attention.attend(memory[0], {Q}, C, workspace, normalisers);
  attend::Memory<double> d_memory;
  d_memory.zero_like(memory);
  Matrix<double> dQ = Matrix<double>::Zero(3, 4);
  const Matrix<double> dC = random_matrix<double>(random, 3, 4);
  auto gradient = attend::zero_like(attention);
  attention.backward(memory[0], {Q}, {C, normalisers}, dC, dQ, d_memory.gradient(0), gradient,
                     workspace);
  const auto f = [&] {
    Matrix<double> out(3, 4);
    attention.attend(H, Q, out, workspace);
    return out.cwiseProduct(dC).sum();
  };
  reference::expect_gradient("H", H, d_memory.values(), f);
  reference::expect_gradient("Q", Q, dQ, f);
  reference::expect_parameter_gradients(attention, gradient, f);
}

}  // namespace
