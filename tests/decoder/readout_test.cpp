#include <cmath>
#include <limits>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/decoder/readout.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::ConstView;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Readout;
using attend::ReadoutActivation;
using attend::ReadoutConfig;
using attend::View;
using reference::random_matrix;

template <class S>
Readout<S> make_readout(const ReadoutConfig& config) {
  Random random(1);
  Readout<S> readout(config, random);
  if (readout.b.size() > 0) attend::initialize_uniform(readout.b, 0.5, random);
  return readout;
}

template <class S>
struct Inputs {
  Matrix<S> state;
  Matrix<S> context;
  Matrix<S> embedding;

  Inputs(const ReadoutConfig& c, Index n) {
    Random random(2);
    state = random_matrix<S>(random, c.state, n);
    context = random_matrix<S>(random, c.context, n);
    embedding = random_matrix<S>(random, c.embedding, n);
  }
  [[nodiscard]] typename Readout<S>::template Parts<ConstView<S>> parts() const {
    return {state, context, embedding};
  }
};

/// Row i of what is read, part upon part.
template <class S>
double part(const Inputs<S>& in, Index i, Index n) {
  if (i < in.state.rows()) return in.state(i, n);
  i -= in.state.rows();
  return i < in.context.rows() ? in.context(i, n) : in.embedding(i - in.context.rows(), n);
}

template <class S>
struct Outputs {
  Matrix<S> T;
  Matrix<S> R;

  Outputs(const Readout<S>& readout, const Inputs<S>& in)
      : T(readout.trace_rows(), in.state.cols()), R(readout.output_size(), in.state.cols()) {
    readout.step(in.parts(), T, R);
  }
};

const ReadoutConfig configs[] = {
    {.state = 5, .context = 7, .embedding = 3, .output = 9},
    {.state = 5, .output = 17},
    {.state = 1, .context = 8, .output = 1},
    {.state = 4, .embedding = 2, .output = 16},
    {.state = 5,
     .context = 7,
     .embedding = 3,
     .output = 9,
     .activation = ReadoutActivation::maxout},
    {.state = 3, .output = 1, .activation = ReadoutActivation::maxout},
    {.state = 5, .context = 7, .output = 9, .activation = ReadoutActivation::relu},
    {.state = 3, .embedding = 2, .output = 17, .activation = ReadoutActivation::linear},
    {.state = 3, .context = 2, .embedding = 4, .output = 9, .activation = ReadoutActivation::none},
    {.state = 3, .output = 3, .activation = ReadoutActivation::none},
};

template <class S>
class Readouts : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Readouts, Scalars);

TYPED_TEST(Readouts, AreTheirEquation) {
  using S = TypeParam;
  for (const ReadoutConfig& config : configs) {
    const Readout<S> readout = make_readout<S>(config);
    const Inputs<S> in(config, 6);
    const Outputs<S> out(readout, in);
    ASSERT_EQ(out.R.rows(), config.output);
    const auto t = [&](Index i, Index n) {
      if (config.activation == ReadoutActivation::none) return part(in, i, n);
      double sum = readout.b(i);
      for (Index k = 0; k < config.state; ++k) sum += double(readout.W_s(i, k)) * in.state(k, n);
      for (Index k = 0; k < config.context; ++k) {
        sum += double((*readout.W_c)(i, k)) * in.context(k, n);
      }
      for (Index k = 0; k < config.embedding; ++k) {
        sum += double((*readout.W_y)(i, k)) * in.embedding(k, n);
      }
      return sum;
    };
    const auto r = [&](Index i, Index n) {
      switch (config.activation) {
        case ReadoutActivation::maxout:
          return std::max(t(2 * i, n), t(2 * i + 1, n));
        case ReadoutActivation::tanh:
          return std::tanh(t(i, n));
        case ReadoutActivation::relu:
          return std::max(t(i, n), 0.0);
        default:
          return t(i, n);
      }
    };
    for (Index n = 0; n < 6; ++n) {
      for (Index i = 0; i < config.output; ++i) {
        const double expected = r(i, n);
        ASSERT_NEAR(out.R(i, n), expected, 20 * std::numeric_limits<S>::epsilon());
      }
    }
  }
}

TYPED_TEST(Readouts, GiveAColumnTheSameBitsAloneAndAmongOthers) {
  using S = TypeParam;
  for (const ReadoutConfig& config : configs) {
    const Readout<S> readout = make_readout<S>(config);
    const Inputs<S> in(config, 13);
    const Outputs<S> together(readout, in);
    for (Index n = 0; n < 13; ++n) {
      Inputs<S> one = in;
      one.state = in.state.col(n).eval();
      one.context = in.context.col(n).eval();
      one.embedding = in.embedding.col(n).eval();
      const Outputs<S> alone(readout, one);
      ASSERT_TRUE(reference::same_bits<S>(alone.R, Matrix<S>(together.R.col(n))));
    }
  }
}

TEST(ReadoutBackward, IsTheDerivative) {
  for (const ReadoutConfig& config : configs) {
    auto readout = make_readout<double>(config);
    const Inputs<double> in(config, 4);
    const Outputs<double> out(readout, in);
    Random random(3);
    const Matrix<double> dR = random_matrix<double>(random, config.output, 4);
    Matrix<double> dT(readout.trace_rows(), 4);
    readout.step_backward(out.T, dR, dT);
    Readout<double> transposed = readout;
    attend::assign_transposed(readout, transposed);
    Inputs<double> d = in;
    d.state.setZero();
    d.context.setZero();
    d.embedding.setZero();
    readout.input_backward(transposed, dT, {d.state, d.context, d.embedding});
    Readout<double> gradient = attend::zero_like(readout);
    readout.add_gradient(in.parts(), dT, gradient);

    const auto loss = [&](const Readout<double>& r, const Inputs<double>& x) {
      return Outputs<double>(r, x).R.cwiseProduct(dR).sum();
    };
    auto report =
        attend::check_parameters(readout, gradient, [&](const auto& r) { return loss(r, in); });
    const auto check = [&](const char* name, Matrix<double> Inputs<double>::*part) {
      report.add(attend::check_input(name, in.*part, d.*part, [&](const auto& x) {
        Inputs<double> moved = in;
        moved.*part = x;
        return loss(readout, moved);
      }));
    };
    check("state", &Inputs<double>::state);
    check("context", &Inputs<double>::context);
    check("embedding", &Inputs<double>::embedding);
    EXPECT_TRUE(report.passed()) << report.message();

    if (gradient.b.size() == 0) continue;
    readout.add_gradient(in.parts(), dT, gradient);
    EXPECT_NEAR(gradient.b(0), 2 * dT.row(0).sum(), 1e-13) << "adds";
  }
}

}  // namespace
