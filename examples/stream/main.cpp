// Hears 100 000 frames as they come and says a token for each; its state does not grow.
#include <iostream>

#include <attend/attend.hpp>

int main() {
  attend::Random random(1);
  const auto cell = [](attend::Index input, attend::Random& r) {
    return attend::Gru<float>({.input = input, .hidden = 64}, r);
  };
  using Layer = attend::Recurrent<attend::Gru<float>>;
  const attend::Stacked<Layer> encoder({Layer(cell(40, random)), Layer(cell(64, random))});
  const auto decoder = attend::bahdanau_decoder(
      {.vocabulary = 50,
       .embedding = 16,
       .hidden = 64,
       .annotation = 64,
       .encoder_states = encoder.state_rows(),
       .readout = 64,
       .initial = attend::InitialState::zero},
      cell,
      attend::Attention(attend::Additive<float>({.query = 64, .key = 64, .energy = 64}, random),
                        attend::Sliding{.left = 20, .right = 5}),  // 5 frames of look-ahead
      random);

  attend::Stream stream(encoder, decoder, {.start = 0});
  attend::Matrix<float> frames(40, 10);  // columns are time steps
  attend::Index tokens = 0;
  for (attend::Index heard = 10; heard <= 100'000; heard += 10) {
    attend::initialize_normal(frames, 1.0, random);
    stream.push(frames);
    tokens += std::ssize(stream.poll());
    if (heard != 1000 && heard != 100'000) continue;
    std::cout << heard << " frames, " << tokens << " tokens, a state of "
              << attend::parameter_count(stream.snapshot()) * 4 << " bytes\n";
  }
}
