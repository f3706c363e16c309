/// A block of energies that knows where it stands.
#pragma once

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Positions of a tile's first key and first query, and whose tile it is.
struct Place {
  Index key = 0;
  Index query = 0;
  Index head = 0;
  Index batch = 0;
};

/// Energies of `keys` keys and `queries` queries that lie in any order in memory, with the
/// projected columns that they compare: K (d_e x keys), A (d_e x queries).
template <Scalar S>
struct EnergyTile {
  ConstView<S> K;
  ConstView<S> A;
  S* data;
  Index key_stride;
  Index query_stride;
  Place place;

  [[nodiscard]] Index keys() const { return K.cols(); }
  [[nodiscard]] Index queries() const { return A.cols(); }
  [[nodiscard]] S& operator()(Index t, Index u) const {
    return data[t * key_stride + u * query_stride];
  }
};

/// Where a tile's gradients are added: dK (d_e x keys), dA (d_e x queries).
template <Scalar S>
struct TileGradient {
  View<S> dK;
  View<S> dA;
};

}  // namespace attend
