/// A score from a function of your own.
#pragma once

#include <algorithm>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include <attend/core/dual.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// In the place of a gradient: derive it from the energy, by dual numbers.
struct Automatic {};

namespace detail {

/// A function that may be assigned, which a lambda that captures may not.
template <class F>
class Assignable {
 public:
  Assignable(F f) : f_(std::move(f)) {}  // NOLINT(google-explicit-constructor)
  Assignable(const Assignable&) = default;
  Assignable(Assignable&&) noexcept = default;
  ~Assignable() = default;
  Assignable& operator=(const Assignable& other) {
    if (this != &other) f_.emplace(*other.f_);
    return *this;
  }
  Assignable& operator=(Assignable&& other) noexcept {
    f_.emplace(std::move(*other.f_));
    return *this;
  }

  template <class... Arguments>
  decltype(auto) operator()(Arguments&&... arguments) const {
    return (*f_)(std::forward<Arguments>(arguments)...);
  }

 private:
  std::optional<F> f_;
};

}  // namespace detail

/// e = energy(k, q) of a key and a query as they are, both of size d, columns of Eigen; made by
/// pairwise_score, and by learned_score for energies with parameters. Where the function takes one
/// more argument, a Place, it gets the pair's positions, head and batch.
///
/// The gradient is a second function that adds; or Automatic, which needs an energy of `auto`
/// arguments, costs about (2 d + parameters) / 4 energies, and allocates. Plain loops: fast enough
/// to try an idea, slower than a score that works on tiles.
template <attend::Scalar S, bool Learned, class F, class G = Automatic>
class Pairwise {
 private:
  template <class T>
  using Column = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Read = Eigen::Map<const Column<S>>;
  using Written = Eigen::Map<Column<S>>;

  static constexpr bool takes_no_place() {
    if constexpr (Learned) return std::invocable<F, const Read&, const Read&, const Column<S>&>;
    return std::invocable<F, const Read&, const Read&>;
  }
  /// Knows positions, so that energies are made where they are known.
  static constexpr bool placed = !takes_no_place();

 public:
  using Scalar = S;

  /// What is learned.
  Vector<S> w;

  Pairwise(Vector<S> parameters, F energy, G gradient = {})
      : w(std::move(parameters)), energy_(std::move(energy)), gradient_(std::move(gradient)) {}

  static void parameters(auto&& f, auto&... m) {
    if constexpr (Learned) f("w", m.w...);
  }

