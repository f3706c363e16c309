/// Pooling without parameters: mean, maximum, last annotations.
#pragma once

#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// What one sequence leaves for the way back: which part of m each column is.
template <Scalar S>
struct PlainPoolingTrace {
  /// (T x 1)
  Buffer<S> weights;
  /// Of MaxPooling: the column that each row of m is from.
  std::vector<Index> columns;
};

/// What poolings of one vector without parameters have in common.
template <attend::Scalar S>
struct PlainPooling {
  using Scalar = S;
  using Trace = PlainPoolingTrace<S>;

  static void parameters(auto&& /*f*/, auto&... /*m*/) {}

  [[nodiscard]] static Index hops() { return 1; }
  /// (T x 1) of the last forward; they add up to 1.
  [[nodiscard]] static ConstView<S> weights(const Trace& trace) { return trace.weights.view(); }
  [[nodiscard]] static S penalty(const Trace& /*trace*/) { return 0; }
};

/// m = 1/T sum_t h_t.
template <attend::Scalar S>
struct MeanPooling : PlainPooling<S> {
  using Trace = PlainPoolingTrace<S>;

  /// H (d x T); overwrites M (d x 1), with zero where T = 0. Throws ShapeError. Allocates nothing
  /// once warm.
  void forward(ConstView<S> H, View<S> M, Trace& trace) const {
    check_shape("MeanPooling::forward", "M", M, H.rows(), 1);
    M.setZero();
    for (Index t = 0; t < H.cols(); ++t) M.col(0) += H.col(t);
    if (H.cols() > 0) M /= static_cast<S>(H.cols());
    trace.weights.resize(H.cols(), 1).setConstant(S{1} / static_cast<S>(H.cols()));
  }

  /// m = 1/T sum_t h_t:  dh_t += dm / T.
  void backward(const MeanPooling& /*transposed*/, ConstView<S> /*H*/, ConstView<S> dM,
                S /*penalty_scale*/, View<S> dH, const Trace& /*trace*/,
                MeanPooling& /*gradient*/) const {
    const S part = S{1} / static_cast<S>(dH.cols());
    for (Index t = 0; t < dH.cols(); ++t) dH.col(t) += part * dM.col(0);
  }
};

/// m_i = max_t h_it; the first of equals.
template <attend::Scalar S>
struct MaxPooling : PlainPooling<S> {
  using Trace = PlainPoolingTrace<S>;

  /// H (d x T); overwrites M (d x 1), with zero where T = 0. The weight of a column is the share of
  /// the rows that it gives. Throws ShapeError. Allocates nothing once warm.
  void forward(ConstView<S> H, View<S> M, Trace& trace) const {
    check_shape("MaxPooling::forward", "M", M, H.rows(), 1);
    View<S> weights = trace.weights.zero(H.cols(), 1);
    trace.columns.assign(static_cast<std::size_t>(H.rows()), 0);
    M.setZero();
    if (H.cols() == 0) return;
    M = H.leftCols(1);
    for (Index t = 1; t < H.cols(); ++t) {
      for (Index i = 0; i < H.rows(); ++i) {
        if (H(i, t) > M(i, 0)) {
          M(i, 0) = H(i, t);
          trace.columns[static_cast<std::size_t>(i)] = t;
        }
      }
    }
    for (const Index t : trace.columns) weights(t, 0) += S{1} / static_cast<S>(H.rows());
  }

  /// m_i = h_it of one t:  dh_it += dm_i.
  void backward(const MaxPooling& /*transposed*/, ConstView<S> /*H*/, ConstView<S> dM,
                S /*penalty_scale*/, View<S> dH, const Trace& trace,
                MaxPooling& /*gradient*/) const {
    if (dH.cols() == 0) return;
    for (Index i = 0; i < dH.rows(); ++i) {
      dH(i, trace.columns[static_cast<std::size_t>(i)]) += dM(i, 0);
    }
  }
};

/// m = [first `forward` rows of h_T; the other rows of h_1]: where the two directions of a
/// Bidirectional layer of `forward` + d units end. With all rows it is the last annotation.
template <attend::Scalar S>
struct LastPooling : PlainPooling<S> {
  using Trace = PlainPoolingTrace<S>;

  /// Rows of the direction that ends at the last column.
  Index forward_rows = 0;

  /// H (d x T); overwrites M (d x 1), with zero where T = 0. Throws ShapeError. Allocates nothing
  /// once warm.
  void forward(ConstView<S> H, View<S> M, Trace& trace) const {
    check_shape("LastPooling::forward", "M", M, H.rows(), 1);
    check_argument(forward_rows >= 0 && forward_rows <= H.rows(), "LastPooling: forward_rows is ",
                   forward_rows, ", expected 0 to the ", H.rows(), " rows of the annotations");
    const Index T = H.cols();
    View<S> weights = trace.weights.zero(T, 1);
    M.setZero();
    if (T == 0) return;
    const Index others = H.rows() - forward_rows;
    M.topRows(forward_rows) = H.block(0, T - 1, forward_rows, 1);
    M.bottomRows(others) = H.block(forward_rows, 0, others, 1);
    weights(T - 1, 0) += static_cast<S>(forward_rows) / static_cast<S>(H.rows());
    weights(0, 0) += static_cast<S>(others) / static_cast<S>(H.rows());
  }

  /// m = [h_T; h_1], each its rows:  dh_T += dm, dh_1 += dm, each its rows.
  void backward(const LastPooling& /*transposed*/, ConstView<S> /*H*/, ConstView<S> dM,
                S /*penalty_scale*/, View<S> dH, const Trace& /*trace*/,
                LastPooling& /*gradient*/) const {
    if (dH.cols() == 0) return;
    dH.col(dH.cols() - 1).topRows(forward_rows) += dM.col(0).topRows(forward_rows);
    const Index others = dH.rows() - forward_rows;
    dH.col(0).bottomRows(others) += dM.col(0).bottomRows(others);
  }
};

}  // namespace attend
