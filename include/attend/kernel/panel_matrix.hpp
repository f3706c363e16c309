/// Weights stored the way products read them.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

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
/// gives the number that the product multiplies with. What would change it, or look at its storage,
/// throws std::invalid_argument.
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
    reduced_ = std::monostate();
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
    return std::visit([&](const auto& reduced) { return element(reduced, i, j); }, reduced_);
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
    std::visit([&](const auto& reduced) { f(stored_view(reduced)); }, reduced_);
  }

  [[nodiscard]] Precision precision() const { return static_cast<Precision>(reduced_.index()); }
  /// Converts its elements. Afterwards it holds no others.
  void set_precision(Precision precision) {
    if (precision == this->precision()) return;
    const Matrix<S> m = matrix();
    *this = m;
    if (precision == Precision::full) return;
    if (precision == Precision::bfloat16) reduced_ = to_pairs();
    if (precision == Precision::int8) reduced_ = to_bytes();
    storage_ = Vector<S>();
  }
  /// Bytes that it is stored in.
  [[nodiscard]] Index bytes() const {
    return std::visit([&](const auto& reduced) { return stored_bytes(reduced); }, reduced_);
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
  struct Bytes {
    Eigen::Matrix<std::int8_t, Eigen::Dynamic, 1> q;
    Vector<S> scales;
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

  [[nodiscard]] Pairs to_pairs() const {
    constexpr Index w = packet::width<S>;
    Pairs pairs(size() / 2);
    const S* even = storage_.data();
    for (Index word = 0; word < pairs.size(); word += w, even += 2 * w) {
      for (Index i = 0; i < w; ++i) {
        pairs[word + i] =
            to_bfloat16_pair(static_cast<float>(even[i]), static_cast<float>(even[w + i]));
      }
    }
    return pairs;
  }
  /// Columns of int8, which come in pairs.
  [[nodiscard]] Index paired_cols() const { return (cols_ + 1) / 2 * 2; }
  [[nodiscard]] Index place_in_bytes(Index i, Index j) const {
    return i / panel_rows * panel_rows * paired_cols() + 2 * (j / 2 * panel_rows + i % panel_rows) +
           j % 2;
  }
  [[nodiscard]] Bytes to_bytes() const {
    Bytes bytes{decltype(Bytes::q)::Zero(panels() * panel_rows * paired_cols()),
                Vector<S>::Zero(panels() * panel_rows)};
    for (Index i = 0; i < rows_; ++i) {
      S largest = 0;
      for (Index j = 0; j < cols_; ++j) {
        const S w = std::abs(storage_[position(i, j)]);
        if (!(w <= largest)) largest = w;  // and NaN stays
        if (std::isnan(largest)) break;
      }
      const S scale = int8_scale(largest);
      bytes.scales[i] = scale;
      for (Index j = 0; j < cols_; ++j) {
        bytes.q[place_in_bytes(i, j)] = to_int8(storage_[position(i, j)], scale);
      }
    }
    return bytes;
  }

  [[nodiscard]] S element(std::monostate /*full*/, Index i, Index j) const {
    return storage_[position(i, j)];
  }
  [[nodiscard]] S element(const Pairs& pairs, Index i, Index j) const {
    const PlaceInPairs place = place_in_pairs(i, j);
    return static_cast<S>(place.odd ? odd_of(pairs[place.word]) : even_of(pairs[place.word]));
  }
  [[nodiscard]] S element(const Bytes& bytes, Index i, Index j) const {
    return static_cast<S>(bytes.q[place_in_bytes(i, j)]) * bytes.scales[i];
  }

  [[nodiscard]] PanelView<S> stored_view(std::monostate /*full*/) const { return view(); }
  [[nodiscard]] PanelView<S, BFloat16Pair> stored_view(const Pairs& pairs) const {
    return {pairs.data(), panel_stride() / 2, rows_, cols_};
  }
  [[nodiscard]] PanelView<S, std::int8_t> stored_view(const Bytes& bytes) const {
    return {bytes.q.data(), panel_rows * paired_cols(), rows_, cols_, bytes.scales.data()};
  }

  [[nodiscard]] Index stored_bytes(std::monostate /*full*/) const {
    return size() * static_cast<Index>(sizeof(S));
  }
  [[nodiscard]] Index stored_bytes(const Pairs& pairs) const {
    return pairs.size() * static_cast<Index>(sizeof(BFloat16Pair));
  }
  [[nodiscard]] Index stored_bytes(const Bytes& bytes) const {
    return bytes.q.size() + bytes.scales.size() * static_cast<Index>(sizeof(S));
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
  std::variant<std::monostate, Pairs, Bytes> reduced_;
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
