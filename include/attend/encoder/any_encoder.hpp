/// An encoder that is chosen when the program runs.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include <attend/cell/any_cell.hpp>
#include <attend/core/choice.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/encoder/transformer_encoder.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's encoders of tokens; the choice costs a branch a batch. A gradient or a
/// transpose of one holds the same kind.
template <attend::Scalar T>
class AnyEncoder {
 public:
  using Scalar = T;
  using S = T;
  using Source = TokenBatch;
  using Choice = std::variant<TextEncoder<Bidirectional<AnyCell<S>>>, TransformerEncoder<S>,
                              TextEncoder<Recurrent<AnyCell<S>>>>;

  /// The trace of the kind that ran last.
  class Trace {
   public:
    [[nodiscard]] const Encoding<S>& encoding() const {
      return std::visit([](const auto& t) -> const Encoding<S>& { return t; }, choice_);
    }
    /// Calls `f` with it.
    template <class F>
    void visit(F&& f) const {
      std::visit(f, choice_);
    }

   private:
    friend AnyEncoder;
    TracesOf<Choice> choice_;
  };

  AnyEncoder() = default;
  /// From one of the kinds.
  template <class E>
  requires is_choice<E, Choice> AnyEncoder(E encoder)  // NOLINT(google-explicit-constructor)
      : choice_(std::move(encoder)) {}

  static void parameters(auto&& f, auto& m, auto&... others) {
    visit_same([&](auto& e, auto&... same) { e.parameters(f, e, same...); }, m.choice_,
               others.choice_...);
  }

  [[nodiscard]] const Choice& choice() const { return choice_; }
  /// The embedding, if it has one of its own.
  [[nodiscard]] const std::optional<Embedding<S>>& words() const { return words_of(*this); }
  [[nodiscard]] std::optional<Embedding<S>>& words() { return words_of(*this); }
  [[nodiscard]] Index annotation_size() const {
    return std::visit([](const auto& e) { return e.annotation_size(); }, choice_);
  }
  [[nodiscard]] Index state_rows() const {
    return std::visit([](const auto& e) { return e.state_rows(); }, choice_);
  }

  void forward(const Embedding<S>& words, const TokenBatch& source, Random* random, Trace& trace,
               Keep keep = Keep::trace) const {
    std::visit(
        [&]<class E>(const E& e) {
          e.forward(words, source, random, become<typename E::Trace>(trace.choice_), keep);
        },
        choice_);
  }

  void backward(const AnyEncoder& transposed, const TokenBatch& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, AnyEncoder& gradient,
                Embedding<S>& words_gradient) const {
    visit_same(
        [&]<class E>(const E& e, const E& t, E& g) {
          e.backward(t, source, dH, d_final_states, std::get<typename E::Trace>(trace.choice_), g,
                     words_gradient);
        },
        choice_, transposed.choice_, gradient.choice_);
  }

 private:
  static auto& words_of(auto& self) {
    return std::visit(
        [](auto& e) -> auto& { return e.embedding; }, self.choice_);
  }

  Choice choice_;
};

}  // namespace attend
