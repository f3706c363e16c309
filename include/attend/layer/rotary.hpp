/// Rotary positions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <attend/core/error.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Which features turn together: i and i + d/2 (halves), or 2i and 2i + 1 (neighbours, the
/// paper's).
enum class RotaryPairs : std::uint8_t { halves, neighbours };

struct RotaryConfig {
  /// d, of one head; even. 0: nothing turns.
  Index size = 0;
  double base = 10000;
  RotaryPairs pairs = RotaryPairs::halves;
};

/// Cosines and sines of the angles t base^(-2i/d), (d/2 x positions), made when they are first
/// asked for and kept by the caller.
template <Scalar S>
struct RotaryTable {
  Matrix<S> cosines;
  Matrix<S> sines;

  void reserve(const RotaryConfig& config, Index count) {
    const Index pairs = config.size / 2;
    if (cosines.rows() == pairs && cosines.cols() >= count) return;
    const Index more = std::max(count, 2 * cosines.cols());
    cosines.resize(pairs, more);
    sines.resize(pairs, more);
    for (Index i = 0; i < pairs; ++i) {
      const double frequency =
          std::pow(config.base, -2.0 * static_cast<double>(i) / static_cast<double>(config.size));
      for (Index t = 0; t < more; ++t) {
        const double angle = static_cast<double>(t) * frequency;
        cosines(i, t) = static_cast<S>(std::cos(angle));
        sines(i, t) = static_cast<S>(std::sin(angle));
      }
    }
  }
};

/// Turns pairs of features of queries and keys by angles that grow with the position, so that inner
/// products depend on distances (Su et al. 2021, arXiv 2104.09864, eq. 34):
///
///     x_1' = x_1 cos(a) - x_2 sin(a),   x_2' = x_1 sin(a) + x_2 cos(a),   a = t base^(-2i/d).
///
/// The rows are heads of d features upon each other. It has no weights; its way back turns the
/// gradient the other way.
template <Scalar S>
class Rotary {
 public:
  Rotary() = default;
  /// Throws std::invalid_argument for an odd size.
  explicit Rotary(const RotaryConfig& config) : config_(config) {
    check_argument(config.size >= 0 && config.size % 2 == 0, "Rotary: the size of a head is ",
                   config.size, ", expected an even number: features turn in pairs");
  }

  [[nodiscard]] bool turns() const { return config_.size > 0; }

  /// In place, for all sequences of a batch: X (heads d x N, sentence-major).
  void forward(const Ragged& layout, View<S> X, RotaryTable<S>& table) const {
    turn_all(layout, X, S{1}, table);
  }
  /// x' = R x:  dX, which holds R'dx afterwards.
  void backward(const Ragged& layout, View<S> dX, RotaryTable<S>& table) const {
    turn_all(layout, dX, S{-1}, table);
  }

  /// In place, for X (heads d x n) of which every column stands at position t.
  void step(Index t, View<S> X, RotaryTable<S>& table) const {
    if (!turns()) return;
    table.reserve(config_, t + 1);
    for (Index j = 0; j < X.cols(); ++j) turn(t, X.rows(), X.col(j).data(), S{1}, table);
  }

 private:
  void turn_all(const Ragged& layout, View<S> X, S direction, RotaryTable<S>& table) const {
    if (!turns()) return;
    check_shape("Rotary", "X", X, X.rows() / config_.size * config_.size, layout.columns());
    table.reserve(config_, layout.steps());
    for (Index b = 0; b < layout.size(); ++b) {
      for (Index t = 0; t < layout.length(b); ++t) {
        turn(t, X.rows(), X.col(layout.start(b) + t).data(), direction, table);
      }
    }
  }

  void turn(Index t, Index rows, S* x, S direction, const RotaryTable<S>& table) const {
    const Index half = config_.size / 2;
    const bool halves = config_.pairs == RotaryPairs::halves;
    const Index stride = halves ? 1 : 2;
    const Index second = halves ? half : 1;
    const S* cosines = table.cosines.col(t).data();
    const S* sines = table.sines.col(t).data();
    for (Index head = 0; head < rows; head += config_.size) {
      for (Index i = 0; i < half; ++i) {
        S& first = x[head + i * stride];
        S& other = x[head + i * stride + second];
        const S cosine = cosines[i];
        const S sine = direction * sines[i];
        const S turned = first * cosine - other * sine;
        other = first * sine + other * cosine;
        first = turned;
      }
    }
  }

  RotaryConfig config_;
};

}  // namespace attend
