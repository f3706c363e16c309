/// Models as ONNX graphs: well-formed by ONNX's own checker, and, where Node.js finds ONNX Runtime
/// (scripts/onnx), with the answers of attend.
#include <cstdlib>
#include <fstream>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../temporary_folder.hpp"
#include <attend/io/export_onnx.hpp>
#include <attend/model/any_seq2seq.hpp>

namespace {

using attend::AlignmentKind;
using attend::AnySeq2SeqConfig;
using attend::CellKind;
using attend::DecoderOrder;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::ScoreKind;
using attend::Token;
using attend::WindowKind;
using reference::message_of;
using Model = attend::AnySeq2Seq<float>;

struct Case {
  std::string name;
  AnySeq2SeqConfig config;
};

AnySeq2SeqConfig sizes() {
  return {
      .recurrent = {.source_vocabulary = 11, .target_vocabulary = 9, .embedding = 6, .hidden = 5}};
}

template <class Change>
Case with(std::string name, Change&& change) {
  Case made{std::move(name), sizes()};
  change(made.config.recurrent);
  return made;
}

std::vector<Case> cases() {
  using enum DecoderOrder;
  using enum CellKind;
  std::vector<Case> all;
  all.push_back(with("additive", [](auto&) {}));
  all.push_back(with("two_layers", [](auto& c) { c.layers = 2; }));
  all.push_back(with("lstm", [](auto& c) { c.cell = lstm, c.layers = 2; }));
  all.push_back(with("rnn", [](auto& c) { c.cell = rnn, c.attention.score = ScoreKind::concat; }));
  all.push_back(with("luong", [](auto& c) {
    c.order = step_then_attend, c.cell = lstm, c.attention.score = ScoreKind::general;
  }));
  all.push_back(with("input_feeding", [](auto& c) {
    c.order = step_then_attend, c.input_feeding = true, c.attention.score = ScoreKind::scaled_dot;
  }));
  all.push_back(with("conditional", [](auto& c) {
    c.order = step_attend_step, c.attention.score = ScoreKind::normalised;
    c.tied_embeddings = true, c.layers = 2;
  }));
  all.push_back(with("maxout", [](auto& c) {
    c.activation = attend::ReadoutActivation::maxout, c.attention.score = ScoreKind::scaled_general;
    c.attention.alignment = AlignmentKind::sharpened;
  }));
  all.push_back(with("without_attention", [](auto& c) { c.order = step_only; }));
  Case shared = with("shared_words", [](auto& c) { c.source_vocabulary = c.target_vocabulary; });
  shared.config.shared_embeddings = true;
  all.push_back(std::move(shared));
  return all;
}

Model model_of(const Case& test) {
  Random random(7);
  Model model = attend::make_seq2seq<float>(test.config, random);
  // Biases begin as zeros, which would hide a mistake.
  attend::for_each_parameter(
      [&](std::string_view, auto& parameter) {
        attend::Vector<float> noise(attend::values(parameter).size());
        attend::initialize_uniform(noise, 0.1, random);
        attend::values(parameter) += noise;
      },
      model);
  return model;
}

const std::vector<Token> source{3, 8, 1, 5};
/// Of two hypotheses, step by step.
const std::vector<std::vector<Token>> inputs{{1, 1}, {4, 7}, {0, 8}};

/// What attend answers, row by row: logits and weights of every step.
nlohmann::json answers(const Case& test, const Model& model) {
  Model::Workspace workspace;
  attend::AnyDecoder<float>::Memory memory;
  attend::AnyDecoder<float>::State state;
  model.remember(attend::TokenBatch(std::vector<std::vector<Token>>{source}), workspace, memory);
  const std::vector<Index> sentences{0, 0};
  model.decoder.begin(memory, sentences, state);
  nlohmann::json steps = nlohmann::json::array();
  Matrix<float> logits(model.decoder.vocabulary_size(), 2);
  for (const auto& tokens : inputs) {
    model.decoder.step(memory, tokens, state);
    model.decoder.logits(state, logits);
    std::vector<float> weights;
    if (model.decoder.attends()) {
      for (Index i = 0; i < 2; ++i) {
        const auto own = state.weights(i);
        weights.insert(weights.end(), own.begin(), own.end());
      }
    }
    steps.push_back({{"tokens", tokens},
                     {"logits", std::vector<float>(logits.data(), logits.data() + logits.size())},
                     {"weights", weights}});
  }
  return {{"name", test.name},
          {"source", source},
          {"feed", test.config.recurrent.input_feeding ? test.config.recurrent.hidden : 0},
          {"steps", steps}};
}

TEST(ExportOnnx, WritesGraphsThatOnnxFindsWellFormed) {
  for (const Case& test : cases()) {
    SCOPED_TRACE(test.name);
    const attend::OnnxModel made = attend::export_onnx(model_of(test));
    for (const attend::OnnxGraph* graph : {&made.encoder, &made.step}) {
      onnx::ModelProto model;
      ASSERT_TRUE(model.ParseFromString(graph->bytes()));
      EXPECT_NO_THROW(onnx::checker::check_model(model));
      const onnx::ShapeInferenceOptions strictly(true, 1);
      EXPECT_NO_THROW(
          onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strictly));
    }
  }
}

