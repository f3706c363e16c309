/// The state of a stream, as a value.
#pragma once

#include <vector>

#include <attend/attention/window.hpp>
#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// A token of a stream, and how many frames of the source were needed for it.
struct TimedToken {
  Token token = 0;
  Index frames = 0;

  bool operator==(const TimedToken&) const = default;
};

/// Frames that wait for their chunk, annotations that are held and that arrived, steps of the
/// decoder, what the next one sees, frames that were needed, the last token.
struct StreamCounts {
  Index pending = 0;
  Index held = 0;
  Index arrived = 0;
  Index steps = 0;
  KeyRange next = {};
  Index heard = 0;
  Token last = 0;
  bool finished = false;
  bool done = false;
};

/// What a Stream needs to go on elsewhere. Its matrices have the sizes of the stream, what they
/// hold beyond the counts is zero; `parameters` visits them.
template <Scalar S>
struct StreamSnapshot {
  Matrix<S> encoder;
  Matrix<S> pending;
  Matrix<S> values;
  Matrix<S> keys;
  std::vector<Matrix<S>> layers;
  Matrix<S> feed;
  Matrix<S> weights;
  Matrix<S> accumulated;
  StreamCounts counts;
  /// Not polled yet.
  std::vector<TimedToken> known;

  static void parameters(auto&& f, auto&... s) {
    f("encoder", s.encoder...);
    f("pending", s.pending...);
    f("values", s.values...);
    f("keys", s.keys...);
    f("layers", s.layers...);
    f("feed", s.feed...);
    f("weights", s.weights...);
    f("accumulated", s.accumulated...);
  }
};

namespace detail {

/// Throws ShapeError unless the matrices of both have the same sizes.
template <Scalar S>
void check_same_shapes(const StreamSnapshot<S>& given, const StreamSnapshot<S>& expected) {
  check_size("Stream::restore", "number of decoder layers", std::ssize(given.layers),
             std::ssize(expected.layers));
  for_each_parameter(
      [](std::string_view name, const auto& m, const auto& e) {
        check_shape("Stream::restore", name, m, e.rows(), e.cols());
      },
      given, expected);
}

}  // namespace detail

}  // namespace attend
