/// Monotonic attention at test time, in linear time.
#pragma once

#include <algorithm>

#include <attend/attention/memory.hpp>
#include <attend/core/buffer.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// Reads a memory from left to right and never goes back: Raffel et al. 2017 (arXiv 1704.00784,
/// algorithm 1). Query i takes the first key, from the one that query i - 1 took on, whose energy
/// is above 0; its context is that key's value. Only the energies that are passed are computed, a
/// few at a time: all queries of a sequence together cost O(T + U) energies, not T U. What
/// `Monotonic{MonotonicMode::hard}` gives, key for key.
class MonotonicReader {
 public:
  /// The key that the last query took; T once a query ran past the end.
  [[nodiscard]] Index position() const { return position_; }
  /// Energies computed so far.
  [[nodiscard]] Index energies() const { return energies_; }

  /// Reads on for one projected query a (d_e x 1); overwrites c (d_v x 1), with zero where no key
  /// is taken, as for all queries after that. `place` is where the query stands. Allocates nothing
  /// once warm.
  template <Score Z, Scalar S>
  void read(const Z& score, const MemoryView<S>& memory, ConstView<std::type_identity_t<S>> a,
            View<std::type_identity_t<S>> c, Buffer<S>& scratch, Place place = {}) {
    const Index T = memory.keys.cols();
    while (position_ < T) {
      const Index n = std::min(ahead, T - position_);
      const ConstView<S> K = memory.keys.middleCols(position_, n);
      View<S> E = scratch.resize(n, 1);
      score.energies(K, a, E);
      if constexpr (AdjustsEnergies<Z>) {
        place.key = position_;
        score.adjust(EnergyTile<S>{K, a, E.data(), 1, n, place});
      }
      energies_ += n;
      const S* first = std::find_if(E.data(), E.data() + n, [](S e) { return e > 0; });
      position_ += first - E.data();
      if (first != E.data() + n) {
        c = memory.values.col(position_);
        return;
      }
    }
    c.setZero();
  }

 private:
  /// Energies computed together; so many at most are wasted on a query.
  static constexpr Index ahead = 4;

  Index position_ = 0;
  Index energies_ = 0;
};

}  // namespace attend
