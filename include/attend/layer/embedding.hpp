/// Words as vectors.
#pragma once

#include <span>

#include <attend/core/error.hpp>
#include <attend/core/initialize.hpp>

namespace attend::inline ATTEND_ABI {

struct EmbeddingConfig {
  Index vocabulary = 0;
  Index size = 0;
  /// Of the normal numbers that vectors begin with.
  double deviation = 1;
};

/// x_n = E y_n, the column of token y_n. E (size x V).
template <Scalar S>
struct Embedding {
  Matrix<S> E;

  Embedding() = default;
  /// Throws std::invalid_argument for negative sizes.
  Embedding(EmbeddingConfig config, Random& random) {
    check_extents("Embedding", config.size, config.vocabulary);
    E.resize(config.size, config.vocabulary);
    initialize_normal(E, config.deviation, random);
  }

  static void parameters(auto&& f, auto&... m) { f("E", m.E...); }

  /// N tokens; overwrites X (size x N). Throws ShapeError, and std::invalid_argument for a token
  /// outside the vocabulary.
  void forward(std::span<const Token> tokens, View<S> X) const {
    check_shape("Embedding::forward", "X", X, E.rows(), static_cast<Index>(tokens.size()));
    Index n = 0;
    for (const Token token : tokens) {
      check_argument(token >= 0 && token < E.cols(), "Embedding::forward: token ", token,
                     " is outside the vocabulary of ", E.cols(), " words");
      X.col(n++) = E.col(token);
    }
  }

  /// x_n = E y_n:  column y_n of dE += dx_n.
  static void backward(std::span<const Token> tokens, ConstView<S> dX, Embedding& gradient) {
    check_shape("Embedding::backward", "dX", dX, gradient.E.rows(),
                static_cast<Index>(tokens.size()));
    Index n = 0;
    for (const Token token : tokens) View<S>(gradient.E).col(token) += dX.col(n++);
  }
};

}  // namespace attend
