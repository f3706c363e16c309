/// An alignment function that is chosen when the program runs.
#pragma once

#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include <attend/attention/alignment.hpp>
#include <attend/attention/hard.hpp>
#include <attend/attention/local_predictive.hpp>
#include <attend/attention/memory_addressing.hpp>
#include <attend/attention/monotonic.hpp>
#include <attend/attention/sampled.hpp>
#include <attend/attention/sharpened.hpp>
#include <attend/attention/smoothed.hpp>
#include <attend/attention/sparsemax.hpp>
#include <attend/attention/window.hpp>
#include <attend/core/choice.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's alignment functions, softmax by default, which then goes by tiles as if it
/// were the only one. A gradient or a transpose of one holds the same kind.
template <attend::Scalar S>
class AnyAlignment {
 public:
  using Choice = std::variant<Softmax, Sharpened, Smoothed, Sparsemax, Argmax, StraightThrough,
                              Sampled, Monotonic, MemoryAddressing<S>, LocalPredictive<S>>;

  AnyAlignment() = default;
  /// From one of the kinds.
  template <class A>
  requires is_choice<A, Choice> AnyAlignment(A alignment)
      : choice_(std::move(alignment)) {}  // NOLINT(google-explicit-constructor)

  static void parameters(auto&& f, auto& m, auto&... others) {
    visit_same(
        [&]<class A>(A& first, auto&... rest) {
          std::remove_const_t<A>::parameters(f, first, rest...);
        },
        m.choice_, others.choice_...);
  }

  [[nodiscard]] const Choice& choice() const { return choice_; }
  /// To change how a model searches, for example with a hard monotonic attention.
  [[nodiscard]] Choice& choice() { return choice_; }

  [[nodiscard]] bool is_softmax() const { return std::holds_alternative<Softmax>(choice_); }
  [[nodiscard]] bool reads_previous() const {
    return std::visit([](const auto& a) { return attend::reads_previous(a); }, choice_);
  }
  [[nodiscard]] Index control_size() const {
    return std::visit([](const auto& a) { return attend::control_size(a); }, choice_);
  }

  void controls(ConstView<S> Q, View<S> P) const {
    std::visit(
        [&](const auto& a) {
          if constexpr (requires { a.controls(Q, P); }) a.controls(Q, P);
        },
        choice_);
  }
  void controls_backward(const AnyAlignment& transposed, ConstView<S> Q, ConstView<S> dP,
                         View<S> dQ, AnyAlignment& gradient) const {
    std::visit(
        [&]<class A>(const A& a) {
          if constexpr (requires { a.controls(Q, dQ); }) {
            a.controls_backward(std::get<A>(transposed.choice_), Q, dP, dQ,
                                std::get<A>(gradient.choice_));
          }
        },
        choice_);
  }
  [[nodiscard]] KeyRange reach(std::span<const S> controls, Index T) const {
    return std::visit(
        [&](const auto& a) {
          if constexpr (requires { a.reach(controls, T); }) return a.reach(controls, T);
          return KeyRange{0, T};
        },
        choice_);
  }

  void align(std::span<S> e, const AlignmentStep<S>& step) const {
    std::visit([&](const auto& a) { a.align(e, step); }, choice_);
  }
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& step, AnyAlignment& gradient) const {
    std::visit(
        [&]<class A>(const A& a) {
          a.align_backward(e, weights, d, step, std::get<A>(gradient.choice_));
        },
        choice_);
  }

 private:
  Choice choice_;
};

}  // namespace attend
