/// Models as PyTorch, Keras and ONNX keep them, imported by tables: tests/fixtures/make_import.py.
#include <cmath>
#include <cstdlib>
#include <reference/matrices.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>
#include <attend/decoder/bahdanau.hpp>
#include <attend/decoder/luong.hpp>
#include <attend/decoder/transformer_decoder.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/encoder/transformer_encoder.hpp>
#include <attend/io/export_parameters.hpp>
#include <attend/io/import_parameters.hpp>
#include <attend/io/keras.hpp>
#include <attend/io/onnx.hpp>
#include <attend/io/pytorch.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/model/tagger.hpp>
#include <attend/score/additive.hpp>
#include <attend/score/dot.hpp>
#ifdef ATTEND_HAS_ZLIB
#include <attend/io/npz.hpp>
#endif

namespace {

using attend::Additive;
using attend::beside;
using attend::Bidirectional;
using attend::columns;
using attend::export_parameters;
using attend::import_parameters;
using attend::ImportTable;
using attend::Index;
using attend::InitialState;
using attend::Matrix;
using attend::onnx_gru;
using attend::onnx_gru_reset_before;
using attend::onnx_lstm;
using attend::onnx_rnn;
using attend::pytorch_decoder_layer;
using attend::pytorch_encoder_layer;
using attend::pytorch_layer_norm;
using attend::pytorch_linear;
using attend::pytorch_lstm;
using attend::pytorch_stack;
using attend::Random;
using attend::ReadoutActivation;
using attend::Recurrent;
using attend::stacked;
using attend::TensorFile;
using attend::Token;
using attend::transposed;
using attend::zeros;

using Lstm = attend::Lstm<double>;
using Gru = attend::Gru<double>;
using Embedding = attend::Embedding<double>;

TensorFile fixture(const std::string& name) {
  return attend::read_safetensors(ATTEND_SOURCE_DIR "/tests/fixtures/import/" + name +
                                  ".safetensors");
}

std::vector<Token> tokens(const TensorFile& file, const std::string& name) {
  std::vector<Token> result;
  for (const auto token : attend::elements<std::int64_t>(file.at(name))) {
    result.push_back(static_cast<Token>(token));
  }
  return result;
}

/// The rows of a tensor as columns.
Matrix<double> columns_of(const TensorFile& file, const std::string& name) {
  const auto& tensor = file.at(name);
  const auto values = attend::elements<double>(tensor);
  return Eigen::Map<const Matrix<double>>(values.data(), tensor.shape.at(1), tensor.shape.at(0));
}

void expect_close(const Matrix<double>& actual, const Matrix<double>& expected) {
  ASSERT_EQ(actual.rows(), expected.rows());
  ASSERT_EQ(actual.cols(), expected.cols());
  EXPECT_LT((actual - expected).cwiseAbs().maxCoeff(), 1e-13);
}

auto lstm_maker(Index hidden) {
  return [hidden](Index input, Random& random) {
    return Lstm({.input = input, .hidden = hidden}, random);
  };
}

/// A stack of layers in both directions.
attend::Stacked<Bidirectional<Lstm>> both_ways(Index input, Index hidden, Index layers,
                                               Random& random) {
  std::vector<Bidirectional<Lstm>> stack;
  for (Index l = 0; l < layers; ++l) {
    const auto cell = [&] {
      return Lstm({.input = l == 0 ? input : 2 * hidden, .hidden = hidden}, random);
    };
    Lstm forward = cell();
    stack.emplace_back(std::move(forward), cell());
  }
  return attend::Stacked<Bidirectional<Lstm>>(std::move(stack));
}

/// The logits of every step, by the step function of search, and the alignments.
template <class Model>
Matrix<double> step_logits(const Model& model, const TensorFile& asked,
                           Matrix<double>* alignments = nullptr) {
  typename Model::Workspace workspace;
  typename decltype(model.decoder)::Memory memory;
  const std::vector<std::vector<Token>> source{tokens(asked, "source")};
  const std::vector<Token> inputs = tokens(asked, "inputs");
  model.remember(attend::TokenBatch(source), workspace, memory);
  typename decltype(model.decoder)::State state;
  const Index sentence = 0;
  model.decoder.begin(memory, std::span(&sentence, 1), state);
  Matrix<double> logits(model.decoder.vocabulary_size(), std::ssize(inputs));
  if (alignments != nullptr) alignments->resize(memory.length(0), std::ssize(inputs));
  for (Index t = 0; t < logits.cols(); ++t) {
    model.decoder.step(memory, std::span(&inputs[static_cast<std::size_t>(t)], 1), state);
    model.decoder.logits(state, logits.col(t));
    const auto weights = state.weights(0);
    if (alignments == nullptr) continue;
    alignments->col(t) =
        Eigen::Map<const attend::Vector<double>>(weights.data(), std::ssize(weights));
  }
  return logits;
}

template <class Model>
void expect_answers(const Model& model, const TensorFile& expected) {
  Matrix<double> alignments;
  expect_close(step_logits(model, expected, &alignments), columns_of(expected, "logits"));
  if (expected.contains("alignment")) {
    expect_close(alignments, columns_of(expected, "alignment"));
  }
}

/// What is exported by the same table has the tensors of the file, bit for bit where nothing was
/// summed, and importing it again changes nothing.
template <class Model>
void expect_the_way_back(const Model& model, const ImportTable& table, const TensorFile& file) {
  const TensorFile exported = export_parameters(table, model);
  ASSERT_EQ(exported.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(exported.at(name).shape, tensor.shape) << name;
    if (name.find("bias_") == std::string::npos) {
      EXPECT_EQ(attend::elements<double>(exported.at(name)), attend::elements<double>(tensor))
          << name;
    }
  }
  Model again = attend::zero_like(model);
  import_parameters(exported, table, again);
  attend::for_each_parameter(
      [](std::string_view path, const auto& p, const auto& q) {
        EXPECT_TRUE(attend::values(p) == attend::values(q)) << path;
      },
      model, again);
}

// Bidirectional LSTM, additive attention that the hidden state asks, the context beside the word as
// input, Linear and tanh between the encoder's states and the decoder's.
struct PytorchAttention {
  using Model = attend::Seq2Seq<attend::TextEncoder<Bidirectional<Lstm>>,
                                attend::RecurrentDecoder<Lstm, Additive<double>>>;
  static constexpr Index embed = 4, hidden = 5, annotation = 10, state = 6;

