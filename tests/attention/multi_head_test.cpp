#include <algorithm>
#include <cmath>
#include <reference/attention.hpp>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/any_window.hpp>
#include <attend/attention/cross_attention.hpp>
#include <attend/attention/self_attention.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Causal;
using attend::CrossAttention;
using attend::Full;
using attend::Heads;
using attend::Index;
using attend::Matrix;
using attend::MultiHeadTrace;
using attend::Ragged;
using attend::Random;
using attend::SelfAttention;
using attend::View;
using reference::message_of;
using reference::random_matrix;
using reference::same_bits;
using reference::Wide;

const std::vector<Heads> all_heads = {{1, 1, 3, 3}, {4, 4, 2, 5}, {4, 2, 3, 2}, {3, 1, 2, 1}};

/// All of them; relative positions are the same from a distance of 3 on.
const attend::AdjustmentConfig all_adjustments = {
    .soft_cap = 1.5, .relative_clip = 3, .linear_bias = true};

/// Two features more than the largest number of columns a head is asked with at one time.
const Ragged layout(std::vector<Index>{3, 0, 19, 1});
const Ragged sources(std::vector<Index>{2, 4, 17, 0});

/// Every head by the definition: rows of queries, keys and values upon each other.
template <class W>
Wide by_the_book(const Heads& h, const W& window, const Wide& Q, const Wide& K, const Wide& V,
                 Wide* weights = nullptr) {
  Wide C(h.context_rows(), Q.cols());
  for (Index i = 0; i < h.heads; ++i) {
    const Index shared = i / (h.heads / h.key_heads);
    const Wide E = K.middleRows(shared * h.key, h.key).transpose() *
                   Q.middleRows(i * h.key, h.key) / std::sqrt(static_cast<long double>(h.key));
    const auto own = reference::attention(E, V.middleRows(shared * h.value, h.value), window);
    C.middleRows(i * h.value, h.value) = own.contexts;
    if (weights != nullptr) weights->middleRows(i * K.cols(), K.cols()) = own.weights;
  }
  return C;
}

Wide wide(const attend::Dense<double>& dense, const Matrix<double>& X) {
  return ((dense.W.matrix() * X).colwise() + dense.b).cast<long double>();
}

double distance(const Wide& a, const Matrix<double>& b) {
  return a.size() == 0 ? 0 : static_cast<double>((a - b.cast<long double>()).cwiseAbs().maxCoeff());
}

template <class Layer>
void randomize(Layer& layer, Random& random) {
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, 1, random); }, layer);
}

template <class W>
void expect_self_by_the_book(const Heads& h) {
  Random random(1);
  SelfAttention<double, W> layer({.size = 5, .heads = h}, random);
  randomize(layer, random);
  const auto X = random_matrix<double>(random, 5, layout.columns());
  MultiHeadTrace<double> trace;
  Matrix<double> Y(5, layout.columns());
  layer.forward(layout, X, Y, nullptr, trace);
  for (Index b = 0; b < layout.size(); ++b) {
    const Index T = layout.length(b);
    const Wide P = wide(layer.input, X.middleCols(layout.start(b), T));
    Wide weights(h.heads * T, T);
    const Wide C =
        by_the_book(h, W{}, P.topRows(h.query_rows()), P.middleRows(h.query_rows(), h.key_rows()),
                    P.bottomRows(h.value_rows()), &weights);
    const Wide expected = wide(layer.output, C.cast<double>());
    EXPECT_LT(distance(expected, Y.middleCols(layout.start(b), T)), 1e-13);
    Matrix<double> all(h.heads * T, T);
    layer.weights(layout, b, trace, all);
    EXPECT_LT(distance(weights, all), 1e-14);
  }
}

TEST(SelfAttention, IsEveryHeadByTheBook) {
  for (const Heads& h : all_heads) {
    expect_self_by_the_book<Full>(h);
    expect_self_by_the_book<Causal>(h);
  }
}

/// Soft cap, then relative positions, then linear biases, by the formulas of their papers.
Wide adjusted_by_the_book(Wide E, const Wide& Q, const Wide& R, Index head, const Heads& h) {
  const Index clip = R.cols() / 2;
  const long double slope = std::exp2(-8.0L * (head + 1) / h.heads);
  for (Index u = 0; u < E.cols(); ++u) {
    for (Index t = 0; t < E.rows(); ++t) {
      const Index column = std::min(std::max(t - u, -clip), clip) + clip;
      E(t, u) = 1.5L * std::tanh(E(t, u) / 1.5L) +
                Q.col(u).dot(R.col(column)) / std::sqrt(static_cast<long double>(h.key)) -
                slope * std::abs(t - u);
    }
  }
  return E;
}

