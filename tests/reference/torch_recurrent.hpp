/// What tests/fixtures/make_cells.py wrote, in the library's shapes and conventions.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <attend/cell/elman.hpp>
#include <attend/cell/gru.hpp>
#include <attend/cell/lstm.hpp>

namespace reference {

using attend::Index;
using attend::Matrix;
using nlohmann::json;

inline json read_torch(const std::string& name) {
  const std::string path = std::string(ATTEND_SOURCE_DIR "/tests/fixtures/cells_") + name + ".json";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("there is no " + path);
  return json::parse(file);
}

/// Rows as PyTorch has them.
template <class S>
Matrix<S> torch_matrix(const json& rows) {
  Matrix<S> m(static_cast<Index>(rows.size()), static_cast<Index>(rows.at(0).size()));
  for (Index i = 0; i < m.rows(); ++i) {
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = static_cast<S>(rows[i][j].get<double>());
  }
  return m;
}

template <class S>
attend::Vector<S> torch_vector(const json& values) {
  attend::Vector<S> v(static_cast<Index>(values.size()));
  for (Index i = 0; i < v.size(); ++i) v(i) = static_cast<S>(values[i].get<double>());
  return v;
}

/// A sequence, one step a column.
template <class S>
Matrix<S> torch_sequence(const json& steps) {
  return torch_matrix<S>(steps).transpose();
}

/// The states of all layers and directions upon each other, each [h; c] or h, one column for each
/// sequence: PyTorch keeps h and c apart.
template <class S>
Matrix<S> torch_states(const json& kinds) {
  const Index layers = static_cast<Index>(kinds.at(0).size());
  const Index batch = static_cast<Index>(kinds[0][0].size());
  const Index hidden = static_cast<Index>(kinds[0][0][0].size());
  const Index per_layer = static_cast<Index>(kinds.size()) * hidden;
  Matrix<S> states(layers * per_layer, batch);
  for (Index layer = 0; layer < layers; ++layer) {
    Index row = layer * per_layer;
    for (const json& kind : kinds) {
      states.middleRows(row, hidden) = torch_sequence<S>(kind[static_cast<std::size_t>(layer)]);
      row += hidden;
    }
  }
  return states;
}

/// PyTorch has two biases, of which only GRU's candidate needs both. As weights they add up; as
/// gradients each alone is that of the sum.
enum class TorchBias { sum, one };

struct TorchWeights {
  const json& all;
  std::string suffix;
  TorchBias bias;

  template <class S>
  [[nodiscard]] Matrix<S> matrix(const std::string& name) const {
    return torch_matrix<S>(all.at(name + suffix));
  }
  template <class S>
  [[nodiscard]] attend::Vector<S> vector(const std::string& name) const {
    return torch_vector<S>(all.at(name + suffix));
  }
  template <class S>
  [[nodiscard]] attend::Vector<S> biases() const {
    attend::Vector<S> b = vector<S>("bias_ih");
    if (bias == TorchBias::sum) b += vector<S>("bias_hh");
    return b;
  }
};

template <class S>
void load_torch(const TorchWeights& weights, attend::Elman<S>& cell) {
  cell.W = weights.matrix<S>("weight_ih");
  cell.U = weights.matrix<S>("weight_hh");
  cell.b = weights.biases<S>();
}

template <class S>
void load_torch(const TorchWeights& weights, attend::Lstm<S>& cell) {
  cell.W = weights.matrix<S>("weight_ih");
  cell.U = weights.matrix<S>("weight_hh");
  cell.b = weights.biases<S>();
}

template <class S>
void load_torch(const TorchWeights& weights, attend::Gru<S>& cell) {
  const Matrix<S> U = weights.matrix<S>("weight_hh");
  const Index hidden = U.cols();
  cell.W = weights.matrix<S>("weight_ih");
  cell.U_gates = U.topRows(2 * hidden);
  cell.U_candidate = U.bottomRows(hidden);
  cell.b = weights.biases<S>();
  cell.b.tail(hidden) = weights.vector<S>("bias_ih").tail(hidden);
  cell.b_candidate = weights.vector<S>("bias_hh").tail(hidden);
}

/// Cells as the fixtures have them, by the name in the file's.
struct TorchRnnTanh {
  static constexpr const char* name = "rnn_tanh";
  template <class S>
  static attend::Elman<S> make(Index input, Index hidden) {
    attend::Random random(1);
    return {{.input = input, .hidden = hidden}, random};
  }
};
struct TorchRnnRelu {
  static constexpr const char* name = "rnn_relu";
  template <class S>
  static attend::Elman<S> make(Index input, Index hidden) {
    attend::Random random(1);
    return {{.input = input, .hidden = hidden, .activation = attend::ElmanActivation::relu},
            random};
  }
};
struct TorchLstm {
  static constexpr const char* name = "lstm";
  template <class S>
  static attend::Lstm<S> make(Index input, Index hidden) {
    attend::Random random(1);
    return {{.input = input, .hidden = hidden}, random};
  }
};
struct TorchGru {
  static constexpr const char* name = "gru";
  template <class S>
  static attend::Gru<S> make(Index input, Index hidden) {
    attend::Random random(1);
    return {{.input = input, .hidden = hidden}, random};
  }
};

/// The cell with the weights, or with what PyTorch says their gradients are.
template <class Kind, class S>
auto torch_cell(const TorchWeights& weights) {
  const auto& W = weights.all.at("weight_ih" + weights.suffix);
  const auto& U = weights.all.at("weight_hh" + weights.suffix);
  auto cell = Kind::template make<S>(static_cast<Index>(W.at(0).size()),
                                     static_cast<Index>(U.at(0).size()));
  load_torch(weights, cell);
  return cell;
}

/// The largest difference that rounding explains: PyTorch's numbers are double.
template <class S>
inline constexpr double torch_tolerance = sizeof(S) == 4 ? 5e-6 : 1e-13;

template <class A, class B>
void expect_close(std::string_view name, const A& actual, const B& expected) {
  using S = std::remove_cvref_t<decltype(actual(0, 0))>;
  ASSERT_EQ(actual.rows(), expected.rows()) << name;
  ASSERT_EQ(actual.cols(), expected.cols()) << name;
  for (Index j = 0; j < actual.cols(); ++j) {
    for (Index i = 0; i < actual.rows(); ++i) {
      const double scale = 1 + std::abs(static_cast<double>(expected(i, j)));
      ASSERT_NEAR(actual(i, j), expected(i, j), torch_tolerance<S> * scale)
          << name << "(" << i << ", " << j << ")";
    }
  }
}

/// Every parameter of a gradient.
template <class M>
void expect_parameters_close(const M& actual, const M& expected) {
  attend::for_each_parameter(
      [](std::string_view name, const auto& a, const auto& e) { expect_close(name, a, e); }, actual,
      expected);
}

}  // namespace reference
