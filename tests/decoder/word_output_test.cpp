#include <limits>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <utility>

#include <gtest/gtest.h>

#include <attend/decoder/word_output.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Embedding;
using attend::Index;
using attend::Matrix;
using attend::Precision;
using attend::Random;
using attend::WordOutput;
using reference::random_matrix;

constexpr Index words = 21;
constexpr Index d_r = 6;

/// The output and the embedding that it may be tied to.
template <class S>
struct Words {
  WordOutput<S> output;
  Embedding<S> embedding;

  explicit Words(bool tied) {
    Random random(1);
    embedding = Embedding<S>({words, d_r}, random);
    output = WordOutput<S>({d_r, words, tied}, random);
    attend::initialize_uniform(output.b, 1.0, random);
  }
  static void parameters(auto&& f, auto&... m) {
    f("output", m.output...);
    f("embedding", m.embedding...);
  }
  void untie() { output.untie(embedding); }
  [[nodiscard]] Matrix<S> logits(const Matrix<S>& R) const {
    Matrix<S> L = Matrix<S>::Constant(words, R.cols(), S{7});
    output.logits(embedding, R, L);
    return L;
  }
};

template <class S>
std::pair<Matrix<S>, Words<S>> readouts_and_tied_words(Index columns) {
  Random random(5);
  return {random_matrix<S>(random, d_r, columns), Words<S>(true)};
}

template <class S>
class WordOutputs : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(WordOutputs, Scalars);

TYPED_TEST(WordOutputs, AreTheirEquation) {
  using S = TypeParam;
  Random random(2);
  const Matrix<S> R = random_matrix<S>(random, d_r, 7);
  for (const bool tied : {false, true}) {
    const Words<S> model(tied);
    EXPECT_EQ(model.output.tied(), tied);
    const Matrix<S> L = model.logits(R);
    for (Index n = 0; n < 7; ++n) {
      for (Index v = 0; v < words; ++v) {
        double expected = model.output.b(v);
        for (Index i = 0; i < d_r; ++i) {
          const double weight = tied ? model.embedding.E(i, v) : (*model.output.W)(v, i);
          expected += weight * R(i, n);
        }
        ASSERT_NEAR(L(v, n), expected, 40 * std::numeric_limits<S>::epsilon());
      }
    }
  }
}

TYPED_TEST(WordOutputs, GiveAColumnTheSameBitsAloneAndAmongOthers) {
  using S = TypeParam;
  Random random(3);
  const Matrix<S> R = random_matrix<S>(random, d_r, 13);
  for (const bool tied : {false, true}) {
    const Words<S> model(tied);
    const Matrix<S> L = model.logits(R);
    for (Index n = 0; n < 13; ++n) {
      ASSERT_TRUE(reference::same_bits<S>(model.logits(R.col(n)), Matrix<S>(L.col(n))));
    }
  }
}

TYPED_TEST(WordOutputs, UntiedHaveTheWordsForTheirOwnWeights) {
  using S = TypeParam;
  const auto [R, tied] = readouts_and_tied_words<S>(13);
  Words<S> model = tied;
  attend::untie(model);
  EXPECT_TRUE(tied.output.tied());
  EXPECT_FALSE(model.output.tied());
  EXPECT_EQ(model.output.W->matrix(), tied.embedding.E.transpose());
  EXPECT_EQ(model.embedding.E, tied.embedding.E);

  attend::PanelMatrix<S> memory;
  Matrix<S> of_training(words, 13);
  tied.output.logits(tied.output.weights(tied.embedding, memory), R, of_training);
  EXPECT_TRUE(reference::same_bits<S>(model.logits(R), of_training));
  EXPECT_LT((model.logits(R) - tied.logits(R)).cwiseAbs().maxCoeff(),
            40 * std::numeric_limits<S>::epsilon());

  model.embedding.E.setZero();
  attend::untie(model);
  EXPECT_TRUE(reference::same_bits<S>(model.logits(R), of_training));
}

TYPED_TEST(WordOutputs, AreUntiedByAReducedPrecision) {
  using S = TypeParam;
  const auto [R, tied] = readouts_and_tied_words<S>(4);
  Words<S> model = tied;
  attend::set_precision(model, Precision::full);
  EXPECT_TRUE(model.output.tied());
  for (const auto precision : {Precision::bfloat16, Precision::int8}) {
    model = tied;
    attend::set_precision(model, precision);
    ASSERT_FALSE(model.output.tied());
    EXPECT_EQ(model.output.W->precision(), precision);
    EXPECT_EQ(model.embedding.E, tied.embedding.E);
    attend::PanelMatrix<S> W(tied.embedding.E.transpose());
    W.set_precision(precision);
    Matrix<S> expected(words, 4);
    attend::multiply(W, R, tied.output.b, expected);
    EXPECT_TRUE(reference::same_bits<S>(model.logits(R), expected));
  }
}

TEST(WordOutput, RefusesNegativeSizes) {
  Random random(7);
  for (const bool tied : {false, true}) {
    EXPECT_EQ(reference::message_of([&] {
                WordOutput<float>({4, -5, tied}, random);
              }),
              "WordOutput: it would be (-5 x 4), expected sizes of 0 or more; look at the sizes "
              "that its layer was made with");
  }
}

TEST(WordOutput, HasItsGradients) {
  Random random(4);
  const Matrix<double> R = random_matrix<double>(random, d_r, 5);
  const Matrix<double> dL = random_matrix<double>(random, words, 5);
  for (const bool tied : {false, true}) {
    const Words<double> model(tied);
    Words<double> transposed = model;
    attend::assign_transposed(model, transposed);
    Words<double> gradient = attend::zero_like(model);
    Matrix<double> dR = Matrix<double>::Zero(d_r, 5);
    const auto backward = [&] {
      model.output.backward(transposed.output, model.embedding, R, dL, dR, gradient.output,
                            gradient.embedding);
    };
    backward();
    const auto loss = [&](const Words<double>& m, const Matrix<double>& r) {
      return m.logits(r).cwiseProduct(dL).sum();
    };
    auto report =
        attend::check_parameters(model, gradient, [&](const auto& m) { return loss(m, R); });
    report.add(attend::check_input("R", R, dR, [&](const auto& r) { return loss(model, r); }));
    EXPECT_TRUE(report.passed()) << report.message();

    const Matrix<double> once = dR;
    const Words<double> gradient_once = gradient;
    backward();
    EXPECT_TRUE(dR.isApprox(2 * once, 1e-13));
    EXPECT_NEAR(attend::squared_norm(gradient), 4 * attend::squared_norm(gradient_once), 1e-9);
  }
}

}  // namespace