TEST(SelfAttention, AdjustsEnergiesByTheBook) {
  const std::vector<attend::AnyWindow> windows = {Full{}, Causal{}, attend::Sliding{2, 1}};
  for (const Heads& h : all_heads) {
    for (const auto& window : windows) {
      Random random(11);
      SelfAttention<double, attend::AnyWindow> layer(
          {.size = 5, .heads = h, .adjustments = all_adjustments}, random, window);
      randomize(layer, random);
      Wide R;
      attend::for_each_parameter(
          [&](std::string_view name, const auto& p) {
            if (name == "relative.R") R = attend::values(p).template cast<long double>();
          },
          layer);
      R.resize(h.key, 7);
      const auto X = random_matrix<double>(random, 5, layout.columns());
      MultiHeadTrace<double> trace;
      Matrix<double> Y(5, layout.columns());
      layer.forward(layout, X, Y, nullptr, trace);
      for (Index b = 0; b < layout.size(); ++b) {
        const Index T = layout.length(b);
        const Wide P = wide(layer.input, X.middleCols(layout.start(b), T));
        Wide C(h.context_rows(), T);
        for (Index i = 0; i < h.heads; ++i) {
          const Index shared = i / (h.heads / h.key_heads);
          const Wide Q = P.middleRows(i * h.key, h.key);
          const Wide K = P.middleRows(h.query_rows() + shared * h.key, h.key);
          const Wide E = K.transpose() * Q / std::sqrt(static_cast<long double>(h.key));
          const Wide V = P.bottomRows(h.value_rows()).middleRows(shared * h.value, h.value);
          C.middleRows(i * h.value, h.value) =
              reference::attention(adjusted_by_the_book(E, Q, R, i, h), V, window).contexts;
        }
        EXPECT_LT(distance(wide(layer.output, C.cast<double>()), Y.middleCols(layout.start(b), T)),
                  1e-13);
      }
    }
  }
}

TEST(CrossAttention, IsEveryHeadByTheBook) {
  for (const Heads& h : all_heads) {
    Random random(2);
    CrossAttention<double> layer({.size = 5, .memory = 4, .heads = h}, random);
    randomize(layer, random);
    const auto X = random_matrix<double>(random, 5, layout.columns());
    const auto H = random_matrix<double>(random, 4, sources.columns());
    attend::Buffer<double> M;
    layer.project_memory(H, M);
    MultiHeadTrace<double> trace;
    Matrix<double> Y(5, layout.columns());
    layer.forward(layout, X, sources, M.view(), Y, nullptr, trace);
    for (Index b = 0; b < layout.size(); ++b) {
      const Index U = layout.length(b);
      const Index T = sources.length(b);
      const Wide Q = wide(layer.query, X.middleCols(layout.start(b), U));
      const Wide KV = wide(layer.memory, H.middleCols(sources.start(b), T));
      Wide weights(h.heads * T, U);
      const Wide C = by_the_book(h, Full{}, Q, KV.topRows(h.key_rows()),
                                 KV.bottomRows(h.value_rows()), &weights);
      EXPECT_LT(distance(wide(layer.output, C.cast<double>()), Y.middleCols(layout.start(b), U)),
                1e-13);
      Matrix<double> all(h.heads * T, U);
      layer.weights(layout, b, sources, M.view(), trace, all);
      EXPECT_LT(distance(weights, all), 1e-14);
    }
  }
}

TEST(CrossAttention, DoesNotSeeTheOrderOfItsMemory) {
  Random random(3);
  CrossAttention<double> layer({.size = 5, .memory = 4, .heads = {2, 2, 3, 3}}, random);
  const Ragged one(std::vector<Index>{6});
  const auto X = random_matrix<double>(random, 5, 6);
  const auto H = random_matrix<double>(random, 4, 6);
  const auto pass = [&](const Matrix<double>& memory) {
    attend::Buffer<double> M;
    layer.project_memory(memory, M);
    MultiHeadTrace<double> trace;
    Matrix<double> Y(5, 6);
    layer.forward(one, X, one, M.view(), Y, nullptr, trace);
    return Y;
  };
  EXPECT_LT((pass(H) - pass(H.rowwise().reverse())).cwiseAbs().maxCoeff(), 1e-14);
}