TEST(ExportOnnx, AnswersInOnnxRuntimeAsHere) {
  const std::string find = "node -e \"require('onnxruntime-node')\" > /dev/null 2>&1";
  if (std::system(find.c_str()) != 0) {
    GTEST_SKIP() << "Node.js finds no onnxruntime-node here; scripts/onnx brings it";
  }
  const TemporaryFolder folder;
  nlohmann::json all = nlohmann::json::array();
  for (const Case& test : cases()) {
    const Model model = model_of(test);
    const attend::OnnxModel made = attend::export_onnx(model);
    made.encoder.write(folder / (test.name + ".encoder.onnx"));
    made.step.write(folder / (test.name + ".step.onnx"));
    all.push_back(answers(test, model));
  }
  std::ofstream(folder / "cases.json") << all;
  const std::string run = "node '" ATTEND_SOURCE_DIR "/tests/io/onnx/run_onnx.cjs' '" +
                          (folder / "cases.json").string() + "'";
  EXPECT_EQ(std::system(run.c_str()), 0);
}

TEST(ExportOnnx, SaysWhatItCannot) {
  const auto message = [](auto&& change) {
    Case test{"", sizes()};
    change(test.config);
    Random random(1);
    const Model model = attend::make_seq2seq<float>(test.config, random);
    return message_of<std::invalid_argument>(
        [&] { static_cast<void>(attend::export_onnx(model)); });
  };
  EXPECT_EQ(message([](auto& c) { c.recurrent.attention.window = WindowKind::local; }),
            "export to ONNX: attentions must see the whole source, but the window is not full");
  EXPECT_EQ(message([](auto& c) { c.recurrent.attention.alignment = AlignmentKind::sparsemax; }),
            "export to ONNX: the alignment function must be softmax, sharpened or not");
  EXPECT_EQ(message([](auto& c) { c.recurrent.copies = true; }),
            "export to ONNX: a decoder that copies has words of each source's own");
  for (const ScoreKind score : {ScoreKind::cosine, ScoreKind::location_sensitive}) {
    EXPECT_EQ(message([&](auto& c) { c.recurrent.attention.score = score; }),
              "export to ONNX: the score must be one of additive, concat, normalised, dot, scaled "
              "dot, general, scaled general");
  }
  const auto transformer = [](auto& c) { c.transformer = {.heads = 2, .feed_forward = 8}; };
  EXPECT_EQ(message([&](auto& c) {
              transformer(c);
              c.encoder = attend::PartKind::transformer;
            }),
            "export to ONNX: the encoder must be recurrent, but it is a transformer");
  EXPECT_EQ(message([&](auto& c) {
              transformer(c);
              c.decoder = attend::PartKind::transformer;
            }),
            "export to ONNX: the decoder must be recurrent, but it is a transformer");
}

}  // namespace
