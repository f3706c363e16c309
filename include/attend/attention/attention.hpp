/// The attention engine.
#pragma once

#include <algorithm>
#include <span>
#include <utility>

#include <attend/attention/alignment.hpp>
#include <attend/attention/few_queries.hpp>
#include <attend/attention/many_queries.hpp>
#include <attend/attention/memory.hpp>
#include <attend/attention/queries.hpp>
#include <attend/attention/whole_columns.hpp>
#include <attend/attention/window.hpp>
#include <attend/attention/workspace.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// c_u = sum_t a_tu v_t with a_u = align_t e_tu, e_tu = score(k_t, q_u); align is softmax unless
/// said.
///
/// Softmax walks the memory tile by tile: energies, online softmax (Milakov, Gimelshein 2018,
/// arXiv 1805.02867), weighted sum. Memory is read once for all queries of a block and nothing of
/// size T x U is written unless the weights are asked for. A query that sees no key gets a zero
/// context; a hidden key's content never reaches an output. The bits of a query's context depend on
/// the query, its memory and whether one, few or `many_queries` ask together. Once warm, allocates
/// nothing.
template <Score Z, Window W = Full, class F = Softmax>
requires AlignmentFunction<F, typename Z::Scalar>
class Attention {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;

  /// From so many queries on, inner products are made as products of packed matrices.
  static constexpr Index many_queries = 16;

  Z score;
  W window;
  F alignment;

  Attention() = default;
  explicit Attention(Z z, W w = {}, F f = {})
      : score(std::move(z)), window(std::move(w)), alignment(std::move(f)) {}

  static void parameters(auto&& f, auto&... m) {
    f("score", m.score...);
    if constexpr (Parameterized<W>) f("window", m.window...);
    if constexpr (Parameterized<F>) f("alignment", m.alignment...);
  }

  /// The size of projected keys for a memory with d_v features; 0 where keys are the values.
  [[nodiscard]] Index key_size(Index d_v) const {
    return projects_keys(score) ? score.projected_size(d_v) : 0;
  }

  /// Fills the keys of a memory whose values are there: once per source.
  void project_keys(Memory<S>& memory) const {
    if constexpr (ProjectsKeys<Z>) {
      if (projects_keys(score)) score.project_keys(memory.values(), memory.keys());
    }
  }

  /// K = project(H):  adds to the values' gradient and to the score's.
  void project_keys_backward(const Attention& transposed, const Memory<S>& memory,
                             Memory<S>& d_memory, Attention& gradient) const {
    if constexpr (ProjectsKeys<Z>) {
      if (!projects_keys(score)) return;
      score.project_keys_backward(transposed.score, memory.values(), memory.keys(), d_memory.keys(),
                                  d_memory.values(), gradient.score);
    }
  }

  /// The same for columns of a memory: values H (d_v x n); overwrites K (d_e x n).
  void project_keys(ConstView<S> H, View<S> K) const {
    if constexpr (ProjectsKeys<Z>) {
      if (projects_keys(score)) score.project_keys(H, K);
    }
  }

  /// Q (d_q x U); overwrites A (d_e x U).
  void project_queries(ConstView<S> Q, View<S> A) const {
    if constexpr (ProjectsQueries<Z>) {
      if (projects_queries(score)) {
        score.project_queries(Q, A);
        return;
      }
    }
    A = Q;
  }

  /// A = project(Q):  adds to dQ and to the score's gradient.
  void project_queries_backward(const Attention& transposed, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Attention& gradient) const {
    if constexpr (ProjectsQueries<Z>) {
      if (projects_queries(score)) {
        score.project_queries_backward(transposed.score, Q, dA, dQ, gradient.score);
        return;
      }
    }
    dQ += dA;
  }

  /// Q (d_q x U); overwrites P (control_size(alignment) x U).
  void controls(ConstView<S> Q, View<S> P) const {
    if constexpr (requires { alignment.controls(Q, P); }) alignment.controls(Q, P);
  }

