/// Types and the dictionary of dimensions.
///
/// Columns are time steps: a sequence is a (d x T) matrix, stored column by column.
///
/// | name | what it counts                                   |
/// | ---- | ------------------------------------------------ |
/// | d_x  | features of an input (an embedding, a frame)     |
/// | d_h  | features of an annotation or a hidden state      |
/// | d_q  | features of a query (a decoder's state)          |
/// | d_k  | features of a key before its projection          |
/// | d_v  | features of a value, and so of a context         |
/// | d_e  | features in which keys and queries are compared  |
/// | T    | steps of a memory: source positions, keys        |
/// | U    | queries: one decoder step, a beam, target length |
/// | B    | sequences in a batch                             |
/// | N    | columns of a ragged batch, the sum of lengths    |
/// | V    | words of a vocabulary                            |
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <Eigen/Core>

#include <attend/core/abi.hpp>

namespace attend::inline ATTEND_ABI {

using Index = Eigen::Index;

/// A word of a vocabulary.
using Token = std::int32_t;

template <class S>
concept Scalar = std::same_as<S, float> || std::same_as<S, double>;

template <Scalar S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
template <Scalar S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

/// An expression that lies in memory column by column: a matrix, a vector, a block of columns or
/// rows of one. A View of it never copies.
template <class D, class S>
concept ColumnsInMemory = std::same_as<typename D::Scalar, S> && !D::IsRowMajor &&
                          ((Eigen::internal::traits<D>::Flags & Eigen::DirectAccessBit) != 0) &&
                          Eigen::internal::inner_stride_at_compile_time<D>::ret == 1;

/// A (rows x cols) block that is read. Unlike `Eigen::Ref<const M>` it never makes a copy in
/// silence: what does not lie in memory column by column does not compile. A block or a column of a
/// view is a view, not a type of its own, which programs would pay for when they are compiled; what
/// Eigen offers vectors alone, such as `head`, a column has behind `reshaped()`.
template <Scalar S>
class ConstView : public Eigen::Map<const Matrix<S>, 0, Eigen::OuterStride<>> {
 public:
  using Map = Eigen::Map<const Matrix<S>, 0, Eigen::OuterStride<>>;

  template <class D>
  requires ColumnsInMemory<D, S> ConstView(
      const Eigen::MatrixBase<D>& m)  // NOLINT(google-explicit-constructor)
      : Map(m.derived().data(), m.rows(), m.cols(),
            Eigen::OuterStride<>(m.derived().outerStride())) {}

  ConstView(const S* data, Index rows, Index cols, Index stride)
      : Map(data, rows, cols, Eigen::OuterStride<>(stride)) {}

  // Eigen's names: NOLINTBEGIN(readability-identifier-naming)
  [[nodiscard]] ConstView block(Index row, Index col, Index rows, Index cols) const {
    eigen_assert(row >= 0 && rows >= 0 && row + rows <= this->rows());
    eigen_assert(col >= 0 && cols >= 0 && col + cols <= this->cols());
    return {this->data() + row + col * this->outerStride(), rows, cols, this->outerStride()};
  }
  [[nodiscard]] ConstView middleRows(Index first, Index n) const {
    return block(first, 0, n, this->cols());
  }
  [[nodiscard]] ConstView topRows(Index n) const { return middleRows(0, n); }
  [[nodiscard]] ConstView bottomRows(Index n) const { return middleRows(this->rows() - n, n); }
  [[nodiscard]] ConstView middleCols(Index first, Index n) const {
    return block(0, first, this->rows(), n);
  }
  [[nodiscard]] ConstView leftCols(Index n) const { return middleCols(0, n); }
  [[nodiscard]] ConstView rightCols(Index n) const { return middleCols(this->cols() - n, n); }
  [[nodiscard]] ConstView col(Index j) const { return middleCols(j, 1); }
  [[nodiscard]] S dot(ConstView other) const {
    return this->cwiseProduct(static_cast<const Map&>(other)).sum();
  }
  // NOLINTEND(readability-identifier-naming)
};

/// Such an expression that may be written.
template <class D, class S>
concept WritableColumns = ColumnsInMemory<D, S> &&
    ((Eigen::internal::traits<D>::Flags & Eigen::LvalueBit) != 0);

/// A (rows x cols) block that is written, by the same rules as ConstView. What is const is the
/// view, not the numbers, as with std::span.
template <Scalar S>
class View : public Eigen::Map<Matrix<S>, 0, Eigen::OuterStride<>> {
 public:
  using Map = Eigen::Map<Matrix<S>, 0, Eigen::OuterStride<>>;
  using Map::operator=;
  using Map::operator+=;