TEST(SelfAttention, SeesNothingLaterWhereItIsCausal) {
  Random random(4);
  SelfAttention<float, Causal> layer({.size = 6, .heads = {2, 1, 4, 3}}, random);
  const Ragged one(std::vector<Index>{21});
  Matrix<float> X = random_matrix<float>(random, 6, 21);
  MultiHeadTrace<float> trace;
  Matrix<float> before(6, 21);
  layer.forward(one, X, before, nullptr, trace);
  X.rightCols(5).setConstant(1e4F);
  Matrix<float> after(6, 21);
  layer.forward(one, X, after, nullptr, trace);
  EXPECT_TRUE(same_bits(Matrix<float>(before.leftCols(16)), Matrix<float>(after.leftCols(16))));
  EXPECT_NE(before, after);
}

TEST(SelfAttention, StepsAsItPassesTheWhole) {
  for (const Heads& h : all_heads) {
    Random random(5);
    const bool even = h.key % 2 == 0;
    SelfAttention<double, attend::Sliding> layer({.size = 5,
                                                  .heads = h,
                                                  .rotary = {.size = even ? h.key : 0},
                                                  .adjustments = all_adjustments},
                                                 random, attend::Sliding::causal(8));
    constexpr Index T = 12;
    const Ragged one(std::vector<Index>{T});
    const auto X = random_matrix<double>(random, 5, T);
    MultiHeadTrace<double> trace;
    Matrix<double> whole(5, T);
    layer.forward(one, X, whole, nullptr, trace);
    attend::KeyValueCache<double> cache;
    cache.begin(2, 1, layer.cached_rows());
    Matrix<double> step(5, 2);
    for (Index t = 0; t < T; ++t) {
      Matrix<double> both(5, 2);
      both << X.col(t), random_matrix<double>(random, 5, 1);
      layer.step(both, step, cache, 0, trace);
      cache.finish_step();
      EXPECT_TRUE(same_bits(Matrix<double>(step.col(0)), Matrix<double>(whole.col(t)))) << t;
    }
  }
}

/// With dropout, with positions that turn, with adjustments, and with what a batch has of every
/// length.
TEST(SelfAttention, HasItsGradient) {
  for (const Heads& h : all_heads) {
    Random random(6);
    const bool even = h.key % 2 == 0;
    SelfAttention<double, Causal> layer({.size = 4,
                                         .heads = h,
                                         .dropout = 0.3,
                                         .rotary = {.size = even ? h.key : 0},
                                         .adjustments = all_adjustments},
                                        random);
    randomize(layer, random);
    const auto X = random_matrix<double>(random, 4, layout.columns());
    const auto weights = random_matrix<double>(random, 4, layout.columns());
    MultiHeadTrace<double> trace;
    MultiHeadTrace<double> other;
    const auto loss = [&](const auto& l, const Matrix<double>& x, MultiHeadTrace<double>& own) {
      Random masks(8);
      Matrix<double> Y(4, layout.columns());
      l.forward(layout, x, Y, &masks, own);
      return Y.cwiseProduct(weights).sum();
    };
    (void)loss(layer, X, trace);
    auto transposed = layer;
    attend::assign_transposed(layer, transposed);
    auto gradient = zero_like(layer);
    Matrix<double> dX = Matrix<double>::Zero(4, layout.columns());
    layer.backward(transposed, layout, X, weights, dX, trace, gradient);
    auto report =
        attend::check_parameters(layer, gradient, [&](const auto& l) { return loss(l, X, other); });
    report.add(
        attend::check_input("X", X, dX, [&](const auto& x) { return loss(layer, x, other); }));
    EXPECT_TRUE(report.passed()) << report.message();
  }
}

TEST(CrossAttention, HasItsGradient) {
  for (const Heads& h : all_heads) {
    Random random(7);
    CrossAttention<double> layer({.size = 4, .memory = 3, .heads = h, .dropout = 0.3}, random);
    randomize(layer, random);
    const auto X = random_matrix<double>(random, 4, layout.columns());
    const auto H = random_matrix<double>(random, 3, sources.columns());
    const auto weights = random_matrix<double>(random, 4, layout.columns());
    MultiHeadTrace<double> trace;
    attend::Buffer<double> M;
    const auto loss = [&](const auto& l, const Matrix<double>& x, const Matrix<double>& memory) {
      Random masks(8);
      Matrix<double> Y(4, layout.columns());
      l.project_memory(memory, M);
      l.forward(layout, x, sources, M.view(), Y, &masks, trace);
      return Y.cwiseProduct(weights).sum();
    };
    (void)loss(layer, X, H);
    auto transposed = layer;
    attend::assign_transposed(layer, transposed);
    auto gradient = zero_like(layer);
    Matrix<double> dX = Matrix<double>::Zero(4, layout.columns());
    Matrix<double> dH = Matrix<double>::Zero(3, sources.columns());
    Matrix<double> dM = Matrix<double>::Zero(M.rows(), M.cols());
    layer.backward(transposed, layout, X, sources, M.view(), weights, dX, dM, trace, gradient);
    layer.project_memory_backward(transposed, H, dM, dH, gradient);
    auto report =
        attend::check_parameters(layer, gradient, [&](const auto& l) { return loss(l, X, H); });
    report.add(attend::check_input("X", X, dX, [&](const auto& x) { return loss(layer, x, H); }));
    report.add(attend::check_input("H", H, dH, [&](const auto& m) { return loss(layer, X, m); }));
    EXPECT_TRUE(report.passed()) << report.message();
  }
}

