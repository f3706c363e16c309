/// A cell that is chosen when the program runs.
#pragma once

#include <utility>
#include <variant>

#include <attend/cell/cell.hpp>
#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's cells, behind the Cell concept; the choice costs a branch a step. A
/// gradient or a transpose of one holds the same kind.
template <attend::Scalar S>
class AnyCell {
 public:
  using Scalar = S;
  using Choice = std::variant<Gru<S>, Lstm<S>, Elman<S>>;

  template <class T>
  static constexpr bool is_kind = []<class... Kinds>(std::variant<Kinds...>*) {
    return (std::is_same_v<T, Kinds> || ...);
  }(static_cast<Choice*>(nullptr));

  AnyCell() = default;
  /// From one of the kinds.
  template <class C>
  requires is_kind<C> AnyCell(C cell)
      : choice_(std::move(cell)) {}  // NOLINT(google-explicit-constructor)

  static void parameters(auto&& f, auto& m, auto&... others) {
    std::visit(
        [&]<class C>(C& cell) {
          using Kind = std::remove_const_t<C>;
          Kind::parameters(f, cell, std::get<Kind>(others.choice_)...);
        },
        m.choice_);
  }

  [[nodiscard]] const Choice& choice() const { return choice_; }
  [[nodiscard]] Index input_size() const {
    return std::visit([](const auto& c) { return c.input_size(); }, choice_);
  }
  [[nodiscard]] Index hidden_size() const {
    return std::visit([](const auto& c) { return c.hidden_size(); }, choice_);
  }
  [[nodiscard]] Index state_rows() const {
    return std::visit([](const auto& c) { return c.state_rows(); }, choice_);
  }
  [[nodiscard]] Index gate_rows() const {
    return std::visit([](const auto& c) { return c.gate_rows(); }, choice_);
  }
  [[nodiscard]] Index input_rows() const {
    return std::visit([](const auto& c) { return c.input_rows(); }, choice_);
  }

  void project(ConstView<S> X, View<S> G) const {
    std::visit([&](const auto& c) { c.project(X, G); }, choice_);
  }
  void step(View<S> G, ConstView<S> P, View<S> S_, Sweep sweep = Sweep::there) const {
    std::visit([&](const auto& c) { c.step(G, P, S_, sweep); }, choice_);
  }
  void step_backward(const AnyCell& transposed, ConstView<S> G, ConstView<S> P, ConstView<S> S_,
                     View<S> dS, View<S> dG) const {
    std::visit(
        [&]<class C>(const C& c) {
          c.step_backward(std::get<C>(transposed.choice_), G, P, S_, dS, dG);
        },
        choice_);
  }
  void input_backward(const AnyCell& transposed, ConstView<S> dG, View<S> dX) const {
    std::visit(
        [&]<class C>(const C& c) { c.input_backward(std::get<C>(transposed.choice_), dG, dX); },
        choice_);
  }
  void add_gradient(ConstView<S> X, ConstView<S> P, ConstView<S> G, ConstView<S> dG,
                    AnyCell& gradient) const {
    std::visit(
        [&]<class C>(const C& c) { c.add_gradient(X, P, G, dG, std::get<C>(gradient.choice_)); },
        choice_);
  }

 private:
  Choice choice_;
};

}  // namespace attend