  static Model model() {
    Random random(1);
    return {{Embedding({9, embed}, random), both_ways(embed, hidden, 1, random)},
            attend::bahdanau_decoder({.vocabulary = 7,
                                      .embedding = embed,
                                      .hidden = state,
                                      .annotation = annotation,
                                      .encoder_states = 4 * hidden,
                                      .readout = state + annotation + embed,
                                      .activation = ReadoutActivation::none},
                                     lstm_maker(state),
                                     Additive<double>({state, annotation, 3}, random), random)};
  }

  // The encoder's states stand upon each other as h, c of one direction, then of the other; Linear
  // reads both h for the new h, and both c for the new c.
  static ImportTable table() {
    // The encoder's states stand upon each other as h, c of one direction, then of the other;
    // Linear reads both h for the new h, and both c for the new c.
    return {
        {"encoder.embedding.E", transposed("src_embed.weight")},
        pytorch_stack("encoder.stack", "encoder",
                      {.kind = attend::PytorchKind::lstm, .layers = 1, .bidirectional = true}),
        {"decoder.bridge.W",
         stacked(
             {beside({{"fc_h.weight", hidden}, zeros(), columns("fc_h.weight", hidden), zeros()}),
              beside(
                  {zeros(), {"fc_c.weight", hidden}, zeros(), columns("fc_c.weight", hidden)})})},
        {"decoder.bridge.b", stacked({"fc_h.bias", "fc_c.bias"})},
        {"decoder.attention.score.W", "attn.weight"},
        {"decoder.attention.score.U", columns("attn.weight", state)},
        {"decoder.attention.score.b", "attn.bias"},
        {"decoder.attention.score.v", transposed("v.weight")},
        {"decoder.embedding.E", transposed("tgt_embed.weight")},
        pytorch_lstm("decoder.cells.0.cell", {"decoder.weight_ih", "decoder.weight_hh",
                                              "decoder.bias_ih", "decoder.bias_hh"}),
        {"decoder.cells.0.beside", columns("decoder.weight_ih", embed)},
        pytorch_linear("decoder.output", "fc_out")};
  }
};

TEST(ImportPytorch, BidirectionalLstmWithAdditiveAttention) {
  auto model = PytorchAttention::model();
  const TensorFile file = fixture("torch_attention");
  import_parameters(file, PytorchAttention::table(), model);
  expect_answers(model, fixture("torch_attention.expected"));
  expect_the_way_back(model, PytorchAttention::table(), file);
}

/// A Python that has PyTorch, or nothing.
std::string python_with_torch() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (std::system((python + " -c 'import torch' > /dev/null 2>&1").c_str()) == 0) return python;
  }
  return "";
}

