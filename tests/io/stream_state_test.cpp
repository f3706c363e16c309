#include <filesystem>
#include <reference/message_of.hpp>
#include <string>

#include <gtest/gtest.h>

#include "search/streaming.hpp"
#include "temporary_folder.hpp"
#include <attend/io/safetensors.hpp>
#include <attend/io/stream_state.hpp>

namespace {

using reference::message_of;

using namespace streaming;
using attend::FormatError;
using attend::StreamOptions;
using attend::TensorFile;

constexpr Token start = 1;
constexpr Token end_symbol = 2;
const StreamOptions options{.start = start,
                            .end = end_symbol,
                            .forbidden = {end_symbol},
                            .chunk = 5,
                            .window = attend::MovingWindow{3, 4}};

struct Model {
  attend::Stacked<OneWay> encoder;
  Decoder decoder;

  explicit Model(std::uint64_t seed, attend::AnyWindow window = attend::Full{}) {
    Random random(seed);
    encoder = one_way(random);
    decoder = streaming::decoder(
        {attend::coverage_score<S>({.query = hidden, .key = hidden, .energy = 8}, random), window,
         attend::Softmax{}},
        attend::DecoderOrder::step_then_attend, encoder.state_rows(), random);
  }
  [[nodiscard]] auto stream(const StreamOptions& o = options) const {
    return attend::Stream(encoder, decoder, o);
  }
};

TEST(StreamState, GoesOnElsewhereToTheBit) {
  const TemporaryFolder folder;
  const Model model(4);
  Random random(1);
  const Matrix<S> X = reference::random_matrix<S>(random, frame, 60);
  auto whole = model.stream();
  const Written expected = streamed(whole, X, {60});
  ASSERT_GT(expected.tokens.size(), 3U);
  for (const Index cut : {0, 13, 30, 59}) {
    const auto path = folder / std::to_string(cut);
    {
      auto first = model.stream();
      first.push(X.leftCols(cut));
      TensorFile file;
      attend::store_stream(file, first);
      attend::write_safetensors(path, file);
    }
    const Model elsewhere(4);
    auto second = elsewhere.stream();
    attend::load_stream(attend::read_safetensors(path), second);
    EXPECT_EQ(streamed(second, X.rightCols(60 - cut), {7}), expected) << cut;
  }
}

TEST(StreamState, HasOneSizeHoweverLongTheStream) {
  const Model model(4, attend::Sliding{6, 2});
  Random random(1);
  auto stream = model.stream({.start = start});
  std::size_t bytes = 0;
  for (int frames = 0; frames < 2000; frames += 500) {
    stream.push(reference::random_matrix<S>(random, frame, 500));
    static_cast<void>(stream.poll());
    TensorFile file;
    attend::store_stream(file, stream);
    std::size_t size = 0;
    for (const auto& [name, tensor] : file.tensors) size += tensor.bytes.size();
    if (bytes == 0) bytes = size;
    EXPECT_EQ(size, bytes);
  }
  EXPECT_FALSE(stream.done());
}

/// What a stream says to a file.
template <class Stream>
std::string refusal(const TensorFile& file, Stream stream) {
  const auto before = stream.snapshot();
  const std::string message = message_of<FormatError>([&] { attend::load_stream(file, stream); });
  EXPECT_EQ(stream.snapshot().encoder, before.encoder);
  return message;
}

TEST(StreamState, OfAnotherStreamIsRefused) {
  const Model model(4);
  auto stream = model.stream();
  Random random(1);
  stream.push(reference::random_matrix<S>(random, frame, 23));
  TensorFile file;
  file.source = "state";
  attend::store_stream(file, stream);
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(refusal(file, Model(5).stream()), "whose weights is");
  expect(
      refusal(file, model.stream({.start = start,
                                  .end = end_symbol,
                                  .chunk = 6,
                                  .window = attend::MovingWindow{3, 4}})),
      "whose stream is 'chunks of 5, following 3 4, start 1, end 2', this one's is 'chunks of 6");
  TensorFile bad = file;
  bad.metadata["attend"] = "translation model";
  expect(refusal(bad, model.stream()), "'translation model', this one's is 'stream state'");
  bad = file;
  bad.tensors.erase("state.feed");
  expect(refusal(bad, model.stream()), "the file lacks state.feed [7, 1]");
  bad = file;
  bad.tensors.at("state.encoder") = attend::make_tensor<S>({2, 1}, std::array<S, 2>{0, 0});
  expect(refusal(bad, model.stream()), "has shape [2, 1], the model expects [18, 1]");
  bad = file;
  bad.tensors.at("counts") = bad.tensors.at("known");
  expect(refusal(bad, model.stream()), "expected I64 and [10]");
  for (std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U}) {
    auto numbers = attend::elements<std::int64_t>(file.at("counts"));
    numbers[count] = count == 4 ? std::numeric_limits<std::int64_t>::max() : -7;
    bad = file;
    bad.tensors.at("counts") = attend::make_tensor<std::int64_t>({10}, numbers);
    expect(refusal(bad, model.stream()), "state: the state is damaged: ");
  }
}

}  // namespace
