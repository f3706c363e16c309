/// A network that reads pictures of digits.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "canvas.hpp"
#include <attend/encoder/image_encoder.hpp>
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/search/greedy.hpp>

namespace captioning {

using Decoder = attend::AnyRecurrentDecoder<float>;
using Captioner = attend::Seq2Seq<attend::ImageEncoder<float>, Decoder>;

/// How weights come of energies. Throws std::invalid_argument that lists the names.
inline attend::AlignmentKind alignment_named(const std::string& name) {
  using enum attend::AlignmentKind;
  static const std::map<std::string, attend::AlignmentKind> kinds = {
      {"softmax", softmax}, {"sparsemax", sparsemax}, {"sampled", sampled}};
  const auto found = kinds.find(name);
  if (found != kinds.end()) return found->second;
  throw std::invalid_argument("--alignment is '" + name +
                              "', expected softmax, sparsemax or sampled");
}

// Four convolutions leave a grid with a cell for every 8 x 8 pixels, each of which sees about a
// digit; an LSTM looks at cells and says words (Xu et al. 2015).
inline Captioner make_captioner(attend::AlignmentKind alignment, double penalty, Random& random) {
  constexpr auto relu = attend::ProjectionActivation::relu;
  const attend::PatchConfig half{.stride = {2, 2}, .padding = {1, 1}};
  const attend::PatchConfig same{.padding = {1, 1}};
  attend::ImageEncoder<float> encoder(
      {.layers = {{.input = 1, .output = 16, .patches = half, .activation = relu},
                  {.input = 16, .output = 32, .patches = half, .activation = relu},
                  {.input = 32, .output = 64, .patches = half, .activation = relu},
                  {.input = 64, .output = 64, .patches = same, .activation = relu}}},
      random);
  const attend::RecurrentSeq2SeqConfig config{
      .target_vocabulary = vocabulary,
      .embedding = 16,
      .hidden = 96,
      .cell = attend::CellKind::lstm,
      .attention = {.alignment = alignment},
      .options = {.start = start,
                  .end = end,
                  .doubly_stochastic = penalty,
                  .rewards = alignment == attend::AlignmentKind::sampled}};
  auto decoder = attend::make_recurrent_decoder<float>(
      config, {encoder.annotation_size(), encoder.state_rows()}, random);
  return {std::move(encoder), std::move(decoder), config.options};
}

/// What it reads in each image, and where it looked.
inline std::vector<attend::Hypothesis<float>> read(const Captioner& captioner,
                                                   const std::vector<Image<float>>& images) {
  Captioner::Workspace workspace;
  Decoder::Memory memory;
  captioner.remember(attend::ImageBatch<float>(images), workspace, memory);
  return attend::greedy(captioner.decoder, memory,
                        {.start = start, .end = end, .max_length = {.factor = 0, .offset = 16}});
}

}  // namespace captioning
