/// What follows when the keys and queries of a tile were compared, and its way back.
#pragma once

#include <attend/attention/memory.hpp>
#include <attend/attention/queries.hpp>
#include <attend/attention/sight.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// A score over the keys and queries of one call. However a walk compares them, the energies of a
/// tile then know where they stand, the score adjusts them, and the caller's bias is added.
template <Score Z>
class ScoredTiles {
 public:
  using S = typename Z::Scalar;

  /// K (d_e x T), of which the first stands at position `first`.
  ScoredTiles(const Z& score, ConstView<S> K, Index first, const Queries<S>& queries)
      : score_(score),
        adjusts_(adjusts_energies(score)),
        keys_(K),
        first_(first),
        queries_(queries) {}

  /// Whether the score adjusts energies; its way back asks for a copy of them.
  [[nodiscard]] bool adjusts() const { return adjusts_; }

  /// The energies at `data` as those of a tile's keys and queries; (keys x queries) unless said.
  [[nodiscard]] EnergyTile<S> at(const Tile& tile, S* data) const {
    return at(tile, data, 1, tile.keys);
  }
  [[nodiscard]] EnergyTile<S> at(const Tile& tile, S* data, Index key_stride,
                                 Index query_stride) const {
    return {keys_.middleCols(tile.key, tile.keys),
            queries_.A.middleCols(tile.query, tile.queries),
            data,
            key_stride,
            query_stride,
            {first_ + tile.key, queries_.first + tile.query, queries_.head, queries_.batch}};
  }

  /// Of compared energies: adjusts them and adds the bias; between the two, `keep()` may copy them.
  template <class Keep>
  void complete(const Tile& tile, const EnergyTile<S>& energies, Keep&& keep) const {
    if constexpr (AdjustsEnergies<Z>) {
      if (adjusts_) score_.adjust(energies);
    }
    keep();
    add_bias(queries_, energies, tile.query);
  }

  /// For a score that adjusts: dE of what `complete` adjusted becomes dE of what was compared; adds
  /// to `d` and `gradient`.
  void backward(const EnergyTile<S>& adjusted, const EnergyTile<S>& dE, TileGradient<S>& d,
                Z& gradient) const {
    if constexpr (AdjustsEnergies<Z>) {
      score_.adjust_backward(adjusted, dE, d, gradient);
    }
  }

 private:
  const Z& score_;
  bool adjusts_;
  ConstView<S> keys_;
  Index first_;
  const Queries<S>& queries_;
};

}  // namespace attend::inline ATTEND_ABI::detail
