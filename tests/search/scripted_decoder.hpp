/// A decoder whose every number is a known function of what it has read: the oracle of the
/// searches' tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <reference/message_of.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <attend/core/random.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/hypothesis.hpp>

namespace attend_test {

using attend::Index;
using attend::Random;
using attend::Scalar;
using attend::Token;

/// A source is a number and a length.
struct ScriptedSource {
  std::uint64_t id = 0;
  Index length = 0;
};

struct ScriptedMemory {
  std::vector<ScriptedSource> sources;

  [[nodiscard]] Index size() const { return static_cast<Index>(sources.size()); }
  [[nodiscard]] Index length(Index b) const { return at(b).length; }
  [[nodiscard]] const ScriptedSource& at(Index b) const {
    return sources[static_cast<std::size_t>(b)];
  }
};

template <Scalar S>
struct ScriptedState {
  struct Column {
    Index sentence = 0;
    Token before = -1;
    Token last = -1;
    Index steps = 0;
    std::vector<S> weights = {};
    std::vector<S> logits = {};
  };
  std::vector<Column> columns;

  [[nodiscard]] Index size() const { return static_cast<Index>(columns.size()); }
  [[nodiscard]] Index sentence(Index i) const { return at(i).sentence; }
  [[nodiscard]] std::span<const S> weights(Index i) const { return at(i).weights; }
  [[nodiscard]] const Column& at(Index i) const { return columns[static_cast<std::size_t>(i)]; }

  void select(std::span<const Index> chosen) {
    std::vector<Column> selected;
    for (const Index i : chosen) selected.push_back(columns.at(static_cast<std::size_t>(i)));
    columns = std::move(selected);
  }
};

/// Logits and attention depend on the source, the last token and the one before it.
template <Scalar S>
struct ScriptedDecoder {
  using Scalar = S;
  using Memory = ScriptedMemory;
  using State = ScriptedState<S>;

  Index vocabulary = 5;
  std::uint64_t seed = 1;
  double spread = 2;
  bool attends = true;
  /// Changes the logits of source `id` at a step (from 1).
  std::function<void(std::uint64_t id, Index step, std::vector<S>& logits)> edit = {};
  /// Counts the columns that were stepped.
  Index* work = nullptr;

  [[nodiscard]] Index vocabulary_size() const { return vocabulary; }

  [[nodiscard]] std::vector<S> logits_of(std::uint64_t id, Token before, Token last,
                                         Index step) const {
    Random random = stream(id, before, last);
    std::vector<S> logits(static_cast<std::size_t>(vocabulary));
    for (S& x : logits) x = static_cast<S>(spread * random.normal());
    if (edit) edit(id, step, logits);
    return logits;
  }

  [[nodiscard]] std::vector<S> weights_of(const ScriptedSource& source, Token before,
                                          Token last) const {
    Random random = stream(source.id, before, last).fork(1);
    std::vector<S> weights(static_cast<std::size_t>(attends ? source.length : 0));
    S sum = 0;
    for (S& w : weights) sum += w = static_cast<S>(0.01 + random.uniform());
    for (S& w : weights) w /= sum;
    return weights;
  }

  void begin(const Memory&, std::span<const Index> sentences, State& state) const {
    state.columns.clear();
    for (const Index b : sentences) {
      state.columns.emplace_back();
      state.columns.back().sentence = b;
    }
  }

  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    ASSERT_EQ(tokens.size(), state.columns.size());
    if (work != nullptr) *work += state.size();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      auto& column = state.columns[i];
      column.before = column.last;
      column.last = tokens[i];
      const ScriptedSource& source = memory.at(column.sentence);
      column.weights = weights_of(source, column.before, column.last);
      column.logits = logits_of(source.id, column.before, column.last, ++column.steps);
    }
  }

  void logits(const State& state, attend::View<S> L) const {
    ASSERT_EQ(L.rows(), vocabulary);
    ASSERT_EQ(L.cols(), state.size());
    for (Index i = 0; i < state.size(); ++i)
      for (Index v = 0; v < vocabulary; ++v)
        L(v, i) = state.at(i).logits[static_cast<std::size_t>(v)];
  }

 private:
  [[nodiscard]] Random stream(std::uint64_t id, Token before, Token last) const {
    return Random(seed)
        .fork(id)
        .fork(static_cast<std::uint64_t>(before + 1))
        .fork(static_cast<std::uint64_t>(last + 1));
  }
};

