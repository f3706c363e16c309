/// Encoders and decoders for streams, and what they write offline.
#pragma once

#include <array>
#include <optional>
#include <reference/matrices.hpp>
#include <span>
#include <vector>

#include <attend/cell/any_cell.hpp>
#include <attend/decoder/any_recurrent_decoder.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/search/stream.hpp>

namespace streaming {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Token;
using S = float;
using Decoder = attend::AnyRecurrentDecoder<S>;
using OneWay = attend::Recurrent<attend::AnyCell<S>>;
using BothWays = attend::Bidirectional<attend::AnyCell<S>>;

inline constexpr Index frame = 5;
inline constexpr Index hidden = 6;
inline constexpr Index vocabulary = 9;

inline attend::Stacked<OneWay> one_way(Random& random) {
  const attend::Gru<S> bottom({.input = frame, .hidden = hidden}, random);
  const attend::Lstm<S> top({.input = hidden, .hidden = hidden}, random);
  return attend::Stacked<OneWay>({OneWay(bottom), OneWay(top)}, {.residual = true});
}

inline attend::Stacked<BothWays> both_ways(Random& random) {
  const attend::Gru<S> bottom({.input = frame, .hidden = hidden}, random);
  const attend::Gru<S> top({.input = hidden, .hidden = hidden}, random);
  return attend::Stacked<BothWays>(
      {BothWays(bottom, bottom, attend::Merge::sum), BothWays(top, top, attend::Merge::sum)});
}

struct Kind {
  attend::AnyScore<S> score;
  attend::AnyWindow window;
  attend::AnyAlignment<S> alignment;
};

/// With every parameter random, but that a cell turns its state around at every step, so that a
/// reading attention moves on.
inline Decoder decoder(const Kind& kind, attend::DecoderOrder order, Index encoder_states,
                       Random& random) {
  Decoder decoder(
      {.order = order,
       .vocabulary = vocabulary,
       .embedding = 4,
       .hidden = hidden,
       .annotation = hidden,
       .encoder_states = encoder_states,
       .readout = 7,
       .initial = attend::InitialState::zero,
       .input_feeding = order == attend::DecoderOrder::step_then_attend},
      [](Index input, Random& r) -> attend::AnyCell<S> {
        return attend::Elman<S>({.input = input, .hidden = hidden}, r);
      },
      attend::AnyAttention<S>(kind.score, kind.window, kind.alignment), random);
  attend::for_each_parameter(
      [&](std::string_view name, auto& p) {
        attend::initialize_uniform(p, name.starts_with("cells.") ? 0.3 : 1.5, random);
        if (!name.starts_with("cells.") || !name.ends_with(".U")) return;
        for (Index j = 0; j < p.cols(); ++j) {
          for (Index i = 0; i < p.rows(); ++i) p(i, j) = i == j ? S{-2} : S{0};
        }
      },
      decoder);
  return decoder;
}

/// The output, how far the source had to be heard for each token, and the decoder's last state.
struct Written {
  std::vector<attend::TimedToken> tokens;
  std::vector<Matrix<S>> layers;

  bool operator==(const Written&) const = default;
};

/// X is pushed in parts of `sizes`, again and again.
template <class Layer>
Written streamed(attend::Stream<Layer, Decoder>& stream, const Matrix<S>& X,
                 const std::vector<Index>& sizes) {
  Written all;
  const auto poll = [&] {
    for (const auto& token : stream.poll()) all.tokens.push_back(token);
  };
  std::size_t part = 0;
  for (Index t = 0; t < X.cols();) {
    const Index n = std::min(sizes[part++ % sizes.size()], X.cols() - t);
    stream.push(X.middleCols(t, n));
    t += n;
    poll();
  }
  stream.finish();
  poll();
  all.layers = stream.snapshot().layers;
  return all;
}

/// The annotations of the whole source.
template <class Layer>
Matrix<S> encoded(const attend::Stacked<Layer>& encoder, const Matrix<S>& X) {
  Matrix<S> H(encoder.output_size(), X.cols());
  typename attend::Stacked<Layer>::Trace trace;
  const std::array<Index, 1> length = {X.cols()};
  encoder.forward(attend::Ragged(length), X, H, nullptr, trace);
  return H;
}

/// The decoder's own step over a memory of all annotations, as search calls it.
template <class Choose>
Written stepped(const Decoder& decoder, const attend::StreamOptions& options, Index limit,
                attend::RecurrentMemory<S>& memory, Choose&& before_step) {
  Written all;
  Decoder::State state;
  const Index source = 0;
  decoder.begin(memory, {&source, 1}, state);
  attend::Buffer<S> logits;
  Token last = options.start;
  while (state.steps < limit) {
    before_step(state);
    decoder.step(memory, {&last, 1}, state);
    last = attend::detail::next_token(
        decoder, state, {options.start, options.end, options.forbidden, options.max_length, 0},
        state.steps, true, logits);
    if (last == options.end) break;
    all.tokens.push_back({last, 0});
  }
  for (const auto& layer : state.layers) all.layers.push_back(layer.view());
  return all;
}

/// Offline: all keys are there, the attention does as it does in search.
inline Written offline(const Decoder& decoder, const attend::StreamOptions& options, Index limit,
                       const Matrix<S>& H) {
  attend::RecurrentMemory<S> memory;
  const std::array<Index, 1> length = {H.cols()};
  const Matrix<S> states = Matrix<S>::Zero(decoder.config().encoder_states, 1);
  decoder.remember(attend::Ragged(length), H, states, memory);
  return stepped(decoder, options, limit, memory, [](const auto&) {});
}

}  // namespace streaming
