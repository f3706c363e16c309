/// Where a parameter's numbers stand among the tensors of a file.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>

namespace attend::inline ATTEND_ABI {

/// Columns [column, column + columns) of rows [row, row + rows).
struct Rectangle {
  Index row = 0;
  Index column = 0;
  Index rows = 0;
  Index columns = 0;

  bool operator==(const Rectangle&) const = default;
};

/// A rectangle of a tensor and the equally large one of a parameter that it fills. A tensor is seen
/// as a matrix: its first `leading` dimensions are the rows, the others the columns.
struct WeightPiece {
  /// `once_more`: as `fill`, and somebody else fills with the same numbers. Without a tensor:
  /// `zero` and `one` on the diagonal.
  enum class Kind { fill, add, once_more, zero, identity };

  std::string tensor;
  Rectangle from;
  Rectangle to;
  bool transposed = false;
  Index leading = 1;
  Kind kind = Kind::fill;
};

/// What fills a parameter: a tensor's name, or an expression of them.
///
///     "fc.weight"                        the tensor, whole
///     transposed("kernel")               its rows are the parameter's columns
///     rows(x, 5), columns(x, 5)          as many as the parameter has, from the sixth
///     part(x, 2)                         the third of equal parts: of packed projections
///     gates(x, {1, 0, 2})                equal parts of the rows in another order
///     stacked({x, y}), beside({x, y})    rows, or columns, of several; equal shares, or {x, 5}
///     sum(x, y)                          of two biases
///     flattened("W", 2)                  a tensor of more dimensions, the first two as rows
///     once_more(x)                       tensors that another parameter takes as well
///     zeros(), identity()                no tensor at all
///
/// It is read from the parameter inwards: asked for as many rows and columns as the parameter has,
/// an expression asks its parts for theirs. So one table serves the way in and the way out.
class Weights {
 public:
  using Pieces = std::vector<WeightPiece>;
  using Ask = std::function<Pieces(const Rectangle&)>;

  Weights(std::string tensor)  // NOLINT(google-explicit-constructor)
      : Weights(of_tensor(std::move(tensor), 1)) {}
  Weights(const char* tensor)
      : Weights(std::string(tensor)) {}  // NOLINT(google-explicit-constructor)
  explicit Weights(Ask ask) : ask_(std::move(ask)) {}

  /// The pieces that fill a parameter of the size of `wanted`, whose place is counted in the rows
  /// and columns of this expression.
  [[nodiscard]] Pieces pieces(const Rectangle& wanted) const { return ask_(wanted); }

  static Weights of_tensor(std::string name, Index leading) {
    return Weights([name = std::move(name), leading](const Rectangle& wanted) {
      return Pieces{{.tensor = name,
                     .from = wanted,
                     .to = {0, 0, wanted.rows, wanted.columns},
                     .leading = leading}};
    });
  }

 private:
  Ask ask_;
};

/// Rows of the tensor are columns of the parameter.
[[nodiscard]] inline Weights transposed(Weights x) {
  const auto turned = [](const Rectangle& r) {
    return Rectangle{r.column, r.row, r.columns, r.rows};
  };
  return Weights([x = std::move(x), turned](const Rectangle& wanted) {
    auto pieces = x.pieces(turned(wanted));
    for (WeightPiece& piece : pieces) {
      piece.to = turned(piece.to);
      piece.transposed = !piece.transposed;
    }
    return pieces;
  });
}

/// As many rows as are wanted, from `first`.
[[nodiscard]] inline Weights rows(Weights x, Index first) {
  return Weights([x = std::move(x), first](const Rectangle& w) {
    return x.pieces({w.row + first, w.column, w.rows, w.columns});
  });
}

/// As many columns as are wanted, from `first`.
[[nodiscard]] inline Weights columns(Weights x, Index first) {
  return transposed(rows(transposed(std::move(x)), first));
}

/// Part `k` (from 0) of equal parts of the rows, each as high as what is wanted: one of packed
/// projections, one of a row of biases.
[[nodiscard]] inline Weights part(Weights x, Index k) {
  return Weights([x = std::move(x), k](const Rectangle& w) {
    return x.pieces({w.row + k * w.rows, w.column, w.rows, w.columns});
  });
}

/// A share of the parameter's rows, or columns; 0 rows: an equal share of what others leave.
struct Share {
  Weights weights;
  Index size = 0;

