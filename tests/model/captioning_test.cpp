#include <cmath>
#include <reference/count_allocations.hpp>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model_loss.hpp"
#include <attend/attention/sharpened.hpp>
#include <attend/cell/lstm.hpp>
#include <attend/core/frame_batch.hpp>
#include <attend/decoder/bahdanau.hpp>
#include <attend/encoder/image_encoder.hpp>
#include <attend/layer/dense.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/score/additive.hpp>

namespace {

using attend::CaptionedImage;
using attend::Extent;
using attend::Index;
using attend::Matrix;
using attend::Random;

template <class S>
using Encoder = attend::ImageEncoder<S>;
template <class S>
using Decoder =
    attend::RecurrentDecoder<attend::Lstm<S>, attend::Additive<S>, attend::Full, attend::Sharpened>;
template <class S>
using Captioner = attend::Seq2Seq<Encoder<S>, Decoder<S>>;

constexpr Index words = 7;

attend::ImageEncoderConfig layers(bool positions = true) {
  using enum attend::ProjectionActivation;
  return {.layers = {{.input = 2, .output = 5, .patches = {.padding = {1, 1}}, .activation = relu},
                     {.input = 5,
                      .output = 6,
                      .patches = {.stride = {2, 2}, .padding = {1, 0}},
                      .activation = tanh}},
          .positions = positions};
}

template <class S>
Captioner<S> make(attend::Seq2SeqOptions options = {}) {
  Random random(3);
  Encoder<S> encoder(layers(), random);
  const auto make_cell = [](Index input, Random& r) {
    return attend::Lstm<S>({.input = input, .hidden = 5}, r);
  };
  attend::Additive<S> score({.query = 5, .key = 6, .energy = 4}, random);
  auto decoder = attend::bahdanau_decoder(
      {.vocabulary = words,
       .embedding = 3,
       .hidden = 5,
       .annotation = encoder.annotation_size(),
       .encoder_states = encoder.state_rows(),
       .readout = 4,
       .keeps_weights = options.needs_weights()},
      make_cell, attend::Attention(std::move(score), attend::Full{}, attend::Sharpened{}), random);
  Captioner<S> model(std::move(encoder), std::move(decoder), options);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, 0.6, random); }, model);
  return model;
}

template <class S>
std::vector<CaptionedImage<S>> some_images() {
  Random random(4);
  std::vector<CaptionedImage<S>> pairs;
  const auto add = [&](Extent size, std::vector<attend::Token> target) {
    pairs.push_back(
        {{size, reference::random_matrix<S>(random, 2, size.area())}, std::move(target)});
  };
  add({4, 5}, {3, 4, 2});
  add({6, 3}, {5, 2});
  add({3, 9}, {6, 4, 3, 5, 2});
  add({1, 2}, {2});  // no cell is left of it
  add({5, 5}, {});
  return pairs;
}

template <class S>
typename Captioner<S>::Batch batch_of(const std::vector<CaptionedImage<S>>& pairs) {
  std::vector<const CaptionedImage<S>*> list;
  for (const auto& pair : pairs) list.push_back(&pair);
  typename Captioner<S>::Batch batch;
  batch.assign(list);
  return batch;
}

TEST(Captioner, PassesTheGradientCheck) {
  const auto batch = batch_of(some_images<double>());
  for (const double penalty : {0.0, 0.8}) {
    const auto model = make<double>({.doubly_stochastic = penalty});
    Captioner<double>::Workspace workspace;
    auto gradient = attend::zero_like(model);
    for (int pass = 0; pass < 2; ++pass) {
      Random random(loss_seed);
      model.loss_and_gradient(batch, 0.35, random, workspace, gradient);
    }
    const auto report = check_loss_gradient(model, batch, 0.7, gradient, 0);
    EXPECT_TRUE(report.passed()) << report.message();
  }
}

TEST(Captioner, HasTheSameLossAloneAndInABatch) {
  const auto pairs = some_images<float>();
  const auto model = make<float>();
  Captioner<float>::Workspace workspace;
  const auto readouts = [&](const auto& some) {
    (void)model.loss(batch_of<float>(some), workspace);
    return Matrix<float>(workspace.decoding.readouts.view());
  };
  const Matrix<float> together = readouts(pairs);
  const auto layout = batch_of<float>(pairs).target.layout;
  for (std::size_t b = 0; b < pairs.size(); ++b) {
    const Matrix<float> alone = readouts(std::vector<CaptionedImage<float>>{pairs[b]});
    for (Index t = 0; t < alone.cols(); ++t) {
      const Matrix<float> column = together.col(layout.column(static_cast<Index>(b), t));
      EXPECT_TRUE(reference::same_bits<float>(column, alone.col(t))) << b << ' ' << t;
    }
  }
}

TEST(Captioner, AllocatesNothingWarm) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  const auto batch = batch_of(some_images<float>());
  const auto model = make<float>({.doubly_stochastic = 1});
  Captioner<float>::Workspace workspace;
  auto gradient = attend::zero_like(model);
  Random random(1);
  const auto step = [&] { model.loss_and_gradient(batch, 1, random, workspace, gradient); };
  step();
  EXPECT_EQ(reference::allocations_in(step), 0);
}