/// PyTorch loads the tensors with strict=True and answers as the model does.
TEST(ExportToPytorch, LoadsStrictlyAndAnswersTheSame) {
  const std::string python = python_with_torch();
  if (python.empty()) GTEST_SKIP() << "no Python here has PyTorch";
  auto model = PytorchAttention::model();
  import_parameters(fixture("torch_attention"), PytorchAttention::table(), model);
  // Another model of the shape: what the table has as zeros stays zero.
  attend::for_each_parameter([](std::string_view, auto& p) { attend::values(p) *= 0.75; }, model);
  TensorFile answers = fixture("torch_attention.expected");
  const Matrix<double> logits = step_logits(model, answers);
  answers.tensors["logits"] = attend::make_tensor<double>(
      {logits.cols(), logits.rows()},
      std::span(logits.data(), static_cast<std::size_t>(logits.size())));
  const TemporaryFolder folder;
  attend::write_safetensors(folder / "model", export_parameters(PytorchAttention::table(), model));
  attend::write_safetensors(folder / "answers", answers);
  const std::string command = python + " '" ATTEND_SOURCE_DIR "/tests/io/check_export.py' '" +
                              (folder / "model").string() + "' '" + (folder / "answers").string() +
                              "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

TEST(ImportPytorch, BidirectionalLstmTagger) {
  using Encoder = attend::TextEncoder<Bidirectional<Lstm>>;
  Random random(1);
  attend::Tagger<Encoder> tagger(Encoder(Embedding({9, 4}, random), both_ways(4, 3, 2, random)),
                                 attend::Dense<double>({6, 4}, random));
  const ImportTable table = {
      {"encoder.embedding.E", transposed("embedding.weight")},
      pytorch_stack("encoder.stack", "lstm",
                    {.kind = attend::PytorchKind::lstm, .layers = 2, .bidirectional = true}),
      pytorch_linear("output", "fc")};
  const TensorFile file = fixture("torch_tagger");
  import_parameters(file, table, tagger);
  const TensorFile expected = fixture("torch_tagger.expected");
  attend::Tagger<Encoder>::Workspace workspace;
  Matrix<double> L(4, 5);
  const std::vector<std::vector<Token>> source{tokens(expected, "source")};
  tagger.logits(attend::TokenBatch(source), workspace, L);
  expect_close(L, columns_of(expected, "logits"));
  expect_the_way_back(tagger, table, file);
}

TEST(ImportPytorch, Transformer) {
  using Model =
      attend::Seq2Seq<attend::TransformerEncoder<double>, attend::TransformerDecoder<double>>;
  constexpr Index size = 8;
  const attend::TransformerConfig config{.size = size,
                                         .layers = 2,
                                         .heads = 2,
                                         .feed_forward = 12,
                                         .activation = attend::Activation::gelu};
  Random random(1);
  Model model(attend::TransformerEncoder<double>(config, Embedding({9, size}, random), random),
              attend::TransformerDecoder<double>(
                  {.transformer = config, .vocabulary = 7, .annotation = size}, random));
  ImportTable table = {{"encoder.embedding.E", transposed("src_embed.weight")},
                       {"decoder.embedding.E", transposed("tgt_embed.weight")},
                       pytorch_layer_norm("encoder.norm", "encoder.norm"),
                       pytorch_layer_norm("decoder.norm", "decoder.norm"),
                       pytorch_linear("decoder.output", "generator")};
  for (const char* l : {"layers.0", "layers.1"}) {
    table.append(pytorch_encoder_layer(std::string("encoder.") + l, std::string("encoder.") + l));
    table.append(pytorch_decoder_layer(std::string("decoder.") + l, std::string("decoder.") + l));
  }
  const TensorFile file = fixture("torch_transformer");
  import_parameters(file, table, model);
  expect_answers(model, fixture("torch_transformer.expected"));
  expect_the_way_back(model, table, file);
}

/// The states of a cell over the columns of X, or from the last to the first.
template <class C>
Matrix<double> run(const C& cell, const Matrix<double>& X) {
  Matrix<double> states(cell.hidden_size(), X.cols());
  Matrix<double> before = Matrix<double>::Zero(cell.state_rows(), 1), after = before;
  for (Index t = 0; t < X.cols(); ++t) {
    Matrix<double> G(cell.gate_rows(), 1);
    cell.project(X.col(t), G);
    cell.step(G, before, after);
    states.col(t) = after.topRows(cell.hidden_size());
    std::swap(before, after);
  }
  return states;
}

/// Two directions of every operator.
struct OnnxCells {
  using Scalar = double;
  std::vector<Lstm> lstm;
  std::vector<Gru> before;
  std::vector<Gru> after;
  std::vector<attend::Elman<double>> rnn;
  static void parameters(auto&& f, auto&... m) {
    f("lstm", m.lstm...);
    f("gru_before", m.before...);
    f("gru_after", m.after...);
    f("rnn", m.rnn...);
  }
};

TEST(ImportOnnx, CellsOfBothDirections) {
  const TensorFile file = fixture("onnx_cells");
  const TensorFile expected = fixture("onnx_cells.expected");
  const Matrix<double> X = columns_of(expected, "inputs");
  Random random(1);
  OnnxCells model;
  ImportTable table;
  for (Index d = 0; d < 2; ++d) {
    model.lstm.emplace_back(attend::LstmConfig{.input = 3, .hidden = 4, .peepholes = true}, random);
    model.before.emplace_back(attend::GruConfig{3, 4, attend::GruForm::reset_before}, random);
    model.after.emplace_back(attend::GruConfig{3, 4, attend::GruForm::reset_after}, random);
    model.rnn.emplace_back(attend::ElmanConfig{3, 4}, random);
    const std::string n = std::to_string(d);
    table.append(onnx_lstm("lstm." + n, {"lstm.W", "lstm.R", "lstm.B", "lstm.P", d}));
    table.append(onnx_gru_reset_before(
        "gru_before." + n,
        {.W = "gru_before.W", .R = "gru_before.R", .B = "gru_before.B", .direction = d}));
    table.append(
        onnx_gru("gru_after." + n,
                 {.W = "gru_after.W", .R = "gru_after.R", .B = "gru_after.B", .direction = d}));
    table.append(onnx_rnn("rnn." + n, {.W = "rnn.W", .R = "rnn.R", .B = "rnn.B", .direction = d}));
  }
  import_parameters(file, table, model);
  for (std::size_t d = 0; d < 2; ++d) {
    const std::string n = "." + std::to_string(d);
    expect_close(run(model.lstm[d], X), columns_of(expected, "lstm" + n));
    expect_close(run(model.before[d], X), columns_of(expected, "gru_before" + n));
    expect_close(run(model.after[d], X), columns_of(expected, "gru_after" + n));
    expect_close(run(model.rnn[d], X), columns_of(expected, "rnn" + n));
  }
}

TEST(ImportOnnx, CellsWithoutBiases) {
  TensorFile file = fixture("onnx_cells");
  std::erase_if(file.tensors, [](const auto& entry) {
    return !entry.first.starts_with("gru_after") || entry.first.ends_with("B");
  });
  Random random(1);
  std::vector<Gru> both(2, Gru({3, 4}, random));
  both[0].b.setOnes();
  ImportTable table;
  for (Index d = 0; d < 2; ++d) {
    table.append(
        onnx_gru(std::to_string(d), {.W = "gru_after.W", .R = "gru_after.R", .direction = d}));
  }
  import_parameters(file, table, both);
  EXPECT_TRUE(both[0].b.isZero() && both[0].b_candidate->isZero());
}

#ifdef ATTEND_HAS_ZLIB

using attend::keras_dense;
using attend::keras_gru;
using attend::keras_gru_reset_before;
using attend::keras_lstm;

TensorFile archive(const std::string& name) {
  return attend::read_npz(ATTEND_SOURCE_DIR "/tests/fixtures/import/" + name + ".npz");
}

attend::KerasCell keras(const std::string& layer) {
  return {layer + "/kernel", layer + "/recurrent_kernel", layer + "/bias"};
}

TEST(ImportKeras, LstmWithLuongsDotAttention) {
  using Model = attend::Seq2Seq<attend::TextEncoder<Recurrent<Lstm>>,
                                attend::RecurrentDecoder<Lstm, attend::Dot<double>>>;
  constexpr Index embed = 4, hidden = 5;
  Random random(1);
  Model model({Embedding({8, embed}, random),
               attend::Stacked<Recurrent<Lstm>>({Recurrent(lstm_maker(hidden)(embed, random))})},
              attend::luong_decoder({.vocabulary = 7,
                                     .embedding = embed,
                                     .hidden = hidden,
                                     .annotation = hidden,
                                     .encoder_states = 2 * hidden,
                                     .readout = 6,
                                     .initial = InitialState::copied},
                                    lstm_maker(hidden), attend::Dot<double>(), random));
  const ImportTable table = {{"encoder.embedding.E", transposed("embedding/embeddings")},
                             keras_lstm("encoder.stack.layers.0.cell", keras("lstm")),
                             {"decoder.embedding.E", transposed("embedding_1/embeddings")},
                             keras_lstm("decoder.cells.0.cell", keras("lstm_1")),
                             {"decoder.readout.W_c", transposed("dense/kernel")},
                             {"decoder.readout.W_s", columns(transposed("dense/kernel"), hidden)},
                             {"decoder.readout.b", "dense/bias"},
                             keras_dense("decoder.output", "dense_1/kernel", "dense_1/bias")};
  const TensorFile file = archive("keras_luong");
  import_parameters(file, table, model);
  expect_answers(model, fixture("keras_luong.expected"));
  expect_the_way_back(model, table, file);
}

/// e = max(v' tanh(W q + U h + b) + c, 0): an additive score behind a relu, a user's own. To train
/// it, the way back would need the energies' signs; here it only answers.
struct RectifiedAdditive : Additive<double> {
  attend::Vector<double> c = attend::Vector<double>::Zero(1);

  RectifiedAdditive() = default;
  explicit RectifiedAdditive(Additive<double> score) : Additive<double>(std::move(score)) {}
  static void parameters(auto&& f, auto&... m) {
    Additive<double>::parameters(f, m...);
    f("c", m.c...);
  }
  void energies(attend::ConstView<double> K, attend::ConstView<double> A,
                attend::View<double> E) const {
    Additive<double>::energies(K, A, E);
    E = (E.array() + c(0)).max(0).matrix().eval();
  }
};

// An embedding, a projection with relu, LSTM both ways; the context is all that the decoder reads,
// its cell state asks, its state begins at zero, and words are read off h alone.
TEST(ImportKeras, ContextAsTheOnlyInputAskedWithTheCellState) {
  using Encoder = attend::TextEncoder<Bidirectional<Lstm>>;
  using Model = attend::Seq2Seq<Encoder, attend::RecurrentDecoder<Lstm, RectifiedAdditive>>;
  constexpr Index project = 4, hidden = 3, annotation = 6, state = 5;
  Random random(1);
  Model model(
      Encoder(Embedding({9, 5}, random), both_ways(project, hidden, 1, random), {},
              attend::Projection<double>({5, project}, attend::ProjectionActivation::relu, random)),
      attend::bahdanau_decoder({.vocabulary = 6,
                                .hidden = state,
                                .annotation = annotation,
                                .encoder_states = 4 * hidden,
                                .readout = state,
                                .activation = ReadoutActivation::none,
                                .reads_context = false,
                                .initial = InitialState::zero,
                                .query = attend::QueryPart::cell},
                               lstm_maker(state),
                               RectifiedAdditive(Additive<double>({state, annotation, 4}, random)),
                               random));
  const ImportTable table = {
      {"encoder.embedding.E", transposed("embedding/embeddings")},
      keras_dense("encoder.projection", "project/kernel", "project/bias"),
      keras_lstm("encoder.stack.layers.0.forward.cell", keras("forward_lstm")),
      keras_lstm("encoder.stack.layers.0.backward.cell", keras("backward_lstm")),
      {"decoder.attention.score.U", transposed("energies/kernel")},
      {"decoder.attention.score.W", columns(transposed("energies/kernel"), annotation)},
      {"decoder.attention.score.b", "energies/bias"},
      {"decoder.attention.score.v", "energy/kernel"},
      {"decoder.attention.score.c", "energy/bias"},
      {"decoder.cells.0.beside", transposed("post_lstm/kernel")},
      {"decoder.cells.0.cell.U", transposed("post_lstm/recurrent_kernel")},
      {"decoder.cells.0.cell.b", "post_lstm/bias"},
      keras_dense("decoder.output", "output/kernel", "output/bias")};
  const TensorFile file = archive("keras_dates");
  import_parameters(file, table, model);
  expect_answers(model, fixture("keras_dates.expected"));
}

/// A cell for each form and way to keep its biases.
struct KerasGrus {
  using Scalar = double;
  Gru before, after, bare, apart;
  static void parameters(auto&& f, auto&... m) {
    f("before", m.before...);
    f("after", m.after...);
    f("bare", m.bare...);
    f("apart", m.apart...);
  }
};

TEST(ImportKeras, BothFormsOfGru) {
  const TensorFile file = archive("keras_gru");
  const TensorFile expected = fixture("keras_gru.expected");
  Random random(1);
  const Gru reset_after({3, 4}, random);
  KerasGrus model{Gru({3, 4, attend::GruForm::reset_before}, random), reset_after, reset_after,
                  reset_after};
  const ImportTable table = {keras_gru_reset_before("before", keras("before")),
                             keras_gru("after", keras("after")),
                             keras_gru("bare", {"bare/kernel", "bare/recurrent_kernel"}),
                             keras_gru("apart", {"apart/kernel", "apart/recurrent_kernel"},
                                       {"apart/input_bias", "apart/recurrent_bias"})};
  import_parameters(file, table, model);
  const Matrix<double> X = columns_of(expected, "inputs");
  expect_close(run(model.before, X), columns_of(expected, "cell.before"));
  expect_close(run(model.after, X), columns_of(expected, "cell.after"));
  expect_close(run(model.bare, X), columns_of(expected, "cell.bare"));
  expect_close(run(model.apart, X), columns_of(expected, "cell.apart"));
}

#endif

}  // namespace
