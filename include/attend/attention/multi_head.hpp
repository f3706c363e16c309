/// Attention of several heads, each over its own rows of one projection.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include <attend/attention/attention.hpp>
#include <attend/attention/queries.hpp>
#include <attend/core/error.hpp>
#include <attend/core/random.hpp>
#include <attend/score/any_adjustment.hpp>
#include <attend/score/dot.hpp>

namespace attend::inline ATTEND_ABI {

/// How many heads, and what a head compares and carries. With fewer key heads than heads,
/// neighbouring heads share keys and values: grouped heads (Ainslie et al. 2023, arXiv 2305.13245),
/// or one for all, multi-query (Shazeer 2019, arXiv 1911.02150).
struct Heads {
  Index heads = 1;
  Index key_heads = 1;
  /// d_k and d_v of one head.
  Index key = 0;
  Index value = 0;

  [[nodiscard]] Index query_rows() const { return heads * key; }
  [[nodiscard]] Index key_rows() const { return key_heads * key; }
  [[nodiscard]] Index value_rows() const { return key_heads * value; }
  [[nodiscard]] Index context_rows() const { return heads * value; }
};

/// Throws std::invalid_argument unless every size is 1 or more and key heads divide heads.
inline const Heads& checked(const Heads& heads) {
  check_argument(heads.heads >= 1 && heads.key_heads >= 1 && heads.key >= 1 && heads.value >= 1,
                 "Heads: heads, key_heads, key and value are ", heads.heads, ", ", heads.key_heads,
                 ", ", heads.key, ", ", heads.value, ", expected 1 or more");
  check_argument(heads.heads % heads.key_heads == 0, "Heads: ", heads.key_heads,
                 " key heads cannot be shared evenly by ", heads.heads,
                 " heads; choose a number that divides it");
  return heads;
}

/// Projected queries (query_rows x U) of which the first stands at position `first`, keys
/// (key_rows x T) and values (value_rows x T): row blocks of one projection or matrices of their
/// own.
template <class V>
struct QueriesKeysValues {
  V queries;
  V keys;
  V values;
  Index first = 0;
  /// Of weights; every head draws its own from the seed.
  WeightDropout dropout = {};
};

/// Head i: c_i = V_i softmax(K_i' q_i / sqrt(d_k)) (Vaswani et al. 2017, arXiv 1706.03762,
/// section 3.2.2), by the engine of attention.hpp, on row blocks and without a copy; energies can
/// be adjusted. self_attention.hpp and cross_attention.hpp project for it.
template <Scalar S, Window W = Full>
class MultiHead {
 public:
  using Inputs = QueriesKeysValues<ConstView<S>>;
  using Gradients = QueriesKeysValues<View<S>>;

  MultiHead() = default;
  explicit MultiHead(const Heads& heads, W window = {}, AnyAdjustment<S> adjustment = {})
      : heads_(checked(heads)),
        attention_({scaled_dot<S>(heads.key), std::move(adjustment)}, window) {}

  /// The adjustment's; most have none.
  static void parameters(auto&& f, auto&... m) {
    AnyAdjustment<S>::parameters(f, m.attention_.score.adjustment...);
  }

  [[nodiscard]] const Heads& heads() const { return heads_; }

  /// Overwrites C (context_rows x U), `normalisers` (heads x U numbers, head by head) for the way
  /// back if not empty, and `weights`, if given, (heads T x U), head by head from the top.
  void attend(const Inputs& in, View<S> C, AttentionWorkspace<S>& workspace,
              std::span<S> normalisers = {}, View<S>* weights = nullptr) const {
    check_shapes(in, C);
    if (!normalisers.empty()) check_normalisers(std::ssize(normalisers), C.cols());
    const Index T = in.keys.cols();
    if (weights != nullptr) {
      check_shape("MultiHead", "weights", *weights, heads_.heads * T, C.cols());
    }
    for (Index h = 0; h < heads_.heads; ++h) {
      const std::span<S> own = normalisers.empty() ? normalisers : part(normalisers, h, C.cols());
      if (weights == nullptr) {
        attention_.attend(memory(in, h), queries(in, h), context(C, h), workspace, own);
      } else {
        View<S> rows = weights->middleRows(h * T, T);
        attention_.attend(memory(in, h), queries(in, h), context(C, h), workspace, own, &rows);
      }
    }
  }

  /// The way back of every head's c = V softmax(K'q / sqrt(d_k)); C and `normalisers` are what
  /// attend gave. dC (context_rows x U); adds to the gradients, of the shapes of the inputs, and to
  /// `gradient`.
  void backward(const Inputs& in, ConstView<S> C, std::span<const S> normalisers, ConstView<S> dC,
                const Gradients& d, MultiHead& gradient, AttentionWorkspace<S>& workspace) const {
    check_shapes(in, C);
    check_normalisers(std::ssize(normalisers), C.cols());
    for (Index h = 0; h < heads_.heads; ++h) {
      const Index g = key_head(h);
      attention_.backward(memory(in, h), queries(in, h),
                          {context(C, h), part(normalisers, h, C.cols())}, context(dC, h),
                          block(d.queries, h, heads_.key),
                          {block(d.keys, g, heads_.key), block(d.values, g, heads_.value)},
                          gradient.attention_, workspace);
    }
  }

 private:
  [[nodiscard]] Index key_head(Index h) const { return h / (heads_.heads / heads_.key_heads); }

  /// Rows [h size, h size + size).
  template <class V>
  static V block(const V& m, Index h, Index size) {
    return {m.data() + h * size, size, m.cols(), m.outerStride()};
  }
  static View<S> block(View<S> m, Index h, Index size) {
    return {m.data() + h * size, size, m.cols(), m.outerStride()};
  }
  template <class V>
  V context(const V& C, Index h) const {
    return block(C, h, heads_.value);
  }
  View<S> context(View<S>& C, Index h) const { return block(C, h, heads_.value); }

  template <class T>
  static std::span<T> part(std::span<T> all, Index h, Index U) {
    return all.subspan(static_cast<std::size_t>(h * U), static_cast<std::size_t>(U));
  }

  MemoryView<S> memory(const Inputs& in, Index h) const {
    const Index g = key_head(h);
    return {block(in.keys, g, heads_.key), block(in.values, g, heads_.value)};
  }
  Queries<S> queries(const Inputs& in, Index h) const {
    Queries<S> own{block(in.queries, h, heads_.key), in.first};
    own.head = h;
    own.dropout = in.dropout;
    own.dropout.seed = Random(in.dropout.seed).fork(static_cast<std::uint64_t>(h))();
    return own;
  }

  template <class V>
  void check_shapes(const Inputs& in, const V& C) const {
    check_shape("MultiHead", "queries", in.queries, heads_.query_rows(), C.cols());
    check_shape("MultiHead", "keys", in.keys, heads_.key_rows(), in.values.cols());
    check_shape("MultiHead", "values", in.values, heads_.value_rows(), in.keys.cols());
    check_shape("MultiHead", "contexts", C, heads_.context_rows(), in.queries.cols());
  }

  void check_normalisers(Index count, Index U) const {
    check_size("MultiHead", "number of normalisers", count, heads_.heads * U);
  }

  Heads heads_;
  Attention<Adjusted<Dot<S>, AnyAdjustment<S>>, W> attention_;
};

}  // namespace attend