/// Each head and each sentence drops weights of its own, and what is kept grows.
TEST(SelfAttention, DropsWeights) {
  Random random(9);
  SelfAttention<double> layer({.size = 2, .heads = {2, 2, 1, 1}, .dropout = 0.5}, random);
  layer.input.W = Matrix<double>::Zero(6, 2);
  layer.input.b.setOnes();
  layer.output.W = Matrix<double>::Identity(2, 2);
  layer.output.b.setZero();
  const Ragged two(std::vector<Index>{40, 40});
  const Matrix<double> X = Matrix<double>::Ones(2, 80);
  MultiHeadTrace<double> trace;
  Matrix<double> Y(2, 80);
  layer.forward(two, X, Y, nullptr, trace);
  EXPECT_LT((Y.array() - 1).abs().maxCoeff(), 1e-12) << "nothing is dropped without a generator";
  Random masks(10);
  layer.forward(two, X, Y, &masks, trace);
  EXPECT_NEAR(Y.mean(), 1, 0.06);
  EXPECT_GT((Y.row(0) - Y.row(1)).norm(), 0.1) << "heads differ";
  EXPECT_GT((Y.leftCols(40) - Y.rightCols(40)).norm(), 0.1) << "sentences differ";
}

TEST(MultiHead, SaysWhatIsWrong) {
  Random random(1);
  EXPECT_EQ(message_of([] {
              checked(Heads{4, 3, 1, 1});
            }),
            "Heads: 3 key heads cannot be shared evenly by 4 heads; choose a number that divides "
            "it");
  EXPECT_EQ(message_of([] {
              checked(Heads{4, 0, 1, 1});
            }),
            "Heads: heads, key_heads, key and value are 4, 0, 1, 1, expected 1 or more");
  EXPECT_EQ(message_of([&] {
              (void)SelfAttention<float>({.size = 4, .heads = {2, 2, 2, 2}, .rotary = {.size = 4}},
                                         random);
            }),
            "SelfAttention: rotary positions turn heads of 4 features, but a head's keys have 2");
  EXPECT_EQ(message_of([&] {
              (void)SelfAttention<float>(
                  {.size = 4, .heads = {2, 2, 2, 2}, .adjustments = {.soft_cap = -1}}, random);
            }),
            "AnyAdjustment: soft_cap and relative_clip are -1 and 0, expected 0 or more");
  const attend::MultiHead<float> heads(Heads{2, 2, 2, 2});
  attend::AttentionWorkspace<float> workspace;
  const Matrix<float> Q(4, 3);
  const Matrix<float> K(4, 5);
  Matrix<float> C(4, 3);
  EXPECT_EQ(message_of([&] {
              heads.attend({K, Q, K, 0, {}}, C, workspace);
            }),
            "MultiHead: queries is (4 x 5), expected (4 x 3)");
  Matrix<float> weights(5, 3);
  attend::View<float> view = weights;
  EXPECT_EQ(message_of([&] {
              heads.attend({Q, K, K, 0, {}}, C, workspace, {}, &view);
            }),
            "MultiHead: weights is (5 x 3), expected (10 x 3)");
  std::vector<float> normalisers(3);
  EXPECT_EQ(message_of([&] {
              heads.attend({Q, K, K, 0, {}}, C, workspace, normalisers);
            }),
            "MultiHead: number of normalisers is 3, expected 6");
  Matrix<float> dQ(4, 3);
  Matrix<float> dK(4, 5);
  attend::MultiHead<float> gradient(Heads{2, 2, 2, 2});
  EXPECT_EQ(message_of([&] {
              heads.backward({Q, K, K, 0, {}}, C, normalisers, C, {dQ, dK, dK, 0, {}}, gradient,
                             workspace);
            }),
            "MultiHead: number of normalisers is 3, expected 6");
}

}  // namespace
