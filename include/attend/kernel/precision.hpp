/// How exactly weights are stored.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// What packed weights are stored in. Products of bfloat16 compute in the model's own scalar.
///
/// - `full`: the scalar itself.
/// - `bfloat16`: two weights share a word. One is its lower half, the upper half of a float; the
///   other is the whole word read as a float, its lower half what the first one left there. Both
///   are the nearest such numbers: relative error up to 2^-8 an element (of a double: rounded to
///   float before). Half of float's memory.
/// - `int8`: w = s q with q from -127 to 127 and a scale s = max |w| / 127 a row: error up to s/2
///   an element. Products sum up integers, for which they round what they multiply to 16 bits:
///   error up to max |x| / 65534 an element. A quarter of float's memory.
///
/// Reduced weights are for inference: they are read by products and element by element. An int8
/// row that holds NaN or infinity is NaN. A bfloat16 that is a whole word is at least 2^-100 in
/// magnitude, also for zero, and NaN for infinity, unless its lower half is zero.
enum class Precision { full, bfloat16, int8 };

/// "float32", "bfloat16" or "int8", as options of programs name them; nothing for other names.
[[nodiscard]] constexpr std::optional<Precision> precision_named(std::string_view name) {
  if (name == "float32") return Precision::full;
  if (name == "bfloat16") return Precision::bfloat16;
  if (name == "int8") return Precision::int8;
  return std::nullopt;
}

/// The upper half of `x`, rounded to nearest, ties to even. NaN stays NaN; what is beyond the
/// largest bfloat16 by half a unit or more becomes infinity.
[[nodiscard]] inline std::uint16_t to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
  const std::uint32_t half = 0x7FFFU + ((bits >> 16U) & 1U);
  return static_cast<std::uint16_t>((bits + half) >> 16U);
}
[[nodiscard]] inline float from_bfloat16(std::uint16_t x) {
  return std::bit_cast<float>(std::uint32_t{x} << 16U);
}

/// Two weights in a word. To widen them takes one shift, because the odd one is the word itself.
using BFloat16Pair = std::uint32_t;

[[nodiscard]] inline float even_of(BFloat16Pair pair) {
  return from_bfloat16(static_cast<std::uint16_t>(pair));
}
[[nodiscard]] inline float odd_of(BFloat16Pair pair) { return std::bit_cast<float>(pair); }

/// The upper half with which the float above `lower` is nearest to `x`. No denormal, which slows
/// multiplications down, and nothing beyond the largest float; what is not finite becomes NaN.
[[nodiscard]] inline std::uint16_t to_bfloat16_above(std::uint16_t lower, float x) {
  if (lower == 0) return to_bfloat16(x);
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16U & 0x8000U;
  if (!std::isfinite(x)) return static_cast<std::uint16_t>(sign | 0x7FC0U);
  constexpr std::uint32_t smallest = 0x0D80;  // 2^-100
  constexpr std::uint32_t largest = 0x7F7F;
  const std::uint32_t magnitude = std::max(bits & 0x7FFFFFFFU, smallest << 16U | lower);
  const std::uint32_t below = (magnitude - lower) >> 16U;
  const std::uint32_t above = std::min(below + 1, largest);
  const auto distance = [&](std::uint32_t upper) {
    return std::abs(double{std::bit_cast<float>(upper << 16U | lower)} - std::abs(double{x}));
  };
  return static_cast<std::uint16_t>(sign | (distance(below) <= distance(above) ? below : above));
}

/// `even` to nearest, ties to even; `odd` to the nearest that stands above it.
[[nodiscard]] inline BFloat16Pair to_bfloat16_pair(float even, float odd) {
  const std::uint16_t lower = to_bfloat16(even);
  return BFloat16Pair{to_bfloat16_above(lower, odd)} << 16U | lower;
}

/// w / s, rounded to nearest, from -127 to 127; 0 where the row is zero or s no number.
template <Scalar S>
[[nodiscard]] std::int8_t to_int8(S w, S s) {
  if (!(s > S{0}) || !std::isfinite(s)) return 0;
  return static_cast<std::int8_t>(std::clamp(std::nearbyint(w / s), S{-127}, S{127}));
}

/// The scale of an int8 row whose elements are at most `largest` in magnitude; NaN unless that is
/// a finite number.
template <Scalar S>
[[nodiscard]] S int8_scale(S largest) {
  return std::isfinite(largest) ? largest / S{127} : std::numeric_limits<S>::quiet_NaN();
}

/// Gives every tied output of `model` weights of its own, for search: the embedding as it is now,
/// packed as products read it, which is faster than to compare with the embedding as it stands. It
/// costs as much memory again, and what learns afterwards learns both apart. Save the model before:
/// the file of an untied one has a weight that a tied model of the same configuration has not.
template <class M>
void untie(M& model) {
  for_each_module(
      [](auto& module) {
        if constexpr (requires { module.untie(); }) module.untie();
      },
      model);
}

/// Stores every packed weight of `model` in this precision: recurrent, projection and output
/// weights; embeddings and biases stay, so reduced outputs are untied first. From a reduced
/// precision to another, what was lost stays lost.
template <class M>
void set_precision(M& model, Precision precision) {
  if (precision != Precision::full) untie(model);
  for_each_leaf(
      [&](auto& parameter) {
        if constexpr (requires { parameter.set_precision(precision); }) {
          parameter.set_precision(precision);
        }
      },
      model);
}

/// Bytes that a model's parameters are stored in, with the padding of packed weights.
template <class M>
[[nodiscard]] Index parameter_bytes(const M& model) {
  Index bytes = 0;
  for_each_leaf(
      [&]<class P>(const P& parameter) {
        if constexpr (requires { parameter.bytes(); }) {
          bytes += parameter.bytes();
        } else {
          bytes += parameter.size() * static_cast<Index>(sizeof(*parameter.data()));
        }
      },
      model);
  return bytes;
}

}  // namespace attend