  [[nodiscard]] Index projected_size(Index d) const { return d; }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    if constexpr (placed) {
      E.setZero();
    } else {
      add({K, A, E.setZero().data(), 1, E.outerStride(), {}});
    }
  }
  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         Pairwise& gradient) const {
    if constexpr (!placed) {
      add_backward({K, A, dE.data(), 1, dE.outerStride(), {}}, {dK, dA}, gradient);
    }
  }

  void adjust(const EnergyTile<S>& tile) const requires placed { add(tile); }
  void adjust_backward(const EnergyTile<S>& /*tile*/, const EnergyTile<S>& d_tile,
                       TileGradient<S> d, Pairwise& gradient) const requires placed {
    add_backward(d_tile, d, gradient);
  }

 private:
  static constexpr bool automatic = std::same_as<G, Automatic>;

  static Place place(const EnergyTile<S>& tile, Index t, Index u) {
    Place p = tile.place;
    p.key += t;
    p.query += u;
    return p;
  }
  static Read column(const ConstView<S>& M, Index j) { return {M.col(j).data(), M.rows()}; }
  static Written column(View<S>& M, Index j) { return {M.col(j).data(), M.rows()}; }

  /// Calls f(k, q[, w][, place], others...).
  template <class Function, class K, class Q, class P, class... Others>
  static decltype(auto) call(const Function& f, const K& k, const Q& q, const P& parameters,
                             const Place& at, Others&&... others) {
    if constexpr (Learned && placed) {
      return f(k, q, parameters, at, others...);
    } else if constexpr (Learned) {
      return f(k, q, parameters, others...);
    } else if constexpr (placed) {
      return f(k, q, at, others...);
    } else {
      return f(k, q, others...);
    }
  }

  void add(const EnergyTile<S>& tile) const {
    for (Index u = 0; u < tile.queries(); ++u) {
      for (Index t = 0; t < tile.keys(); ++t) {
        tile(t, u) += static_cast<S>(
            call(energy_, column(tile.K, t), column(tile.A, u), w, place(tile, t, u)));
      }
    }
  }

  void add_backward(const EnergyTile<S>& d_tile, TileGradient<S> d, Pairwise& gradient) const {
    Derivatives derivatives(d_tile.K.rows(), w.size());
    for (Index u = 0; u < d_tile.queries(); ++u) {
      for (Index t = 0; t < d_tile.keys(); ++t) {
        Written dk = column(d.dK, t);
        Written dq = column(d.dA, u);
        const Read k = column(d_tile.K, t);
        const Read q = column(d_tile.A, u);
        const Place at = place(d_tile, t, u);
        if constexpr (automatic) {
          derivatives.add(*this, k, q, at, d_tile(t, u), dk, dq, gradient.w);
        } else if constexpr (Learned) {
          call(gradient_, k, q, w, at, d_tile(t, u), dk, dq, gradient.w);
        } else {
          call(gradient_, k, q, w, at, d_tile(t, u), dk, dq);
        }
      }
    }
  }

  /// The energy's derivatives by key, query and parameters, a few in each evaluation.
  class Derivatives {
   public:
    Derivatives(Index d, Index parameters) {
      if constexpr (automatic) {
        k_.resize(d);
        q_.resize(d);
        w_.resize(parameters);
      }
    }

    void add(const Pairwise& score, const Read& k, const Read& q, const Place& at, S de,
             Written& dk, Written& dq, Vector<S>& dw) {
      k_ = k.template cast<Number>();
      q_ = q.template cast<Number>();
      w_ = score.w.template cast<Number>();
      const Index n = k_.size() + q_.size() + w_.size();
      for (Index first = 0; first < n; first += lanes) {
        const int count = static_cast<int>(std::min<Index>(lanes, n - first));
        for (int i = 0; i < count; ++i) variable(first + i).d[static_cast<std::size_t>(i)] = 1;
        const Number e =
            call(score.energy_, std::as_const(k_), std::as_const(q_), std::as_const(w_), at);
        for (int i = 0; i < count; ++i) {
          const Index v = first + i;
          variable(v).d[static_cast<std::size_t>(i)] = 0;
          S& target = v < dk.size()               ? dk(v)
                      : v < dk.size() + dq.size() ? dq(v - dk.size())
                                                  : dw(v - dk.size() - dq.size());
          target += de * e.d[static_cast<std::size_t>(i)];
        }
      }
    }

   private:
    static constexpr int lanes = 8;
    using Number = Dual<S, lanes>;

    Number& variable(Index v) {
      if (v < k_.size()) return k_(v);
      v -= k_.size();
      return v < q_.size() ? q_(v) : w_(v - q_.size());
    }

    Column<Number> k_;
    Column<Number> q_;
    Column<Number> w_;
  };

  detail::Assignable<F> energy_;
  detail::Assignable<G> gradient_;
};

/// A score without weights from `energy(k, q)` or `energy(k, q, place)`, and, if given, its
/// gradient `gradient(k, q[, place], de, dk, dq)`, which adds to dk and dq:
///
///     auto near = pairwise_score<float>([](const auto& k, const auto& q) {
///       return -(k - q).squaredNorm(); });
template <Scalar S, class F, class G = Automatic>
[[nodiscard]] auto pairwise_score(F energy, G gradient = {}) {
  return Pairwise<S, false, F, G>({}, std::move(energy), std::move(gradient));
}

/// The same for `energy(k, q, w)` or `energy(k, q, w, place)` with a vector w that is learned, of
/// which `parameters` is the first value; its gradient adds to a last argument dw.
template <Scalar S, class F, class G = Automatic>
[[nodiscard]] auto learned_score(Vector<S> parameters, F energy, G gradient = {}) {
  return Pairwise<S, true, F, G>(std::move(parameters), std::move(energy), std::move(gradient));
}

}  // namespace attend