  /// P = controls(Q):  adds to dQ and to the alignment function's gradient.
  void controls_backward(const Attention& transposed, ConstView<S> Q, ConstView<S> dP, View<S> dQ,
                         Attention& gradient) const {
    if constexpr (requires { alignment.controls(Q, dQ); }) {
      alignment.controls_backward(transposed.alignment, Q, dP, dQ, gradient.alignment);
    }
  }

  /// From annotations and queries as they are: H (d_h x T), Q (d_q x U); overwrites C (d_h x U)
  /// and, if given, the weights (T x U). Throws ShapeError. For one source seen once; what is read
  /// again should keep a Memory.
  void attend(ConstView<S> H, ConstView<S> Q, View<S> C, AttentionWorkspace<S>& workspace,
              View<S>* weights = nullptr) const {
    check_shape("Attention::attend", "C", C, H.rows(), Q.cols());
    const bool project = projects_keys(score);
    View<S> K = workspace.keys.resize(project ? score.projected_size(H.rows()) : 0, H.cols());
    if constexpr (ProjectsKeys<Z>) {
      if (project) score.project_keys(H, K);
    }
    const ConstView<S> keys = project ? ConstView<S>(K) : H;
    const Index d_e = projects_queries(score) ? keys.rows() : Q.rows();
    View<S> A = workspace.queries.resize(d_e, Q.cols());
    project_queries(Q, A);
    Queries<S> queries{A};
    if (control_size(alignment) > 0) {
      View<S> P = workspace.controls.resize(control_size(alignment), Q.cols());
      controls(Q, P);
      queries.controls = P.data();
    }
    attend(MemoryView<S>{keys, H}, queries, C, workspace, {}, weights);
  }

  /// The same, and makes `weights` the alignment (T x U).
  void attend(ConstView<S> H, ConstView<S> Q, View<S> C, AttentionWorkspace<S>& workspace,
              Matrix<S>& weights) const {
    weights.resize(H.cols(), Q.cols());
    View<S> view = weights;
    attend(H, Q, C, workspace, &view);
  }

  /// From a projected memory and projected queries. Overwrites C (d_v x U); `normalisers`, if not
  /// empty, gets log sum_t exp(e_tu) for the way back (softmax); `weights`, if given, the alignment
  /// (T x U), before dropout.
  void attend(const MemoryView<S>& memory, const Queries<S>& queries, View<S> C,
              AttentionWorkspace<S>& workspace, std::span<S> normalisers = {},
              View<S>* weights = nullptr) const {
    const Index U = queries.A.cols();
    if (!ignores_keys(score)) {
      check_shape("Attention::attend", "projected queries", queries.A, memory.keys.rows(),
                  C.cols());
    }
    check_shape("Attention::attend", "C", C, memory.values.rows(), U);
    check_size("Attention::attend", "number of values", memory.values.cols(), memory.keys.cols());
    if (weights != nullptr) {
      check_shape("Attention::attend", "weights", *weights, memory.keys.cols(), U);
      weights->setZero();
    }
    if constexpr (may_need_columns) {
      if (needs_columns()) {
        detail::WholeColumns<Z, W, F>(score, window, alignment, memory, queries, workspace)
            .attend(C, weights);
        return;
      }
    }
    if constexpr (may_tile) {
      std::span<S> known = normalisers;
      if (known.empty()) {
        workspace.normalisers.resize(static_cast<std::size_t>(U));
        known = workspace.normalisers;
      }
      check_size("Attention::attend", "number of normalisers", std::ssize(known), U);
      along(memory, queries, workspace, [&](const auto& way, Index u, Index count) {
        way.attend(u, count, C.middleCols(u, count), known.data() + u, weights);
      });
      if (weights != nullptr) normalise(memory, queries, known, *weights);
    }
  }

  /// Whether the energies of a query must stand side by side: for every alignment function but
  /// softmax, and for scores that read the past.
  [[nodiscard]] bool needs_columns() const {
    return !is_softmax(alignment) || past_of(score) != Past::nothing;
  }

  /// The energies (T x U) as the alignment function takes them, -inf where a query does not see.
  void energies(const MemoryView<S>& memory, const Queries<S>& queries, View<S> E,
                AttentionWorkspace<S>& workspace) const {
    check_shape("Attention::energies", "E", E, memory.keys.cols(), queries.A.cols());
    detail::WholeColumns<Z, W, F>(score, window, alignment, memory, queries, workspace).energies(E);
  }