  Share(Weights x, Index n = 0)  // NOLINT(google-explicit-constructor)
      : weights(std::move(x)), size(n) {}
  Share(const char* tensor, Index n = 0)  // NOLINT(google-explicit-constructor)
      : weights(tensor), size(n) {}
};

namespace detail {

/// The rows of each share of `rows`. Throws std::invalid_argument where they cannot fill them.
[[nodiscard]] inline std::vector<Index> share_sizes(const std::vector<Share>& shares, Index rows) {
  Index left = rows;
  Index open = 0;
  for (const Share& share : shares) {
    left -= share.size;
    open += share.size == 0 ? 1 : 0;
  }
  check_argument(left >= 0 && (open == 0 ? left == 0 : left % open == 0),
                 "stacked: ", shares.size(), " shares cannot fill ", rows,
                 " rows (or columns); give sizes");
  std::vector<Index> sizes;
  for (const Share& share : shares) sizes.push_back(share.size == 0 ? left / open : share.size);
  return sizes;
}

}  // namespace detail

/// The parameter's rows come from several, one below the other, each from its own first row.
[[nodiscard]] inline Weights stacked(std::vector<Share> shares) {
  return Weights([shares = std::move(shares)](const Rectangle& wanted) {
    check_argument(wanted.row == 0,
                   "stacked: take rows or parts of what is stacked, not of the "
                   "stack");
    const auto sizes = detail::share_sizes(shares, wanted.rows);
    Weights::Pieces all;
    Index row = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      for (WeightPiece& piece :
           shares[i].weights.pieces({0, wanted.column, sizes[i], wanted.columns})) {
        piece.to.row += row;
        all.push_back(std::move(piece));
      }
      row += sizes[i];
    }
    return all;
  });
}

/// The parameter's columns come from several, one beside the other.
[[nodiscard]] inline Weights beside(std::vector<Share> shares) {
  for (Share& share : shares) share.weights = transposed(std::move(share.weights));
  return transposed(stacked(std::move(shares)));
}

/// The parameter's rows are equal parts; its part k is part `order[k]` of x: another system's
/// gates.
[[nodiscard]] inline Weights gates(Weights x, std::vector<Index> order) {
  return Weights([x = std::move(x), order = std::move(order)](const Rectangle& wanted) {
    const auto count = static_cast<Index>(order.size());
    check_argument(count > 0 && wanted.rows % count == 0, "gates: ", wanted.rows,
                   " rows cannot be cut into ", count, " gates");
    const Index height = wanted.rows / count;
    Weights::Pieces all;
    for (Index k = 0; k < count; ++k) {
      const Index source = order[static_cast<std::size_t>(k)];
      for (WeightPiece& piece :
           x.pieces({wanted.row + source * height, wanted.column, height, wanted.columns})) {
        piece.to.row += k * height;
        all.push_back(std::move(piece));
      }
    }
    return all;
  });
}

namespace detail {

[[nodiscard]] inline bool takes_tensor(const WeightPiece& piece) {
  return piece.kind != WeightPiece::Kind::zero && piece.kind != WeightPiece::Kind::identity;
}

/// x, of which what takes tensors is of another kind; what takes none is left out.
[[nodiscard]] inline Weights with_kind(Weights x, WeightPiece::Kind kind) {
  return Weights([x = std::move(x), kind](const Rectangle& wanted) {
    auto pieces = x.pieces(wanted);
    std::erase_if(pieces, [](const WeightPiece& piece) { return !takes_tensor(piece); });
    for (WeightPiece& piece : pieces) piece.kind = kind;
    return pieces;
  });
}

[[nodiscard]] inline Weights constant(WeightPiece::Kind kind) {
  return with_kind(Weights(""), kind);
}

}  // namespace detail

/// x + y: two biases of which the model has one. On the way out x has it all and y is zero.
[[nodiscard]] inline Weights sum(Weights x, Weights y) {
  return Weights([x = std::move(x), y = detail::with_kind(std::move(y), WeightPiece::Kind::add)](
                     const Rectangle& wanted) {
    auto all = x.pieces(wanted);
    for (WeightPiece& piece : y.pieces(wanted)) all.push_back(std::move(piece));
    return all;
  });
}

/// A tensor of more than two dimensions: the first `leading` of them as rows, the others as
/// columns.
[[nodiscard]] inline Weights flattened(std::string tensor, Index leading) {
  return Weights::of_tensor(std::move(tensor), leading);
}

/// Numbers that another parameter takes as well: an embedding that two share.
[[nodiscard]] inline Weights once_more(Weights x) {
  return detail::with_kind(std::move(x), WeightPiece::Kind::once_more);
}

[[nodiscard]] inline Weights zeros() { return detail::constant(WeightPiece::Kind::zero); }
[[nodiscard]] inline Weights identity() { return detail::constant(WeightPiece::Kind::identity); }

}  // namespace attend
