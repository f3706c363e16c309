/// How an attention moves along a source that still arrives.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include <attend/attention/attention.hpp>
#include <attend/attention/monotonic.hpp>
#include <attend/attention/window.hpp>
#include <attend/core/choice.hpp>
#include <attend/core/error.hpp>

namespace attend::inline ATTEND_ABI {

/// Keys around the middle of the last step's weights: the windowing of Chorowski et al. 2015
/// (arXiv 1506.07503, section 2.3). Its begin never goes back.
struct MovingWindow {
  Index left = 0;
  Index right = 0;
};

/// Which keys the next step of a decoder is shown, and by that what a step waits for and what may
/// be forgotten. Positions count from the beginning of the source. It depends on the steps alone,
/// not on how the source arrives.
class AttentionPace {
 public:
  enum class Kind {
    sliding,    ///< The window's own: a key a step.
    following,  ///< A MovingWindow.
    reading     ///< Hard monotonic: from the last key taken on, up to the first one that is taken.
  };

  /// All that changes: what the next step may see, and how many keys the last one needed.
  struct Place {
    KeyRange next;
    Index heard = 0;
  };

  static AttentionPace sliding(const Sliding& window) {
    return {Kind::sliding,
            {window.left, window.right},
            {window.offset - window.left, window.offset + window.right + 1}};
  }
  static AttentionPace following(const MovingWindow& window) {
    check_argument(window.left >= 0 && window.right >= 0, "AttentionPace: the moving window is ",
                   window.left, " left and ", window.right, " right, expected 0 or more");
    return {Kind::following, window, {0, window.right + 1}};
  }
  static AttentionPace reading() {
    return {Kind::reading, {}, {0, std::numeric_limits<Index>::max()}};
  }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const MovingWindow& window() const { return window_; }
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] Place& place() { return place_; }

  [[nodiscard]] KeyRange shown() const {
    return {std::max<Index>(place_.next.begin, 0), place_.next.end};
  }
  /// How many keys were needed by the steps so far.
  [[nodiscard]] Index heard() const { return place_.heard; }
  /// How many keys must have arrived before the next step is tried.
  [[nodiscard]] Index needs() const {
    return kind_ == Kind::reading ? place_.next.begin + 1 : place_.next.end;
  }
  /// The most keys that are held while a step waits.
  [[nodiscard]] Index width() const {
    return kind_ == Kind::reading ? 1 : std::max<Index>(window_.left + window_.right + 1, 1);
  }
  /// Whether the next step stands behind all T keys of a source.
  [[nodiscard]] bool behind(Index T) const {
    return kind_ != Kind::following && place_.next.begin + window_.left >= T;
  }

  /// After a step over T keys, with the weights of key `first` and on. Returns false where it
  /// reads and took none of them.
  template <Scalar S>
  bool move(std::span<const S> weights, Index first, Index T) {
    KeyRange& next = place_.next;
    place_.heard = std::max(place_.heard, std::min(next.end, T));
    if (kind_ == Kind::sliding) {
      ++next.begin;
      ++next.end;
    } else if (kind_ == Kind::following) {
      const Index middle = first + median(weights);
      if (middle < first) return true;
      next.begin = std::max(next.begin, middle - window_.left);
      next.end = middle + window_.right + 1;
    } else {
      const auto taken = std::ranges::find_if(weights, [](S a) { return a > 0; });
      next.begin = taken == weights.end() ? T : first + (taken - weights.begin());
      place_.heard = std::min(next.begin + 1, T);
      return taken != weights.end();
    }
    return true;
  }

 private:
  AttentionPace(Kind kind, const MovingWindow& window, const KeyRange& next)
      : kind_(kind), window_(window), place_{next} {}

  /// The first index up to which half of the weight lies; -1 without any.
  template <Scalar S>
  static Index median(std::span<const S> weights) {
    double sum = 0;
    for (const S a : weights) sum += static_cast<double>(a);
    double left = sum / 2;
    for (Index t = 0; t < std::ssize(weights); ++t) {
      left -= static_cast<double>(weights[static_cast<std::size_t>(t)]);
      if (left <= 0 && sum > 0) return t;
    }
    return -1;
  }

  Kind kind_;
  MovingWindow window_;
  Place place_;
};

/// How an attention moves: by itself where it slides or reads, else by the window that is given.
/// Throws std::invalid_argument for one that needs all of its source at once.
template <class Z, class W, class F>
[[nodiscard]] AttentionPace pace_of(const Attention<Z, W, F>& attention,
                                    const std::optional<MovingWindow>& window) {
  const auto* sliding = held_as<Sliding>(attention.window);
  const auto* monotonic = held_as<Monotonic>(attention.alignment);
  check_argument(sliding != nullptr || attend::shows_all(attention.window),
                 "pace_of: a causal window holds on to all that came before; use Sliding");
  check_argument(monotonic == nullptr || monotonic->mode == MonotonicMode::hard,
                 "pace_of: a monotonic attention reads a source that still arrives only with "
                 "MonotonicMode::hard");
  check_argument(monotonic == nullptr || (sliding == nullptr && !window),
                 "pace_of: a monotonic attention moves by itself; leave its window out");
  check_argument(monotonic != nullptr || (!attend::reads_previous(attention.alignment) &&
                                          attend::control_size(attention.alignment) == 0),
                 "pace_of: this alignment function looks at all of its source at once");
  check_argument(sliding == nullptr || !window,
                 "pace_of: the attention's window slides by itself; leave the moving one out");
  if (monotonic != nullptr) return AttentionPace::reading();
  if (sliding != nullptr) return AttentionPace::sliding(*sliding);
  check_argument(window.has_value(),
                 "pace_of: the attention sees all of its source; give it a MovingWindow");
  return AttentionPace::following(*window);
}

}  // namespace attend