static_assert(attend::Decoder<ScriptedDecoder<float>> && attend::Decoder<ScriptedDecoder<double>>);

/// log P(token) by a scalar loop.
template <Scalar S>
double log_probability(const std::vector<S>& logits, Token token) {
  double sum = 0;
  for (const S x : logits) sum += std::exp(static_cast<double>(x));
  return static_cast<double>(logits[static_cast<std::size_t>(token)]) - std::log(sum);
}

/// A complete output and its log-probability and attention, by walking the decoder's functions.
template <Scalar S>
struct Walk {
  std::vector<Token> chosen;  // with the end symbol
  double log_probability = 0;
  std::vector<std::vector<S>> weights;
};

template <Scalar S>
Walk<S> walk(const ScriptedDecoder<S>& decoder, const ScriptedSource& source, Token start,
             const std::vector<Token>& chosen) {
  Walk<S> result;
  result.chosen = chosen;
  Token before = -1;
  Token last = start;
  Index step = 0;
  for (const Token token : chosen) {
    result.log_probability +=
        log_probability(decoder.logits_of(source.id, before, last, ++step), token);
    result.weights.push_back(decoder.weights_of(source, before, last));
    before = last;
    last = token;
  }
  return result;
}

/// beta sum_j log min(sum_u a_ju, 1), by scalar loops.
template <Scalar S>
double coverage(const Walk<S>& walked, Index length, double beta) {
  double sum = 0;
  for (Index j = 0; j < length; ++j) {
    double covered = 0;
    for (const auto& w : walked.weights)
      covered += static_cast<double>(w[static_cast<std::size_t>(j)]);
    sum += std::log(std::min(std::max(covered, 1e-8), 1.0));
  }
  return beta * sum;
}

/// A hypothesis is what the decoder's functions say of its tokens.
template <Scalar S>
void expect_walked(const ScriptedDecoder<S>& decoder, const ScriptedSource& source, Token start,
                   Token end, const attend::Hypothesis<S>& hypothesis) {
  std::vector<Token> chosen = hypothesis.tokens;
  if (hypothesis.finished) chosen.push_back(end);
  const Walk<S> walked = walk(decoder, source, start, chosen);
  const double tolerance = std::is_same_v<S, float> ? 2e-5 : 1e-12;
  EXPECT_NEAR(hypothesis.log_probability, walked.log_probability, tolerance);
  ASSERT_EQ(hypothesis.weights.rows(), decoder.attends ? source.length : 0);
  ASSERT_EQ(hypothesis.weights.cols(), static_cast<Index>(chosen.size()));
  for (Index u = 0; u < hypothesis.weights.cols(); ++u)
    for (Index j = 0; j < hypothesis.weights.rows(); ++j)
      EXPECT_EQ(hypothesis.weights(j, u),
                walked.weights[static_cast<std::size_t>(u)][static_cast<std::size_t>(j)]);
}

/// Equal to the last bit.
template <Scalar S>
void expect_same(const attend::Hypothesis<S>& a, const attend::Hypothesis<S>& b) {
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.score, b.score);
  EXPECT_EQ(a.log_probability, b.log_probability);
  EXPECT_EQ(a.finished, b.finished);
  ASSERT_EQ(a.weights.rows(), b.weights.rows());
  ASSERT_EQ(a.weights.cols(), b.weights.cols());
  EXPECT_TRUE((a.weights.array() == b.weights.array()).all());
}

template <Scalar S>
void expect_same(const std::vector<attend::Hypothesis<S>>& a,
                 const std::vector<attend::Hypothesis<S>>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) expect_same(a[i], b[i]);
}

using reference::message_of;

/// Sources of different lengths, some empty.
inline ScriptedMemory sources(Index count) {
  ScriptedMemory memory;
  for (Index b = 0; b < count; ++b)
    memory.sources.push_back({static_cast<std::uint64_t>(100 + b), (b * 5) % 7});
  return memory;
}

}  // namespace attend_test
