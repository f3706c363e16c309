/// A decoder that is chosen when the program runs.
#pragma once

#include <span>
#include <utility>
#include <variant>

#include <attend/core/choice.hpp>
#include <attend/decoder/any_recurrent_decoder.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/decoder/transformer_decoder.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's decoders, behind the Decoder concept; the choice costs a branch a step. A
/// gradient or a transpose of one holds the same kind, and a memory or a state that of the decoder
/// that made it.
template <attend::Scalar T>
class AnyDecoder {
 public:
  using Scalar = T;
  using S = T;
  using Choice = std::variant<AnyRecurrentDecoder<S>, TransformerDecoder<S>>;

  class Memory {
   public:
    [[nodiscard]] Index size() const {
      return std::visit([](const auto& m) { return m.size(); }, choice_);
    }
    [[nodiscard]] Index length(Index b) const {
      return std::visit([&](const auto& m) { return m.length(b); }, choice_);
    }
    void zero_like(const Memory& other) {
      std::visit([&]<class M>(const M& m) { become<M>(choice_).zero_like(m); }, other.choice_);
    }

    /// Null where the decoder is another.
    [[nodiscard]] RecurrentMemory<S>* recurrent() {
      return std::get_if<RecurrentMemory<S>>(&choice_);
    }

   private:
    friend AnyDecoder;
    std::variant<RecurrentMemory<S>, TransformerMemory<S>> choice_;
  };

  class State {
   public:
    [[nodiscard]] Index size() const {
      return std::visit([](const auto& s) { return s.size(); }, choice_);
    }
    [[nodiscard]] Index sentence(Index i) const {
      return std::visit([&](const auto& s) { return s.sentence(i); }, choice_);
    }
    [[nodiscard]] std::span<const S> weights(Index i) const {
      return std::visit([&](const auto& s) { return s.weights(i); }, choice_);
    }
    void select(std::span<const Index> columns) {
      std::visit([&](auto& s) { s.select(columns); }, choice_);
    }
    /// Calls `f` with it.
    template <class F>
    void visit(F&& f) const {
      std::visit(f, choice_);
    }

   private:
    friend AnyDecoder;
    std::variant<RecurrentDecoderState<S>, TransformerDecoderState<S>> choice_;
  };

  class Trace {
   public:
    [[nodiscard]] ConstView<S> readouts() const {
      return std::visit([](const auto& t) -> ConstView<S> { return t.readouts.view(); }, choice_);
    }

    /// Null where the decoder is another.
    [[nodiscard]] RecurrentDecoderTrace<S>* recurrent() {
      return std::get_if<RecurrentDecoderTrace<S>>(&choice_);
    }

   private:
    friend AnyDecoder;
    TracesOf<Choice> choice_;
  };

  AnyDecoder() = default;
  /// From one of the kinds.
  template <class D>
  requires is_choice<D, Choice> AnyDecoder(D decoder)  // NOLINT(google-explicit-constructor)
      : choice_(std::move(decoder)) {}

  static void parameters(auto&& f, auto& m, auto&... others) {
    visit_same([&](auto& d, auto&... same) { d.parameters(f, d, same...); }, m.choice_,
               others.choice_...);
  }

  [[nodiscard]] const Choice& choice() const { return choice_; }
  /// To change how a model searches.
  [[nodiscard]] Choice& choice() { return choice_; }

  /// The embedding of the target's words, and the output layer.
  [[nodiscard]] const Embedding<S>& words() const { return words_of(*this); }
  [[nodiscard]] Embedding<S>& words() { return words_of(*this); }
  [[nodiscard]] const WordOutput<S>& word_output() const { return output_of(*this); }
  [[nodiscard]] WordOutput<S>& word_output() { return output_of(*this); }
  /// attend::untie of the decoder inside.
  void untie() {
    std::visit([](auto& d) { d.untie(); }, choice_);
  }
  [[nodiscard]] Index vocabulary_size() const { return words().E.cols(); }
  [[nodiscard]] Index vocabulary_size(const Memory& memory) const {
    return std::visit(
        [&]<class D>(const D& d) {
          return attend::vocabulary_size(d, std::get<typename D::Memory>(memory.choice_));
        },
        choice_);
  }
  [[nodiscard]] bool attends() const {
    return std::visit([](const auto& d) { return d.attends(); }, choice_);
  }

  void remember(const Ragged& layout, ConstView<S> H, const Matrix<S>& final_states,
                Memory& memory) const {
    std::visit(
        [&]<class D>(const D& d) {
          d.remember(layout, H, final_states, become<typename D::Memory>(memory.choice_));
        },
        choice_);
  }
  void remember_backward(const AnyDecoder& transposed, const Ragged& layout,
                         const Matrix<S>& final_states, const Memory& memory, Memory& d_memory,
                         View<S> dH, Matrix<S>& d_final_states, AnyDecoder& gradient) const {
    visit_same(
        [&]<class D>(const D& d, const D& t, D& g) {
          using M = typename D::Memory;
          d.remember_backward(t, layout, final_states, std::get<M>(memory.choice_),
                              std::get<M>(d_memory.choice_), dH, d_final_states, g);
        },
        choice_, transposed.choice_, gradient.choice_);
  }

  void begin(const Memory& memory, std::span<const Index> sentences, State& state) const {
    std::visit(
        [&]<class D>(const D& d) {
          d.begin(std::get<typename D::Memory>(memory.choice_), sentences,
                  become<typename D::State>(state.choice_));
        },
        choice_);
  }
  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    std::visit(
        [&]<class D>(const D& d) {
          d.step(std::get<typename D::Memory>(memory.choice_), tokens,
                 std::get<typename D::State>(state.choice_));
        },
        choice_);
  }
  void logits(const State& state, View<S> L) const {
    std::visit(
        [&]<class D>(const D& d) { d.logits(std::get<typename D::State>(state.choice_), L); },
        choice_);
  }

  void unroll(const Memory& memory, const TokenBatch& inputs, Random* random, State& state,
              Trace& trace) const {
    std::visit(
        [&]<class D>(const D& d) {
          d.unroll(std::get<typename D::Memory>(memory.choice_), inputs, random,
                   become<typename D::State>(state.choice_),
                   become<typename D::Trace>(trace.choice_));
        },
        choice_);
  }
  void unroll_backward(const AnyDecoder& transposed, const Memory& memory, const TokenBatch& inputs,
                       View<S> dR, State& state, Trace& trace, Memory& d_memory,
                       AnyDecoder& gradient) const {
    visit_same(
        [&]<class D>(const D& d, const D& t, D& g) {
          using M = typename D::Memory;
          d.unroll_backward(t, std::get<M>(memory.choice_), inputs, dR,
                            std::get<typename D::State>(state.choice_),
                            std::get<typename D::Trace>(trace.choice_),
                            std::get<M>(d_memory.choice_), g);
        },
        choice_, transposed.choice_, gradient.choice_);
  }

 private:
  static auto& words_of(auto& self) {
    return std::visit(
        [](auto& d) -> auto& { return d.embedding; }, self.choice_);
  }
  static auto& output_of(auto& self) {
    return std::visit(
        [](auto& d) -> auto& { return d.output; }, self.choice_);
  }

  Choice choice_;
};

}  // namespace attend
