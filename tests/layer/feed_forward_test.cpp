#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/layer/feed_forward.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Activation;
using attend::FeedForward;
using attend::FeedForwardTrace;
using attend::Index;
using attend::Matrix;
using attend::Random;
using reference::random_matrix;

const std::vector<Activation> all_kinds = {Activation::relu, Activation::gelu,
                                           Activation::gelu_tanh, Activation::silu,
                                           Activation::sigmoid};

long double by_the_book(Activation kind, long double x) {
  constexpr long double pi = std::numbers::pi_v<long double>;
  switch (kind) {
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::gelu:
      return x * std::erfc(-x / std::sqrt(2.0L)) / 2;
    case Activation::gelu_tanh:
      return x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715L * x * x * x))) / 2;
    case Activation::silu:
      return x / (1 + std::exp(-x));
    default:
      return 1 / (1 + std::exp(-x));
  }
}

template <class S>
class Activations : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Activations, Scalars);

TYPED_TEST(Activations, AreTheirEquations) {
  using S = TypeParam;
  const double bound = std::is_same_v<S, float> ? 2e-6 : 2e-15;
  for (const Activation kind : all_kinds) {
    for (const Index n : {1, 7, 16, 17, 65}) {
      std::vector<S> a(static_cast<std::size_t>(n));
      std::vector<S> c(a.size());
      for (std::size_t i = 0; i < a.size(); ++i) {
        a[i] = static_cast<S>(0.5 * static_cast<double>(i) - 6);
        c[i] = static_cast<S>(0.1 * static_cast<double>(i) - 1);
      }
      std::vector<S> h(a.size());
      std::vector<S> gated(a.size());
      attend::activate<S>(kind, n, a.data(), nullptr, h.data());
      attend::activate<S>(kind, n, a.data(), c.data(), gated.data());
      for (std::size_t i = 0; i < a.size(); ++i) {
        const long double expected = by_the_book(kind, a[i]);
        const double scale = std::max(1.0, std::abs(static_cast<double>(expected)));
        EXPECT_NEAR(h[i], static_cast<double>(expected), bound * scale) << static_cast<int>(kind);
        EXPECT_EQ(gated[i], h[i] * c[i]);
      }
    }
  }
}

TYPED_TEST(Activations, StayFiniteFarOut) {
  using S = TypeParam;
  for (const Activation kind : all_kinds) {
    for (const S x : {S{-1e4F}, S{1e4F}}) {
      const S one = 1;
      S h = 0;
      S da = 0;
      attend::activate<S>(kind, 1, &x, nullptr, &h);
      attend::activate_backward<S>(kind, 1, {&x, nullptr, &one}, &da, nullptr);
      const bool flat = x < 0 || kind == Activation::sigmoid;
      EXPECT_NEAR(h, kind == Activation::sigmoid ? (x > 0 ? 1 : 0) : std::max(x, S{0}), 1e-6);
      EXPECT_NEAR(da, flat ? 0 : 1, 1e-6);
    }
  }
}

TEST(FeedForward, HasItsGradientAndAddsIt) {
  for (const Activation kind : all_kinds) {
    for (const bool gated : {false, true}) {
      Random random(3);
      const FeedForward<double> layer({.size = 3, .hidden = 9, .activation = kind, .gated = gated},
                                      random);
      const auto X = random_matrix<double>(random, 3, 4, 2);
      const auto weights = random_matrix<double>(random, 3, 4);
      FeedForwardTrace<double> other;
      const auto loss = [&](const FeedForward<double>& l, const Matrix<double>& x) {
        Matrix<double> Y(3, 4);
        l.forward(x, Y, other);
        return Y.cwiseProduct(weights).sum();
      };
      FeedForwardTrace<double> trace;
      Matrix<double> Y(3, 4);
      layer.forward(X, Y, trace);
      auto transposed = layer;
      attend::assign_transposed(layer, transposed);
      auto gradient = zero_like(layer);
      Matrix<double> dX = Matrix<double>::Zero(3, 4);
      layer.backward(transposed, X, weights, dX, trace, gradient);
      auto report = attend::check_parameters(
          layer, gradient, [&](const FeedForward<double>& l) { return loss(l, X); });
      report.add(attend::check_input("X", X, dX, [&](const auto& x) { return loss(layer, x); }));
      EXPECT_TRUE(report.passed()) << static_cast<int>(kind) << report.message();
      const Matrix<double> once = dX;
      layer.backward(transposed, X, weights, dX, trace, gradient);
      EXPECT_LT((dX - 2 * once).cwiseAbs().maxCoeff(), 1e-12);
    }
  }
}

}  // namespace
