/// Luong's location score: where to look, whatever stands there.
#pragma once

#include <attend/core/error.hpp>
#include <attend/core/initialize.hpp>
#include <attend/score/position_table.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e_t = (W_a q)_t: Luong, Pham, Manning 2015 (arXiv 1508.04025, eq. 9 of section 3.1, location).
/// The key's content is not looked at. W_a is kept as its transpose P (d_q x T_max), a vector for
/// each position. A source of more than T_max positions is a ShapeError. O(T d_q) a step, as Dot.
template <attend::Scalar S>
class Location {
 public:
  using Scalar = S;
  Matrix<S> P;

  Location() = default;
  Location(Index d_q, Index longest, Random& random) : P(d_q, longest) {
    initialize_glorot(P, random);
  }

  static void parameters(auto&& f, auto&... m) { f("P", m.P...); }

  [[nodiscard]] Index projected_size(Index d) const { return d; }
  [[nodiscard]] bool ignores_keys() const { return true; }
  [[nodiscard]] bool reads_query_position() const { return false; }

  void energies(ConstView<S> /*K*/, ConstView<S> /*A*/, View<S> E) const { E.setZero(); }
  void energies_backward(ConstView<S> /*K*/, ConstView<S> /*A*/, View<S> /*dE*/, View<S> /*dK*/,
                         View<S> /*dA*/, Location& /*gradient*/) const {}

  /// e_tu += p_t'q_u.
  void adjust(const EnergyTile<S>& tile) const {
    const Index T = tile.place.key + tile.keys();
    if (T > P.cols()) [[unlikely]] {
      throw ShapeError(detail::message("Location: the source has at least ", T,
                                       " positions, the score was made for ", P.cols()));
    }
    detail::add_table_energies(tile, P, 1, column(tile));
  }
  void adjust_backward(const EnergyTile<S>& /*tile*/, const EnergyTile<S>& d_tile,
                       TileGradient<S> d, Location& gradient) const {
    detail::add_table_energies_backward(d_tile, P, 1, column(d_tile), d.dA, gradient.P);
  }

 private:
  static auto column(const EnergyTile<S>& tile) {
    return [first = tile.place.key](Index t, Index /*u*/) { return first + t; };
  }
};

}  // namespace attend
