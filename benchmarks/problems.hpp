/// Problems that a peer solves too: their sizes and their inputs.
#pragma once

#include <case.hpp>
#include <inputs.hpp>

namespace bench {

/// Y = W X, W (m x k), X (k x n).
struct Product {
  Index m;
  Index k;
  Index n;

  [[nodiscard]] Matrix<float> weights() const { return numbers(1, m, k, 0.1); }
  [[nodiscard]] Matrix<float> inputs() const { return numbers(2, k, n); }
};

enum class CellKind { rnn, lstm, gru, gru_reset_before };

/// One recurrent layer over B sequences of T steps, d inputs and d states. `gru` resets after the
/// product, as PyTorch's.
struct Recurrence {
  CellKind kind;
  Index d;
  Index B;
  Index T;

  [[nodiscard]] Index gates() const {
    return kind == CellKind::rnn ? 1 : kind == CellKind::lstm ? 4 : 3;
  }
  /// (gates d x d) in the library's order of gates.
  [[nodiscard]] Matrix<float> weights() const { return numbers(1, gates() * d, d, 0.06); }
  [[nodiscard]] Matrix<float> recurrent_weights() const { return numbers(2, gates() * d, d, 0.06); }
  [[nodiscard]] Matrix<float> bias() const { return numbers(3, gates() * d, 1, 0.1); }
  /// Of the candidate's recurrent product (gru).
  [[nodiscard]] Matrix<float> candidate_bias() const { return numbers(4, d, 1, 0.1); }
  /// Step-major: the B columns of a step side by side.
  [[nodiscard]] Matrix<float> inputs() const { return numbers(5, d, T * B); }
};

/// Adds oneDNN where it was found, nothing elsewhere.
void add_onednn(Case& c, const Product& product);
void add_onednn(Case& c, const Recurrence& recurrence);

}  // namespace bench