  /// What attend gave for the same queries: contexts (d_v x U) and their normalisers; by whole
  /// columns also the weights (T x U), if kept, and the gradient of these weights beside what
  /// comes through the contexts.
  struct Outcome {
    ConstView<S> C;
    std::span<const S> normalisers;
    const S* weights = nullptr;
    const S* d_weights = nullptr;
  };

  /// c = sum_t a_t v_t, a = align(e):  da_t = v_t'dc, dv_t += a_t dc; softmax: de_t = a_t (da_t -
  /// dc'c), weights are recomputed from the normalisers. dC (d_v x U); adds to dA (d_e x U), to the
  /// memory's gradient and to the attention's own.
  void backward(const MemoryView<S>& memory, const Queries<S>& queries, const Outcome& outcome,
                ConstView<S> dC, View<S> dA, MemoryGradient<S> d_memory, Attention& gradient,
                AttentionWorkspace<S>& workspace) const {
    if constexpr (may_need_columns) {
      if (needs_columns()) {
        detail::WholeColumns<Z, W, F>(score, window, alignment, memory, queries, workspace)
            .backward({outcome.weights, outcome.d_weights, dC, dA, d_memory}, gradient.score,
                      gradient.alignment);
        return;
      }
    }
    if constexpr (may_tile) {
      check_argument(outcome.d_weights == nullptr,
                     "Attention::backward: softmax in tiles takes no gradient of its weights; use "
                     "Sharpened{} as the alignment function, which is softmax by whole columns");
      const Index U = queries.A.cols();
      check_shape("Attention::backward", "C", outcome.C, memory.values.rows(), U);
      check_shape("Attention::backward", "dC", dC, memory.values.rows(), U);
      check_shape("Attention::backward", "dA", dA, queries.A.rows(), U);
      check_size("Attention::backward", "number of normalisers", std::ssize(outcome.normalisers),
                 U);
      along(memory, queries, workspace, [&](const auto& way, Index u, Index count) {
        way.backward(u, count, outcome.C, outcome.normalisers, dC, dA, d_memory, gradient.score);
      });
    }
  }

 private:
  /// Whether this type can ever go by tiles, or by whole columns.
  static constexpr bool may_tile = std::same_as<F, Softmax> || requires(const F& f) {
    f.is_softmax();
  };
  static constexpr bool may_need_columns = !std::same_as<F, Softmax> || ReadsPast<Z>;

  /// Calls `body(way, first, count)` for blocks of queries, with the way that suits their number.
  template <class Body>
  void along(const MemoryView<S>& memory, const Queries<S>& queries,
             AttentionWorkspace<S>& workspace, Body&& body) const {
    constexpr Index few_block = 32;
    const Index U = queries.A.cols();
    if (U >= many_queries && inner_product_scale(score)) {
      using Many = detail::ManyQueries<Z, W>;
      const Many way(score, window, memory, queries, workspace);
      for (Index u = 0; u < U; u += Many::query_block) {
        body(way, u, std::min(Many::query_block, U - u));
      }
      return;
    }
    const detail::FewQueries<Z, W> way(score, window, memory, queries, workspace);
    for (Index u = 0; u < U; u += few_block) body(way, u, std::min(few_block, U - u));
  }

  /// Energies of what is seen become weights e^(e - normaliser), what is hidden 0.
  void normalise(const MemoryView<S>& memory, const Queries<S>& queries,
                 std::span<const S> normalisers, View<S> weights) const {
    const detail::Sight<W, S> sight(window, queries, memory);
    for (Index u = 0; u < weights.cols(); ++u) {
      const S normaliser = normalisers[static_cast<std::size_t>(u)];
      S* column = weights.data() + u * weights.outerStride();
      Index shown = 0;
      sight.for_each_run(u, 0, weights.rows(), [&](Index from, Index to) {
        std::fill(column + shown, column + from, S{0});
        exponentials(to - from, column + from, normaliser);
        shown = to;
      });
      std::fill(column + shown, column + weights.rows(), S{0});
    }
  }
};

}  // namespace attend
