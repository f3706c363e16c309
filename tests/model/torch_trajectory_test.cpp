#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/cell/gru.hpp>
#include <attend/decoder/bahdanau.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/score/additive.hpp>
#include <attend/train/adam.hpp>
#include <attend/train/clip.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::SentencePair;
using attend::Token;

struct Trajectory {
  std::vector<SentencePair> pairs;
  double rate = 0;
  double clip = 0;
  std::vector<double> norms;
  std::vector<double> losses;
  std::map<std::string, Matrix<double>> first;
  std::map<std::string, Matrix<double>> last;
};

double number_in(std::istream& line) {
  std::string word;
  line >> word;
  return std::strtod(word.c_str(), nullptr);
}

SentencePair pair_in(std::istream& line) {
  SentencePair pair;
  std::string word;
  while (line >> word && word != "|") pair.source.push_back(std::stoi(word));
  while (line >> word) pair.target.push_back(std::stoi(word));
  return pair;
}

void add_weight(std::istream& line, std::map<std::string, Matrix<double>>& weights) {
  std::string name;
  Index rows = 0;
  Index cols = 0;
  line >> name >> rows >> cols;
  Matrix<double>& m = weights[name];
  m.resize(rows, cols);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) m(i, j) = number_in(line);
  }
}

Trajectory read_trajectory() {
  std::ifstream file(ATTEND_SOURCE_DIR "/tests/fixtures/trajectory.txt");
  Trajectory trajectory;
  for (std::string text, kind; std::getline(file, text);) {
    std::istringstream line(text);
    line >> kind;
    if (kind == "pair") trajectory.pairs.push_back(pair_in(line));
    if (kind == "options") {
      trajectory.rate = number_in(line);
      trajectory.clip = number_in(line);
    }
    if (kind == "norm") trajectory.norms.push_back(number_in(line));
    if (kind == "loss") trajectory.losses.push_back(number_in(line));
    if (kind == "weight") add_weight(line, trajectory.first);
    if (kind == "final") add_weight(line, trajectory.last);
  }
  return trajectory;
}

template <class S>
auto make_model() {
  constexpr Index words = 9;
  constexpr Index d_x = 5;
  constexpr Index d_h = 6;
  Random random(1);
  const auto cell = [](Index input, Random& r) { return attend::Gru<S>({input, d_h}, r); };
  using Layer = attend::Bidirectional<attend::Gru<S>>;
  attend::TextEncoder<Layer> encoder(
      attend::Embedding<S>({words, d_x}, random),
      attend::Stacked<Layer>({Layer(cell(d_x, random), cell(d_x, random))}));
  auto decoder =
      attend::bahdanau_decoder({.vocabulary = words,
                                .embedding = d_x,
                                .hidden = d_h,
                                .annotation = 2 * d_h,
                                .encoder_states = 2 * d_h,
                                .readout = 5},
                               cell, attend::Additive<S>({d_h, 2 * d_h, 7}, random), random);
  return attend::Seq2Seq(std::move(encoder), std::move(decoder), {.start = 1, .end = 2});
}

/// The largest difference between a model's weights and PyTorch's.
template <class M>
double distance(const M& model, const std::map<std::string, Matrix<double>>& weights) {
  double largest = 0;
  attend::for_each_parameter(
      [&](std::string_view name, const auto& p) {
        const Matrix<double>& expected = weights.at(std::string(name));
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) {
            largest = std::max(largest, std::abs(static_cast<double>(p(i, j)) - expected(i, j)));
          }
        }
      },
      model);
  return largest;
}

template <class S>
class TorchTrajectory : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(TorchTrajectory, Scalars);

TYPED_TEST(TorchTrajectory, IsOurs) {
  using S = TypeParam;
  const double tolerance = std::is_same_v<S, float> ? 1e-4 : 1e-9;
  const Trajectory torch = read_trajectory();
  ASSERT_EQ(torch.norms.size(), 10U);
  ASSERT_EQ(torch.losses.size(), 11U);
  EXPECT_GT(*std::max_element(torch.norms.begin(), torch.norms.end()), torch.clip);
  EXPECT_LT(*std::min_element(torch.norms.begin(), torch.norms.end()), torch.clip);

  auto model = make_model<S>();
  using Model = decltype(model);
  std::size_t parameters = 0;
  attend::for_each_parameter(
      [&](std::string_view name, auto& p) {
        const Matrix<double>& weight = torch.first.at(std::string(name));
        ASSERT_EQ(p.rows(), weight.rows()) << name;
        ASSERT_EQ(p.cols(), weight.cols()) << name;
        p = weight.cast<S>();
        ++parameters;
      },
      model);
  EXPECT_EQ(parameters, torch.first.size()) << "every weight has its place";

  std::vector<const SentencePair*> pairs;
  for (const SentencePair& pair : torch.pairs) pairs.push_back(&pair);
  typename Model::Batch batch;
  batch.assign(pairs);
  typename Model::Workspace workspace;
  attend::Adam<Model> adam(model, {});
  Random random(1);
  const auto words = static_cast<S>(batch.target.layout.columns());
  for (std::size_t step = 0; step < torch.norms.size(); ++step) {
    Model gradient = attend::zero_like(model);
    const auto loss = model.loss_and_gradient(batch, 1 / words, random, workspace, gradient);
    EXPECT_NEAR(loss.per_token(), torch.losses[step], tolerance) << "step " << step;
    const double norm = attend::clip_by_global_norm(gradient, torch.clip);
    EXPECT_NEAR(norm, torch.norms[step], tolerance) << "step " << step;
    adam.step(model, gradient, torch.rate);
  }
  EXPECT_NEAR(model.loss(batch, workspace).per_token(), torch.losses.back(), tolerance);
  EXPECT_LE(distance(model, torch.last), tolerance);
  EXPECT_GT(distance(model, torch.first), 0.05) << "it learned";
}

}  // namespace
