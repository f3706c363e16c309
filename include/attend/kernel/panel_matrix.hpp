/// Weights stored the way products read them.
#pragma once

#include <algorithm>
#include <utility>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

namespace packet {
/// Packets in the height of a panel: four where there are 32 registers, two where there are 16.
inline constexpr Index panel_packets = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 4 : 2;
template <Scalar S>
inline constexpr Index panel_rows = panel_packets* width<S>;
}  // namespace packet

/// Columns [first, first + cols) of weights in panels, to be read.
template <Scalar S>
struct PanelView {
  const S* data;
  Index panel_stride;
  Index rows;
  Index cols;
};

/// A (rows x cols) matrix of weights, stored in panels of `panel_rows` rows, each panel column by
/// column, its last rows padded with zeros. A product reads it in one stream and never packs it
/// again; a step's weights are so packed once, when the model is made.
template <Scalar S>
class PanelMatrix {
 public:
  static constexpr Index panel_rows = packet::panel_rows<S>;

  PanelMatrix() = default;
  PanelMatrix(Index rows, Index cols) { resize(rows, cols); }

  template <class D>
  explicit PanelMatrix(const Eigen::MatrixBase<D>& m) {
    *this = m;
  }

  template <class D>
  PanelMatrix& operator=(const Eigen::MatrixBase<D>& m) {
    resize(m.rows(), m.cols());
    for (Index j = 0; j < cols_; ++j) {
      for (Index i = 0; i < rows_; ++i) (*this)(i, j) = m(i, j);
    }
    return *this;
  }

  /// Makes it (rows x cols) and zero.
  void resize(Index rows, Index cols) {
    rows_ = rows;
    cols_ = cols;
    storage_.setZero(panels() * panel_stride());
  }

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }

  /// Panels, and the elements from one to the next.
  [[nodiscard]] Index panels() const { return (rows_ + panel_rows - 1) / panel_rows; }
  [[nodiscard]] Index panel_stride() const { return panel_rows * cols_; }

  /// The storage with its padding.
  [[nodiscard]] Index size() const { return storage_.size(); }
  [[nodiscard]] const S* data() const { return storage_.data(); }
  [[nodiscard]] S* data() { return storage_.data(); }

  [[nodiscard]] const S& operator()(Index i, Index j) const { return storage_[position(i, j)]; }
  [[nodiscard]] S& operator()(Index i, Index j) { return storage_[position(i, j)]; }

  [[nodiscard]] Matrix<S> matrix() const {
    Matrix<S> m(rows_, cols_);
    for (Index j = 0; j < cols_; ++j) {
      for (Index i = 0; i < rows_; ++i) m(i, j) = (*this)(i, j);
    }
    return m;
  }

  [[nodiscard]] PanelView<S> view() const { return {data(), panel_stride(), rows_, cols_}; }
  /// The columns [first, first + count), as if they were a matrix of their own.
  [[nodiscard]] PanelView<S> columns(Index first, Index count) const {
    return {data() + first * panel_rows, panel_stride(), rows_, count};
  }

  /// Becomes the transpose of `m`; reuses its memory.
  void assign_transposed(const PanelMatrix& m) {
    if (rows_ != m.cols_ || cols_ != m.rows_) resize(m.cols_, m.rows_);
    for (Index first = 0; first < m.rows_; first += panel_rows) {
      const Index rows = std::min(panel_rows, m.rows_ - first);
      for (Index j = 0; j < m.cols_; ++j) {
        const S* from = &m(first, j);
        S* to = &(*this)(j, first);
        for (Index i = 0; i < rows; ++i) to[i * panel_rows] = from[i];
      }
    }
  }

 private:
  [[nodiscard]] Index position(Index i, Index j) const {
    return (i / panel_rows) * panel_stride() + j * panel_rows + i % panel_rows;
  }

  Index rows_ = 0;
  Index cols_ = 0;
  Vector<S> storage_;
};

/// Makes `transposed` hold the transpose of every packed weight of `model`; it is a value of the
/// model's own type, at first a copy, whose other parameters mean nothing. Backward products
/// W' dY read it: one packing per update serves all steps.
template <class M>
void assign_transposed(const M& model, M& transposed) {
  for_each_parameter(
      [](std::string_view, const auto& p, auto& q) {
        if constexpr (requires { q.assign_transposed(p); }) q.assign_transposed(p);
      },
      model, transposed);
}

}  // namespace attend