  template <class D>
  requires WritableColumns<D, S> View(
      Eigen::MatrixBase<D>& m)  // NOLINT(google-explicit-constructor)
      : Map(m.derived().data(), m.rows(), m.cols(),
            Eigen::OuterStride<>(m.derived().outerStride())) {}

  /// A block is a temporary that stands for memory that is not.
  template <class D>
  requires WritableColumns<D, S> View(
      Eigen::MatrixBase<D>&& m)  // NOLINT(google-explicit-constructor)
      : Map(m.derived().data(), m.rows(), m.cols(),
            Eigen::OuterStride<>(m.derived().outerStride())) {}

  View(S* data, Index rows, Index cols, Index stride)
      : Map(data, rows, cols, Eigen::OuterStride<>(stride)) {}

  View(const View&) = default;
  ~View() = default;
  View& operator=(const View& other) {
    copy(other);
    return *this;
  }
  template <class D>
  requires ColumnsInMemory<D, S> View& operator=(const Eigen::MatrixBase<D>& other) {
    copy(other);
    return *this;
  }
  template <class D>
  requires ColumnsInMemory<D, S> View& operator+=(const Eigen::MatrixBase<D>& other) {
    add(other);
    return *this;
  }

  // Eigen's names: NOLINTBEGIN(readability-identifier-naming)
  View& setConstant(S x) {
    for (Index j = 0; j < this->cols(); ++j) std::fill_n(column(j), this->rows(), x);
    return *this;
  }
  View& setZero() { return setConstant(S{0}); }
  [[nodiscard]] S* data() const { return this->m_data; }
  [[nodiscard]] View block(Index row, Index col, Index rows, Index cols) const {
    eigen_assert(row >= 0 && rows >= 0 && row + rows <= this->rows());
    eigen_assert(col >= 0 && cols >= 0 && col + cols <= this->cols());
    return {data() + row + col * this->outerStride(), rows, cols, this->outerStride()};
  }
  [[nodiscard]] View middleRows(Index first, Index n) const {
    return block(first, 0, n, this->cols());
  }
  [[nodiscard]] View topRows(Index n) const { return middleRows(0, n); }
  [[nodiscard]] View bottomRows(Index n) const { return middleRows(this->rows() - n, n); }
  [[nodiscard]] View middleCols(Index first, Index n) const {
    return block(0, first, this->rows(), n);
  }
  [[nodiscard]] View leftCols(Index n) const { return middleCols(0, n); }
  [[nodiscard]] View rightCols(Index n) const { return middleCols(this->cols() - n, n); }
  [[nodiscard]] View col(Index j) const { return middleCols(j, 1); }
  [[nodiscard]] S dot(ConstView<S> other) const { return ConstView<S>(*this).dot(other); }
  // NOLINTEND(readability-identifier-naming)

 private:
  [[nodiscard]] S* column(Index j) const { return data() + j * this->outerStride(); }

  void copy(ConstView<S> from) const {
    eigen_assert(from.rows() == this->rows() && from.cols() == this->cols());
    const auto bytes = static_cast<std::size_t>(this->rows()) * sizeof(S);
    if (bytes == 0) return;
    for (Index j = 0; j < this->cols(); ++j) {
      std::memmove(column(j), from.data() + j * from.outerStride(), bytes);
    }
  }
  void add(ConstView<S> other) {
    Map::operator+=(static_cast<const typename ConstView<S>::Map&>(other));
  }
};

}  // namespace attend
