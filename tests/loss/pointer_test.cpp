#include <cmath>
#include <reference/differences.hpp>
#include <reference/matrices.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/decoder/generation_gate.hpp>
#include <attend/loss/coverage.hpp>
#include <attend/loss/pointer.hpp>
#include <attend/text/extended_vocabulary.hpp>

namespace {

using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::PointerGeneratorStep;
using attend::Random;
using attend::Token;
using attend::Vector;
using reference::random_matrix;

/// Columns that are distributions.
Matrix<double> distributions(Index T, Index U) {
  Random random(4);
  Matrix<double> a = random_matrix<double>(random, T, U).cwiseAbs();
  for (Index u = 0; u < U; ++u) a.col(u) /= a.col(u).sum();
  return a;
}

template <class V>
auto span(V& v) {
  return std::span(v.data(), static_cast<std::size_t>(v.size()));
}

TEST(CoverageLoss, SumsWhatIsLookedAtAgain) {
  const Matrix<double> once = Matrix<double>::Identity(4, 4);
  EXPECT_EQ(attend::coverage_loss(ConstView<double>(once)), 0);
  const Matrix<double> stuck = Matrix<double>::Identity(4, 1).replicate(1, 3);
  EXPECT_EQ(attend::coverage_loss(ConstView<double>(stuck)), 2);
}

TEST(CoverageLoss, HasItsGradient) {
  Matrix<double> a = distributions(5, 4);
  Matrix<double> d = Matrix<double>::Constant(5, 4, 2);
  attend::coverage_loss_backward(ConstView<double>(a), 0.5, d);
  d.array() -= 2;
  reference::expect_gradient("a", a, d,
                             [&] { return 0.5 * attend::coverage_loss(ConstView<double>(a)); });
}

TEST(DoublyStochasticPenalty, IsNoneWhereEveryKeyIsLookedAtOnce) {
  Matrix<double> a = Matrix<double>::Identity(4, 4);
  EXPECT_EQ(attend::doubly_stochastic_penalty(ConstView<double>(a)), 0);
  a = distributions(5, 4);
  Matrix<double> d = Matrix<double>::Zero(5, 4);
  attend::doubly_stochastic_penalty_backward(ConstView<double>(a), 0.5, d);
  reference::expect_gradient(
      "a", a, d, [&] { return 0.5 * attend::doubly_stochastic_penalty(ConstView<double>(a)); });
}

TEST(PointerLoss, IsTheCrossEntropyOfTheWeights) {
  Matrix<double> a = distributions(6, 1);
  const auto loss = [&] { return attend::pointer_loss(std::span<const double>(span(a)), 2); };
  EXPECT_DOUBLE_EQ(loss(), -std::log(a(2)));
  Matrix<double> d = Matrix<double>::Zero(6, 1);
  attend::pointer_loss_backward(std::span<const double>(span(a)), 2, 1, span(d));
  reference::expect_gradient("a", a, d, loss);
  try {
    (void)attend::pointer_loss(std::span<const double>(span(a)), 6);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "pointer_loss: target 6 is outside the source of 6 positions");
  }
}

TEST(PointerGenerator, MixesTwoDistributions) {
  Random random(5);
  const Vector<double> logits = random_matrix<double>(random, 5, 1);
  const Matrix<double> a = distributions(4, 1);
  const std::vector<Token> source = {3, 6, 5, 6};
  Vector<double> P(7);
  Vector<double> scratch = logits;
  PointerGeneratorStep<double>{span(scratch), span(a), source, 0.3}.distribution(span(P));
  EXPECT_NEAR(P.sum(), 1, 1e-14);
  EXPECT_NEAR(P(6), 0.7 * (a(1) + a(3)), 1e-15);
  EXPECT_NEAR(P(5), 0.7 * a(2), 1e-15);
  for (Token target = 0; target < 7; ++target) {
    scratch = logits;
    const PointerGeneratorStep<double> step{span(scratch), span(a), source, 0.3};
    EXPECT_NEAR(step.loss(target), -std::log(P(target)), 1e-13) << target;
  }
}

