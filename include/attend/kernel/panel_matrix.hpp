/// Weights stored the way products read them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/precision.hpp>
#include <attend/kernel/stored_weights.hpp>
#include <attend/kernel/transpose.hpp>

namespace attend::inline ATTEND_ABI {

/// Columns [first, first + cols) of weights in panels, to be read. A panel is `panel_stride`
/// Stored long; int8 has a scale for every row of the panels.
template <Scalar S, class Stored = S>
struct PanelView {
  const Stored* data;
  Index panel_stride;
  Index rows;
  Index cols;
  const S* scales = nullptr;
};

/// A (rows x cols) matrix of weights, stored in panels of `panel_rows` rows, each panel column by
/// column, its last rows padded with zeros. A product reads it in one stream and never packs it
/// again; a step's weights are so packed once, when the model is made.
///
/// In a reduced precision (`set_precision`) it is read by products and by the const `(i, j)`, which
/// gives the number that the product multiplies with, and copies of it share its numbers. What
/// would change it, or look at its storage, throws std::invalid_argument.
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
      for (Index i = 0; i < rows_; ++i) storage_[position(i, j)] = m(i, j);
    }
    return *this;
  }

  /// Makes it (rows x cols), zero, and of full precision. Throws std::invalid_argument for negative
  /// sizes.
  void resize(Index rows, Index cols) {
    check_extents("PanelMatrix", rows, cols);
    rows_ = rows;
    cols_ = cols;
    reduced_.reset();
    storage_.setZero(panels() * panel_stride());
  }

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }

  /// Panels, and the elements from one to the next.
  [[nodiscard]] Index panels() const { return (rows_ + panel_rows - 1) / panel_rows; }
  [[nodiscard]] Index panel_stride() const { return panel_rows * cols_; }

  /// The storage of full precision, with its padding.
  [[nodiscard]] Index size() const { return panels() * panel_stride(); }
  [[nodiscard]] const S* data() const {
    check_full();
    return storage_.data();
  }
  [[nodiscard]] S* data() {
    check_full();
    return storage_.data();
  }

  [[nodiscard]] S operator()(Index i, Index j) const {
    switch (precision()) {
      case Precision::bfloat16: {
        const PlaceInPairs place = place_in_pairs(i, j);
        const BFloat16Pair pair = reduced_->pairs[place.word];
        return static_cast<S>(place.odd ? odd_of(pair) : even_of(pair));
      }
      case Precision::int8:
        return static_cast<S>(reduced_->bytes[place_in_bytes(i, j)]) * reduced_->scales[i];
      default:
        return storage_[position(i, j)];
    }
  }
  [[nodiscard]] S& operator()(Index i, Index j) { return data()[position(i, j)]; }

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
  /// Calls `f` with the view of the precision that it is stored in.
  template <class F>
  void visit(F&& f) const {
    switch (precision()) {
      case Precision::bfloat16:
        return f(
            PanelView<S, BFloat16Pair>{reduced_->pairs.data(), panel_stride() / 2, rows_, cols_});
      case Precision::int8:
        return f(PanelView<S, std::int8_t>{reduced_->bytes.data(), panel_rows * paired_cols(),
                                           rows_, cols_, reduced_->scales.data()});
      default:
        return f(view());
    }
  }

  [[nodiscard]] Precision precision() const {
    return reduced_ == nullptr ? Precision::full : reduced_->precision;
  }
  /// Converts its elements. Afterwards it holds no others.
  void set_precision(Precision precision) {
    if (precision == this->precision()) return;
    const Matrix<S> m = matrix();
    *this = m;
    if (precision == Precision::full) return;
    auto reduced = std::make_shared<Reduced>(precision);
    if (precision == Precision::bfloat16) write_pairs(reduced->pairs);
    if (precision == Precision::int8) write_bytes(*reduced);
    reduced_ = std::move(reduced);
    storage_ = Vector<S>();
  }
  /// Bytes that it is stored in.
  [[nodiscard]] Index bytes() const {
    const auto of = [](const auto& numbers) {
      return numbers.size() * static_cast<Index>(sizeof(numbers[0]));
    };
    if (reduced_ == nullptr) return of(storage_);
    return of(reduced_->pairs) + of(reduced_->bytes) + of(reduced_->scales);
  }

  /// Becomes the transpose of plain columns; reuses its memory.
  void assign_transposed(ConstView<S> m) {
    if (rows_ != m.cols() || cols_ != m.rows()) resize(m.cols(), m.rows());
    transpose_columns(m.data(), m.outerStride(), m.rows(), 0);
  }

  /// Becomes the transpose of `m`; reuses its memory.
  void assign_transposed(const PanelMatrix& m) {
    if (rows_ != m.cols_ || cols_ != m.rows_) resize(m.cols_, m.rows_);
    const S* from = m.data();
    for (Index first = 0; first < m.rows_; first += panel_rows, from += m.panel_stride()) {
      transpose_columns(from, panel_rows, std::min(panel_rows, m.rows_ - first), first);
    }
  }

 private:
  using Pairs = Eigen::Matrix<BFloat16Pair, Eigen::Dynamic, 1>;
  /// Nothing changes it once it is made.
  struct Reduced {
    explicit Reduced(Precision p) : precision(p) {}

    Precision precision;
    Pairs pairs;                                          ///< of bfloat16
    Eigen::Matrix<std::int8_t, Eigen::Dynamic, 1> bytes;  ///< of int8
    Vector<S> scales;                                     ///< of int8, one for every row
  };

  [[nodiscard]] Index position(Index i, Index j) const {
    return (i / panel_rows) * panel_stride() + j * panel_rows + i % panel_rows;
  }
  /// The word that holds the bfloat16 of an element, and whether it is the word's odd one.
  struct PlaceInPairs {
    Index word;
    bool odd;
  };
  [[nodiscard]] PlaceInPairs place_in_pairs(Index i, Index j) const {
    constexpr Index w = packet::width<S>;
    const Index packet = i % panel_rows / w;
    const Index column = (i / panel_rows) * panel_stride() / 2 + j * panel_rows / 2;
    return {column + packet / 2 * w + i % w, packet % 2 != 0};
  }

  void check_full() const {
    check_argument(
        precision() == Precision::full,
        "PanelMatrix: the weights are stored in reduced precision, which products read "
        "and nothing changes; train in full precision and call set_precision(model, ...) "
        "on a copy");
  }

  void write_pairs(Pairs& pairs) const {
    constexpr Index w = packet::width<S>;
    pairs.resize(size() / 2);
    const S* even = storage_.data();
    for (Index word = 0; word < pairs.size(); word += w, even += 2 * w) {
      for (Index i = 0; i < w; ++i) {
        pairs[word + i] =
            to_bfloat16_pair(static_cast<float>(even[i]), static_cast<float>(even[w + i]));
      }
    }
  }
  /// Columns of int8, which come in pairs.
  [[nodiscard]] Index paired_cols() const { return (cols_ + 1) / 2 * 2; }
  [[nodiscard]] Index place_in_bytes(Index i, Index j) const {
    return i / panel_rows * panel_rows * paired_cols() + 2 * (j / 2 * panel_rows + i % panel_rows) +
           j % 2;
  }
  void write_bytes(Reduced& reduced) const {
    reduced.bytes.resize(panels() * panel_rows * paired_cols());
    reduced.scales.resize(panels() * panel_rows);
    std::fill_n(reduced.bytes.data(), reduced.bytes.size(), std::int8_t{0});
    std::fill_n(reduced.scales.data(), reduced.scales.size(), S{0});
    for (Index i = 0; i < rows_; ++i) {
      S largest = 0;
      for (Index j = 0; j < cols_; ++j) {
        const S w = std::abs(storage_[position(i, j)]);
        if (!(w <= largest)) largest = w;  // and NaN stays
        if (std::isnan(largest)) break;
      }
      const S scale = int8_scale(largest);
      reduced.scales[i] = scale;
      for (Index j = 0; j < cols_; ++j) {
        reduced.bytes[place_in_bytes(i, j)] = to_int8(storage_[position(i, j)], scale);
      }
    }
  }

  /// Columns of `rows` elements, `stride` apart, become the rows of the columns from `first` on.
  void transpose_columns(const S* from, Index stride, Index rows, Index first) {
    constexpr Index w = packet::width<S>;
    for (Index j = 0; j < rows_; j += w, from += w * stride) {
      S* to = data() + j / panel_rows * panel_stride() + first * panel_rows + j % panel_rows;
      packet::transpose(from, stride, rows, std::min(w, rows_ - j), S{1}, to, panel_rows);
    }
  }

  Index rows_ = 0;
  Index cols_ = 0;
  Vector<S> storage_;
  std::shared_ptr<const Reduced> reduced_;  ///< null in full precision
};

/// Makes `transposed` hold the transpose of every packed weight of `model`; it is a value of the
/// model's own type, at first a copy, whose other parameters mean nothing. Backward products
/// W' dY read it: one packing per update serves all steps. Throws std::invalid_argument for
/// weights in reduced precision.
template <class M>
void assign_transposed(const M& model, M& transposed) {
  for_each_leaf(
      [](const auto& p, auto& q) {
        if constexpr (requires { q.assign_transposed(p); }) q.assign_transposed(p);
      },
      model, transposed);
}

}  // namespace attend
