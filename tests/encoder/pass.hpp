/// A recurrent encoder over a ragged batch, there and back, with states in and out.
#pragma once

#include "reference/matrices.hpp"
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/recurrent.hpp>
#include <attend/encoder/stacked.hpp>

namespace encoders {

using attend::Index;
using attend::Matrix;
using attend::Ragged;
using attend::Random;

template <class E>
inline constexpr bool is_stacked = requires(E& e) {
  e.layers;
};

/// The loss is a weighted sum of outputs and final states. Dropout draws from a copy of the
/// generator, so that every pass has the same masks; without one there is none.
template <class E>
struct Pass {
  using S = typename E::Scalar;

  Ragged layout;
  Matrix<S> output_weights, final_weights;
  Matrix<S> H, final, dX, d_initial;
  typename E::Trace trace;
  const Random* masks = nullptr;
  attend::Keep keep = attend::Keep::trace;

  Pass(const E& encoder, const Ragged& batch, Random& random)
      : layout(batch),
        output_weights(reference::random_matrix<S>(random, encoder.output_size(), batch.columns())),
        final_weights(reference::random_matrix<S>(random, encoder.state_rows(), batch.size())),
        H(encoder.output_size(), batch.columns()),
        dX(Matrix<S>::Zero(encoder.input_size(), batch.columns())) {}

  S forward(const E& encoder, const Matrix<S>& X, const Matrix<S>* initial) {
    const attend::StatesInOut<S> states{initial, &final, keep};
    if constexpr (is_stacked<E>) {
      Random random = masks != nullptr ? *masks : Random();
      encoder.forward(layout, X, H, masks != nullptr ? &random : nullptr, trace, states);
    } else {
      encoder.forward(layout, X, H, trace, states);
    }
    return (output_weights.array() * H.array()).sum() +
           (final_weights.array() * final.array()).sum();
  }

  /// After forward. Adds to dX and the gradient; overwrites d_initial.
  void backward(const E& encoder, const Matrix<S>& X, E& gradient) {
    E transposed = encoder;
    attend::assign_transposed(encoder, transposed);
    encoder.backward(transposed, layout, X, output_weights, dX, trace, gradient,
                     {&final_weights, &d_initial});
  }
};

/// The columns of a step-major matrix that are one sequence's.
template <class S>
Matrix<S> sequence_of(const Ragged& layout, const Matrix<S>& X, Index b) {
  Matrix<S> own(X.rows(), layout.length(b));
  for (Index t = 0; t < layout.length(b); ++t) own.col(t) = X.col(layout.column(b, t));
  return own;
}

inline Ragged ragged(std::vector<Index> lengths) { return Ragged(lengths); }

}  // namespace encoders
