/// A pooling that is chosen when the program runs.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include <attend/attention/plain_pooling.hpp>
#include <attend/attention/pooling.hpp>
#include <attend/core/choice.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's poolings. A gradient or a transpose of one holds the same kind.
template <attend::Scalar S>
class AnyPooling {
 public:
  using Scalar = S;
  using Choice = std::variant<MeanPooling<S>, MaxPooling<S>, LastPooling<S>, Pooling<S>>;
  using Trace = std::variant<PlainPoolingTrace<S>, PoolingTrace<S>>;

  AnyPooling() = default;
  /// From one of the kinds.
  template <class P>
  requires is_choice<P, Choice> AnyPooling(P pooling)  // NOLINT(google-explicit-constructor)
      : choice_(std::move(pooling)) {}

  static void parameters(auto&& f, auto& m, auto&... others) {
    visit_same(
        [&]<class P>(P& first, auto&... rest) {
          std::remove_const_t<P>::parameters(f, first, rest...);
        },
        m.choice_, others.choice_...);
  }

  [[nodiscard]] const Choice& choice() const { return choice_; }
  [[nodiscard]] Index hops() const {
    return std::visit([](const auto& p) { return p.hops(); }, choice_);
  }

  void forward(ConstView<S> H, View<S> M, Trace& trace) const {
    std::visit([&]<class P>(const P& p) { p.forward(H, M, become<typename P::Trace>(trace)); },
               choice_);
  }
  [[nodiscard]] ConstView<S> weights(const Trace& trace) const {
    return std::visit([](const auto& t) -> ConstView<S> { return t.weights.view(); }, trace);
  }
  [[nodiscard]] S penalty(Trace& trace) const {
    return std::visit(
        [&]<class P>(const P& p) { return p.penalty(std::get<typename P::Trace>(trace)); },
        choice_);
  }
  void backward(const AnyPooling& transposed, ConstView<S> H, ConstView<S> dM, S penalty_scale,
                View<S> dH, Trace& trace, AnyPooling& gradient) const {
    visit_same(
        [&]<class P>(const P& p, const P& t, P& g) {
          p.backward(t, H, dM, penalty_scale, dH, std::get<typename P::Trace>(trace), g);
        },
        choice_, transposed.choice_, gradient.choice_);
  }

 private:
  Choice choice_;
};

}  // namespace attend
