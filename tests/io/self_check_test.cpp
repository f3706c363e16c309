/// The checksum and the self-check of model files.
#include <limits>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/io/checksum.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/self_check.hpp>
#include <attend/model/any_seq2seq.hpp>

namespace {

using attend::FormatError;
using attend::Index;
using attend::Random;
using attend::TensorFile;
using attend::Token;
using reference::message_of;
using Model = attend::AnySeq2Seq<float>;

Model model(attend::PartKind encoder, attend::PartKind decoder) {
  Random random(1);
  return attend::make_seq2seq<float>({.encoder = encoder,
                                      .decoder = decoder,
                                      .recurrent = {.source_vocabulary = 9,
                                                    .target_vocabulary = 7,
                                                    .embedding = 4,
                                                    .hidden = 5,
                                                    .layers = 2},
                                      .transformer = {.layers = 2, .heads = 2, .feed_forward = 6}},
                                     random);
}

const std::vector<Token> source{8, 0, 2};
const std::vector<Token> inputs{1, 6};

TensorFile stored(const Model& m) {
  TensorFile file;
  file.source = "file";
  attend::store_parameters(file, "model", m);
  attend::store_self_check(file, m, source, inputs);
  return file;
}

std::string refusal(const TensorFile& file, const Model& m) {
  return message_of<FormatError>([&] { attend::verify_self_check(file, m); });
}

/// The first name of the message that changing one element of a parameter brings.
std::string first_difference(Model m, const TensorFile& file, const std::string& parameter) {
  bool found = false;
  attend::for_each_parameter(
      [&](std::string_view path, auto& p) {
        if (path != parameter) return;
        found = true;
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) p(i, j) += static_cast<float>(i % 2);
        }
      },
      m);
  EXPECT_TRUE(found) << parameter;
  const std::string said = refusal(file, m);
  const std::string start = "file: self-check: '";
  EXPECT_TRUE(said.starts_with(start)) << said;
  EXPECT_NE(said.find("' is the first layer that differs: element ("), said.npos) << said;
  return said.substr(start.size(), said.find('\'', start.size()) - start.size());
}

TEST(SelfCheck, NamesTheFirstLayerThatDiffers) {
  using enum attend::PartKind;
  const Model m = model(recurrent, recurrent);
  const TensorFile file = stored(m);
  EXPECT_EQ(refusal(file, m), "nothing was thrown");
  const auto first = [&](const char* parameter) { return first_difference(m, file, parameter); };
  EXPECT_EQ(first("encoder.embedding.E"), "encoder embedding");
  EXPECT_EQ(first("encoder.stack.layers.0.forward.cell.b"), "encoder layer 1 input");
  EXPECT_EQ(first("encoder.stack.layers.1.backward.cell.W"), "encoder annotations");
  EXPECT_EQ(first("decoder.bridge.b"), "step 0, decoder context");
  EXPECT_EQ(first("decoder.cells.0.cell.b"), "step 0, decoder cell 0");
  EXPECT_EQ(first("decoder.cells.1.cell.b"), "step 0, decoder cell 1");
  EXPECT_EQ(first("decoder.readout.b"), "step 0, decoder readout");
  EXPECT_EQ(first("decoder.output.b"), "step 0, logits");
}

TEST(SelfCheck, LooksIntoTransformers) {
  using enum attend::PartKind;
  const Model m = model(transformer, transformer);
  const TensorFile file = stored(m);
  EXPECT_EQ(refusal(file, m), "nothing was thrown");
  const auto first = [&](const char* parameter) { return first_difference(m, file, parameter); };
  EXPECT_EQ(first("encoder.layers.0.feed_forward.down.b"), "encoder layer 1 input");
  EXPECT_EQ(first("encoder.layers.1.feed_forward.down.W"), "encoder annotations");
  EXPECT_EQ(first("decoder.layers.0.self.output.b"), "step 0, decoder layer 1 input");
  EXPECT_EQ(first("decoder.output.b"), "step 0, logits");
  for (const auto& [e, d] : {std::pair{recurrent, transformer}, {transformer, recurrent}}) {
    const Model mixed = model(e, d);
    EXPECT_EQ(refusal(stored(mixed), mixed), "nothing was thrown");
  }
}

