/// The one source of randomness: a small generator that the caller passes.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <utility>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, every seed is good, and `fork` gives
/// independent streams, so that a batch's shards draw the same numbers on any number of threads.
/// Its numbers are the same on every platform; a UniformRandomBitGenerator.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed = 0) : state_(seed) {}

  /// For a model that is about to be read from a file: its weights begin as zeros, and no time goes
  /// into numbers that nobody sees.
  static Random none() {
    Random random;
    random.draws_ = false;
    return random;
  }
  [[nodiscard]] bool draws() const { return draws_; }

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  result_type operator()() {
    state_ += step;
    return mix(state_);
  }

  /// What so many calls would give, at once.
  void fill(std::span<result_type> numbers) {
    std::uint64_t i = 0;
    for (result_type& number : numbers) number = mix(state_ + ++i * step);
    state_ += i * step;
  }

  /// A stream of its own for `index`; this generator stays as it is.
  [[nodiscard]] Random fork(std::uint64_t index) const {
    return Random(mix(state_ ^ mix(index + 0x632be59bd9b4e019U)));
  }

  /// Uniform in [0, 1), from 53 bits.
  double uniform() { return static_cast<double>((*this)() >> 11U) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in [0, n), n > 0.
  Index below(Index n) {
    const auto range = static_cast<std::uint64_t>(n);
    const std::uint64_t limit = max() - max() % range;
    std::uint64_t bits = (*this)();
    while (bits >= limit) bits = (*this)();
    return static_cast<Index>(bits % range);
  }

  /// Standard normal, by Box and Muller; one of the pair is thrown away to keep no state.
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  /// Fisher and Yates; the same order on every platform, unlike std::shuffle.
  template <class Range>
  void shuffle(Range& items) {
    for (Index i = static_cast<Index>(items.size()) - 1; i > 0; --i) {
      std::swap(items[static_cast<std::size_t>(i)], items[static_cast<std::size_t>(below(i + 1))]);
    }
  }

  /// The whole state: `Random(r.state())` continues where r stands.
  [[nodiscard]] std::uint64_t state() const { return state_; }

 private:
  static constexpr std::uint64_t step = 0x9e3779b97f4a7c15U;

  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_;
  bool draws_ = true;
};

}  // namespace attend
