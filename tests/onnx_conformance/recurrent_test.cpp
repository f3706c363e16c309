#include "recurrent.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "case.hpp"
#include <attend/core/random.hpp>

namespace {

using attend::Index;
using attend::Random;
using onnx_conformance::Case;
using onnx_conformance::difference;
using onnx_conformance::filled;
using onnx_conformance::recurrent;
using onnx_conformance::RecurrentShape;
using onnx_conformance::Tensors;
using onnx_conformance::Values;

Values random_values(Random& random, std::vector<Index> shape) {
  Values values = filled(std::move(shape));
  for (float& x : values.numbers) x = static_cast<float>(random.uniform(-1, 1));
  return values;
}

bool coin(Random& random) { return random.below(2) == 0; }

Index gates_of(const std::string& op) { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }

/// The names of the functions, in the order of the directions.
std::vector<std::string> functions(const Case& c) {
  return c.attribute("activations", std::vector<std::string>{"Tanh", "Tanh"});
}

Case random_case(Random& random, const std::string& op) {
  const Index input = 1 + random.below(5);
  RecurrentShape s{coin(random), 1 + random.below(5), 1 + random.below(4), 1 + random.below(2),
                   1 + random.below(9)};
  const Index rows = gates_of(op) * s.hidden;
  Case c;
  c.op = op;
  c.inputs.resize(8);
  c.inputs[0] = random_values(random, s.inputs(input));
  c.inputs[1] = random_values(random, {s.directions, rows, input});
  c.inputs[2] = random_values(random, {s.directions, rows, s.hidden});
  if (coin(random)) c.inputs[3] = random_values(random, {s.directions, 2 * rows});
  if (coin(random)) {
    c.inputs[4] = filled({s.batch});
    for (float& n : c.inputs[4]->numbers) n = static_cast<float>(1 + random.below(s.steps));
  }
  if (coin(random)) c.inputs[5] = random_values(random, s.states());
  c.attributes["layout"] = s.batch_first ? 1 : 0;
  c.attributes["hidden_size"] = s.hidden;
  if (s.directions == 2) {
    c.attributes["direction"] = "bidirectional";
  } else if (coin(random)) {
    c.attributes["direction"] = "reverse";
  }
  if (op == "RNN" && coin(random)) {
    c.attributes["activations"] = std::vector<std::string>{"Relu", "Tanh"};
  }
  if (op == "GRU" && coin(random)) c.attributes["linear_before_reset"] = 1;
  if (op == "LSTM") {
    if (coin(random)) c.inputs[6] = random_values(random, s.states());
    if (coin(random)) c.inputs[7] = random_values(random, {s.directions, 3 * s.hidden});
    if (coin(random)) c.attributes["input_forget"] = 1;
  }
  return c;
}

/// The operators by loops, one sequence and one direction after the other.
class Reference {
 public:
  using Row = std::vector<double>;

  explicit Reference(const Case& c) : c_(c), s_(shape_of(c)) {}

  [[nodiscard]] Tensors run() const {
    Tensors out(3);
    out[0] = filled(s_.outputs());
    out[1] = filled(s_.states());
    out[2] = filled(s_.states());
    for (Index d = 0; d < s_.directions; ++d) {
      for (Index b = 0; b < s_.batch; ++b) run_sequence(d, b, out);
    }
    if (c_.op != "LSTM") out.resize(2);
    return out;
  }

 private:
  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

  void run_sequence(Index d, Index b, Tensors& out) const {
    const Index length = c_.input(4) == nullptr ? s_.steps : static_cast<Index>((*c_.input(4))[b]);
    const bool back = d == 1 || c_.attribute<std::string>("direction", "forward") == "reverse";
    Row h = state(5, d, b);
    Row c = state(6, d, b);
    for (Index i = 0; i < length; ++i) {
      const Index t = back ? length - 1 - i : i;
      step(d, t, b, h, c);
      put(h, s_.output(t, b, d), *out[0]);
    }
    put(h, s_.state(b, d), *out[1]);
    put(c, s_.state(b, d), *out[2]);
  }

  [[nodiscard]] Row state(std::size_t input, Index d, Index b) const {
    Row row(static_cast<std::size_t>(s_.hidden));
    const Values* given = c_.input(input);
    for (std::size_t i = 0; given != nullptr && i < row.size(); ++i) {
      row[i] = (*given)[s_.state(b, d) * s_.hidden + static_cast<Index>(i)];
    }
    return row;
  }