TEST(SelfCheck, SaysWhatADamagedOneHolds) {
  using enum attend::PartKind;
  const Model m = model(recurrent, recurrent);
  TensorFile file = stored(m);
  const std::vector<Token> foreign{99};
  file.tensors["self_check.source"] = attend::make_tensor<Token>({1}, foreign);
  EXPECT_EQ(refusal(file, m),
            "file: self-check: Embedding::forward: token 99 is outside the vocabulary of 9 words");
  const std::vector<Token> many(1001);
  file.tensors["self_check.source"] = attend::make_tensor<Token>({1001}, many);
  EXPECT_EQ(refusal(file, m), "file: self-check: 1001 and 2 tokens, expected at most 1000");
  file = stored(m);
  file.tensors.erase("self_check.0000.encoder embedding");
  EXPECT_EQ(
      refusal(file, m),
      "file: self-check: the file knows no layer 'encoder embedding' at this place; the model "
      "is built otherwise");
  file = stored(m);
  const std::vector<float> one(1);
  file.tensors["self_check.0000.encoder embedding"] = attend::make_tensor<float>({1, 1}, one);
  EXPECT_EQ(refusal(file, m),
            "file: self-check: 'encoder embedding' is (4 x 3), the file says [1, 1]");
  const std::vector<float> nan(12, std::numeric_limits<float>::quiet_NaN());
  file.tensors["self_check.0000.encoder embedding"] = attend::make_tensor<float>({4, 3}, nan);
  EXPECT_NE(refusal(file, m), "nothing was thrown");
  file = TensorFile();
  EXPECT_EQ(refusal(file, m), "nothing was thrown") << "others write none";
}

TEST(Checksum, SeesEveryChange) {
  TensorFile file;
  file.source = "file";
  const std::vector<float> values{1, 2, 3};
  file.insert("a", attend::make_tensor<float>({3}, values));
  for (const std::size_t size : {0, 1, 7, 8, 31, 32, 33, 64, 65}) {
    file.insert_bytes("bytes" + std::to_string(size), std::string(size, 'x'));
  }
  file.metadata["k"] = "v";
  attend::check_checksum(file);
  attend::add_checksum(file);
  attend::check_checksum(file);
  const std::string noted = file.note("checksum");
  EXPECT_EQ(noted.size(), 16U);
  const auto changed = [&](auto change) {
    TensorFile other = file;
    change(other);
    return message_of<FormatError>([&] { attend::check_checksum(other); });
  };
  const auto expect_seen = [&](auto change) {
    const std::string said = changed(change);
    EXPECT_TRUE(said.starts_with("file: the checksum is ")) << said;
    EXPECT_TRUE(said.ends_with(", the file says " + noted + "; the file is damaged")) << said;
  };
  for (const auto& [name, tensor] : file.tensors) {
    for (std::size_t i = 0; i < tensor.bytes.size(); ++i) {
      std::string bytes(tensor.bytes.view());
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
      expect_seen([&, &n = name](TensorFile& f) { f.tensors[n].bytes = bytes; });
    }
  }
  expect_seen([](TensorFile& f) { f.tensors["a"].shape = {1, 3}; });
  expect_seen([](TensorFile& f) { f.tensors["a"].dtype = "I32"; });
  expect_seen([](TensorFile& f) { f.metadata["k"] = "w"; });
  expect_seen([](TensorFile& f) { f.metadata["l"] = ""; });
  expect_seen([](TensorFile& f) { f.tensors.erase("bytes0"); });
  expect_seen([](TensorFile& f) {
    auto node = f.tensors.extract("bytes1");
    node.key() = "bytes2";
    f.tensors.insert(std::move(node));
  });
}

/// Files move between machines, so the number is fixed.
TEST(Checksum, IsTheSameEverywhere) {
  TensorFile file;
  file.insert_bytes("words", "der\ndie\ndas\n and thirty-two bytes more of text");
  EXPECT_EQ(attend::checksum(file), "45579c7c7d5cdf9a");
}

}  // namespace
