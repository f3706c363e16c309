/// A tiny model that learns: for the tests of train/.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include <attend/model/trainable.hpp>

namespace word_model {

using attend::Index;
using attend::Loss;
using attend::Random;
using attend::Token;

struct Example {
  std::vector<Token> source;
  std::vector<Token> target;
};

/// p(target) = product over its words of softmax(W dropout(mean of E's columns of the source) + b).
template <attend::Scalar S>
struct WordModel {
  using Scalar = S;
  using Example = word_model::Example;

  struct Batch {
    std::vector<const Example*> examples;
    void assign(std::span<const Example* const> list) { examples.assign(list.begin(), list.end()); }
  };
  struct Workspace {
    attend::Vector<S> h, dh, mask, logits, probabilities;
  };

  attend::Matrix<S> E;
  attend::Matrix<S> W;
  attend::Vector<S> b;
  double dropout = 0.3;

  WordModel(Index d, Index words, Random random) : E(d, words), W(words, d), b(words) {
    for (auto* m : {&E, &W}) {
      for (Index i = 0; i < m->size(); ++i) {
        m->data()[i] = static_cast<S>(0.1 * random.normal());
      }
    }
    b.setZero();
  }

  template <class F, class... A>
  static void parameters(F&& f, A&... a) {
    f("E", a.E...);
    f("W", a.W...);
    f("b", a.b...);
  }

  static Index size(const Example& e) { return std::ssize(e.source) + std::ssize(e.target); }
  static Index targets(const Example& e) { return std::ssize(e.target); }

  Loss loss(const Batch& batch, Workspace& w) const {
    return run(
        batch, w, [](Index) { return S{1}; }, [](const Example&) {});
  }

  Loss loss_and_gradient(const Batch& batch, S scale, Random& random, Workspace& w,
                         WordModel& g) const {
    w.mask.resize(E.rows());
    return run(
        batch, w,
        [&](Index i) {
          const bool kept = random.uniform() >= dropout;
          return w.mask(i) = kept ? static_cast<S>(1 / (1 - dropout)) : S{0};
        },
        [&](const Example& e) { backward(e, scale, w, g); });
  }

 private:
  template <class Mask, class Backward>
  Loss run(const Batch& batch, Workspace& w, const Mask& mask, const Backward& back) const {
    Loss sum;
    for (const Example* e : batch.examples) {
      w.h.setZero(E.rows());
      for (const Token t : e->source) w.h += E.col(t) / static_cast<S>(e->source.size());
      for (Index i = 0; i < w.h.size(); ++i) w.h(i) *= mask(i);
      w.logits.noalias() = W * w.h;
      w.logits += b;
      const S top = w.logits.maxCoeff();
      const S normaliser = top + std::log((w.logits.array() - top).exp().sum());
      w.probabilities = (w.logits.array() - normaliser).exp();
      for (const Token t : e->target) sum.nats += normaliser - w.logits(t);
      sum.tokens += std::ssize(e->target);
      back(*e);
    }
    return sum;
  }

  void backward(const Example& e, S scale, Workspace& w, WordModel& g) const {
    w.logits = static_cast<S>(e.target.size()) * scale * w.probabilities;
    for (const Token t : e.target) w.logits(t) -= scale;
    g.b += w.logits;
    g.W.noalias() += w.logits * w.h.transpose();
    w.dh.noalias() = W.transpose() * w.logits;
    w.dh.array() *= w.mask.array();
    for (const Token t : e.source) g.E.col(t) += w.dh / static_cast<S>(e.source.size());
  }
};

static_assert(attend::Trainable<WordModel<float>>);

/// Sentences whose target is the source, each word plus one; lengths 0 to `longest`.
inline std::vector<Example> sentences(Index count, Index longest, Index words, Random random) {
  std::vector<Example> list(static_cast<std::size_t>(count));
  for (Example& e : list) {
    for (Index i = random.below(longest + 1); i > 0; --i) {
      e.source.push_back(static_cast<Token>(random.below(words)));
      e.target.push_back(static_cast<Token>((e.source.back() + 1) % words));
    }
  }
  return list;
}

}  // namespace word_model
