/// A classifier of sentences, its words and labels, and its file.
#pragma once

#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include <attend/attention/any_pooling.hpp>
#include <attend/cell/lstm.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/io/checksum.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/model/classifier.hpp>
#include <attend/text/tokenize.hpp>
#include <attend/text/vocabulary.hpp>

namespace sentiment {

using attend::Index, attend::Random;
using Layer = attend::Bidirectional<attend::Lstm<float>>;
using Classifier = attend::Classifier<attend::TextEncoder<Layer>, attend::AnyPooling<float>>;

inline attend::AnyPooling<float> make_pooling(const Recipe& recipe, Random& random) {
  if (recipe.pooling == "mean") return attend::MeanPooling<float>();
  if (recipe.pooling == "max") return attend::MaxPooling<float>();
  if (recipe.pooling == "last") return attend::LastPooling<float>{{}, recipe.hidden};
  return attend::Pooling<float>({.input = 2 * recipe.hidden,
                                 .hidden = recipe.hidden,
                                 .hops = recipe.pooling == "structured" ? recipe.hops : 1},
                                random);
}

/// Words become vectors, an LSTM reads them both ways, what it notes at each word is pooled, and an
/// affine map scores the labels.
inline Classifier make_classifier(const Recipe& recipe, Index words, Index labels, Random random) {
  attend::Embedding<float> embedding(
      {.vocabulary = words, .size = recipe.embedding, .deviation = 0.1}, random);
  const auto cell = [&] {
    return attend::Lstm<float>({.input = recipe.embedding, .hidden = recipe.hidden}, random);
  };
  attend::Lstm<float> forward = cell();
  attend::TextEncoder<Layer> encoder(std::move(embedding),
                                     attend::Stacked<Layer>({Layer(std::move(forward), cell())}),
                                     {.embedding_dropout = recipe.dropout,
                                      .annotation_dropout = recipe.dropout,
                                      .word_dropout = recipe.word_dropout});
  auto pooling = make_pooling(recipe, random);
  const Index pooled = 2 * recipe.hidden * pooling.hops();
  return {
      std::move(encoder),
      std::move(pooling),
      attend::Dense<float>({.input = pooled, .output = labels}, random),
      {.dropout = recipe.dropout, .penalty = recipe.pooling == "structured" ? recipe.penalty : 0}};
}

/// What the model says of one sentence.
struct Opinion {
  std::string label;
  double probability = 0;
  /// How much of each word went into what the label was read from, all hops together.
  std::vector<float> weights;
};

/// All that is needed to label sentences.
struct SentimentModel {
  std::string pooling;
  attend::Vocabulary words;
  std::vector<std::string> labels;
  Classifier classifier;

  [[nodiscard]] std::vector<Opinion> operator()(std::span<const std::string> sentences) const {
    std::vector<std::vector<attend::Token>> tokens;
    for (const std::string& sentence : sentences) {
      tokens.push_back(words.encode(attend::split_words(sentence)));
    }
    const attend::TokenBatch batch(tokens);
    Classifier::Workspace workspace;
    attend::Matrix<float> logits(classifier.labels(), batch.layout.size());
    classifier.logits(batch, workspace, logits);
    std::vector<Opinion> opinions;
    for (Index b = 0; b < logits.cols(); ++b) {
      Index best = 0;
      const float highest = logits.col(b).maxCoeff(&best);
      const float others = (logits.col(b).array() - highest).exp().sum();
      Opinion opinion{labels[static_cast<std::size_t>(best)], 1 / static_cast<double>(others), {}};
      const auto weights = classifier.weights(workspace, b);
      for (Index t = 0; t < weights.rows(); ++t) {
        opinion.weights.push_back(weights.row(t).mean());
      }
      opinions.push_back(std::move(opinion));
    }
    return opinions;
  }
};

inline constexpr std::string_view file_kind = "sentiment model";

/// One safetensors file. Throws std::runtime_error where it cannot be written.
inline void save_model(const std::filesystem::path& path, const SentimentModel& model) {
  attend::TensorFile file;
  file.metadata["attend"] = file_kind;
  file.metadata["pooling"] = model.pooling;
  file.metadata["labels"] = attend::join_words(model.labels);
  file.insert_bytes("words", model.words.to_text());
  attend::store_parameters(file, "model", model.classifier);
  attend::add_checksum(file);
  attend::write_safetensors(path, file);
}

/// The sizes are those of the tensors. Throws FormatError for a file that save_model did not write.
inline SentimentModel load_model(const std::filesystem::path& path) {
  const attend::TensorFile file = attend::read_safetensors(path);
  if (!file.metadata.contains("attend") || file.note("attend") != file_kind) {
    throw attend::FormatError(file.source +
                              ": this is no sentiment model; make one with 'sentiment --save'");
  }
  attend::check_checksum(file);
  const auto side = [&](const char* name, std::size_t i) {
    const auto& shape = file.at(name).shape;
    return i < shape.size() ? shape[i] : 0;
  };
  Recipe recipe{.pooling = file.note("pooling")};
  recipe.embedding = side("model.encoder.embedding.E", 0);
  recipe.hidden = side("model.encoder.stack.layers.0.forward.cell.U", 1);
  if (recipe.pooling == "structured") recipe.hops = side("model.pooling.Q", 1);
  SentimentModel model{recipe.pooling,
                       attend::Vocabulary::from_text(file.bytes("words"), file.source + ": words"),
                       {},
                       {}};
  const std::string& labels = file.note("labels");
  for (const std::string_view label : attend::split_words(labels)) model.labels.emplace_back(label);
  model.classifier =
      make_classifier(recipe, model.words.size(), std::ssize(model.labels), Random::none());
  attend::load_parameters(file, "model", model.classifier);
  return model;
}

}  // namespace sentiment
