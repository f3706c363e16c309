/// Attentions as ONNX graphs.
#pragma once

#include <string>
#include <variant>

#include <attend/attention/any_attention.hpp>
#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/io/onnx_graph.hpp>

namespace attend::inline ATTEND_ABI {

/// What an attention reads: annotations (T x d_v) and keys (T x d_e), which are the annotations
/// where the score projects none.
struct OnnxMemory {
  std::string annotations;
  std::string keys;
};

namespace detail {

/// e_ut = k_t'a_u.
inline std::string onnx_dots(OnnxGraph& graph, const std::string& keys, const std::string& A) {
  return graph.node("MatMul", {A, graph.transpose(keys, {1, 0})});
}

template <Scalar S>
std::string onnx_scaled(OnnxGraph& graph, const std::string& X, S factor) {
  if (factor == S{1}) return X;
  return graph.node("Mul", {X, graph.constant<S>("scale", {}, std::span<const S>(&factor, 1))});
}

/// v' tanh(W q + k).
template <Scalar S>
std::string onnx_additive(OnnxGraph& graph, const Additive<S>& score, const Vector<S>& v,
                          const std::string& keys, const std::string& Q) {
  const std::string A = graph.product<S>("score.W", Q, score.W.matrix());
  const std::string sum = graph.node("Add", {graph.unsqueeze(A, 1), graph.unsqueeze(keys, 0)});
  const Matrix<S> row = v.transpose();
  return graph.squeeze(graph.product<S>("score.v", graph.node("Tanh", {sum}), row), 2);
}

inline constexpr const char* onnx_scores =
    "the score must be one of additive, concat, normalised, dot, scaled dot, general, scaled "
    "general";

[[noreturn]] inline void refuse_onnx(const std::string& what) {
  throw std::invalid_argument("export to ONNX: " + what);
}

}  // namespace detail

/// Keys (T x d_e) of annotations H (T x d_v), and energies (n x T) of queries Q (n x d_q): the
/// scores that ONNX's operators can say in a few nodes.
template <Scalar S>
std::string onnx_keys(OnnxGraph& graph, const Additive<S>& score, const std::string& H) {
  return graph.add<S>("score.b", graph.product<S>("score.U", H, score.U.matrix()),
                      score.b.value_or(Vector<S>()));
}
template <Scalar S>
std::string onnx_energies(OnnxGraph& graph, const Additive<S>& score, const std::string& keys,
                          const std::string& Q) {
  return detail::onnx_additive<S>(graph, score, score.v, keys, Q);
}

template <Scalar S>
std::string onnx_keys(OnnxGraph& graph, const NormalisedAdditive<S>& score, const std::string& H) {
  return onnx_keys<S>(graph, static_cast<const Additive<S>&>(score), H);
}
template <Scalar S>
std::string onnx_energies(OnnxGraph& graph, const NormalisedAdditive<S>& score,
                          const std::string& keys, const std::string& Q) {
  const Vector<S> v = (score.g(0) / score.v.norm()) * score.v;
  return graph.add<S>("score.r", detail::onnx_additive<S>(graph, score, v, keys, Q), score.r);
}

template <Scalar S>
std::string onnx_keys(OnnxGraph& /*graph*/, const Dot<S>& /*score*/, const std::string& H) {
  return H;
}
template <Scalar S>
std::string onnx_energies(OnnxGraph& graph, const Dot<S>& score, const std::string& keys,
                          const std::string& Q) {
  return detail::onnx_scaled<S>(graph, detail::onnx_dots(graph, keys, Q), score.scale());
}

template <Scalar S>
std::string onnx_keys(OnnxGraph& graph, const General<S>& score, const std::string& H) {
  return graph.product<S>("score.W_a", H, score.W_a.matrix());
}
template <Scalar S>
std::string onnx_energies(OnnxGraph& graph, const General<S>& /*score*/, const std::string& keys,
                          const std::string& Q) {
  return detail::onnx_dots(graph, keys, Q);
}

template <Score Z>
std::string onnx_keys(OnnxGraph& graph, const Scaled<Z>& score, const std::string& H) {
  return onnx_keys(graph, score.score, H);
}
template <Score Z>
std::string onnx_energies(OnnxGraph& graph, const Scaled<Z>& score, const std::string& keys,
                          const std::string& Q) {
  return detail::onnx_scaled(graph, onnx_energies(graph, score.score, keys, Q), score.g(0));
}

template <Scalar S>
std::string onnx_keys(OnnxGraph& graph, const AnyScore<S>& score, const std::string& H) {
  return std::visit(
      [&]<class Z>(const Z& z) -> std::string {
        if constexpr (!ReadsPast<Z> && requires { onnx_keys(graph, z, H); })
          return onnx_keys(graph, z, H);
        detail::refuse_onnx(detail::onnx_scores);
      },
      score.choice());
}
template <Scalar S>
std::string onnx_energies(OnnxGraph& graph, const AnyScore<S>& score, const std::string& keys,
                          const std::string& Q) {
  return std::visit(
      [&]<class Z>(const Z& z) -> std::string {
        if constexpr (!ReadsPast<Z> && requires { onnx_energies(graph, z, keys, Q); }) {
          return onnx_energies(graph, z, keys, Q);
        }
        detail::refuse_onnx(detail::onnx_scores);
      },
      score.choice());
}

/// Contexts (n x d_v) and weights (n x T) of queries Q (n x d_q).
struct OnnxContext {
  std::string contexts;
  std::string weights;
};

/// Throws std::invalid_argument for windows other than full and for alignment functions other than
/// softmax, sharpened or not.
template <Score Z, Window W, class F>
OnnxContext onnx_attend(OnnxGraph& graph, const Attention<Z, W, F>& attention,
                        const OnnxMemory& memory, const std::string& Q) {
  using S = typename Z::Scalar;
  if (!shows_all(attention.window)) {
    detail::refuse_onnx("attentions must see the whole source, but the window is not full");
  }
  std::string E = onnx_energies(graph, attention.score, memory.keys, Q);
  if constexpr (requires { attention.alignment.choice(); }) {
    if (const auto* sharpened = std::get_if<Sharpened>(&attention.alignment.choice())) {
      E = detail::onnx_scaled<S>(graph, E, static_cast<S>(sharpened->beta));
    } else if (!is_softmax(attention.alignment)) {
      detail::refuse_onnx("the alignment function must be softmax, sharpened or not");
    }
  } else {
    static_assert(std::same_as<F, Softmax>, "export to ONNX: the alignment function is softmax");
  }
  const std::string weights = graph.node("Softmax", {E}, {{"axis", Index{-1}}});
  return {graph.node("MatMul", {weights, memory.annotations}), weights};
}

}  // namespace attend