  void put(const Row& row, Index place, Values& out) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out[place * s_.hidden + static_cast<Index>(i)] = static_cast<float>(row[i]);
    }
  }

  /// W x + b of gate k, row i.
  [[nodiscard]] double of_input(Index d, Index k, Index i, Index t, Index b) const {
    const Index n = c_.required(1).size(2);
    const Index row = (d * gates_of(c_.op) + k) * s_.hidden + i;
    double a = bias(d, k, i);
    for (Index j = 0; j < n; ++j) {
      a += double{c_.required(1)[row * n + j]} * c_.required(0)[s_.column(t, b) * n + j];
    }
    return a;
  }
  /// R h + b.
  [[nodiscard]] double of_state(Index d, Index k, Index i, const Row& h) const {
    const Index row = (d * gates_of(c_.op) + k) * s_.hidden + i;
    double a = bias(d, gates_of(c_.op) + k, i);
    for (Index j = 0; j < s_.hidden; ++j) {
      a += c_.required(2)[row * s_.hidden + j] * h[static_cast<std::size_t>(j)];
    }
    return a;
  }
  [[nodiscard]] double bias(Index d, Index k, Index i) const {
    if (c_.input(3) == nullptr) return 0;
    return (*c_.input(3))[(d * 2 * gates_of(c_.op) + k) * s_.hidden + i];
  }
  [[nodiscard]] double peephole(Index d, Index k, Index i) const {
    return c_.input(7) == nullptr ? 0 : (*c_.input(7))[(d * 3 + k) * s_.hidden + i];
  }

  void step(Index d, Index t, Index b, Row& h, Row& c) const {
    const Row before = h;
    Row reset(h.size());
    for (Index i = 0; c_.op == "GRU" && i < s_.hidden; ++i) {
      const auto at = static_cast<std::size_t>(i);
      reset[at] = sigmoid(of_input(d, 1, i, t, b) + of_state(d, 1, i, before));
    }
    Row reset_state = before;
    for (std::size_t i = 0; i < h.size(); ++i) reset_state[i] *= reset[i];
    for (Index i = 0; i < s_.hidden; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto gate = [&](Index k) {
        return of_input(d, k, i, t, b) + of_state(d, k, i, before);
      };
      if (c_.op == "RNN") {
        const bool relu = functions(c_).at(static_cast<std::size_t>(d)) == "Relu";
        h[at] = relu ? std::max(gate(0), 0.0) : std::tanh(gate(0));
      } else if (c_.op == "GRU") {
        const double z = sigmoid(gate(0));
        const bool after = c_.attribute("linear_before_reset", 0) != 0;
        const double past =
            after ? reset[at] * of_state(d, 2, i, before) : of_state(d, 2, i, reset_state);
        h[at] = (1 - z) * std::tanh(of_input(d, 2, i, t, b) + past) + z * before[at];
      } else {
        const double in = sigmoid(gate(0) + peephole(d, 0, i) * c[at]);
        const bool coupled = c_.attribute("input_forget", 0) != 0;
        const double f = coupled ? 1 - in : sigmoid(gate(2) + peephole(d, 2, i) * c[at]);
        c[at] = f * c[at] + in * std::tanh(gate(3));
        h[at] = sigmoid(gate(1) + peephole(d, 1, i) * c[at]) * std::tanh(c[at]);
      }
    }
  }

  const Case& c_;
  RecurrentShape s_;
};

class OnnxRecurrent : public testing::TestWithParam<std::string> {};

TEST_P(OnnxRecurrent, GivesWhatPlainLoopsGive) {
  for (int i = 0; i < 60; ++i) {
    Random random = Random(2).fork(static_cast<std::uint64_t>(i));
    const Case c = random_case(random, GetParam());
    const Tensors expected = Reference(c).run();
    const Tensors given = recurrent(c);
    ASSERT_EQ(given.size(), expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const auto why = difference(*given[k], *expected[k], 1e-5F);
      EXPECT_FALSE(why) << "output " << k << " of case " << i << ": " << why.value_or("");
    }
  }
}

TEST_P(OnnxRecurrent, WhatTheCellsDoNotHaveIsAnError) {
  Random random(4);
  Case c = random_case(random, GetParam());
  c.attributes["clip"] = 20.0;
  c.attributes.erase("activations");
  EXPECT_NO_THROW((void)recurrent(c));
  c.attributes["clip"] = 0.5;
  EXPECT_THROW((void)recurrent(c), attend::FormatError);
  c.attributes.erase("clip");
  c.attributes["activations"] = std::vector<std::string>(6, "Elu");
  EXPECT_THROW((void)recurrent(c), attend::FormatError);
  c.attributes.erase("activations");
  c.inputs[4] = filled({17}, 1);
  EXPECT_THROW((void)recurrent(c), attend::FormatError);
}

INSTANTIATE_TEST_SUITE_P(Operators, OnnxRecurrent, testing::Values("RNN", "GRU", "LSTM"),
                         [](const auto& operation) { return operation.param; });

}  // namespace