TEST(PointerGenerator, HasItsGradients) {
  for (const Token target : {1, 3, 5, 6}) {
    Random random(6);
    Vector<double> logits = random_matrix<double>(random, 5, 1);
    Matrix<double> a = distributions(4, 1);
    Vector<double> generate = Vector<double>::Constant(1, 0.4);
    const std::vector<Token> source = {3, 6, 5, 6};
    const auto loss = [&] {
      Vector<double> l = logits;
      return 1.5 * PointerGeneratorStep<double>{span(l), span(a), source, generate(0)}.loss(target);
    };
    Vector<double> d = logits;
    Matrix<double> da = Matrix<double>::Zero(4, 1);
    Vector<double> d_generate(1);
    const PointerGeneratorStep<double> step{span(d), span(a), source, generate(0)};
    // Where only one of the two knows the word, the other has no gradient but through p_gen.
    if (target == 1 || target >= 5) {
      EXPECT_TRUE(std::isfinite(step.loss(target)));
    }
    d_generate(0) = step.loss_backward(target, 1.5, span(da));
    reference::expect_gradient("logits", logits, d, loss);
    reference::expect_gradient("weights", a, da, loss);
    reference::expect_gradient("p_gen", generate, d_generate, loss);
  }
}

TEST(GenerationGate, HasItsGradients) {
  Random random(7);
  attend::GenerationGate<double> gate({3, 4, 2}, random);
  Matrix<double> c = random_matrix<double>(random, 3, 5);
  Matrix<double> s = random_matrix<double>(random, 4, 5);
  Matrix<double> x = random_matrix<double>(random, 2, 5);
  const Matrix<double> dp = random_matrix<double>(random, 5, 1);
  Matrix<double> p(5, 1);
  const auto f = [&] {
    gate.forward({c, s, x}, p);
    return p.cwiseProduct(dp).sum();
  };
  f();
  Matrix<double> dc = Matrix<double>::Zero(3, 5);
  Matrix<double> ds = Matrix<double>::Zero(4, 5);
  Matrix<double> dx = Matrix<double>::Zero(2, 5);
  auto gradient = attend::zero_like(gate);
  gate.backward({c, s, x}, p, dp, {dc, ds, dx}, gradient);
  reference::expect_gradient("c", c, dc, f);
  reference::expect_gradient("s", s, ds, f);
  reference::expect_gradient("x", x, dx, f);
  reference::expect_parameter_gradients(gate, gradient, f);
}

TEST(ExtendedVocabulary, GivesASourcesOwnWordsTokens) {
  attend::ExtendedVocabulary words(10);
  EXPECT_EQ(words.add("Zürich"), 10);
  EXPECT_EQ(words.add("Wien"), 11);
  EXPECT_EQ(words.add("Zürich"), 10);
  EXPECT_EQ(words.size(), 12);
  EXPECT_EQ(words.find("Wien", 3), 11);
  EXPECT_EQ(words.find("Graz", 3), 3);
  EXPECT_EQ(words.word(11), "Wien");
  EXPECT_THROW((void)words.word(9), std::invalid_argument);
  EXPECT_THROW((void)words.word(12), std::invalid_argument);
}

TEST(ExtendedVocabulary, NamesTheWordsOfASentenceAndItsTranslation) {
  attend::Vocabulary::Counter counter;
  counter.add("and");
  counter.add("Wien");
  const attend::Vocabulary english = counter.build();
  attend::ExtendedVocabulary own(english.size());
  const std::vector<std::string_view> source = {"Graz", "und", "Wien", "Graz"};
  const std::vector<std::string_view> target = {"Wien", "and", "Graz", "or", "<unk>"};
  const auto V = static_cast<Token>(english.size());
  EXPECT_EQ(attend::encode_copies(english, source, own),
            (std::vector<Token>{V, V + 1, english.token("Wien"), V}));
  const auto tokens = attend::encode_with(english, target, own);
  EXPECT_EQ(tokens, (std::vector<Token>{english.token("Wien"), english.token("and"), V, 0, 0}));
  EXPECT_EQ(attend::decode_with(english, std::span(tokens).first(3), own),
            (std::vector<std::string>{"Wien", "and", "Graz"}));
}

}  // namespace
