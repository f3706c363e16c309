/// A score that is chosen when the program runs.
#pragma once

#include <utility>
#include <variant>

#include <attend/score/additive.hpp>
#include <attend/score/concat.hpp>
#include <attend/score/cosine.hpp>
#include <attend/score/dot.hpp>
#include <attend/score/general.hpp>
#include <attend/score/location.hpp>
#include <attend/score/location_sensitive.hpp>
#include <attend/score/normalised_additive.hpp>
#include <attend/score/past.hpp>
#include <attend/score/scaled.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's scores, behind the Score concept; the choice costs a branch a tile. A
/// gradient or a transpose of one holds the same kind.
template <attend::Scalar S>
class AnyScore {
 public:
  using Scalar = S;
  using Choice = std::variant<Additive<S>, Dot<S>, General<S>, Concat<S>, NormalisedAdditive<S>,
                              Cosine<S>, Scaled<General<S>>, Location<S>, LocationSensitive<S>>;

  template <class T>
  static constexpr bool is_kind = []<class... Kinds>(std::variant<Kinds...>*) {
    return (std::is_same_v<T, Kinds> || ...);
  }(static_cast<Choice*>(nullptr));

  AnyScore() = default;
  /// From one of the kinds.
  template <class Z>
  requires is_kind<Z> AnyScore(Z score)
      : choice_(std::move(score)) {}  // NOLINT(google-explicit-constructor)

  static void parameters(auto&& f, auto& m, auto&... others) {
    std::visit(
        [&]<class Z>(Z& score) {
          using Kind = std::remove_const_t<Z>;
          Kind::parameters(f, score, std::get<Kind>(others.choice_)...);
        },
        m.choice_);
  }

  [[nodiscard]] const Choice& choice() const { return choice_; }
  [[nodiscard]] Index projected_size(Index d) const {
    return std::visit([&](const auto& z) { return z.projected_size(d); }, choice_);
  }
  [[nodiscard]] bool projects_keys() const {
    return std::visit([]<class Z>(const Z&) { return ProjectsKeys<Z>; }, choice_);
  }
  [[nodiscard]] bool projects_queries() const {
    return std::visit([]<class Z>(const Z&) { return ProjectsQueries<Z>; }, choice_);
  }

  [[nodiscard]] bool ignores_keys() const {
    return std::visit([](const auto& z) { return attend::ignores_keys(z); }, choice_);
  }
  [[nodiscard]] bool reads_query_position() const {
    return std::visit([](const auto& z) { return attend::reads_query_position(z); }, choice_);
  }
  [[nodiscard]] Past past() const {
    return std::visit([](const auto& z) { return past_of(z); }, choice_);
  }
  [[nodiscard]] Index past_reach() const {
    return std::visit([](const auto& z) { return attend::past_reach(z); }, choice_);
  }
  [[nodiscard]] std::optional<S> inner_product_scale() const {
    return std::visit([](const auto& z) { return attend::inner_product_scale(z); }, choice_);
  }

  void project_keys(ConstView<S> H, View<S> K) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (ProjectsKeys<Z>) z.project_keys(H, K);
        },
        choice_);
  }
  void project_keys_backward(const AnyScore& transposed, ConstView<S> H, ConstView<S> K, View<S> dK,
                             View<S> dH, AnyScore& gradient) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (ProjectsKeys<Z>) {
            z.project_keys_backward(std::get<Z>(transposed.choice_), H, K, dK, dH,
                                    std::get<Z>(gradient.choice_));
          }
        },
        choice_);
  }
  void project_queries(ConstView<S> Q, View<S> A) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (ProjectsQueries<Z>) z.project_queries(Q, A);
        },
        choice_);
  }
  void project_queries_backward(const AnyScore& transposed, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, AnyScore& gradient) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (ProjectsQueries<Z>) {
            z.project_queries_backward(std::get<Z>(transposed.choice_), Q, dA, dQ,
                                       std::get<Z>(gradient.choice_));
          }
        },
        choice_);
  }
  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    std::visit([&](const auto& z) { z.energies(K, A, E); }, choice_);
  }
  [[nodiscard]] bool overlaps_sum() const {
    return std::visit([](const auto& z) { return attend::overlaps_sum(z); }, choice_);
  }
  void energies_beside_sum(ConstView<S> K, ConstView<S> a, View<S> e,
                           const WeightedSum<S>& sum) const {
    std::visit([&](const auto& z) { attend::energies_beside_sum(z, K, a, e, sum); }, choice_);
  }
  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         AnyScore& gradient) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          z.energies_backward(K, A, dE, dK, dA, std::get<Z>(gradient.choice_));
        },
        choice_);
  }

  [[nodiscard]] bool adjusts_energies() const {
    return std::visit([](const auto& z) { return attend::adjusts_energies(z); }, choice_);
  }

  void adjust(const EnergyTile<S>& tile) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (AdjustsEnergies<Z>) z.adjust(tile);
        },
        choice_);
  }
  void adjust_backward(const EnergyTile<S>& tile, const EnergyTile<S>& d_tile, TileGradient<S> d,
                       AnyScore& gradient) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (AdjustsEnergies<Z>) {
            z.adjust_backward(tile, d_tile, d, std::get<Z>(gradient.choice_));
          }
        },
        choice_);
  }

  /// Only where `past()` is not nothing.
  void energies_after(const PastTile<S>& tile, View<S> E, PastScratch<S>& scratch) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (ReadsPast<Z>) z.energies_after(tile, E, scratch);
        },
        choice_);
  }
  void energies_after_backward(const PastTile<S>& tile, View<S> dE, const PastGradient<S>& d,
                               AnyScore& gradient, PastScratch<S>& scratch) const {
    std::visit(
        [&]<class Z>(const Z& z) {
          if constexpr (ReadsPast<Z>) {
            z.energies_after_backward(tile, dE, d, std::get<Z>(gradient.choice_), scratch);
          }
        },
        choice_);
  }

 private:
  Choice choice_;
};

}  // namespace attend