/// An encoder of a caller's own, of sequences of vectors: h = W x + b, and the first h begins.
struct FrameEncoder {
  using Source = attend::FrameBatch<double>;
  struct Trace : attend::Encoding<double> {
    attend::Buffer<double> d_frames;
  };

  attend::Dense<double> dense;

  static void parameters(auto&& f, auto&... m) { f("dense", m.dense...); }

  void forward(const Source& source, Random* /*random*/, Trace& trace,
               attend::Keep /*keep*/) const {
    const Index d = dense.W.rows();
    auto H = trace.annotations.resize(d, source.layout.columns());
    dense.forward(source.frames.view(), H);
    trace.final_states.setZero(d, source.size());
    for (Index r = 0; r < source.layout.count(0); ++r) {
      trace.final_states.col(source.layout.sequence(r)) = H.col(r);
    }
  }
  void backward(const FrameEncoder& transposed, const Source& source, attend::View<double> dH,
                const Matrix<double>& d_final_states, Trace& trace, FrameEncoder& gradient) const {
    for (Index r = 0; r < source.layout.count(0); ++r) {
      dH.col(r) += d_final_states.col(source.layout.sequence(r));
    }
    const auto X = source.frames.view();
    dense.backward(transposed.dense, X, dH, trace.d_frames.zero(X.rows(), X.cols()),
                   gradient.dense);
  }
};

TEST(Seq2Seq, ReadsWhatItsEncoderReads) {
  using Model = attend::Seq2Seq<FrameEncoder, Decoder<double>>;
  Random random(6);
  Model model({attend::Dense<double>({.input = 3, .output = 6}, random)}, make<double>().decoder);
  const std::vector<Model::Example> pairs = {
      {reference::random_matrix<double>(random, 3, 2), {3, 2}},
      {reference::random_matrix<double>(random, 3, 5), {4, 6, 3, 2}}};
  EXPECT_EQ(Model::size(pairs[1]), 5 + 4);
  Model::Batch batch;
  batch.assign(std::vector<const Model::Example*>{&pairs[0], &pairs[1]});
  Model::Workspace workspace;
  auto gradient = attend::zero_like(model);
  Random same(loss_seed);
  model.loss_and_gradient(batch, 0.7, same, workspace, gradient);
  const auto report = check_loss_gradient(model, batch, 0.7, gradient, 3);
  EXPECT_TRUE(report.passed()) << report.message();
}

TEST(ImageEncoder, LeavesAnAnnotationForEachCell) {
  const auto pairs = some_images<double>();
  const auto batch = batch_of(pairs);
  Random random(3);
  const Encoder<double> placed(layers(true), random);
  Encoder<double> plain(layers(false), random);
  plain.layers = placed.layers;
  EXPECT_EQ(placed.grid({6, 3}), (Extent{3, 1}));
  Encoder<double>::Trace with;
  Encoder<double>::Trace without;
  placed.forward(batch.source, nullptr, with);
  plain.forward(batch.source, nullptr, without);
  const attend::Ragged& layout = with.layout;
  EXPECT_EQ(layout.length(0), 4);
  EXPECT_EQ(layout.length(3), 0);
  const Matrix<double> P = with.annotations.view() - without.annotations.view();
  // Cell 3 of the first image: row 1, column 1 of a grid of two columns.
  const double expected[] = {std::sin(1.0), std::cos(1.0)};
  const double slow = std::pow(10000.0, -2.0 / 3);
  const Matrix<double> cell = P.col(layout.column(0, 3));
  EXPECT_NEAR(cell(0, 0), expected[0], 1e-15);
  EXPECT_NEAR(cell(1, 0), expected[1], 1e-15);
  EXPECT_NEAR(cell(2, 0), std::sin(slow), 1e-15);
  EXPECT_NEAR(cell(3, 0), expected[0], 1e-15);
  EXPECT_NEAR(P(0, layout.column(0, 1)), 0, 1e-15);            // row 0
  EXPECT_NEAR(P(3, layout.column(0, 1)), expected[0], 1e-15);  // column 1
  Matrix<double> mean = Matrix<double>::Zero(6, 1);
  for (Index t = 0; t < 4; ++t) mean += with.annotations.view().col(layout.column(0, t)) / 4;
  EXPECT_LT((with.final_states.col(0) - mean).cwiseAbs().maxCoeff(), 1e-15);
  EXPECT_EQ(with.final_states.col(3).cwiseAbs().maxCoeff(), 0);
}

TEST(ImageEncoder, SaysWhatDoesNotFit) {
  Random random(1);
  EXPECT_EQ(reference::message_of([&] { Encoder<float>({}, random); }),
            "ImageEncoder: it has no layers, expected 1 or more");
  auto config = layers();
  config.layers[1].input = 4;
  EXPECT_EQ(reference::message_of([&] { Encoder<float>(config, random); }),
            "ImageEncoder: input of a layer is 4, expected 5");
}

}  // namespace
