/// The tree of all partial outputs of one search.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/search/hypothesis.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// A node is one chosen token, its parent the token before; hypotheses share what they have in
/// common, so that reordering a beam moves numbers and no histories. Attention is kept once for
/// every column and step: T numbers each, until the search ends.
template <Scalar S>
class Trace {
 public:
  static constexpr Index root = -1;

  /// Makes it empty; keeps its memory.
  void clear() {
    nodes_.clear();
    columns_.clear();
    numbers_.clear();
  }

  /// Keeps one column's attention at one step; the number names it in `extend`.
  [[nodiscard]] Index keep(std::span<const S> weights) {
    columns_.push_back({static_cast<Index>(numbers_.size()), static_cast<Index>(weights.size())});
    numbers_.insert(numbers_.end(), weights.begin(), weights.end());
    return static_cast<Index>(columns_.size()) - 1;
  }

  [[nodiscard]] Index extend(Index parent, Token token, Index column) {
    nodes_.push_back({parent, column, token, length(parent) + 1});
    return static_cast<Index>(nodes_.size()) - 1;
  }

  /// |Y| of the output that ends with this node.
  [[nodiscard]] Index length(Index node) const { return node == root ? 0 : at(node).length; }

  /// sum_j log min(sum_u a_ju, 1) over the source positions j (arXiv 1609.08144, eq. 14). A
  /// position that nothing attended to counts as 1e-8, so that the sum stays finite.
  [[nodiscard]] double log_coverage(Index node) const {
    std::vector<double> covered(node == root ? 0 : weights(node).size());
    for (; node != root; node = at(node).parent) {
      const std::span<const S> column = weights(node);
      for (std::size_t j = 0; j < covered.size(); ++j) covered[j] += static_cast<double>(column[j]);
    }
    double sum = 0;
    for (const double c : covered) sum += std::log(std::clamp(c, 1e-8, 1.0));
    return sum;
  }

  /// Writes tokens, weights and `finished` of the output that ends with this node.
  void read(Index node, bool finished, Hypothesis<S>& out) const {
    const Index n = length(node);
    out.finished = finished;
    out.tokens.resize(static_cast<std::size_t>(n));
    out.weights.resize(node == root ? 0 : std::ssize(weights(node)), n);
    for (Index u = n - 1; u >= 0; --u, node = at(node).parent) {
      out.tokens[static_cast<std::size_t>(u)] = at(node).token;
      std::ranges::copy(weights(node), out.weights.col(u).data());
    }
    if (finished) out.tokens.pop_back();
  }

 private:
  struct Node {
    Index parent;
    Index column;
    Token token;
    Index length;
  };
  struct Column {
    Index first;
    Index size;
  };

  [[nodiscard]] const Node& at(Index node) const { return nodes_[static_cast<std::size_t>(node)]; }

  [[nodiscard]] std::span<const S> weights(Index node) const {
    const Column column = columns_[static_cast<std::size_t>(at(node).column)];
    return {numbers_.data() + column.first, static_cast<std::size_t>(column.size)};
  }

  std::vector<Node> nodes_;
  std::vector<Column> columns_;
  std::vector<S> numbers_;
};

}  // namespace attend::inline ATTEND_ABI::detail
