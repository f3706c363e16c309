/// A decoder's step of attention: B sources of T positions, U queries at each.
#include <cases.hpp>
#include <cmath>
#include <inputs.hpp>

#include <attend/attention/attention.hpp>
#include <attend/score/additive.hpp>
#include <attend/score/dot.hpp>

namespace bench {
namespace {

using attend::Vector;

struct StepShape {
  Index d;
  Index T;
  Index U = 1;
  Index B = 1;

  [[nodiscard]] Index keys() const { return T * B; }
  [[nodiscard]] Index queries() const { return U * B; }
  [[nodiscard]] Matrix<float> annotations() const { return numbers(1, d, keys()); }
  [[nodiscard]] Matrix<float> states() const { return numbers(2, d, queries(), 0.2); }
  [[nodiscard]] std::string name(const char* family) const {
    return std::string(family) + "/d:" + std::to_string(d) + "/T:" + std::to_string(T) +
           "/U:" + std::to_string(U) + "/B:" + std::to_string(B);
  }
};

/// An additive score's weights, all sizes d.
struct ScoreWeights {
  Matrix<float> W;
  Matrix<float> U;
  Matrix<float> v;
  explicit ScoreWeights(Index d)
      : W(numbers(3, d, d, 0.1)), U(numbers(4, d, d, 0.1)), v(numbers(5, d, 1, 0.1)) {}
};

attend::Dot<float> dot_score(const StepShape& /*shape*/) { return {}; }

attend::Additive<float> additive_score(const StepShape& shape) {
  const ScoreWeights weights(shape.d);
  Random random(6);
  attend::Additive<float> score({.query = shape.d, .key = shape.d, .energy = shape.d}, random);
  score.W = weights.W;
  score.U = weights.U;
  score.v = weights.v;
  return score;
}

/// The library. Queries are projected in every step, or once.
template <class Score>
struct Engine {
  StepShape shape;
  bool project;
  attend::Attention<Score> attention;
  attend::Memory<float> memory;
  Matrix<float> Q;
  Matrix<float> A;
  Matrix<float> C;
  attend::AttentionWorkspace<float> workspace;

  Engine(StepShape s, Score score, bool project_queries)
      : shape(s), project(project_queries), attention(std::move(score)), Q(s.states()) {
    const std::vector<Index> lengths(static_cast<std::size_t>(s.B), s.T);
    memory.resize(lengths, s.d, attention.key_size(s.d));
    memory.values() = s.annotations();
    attention.project_keys(memory);
    A.resize(s.d, s.queries());
    C.resize(s.d, s.queries());
    attention.project_queries(Q, A);
  }
  void step() {
    if (project) attention.project_queries(Q, A);
    for (Index b = 0; b < shape.B; ++b) {
      attention.attend(memory[b], {A.middleCols(b * shape.U, shape.U)},
                       C.middleCols(b * shape.U, shape.U), workspace);
    }
  }
  [[nodiscard]] Result result() const { return result_of(C); }
};

/// Softmax of each column, as Eigen's users write it.
void eigen_softmax(Matrix<float>& E) {
  E.rowwise() -= E.colwise().maxCoeff().eval();
  E = E.array().exp();
  E.array().rowwise() /= E.array().colwise().sum().eval();
}

struct EigenDot {
  StepShape shape;
  Matrix<float> H;
  Matrix<float> Q;
  Matrix<float> E;
  Matrix<float> C;

  explicit EigenDot(StepShape s)
      : shape(s), H(s.annotations()), Q(s.states()), E(s.T, s.U), C(s.d, s.queries()) {}
  void step() {
    for (Index b = 0; b < shape.B; ++b) {
      const auto source = H.middleCols(b * shape.T, shape.T);
      E.noalias() = source.transpose() * Q.middleCols(b * shape.U, shape.U);
      eigen_softmax(E);
      C.middleCols(b * shape.U, shape.U).noalias() = source * E;
    }
  }
  [[nodiscard]] Result result() const { return result_of(C); }
};

/// One query at a source.
struct EigenAdditive {
  StepShape shape;
  ScoreWeights weights;
  Matrix<float> H;
  Matrix<float> K;
  Matrix<float> q;
  Matrix<float> E;
  Matrix<float> C;

  explicit EigenAdditive(StepShape s)
      : shape(s), weights(s.d), H(s.annotations()), q(s.states()), C(s.d, 1) {
    K.noalias() = weights.U * H;
  }
  void step() {
    const Vector<float> b = weights.W * q;
    E.noalias() = (K.colwise() + b).array().tanh().matrix().transpose() * weights.v;
    eigen_softmax(E);
    C.noalias() = H * E;
  }
  [[nodiscard]] Result result() const { return result_of(C); }
};

/// Context of one query by scalar loops in S; `energy(t)` is the key's.
template <class S, class Energy>
Matrix<S> scalar_context(const Matrix<float>& H, Index first, Index T, Energy energy) {
  Vector<S> e(T);
  S largest = 0;
  for (Index t = 0; t < T; ++t) {
    e(t) = energy(first + t);
    largest = t == 0 ? e(t) : std::max(largest, e(t));
  }
  S sum = 0;
  for (Index t = 0; t < T; ++t) sum += e(t) = std::exp(e(t) - largest);
  Matrix<S> c = Matrix<S>::Zero(H.rows(), 1);
  for (Index t = 0; t < T; ++t) {
    for (Index i = 0; i < H.rows(); ++i) c(i) += e(t) / sum * static_cast<S>(H(i, first + t));
  }
  return c;
}

template <class S>
Matrix<S> scalar_dot(const StepShape& s, const Matrix<float>& H, const Matrix<float>& Q) {
  Matrix<S> C(s.d, s.queries());
  for (Index u = 0; u < s.queries(); ++u) {
    C.col(u) = scalar_context<S>(H, u / s.U * s.T, s.T, [&](Index t) {
      S e = 0;
      for (Index i = 0; i < s.d; ++i) e += static_cast<S>(H(i, t)) * static_cast<S>(Q(i, u));
      return e;
    });
  }
  return C;
}

template <class S>
Matrix<S> scalar_product(const Matrix<float>& W, const Matrix<float>& X) {
  Matrix<S> Y = Matrix<S>::Zero(W.rows(), X.cols());
  for (Index j = 0; j < X.cols(); ++j) {
    for (Index k = 0; k < W.cols(); ++k) {
      for (Index i = 0; i < W.rows(); ++i)
        Y(i, j) += static_cast<S>(W(i, k)) * static_cast<S>(X(k, j));
    }
  }
  return Y;
}

template <class S>
Matrix<S> scalar_additive(const StepShape& s, const ScoreWeights& weights, const Matrix<float>& H,
                          const Matrix<S>& K, const Matrix<float>& q) {
  const Matrix<S> b = scalar_product<S>(weights.W, q);
  return scalar_context<S>(H, 0, s.T, [&](Index t) {
    S e = 0;
    for (Index i = 0; i < s.d; ++i) e += static_cast<S>(weights.v(i)) * std::tanh(K(i, t) + b(i));
    return e;
  });
}

struct LoopDot {
  StepShape shape;
  Matrix<float> H;
  Matrix<float> Q;
  Matrix<float> C;
  explicit LoopDot(StepShape s) : shape(s), H(s.annotations()), Q(s.states()) {}
  void step() { C = scalar_dot<float>(shape, H, Q); }
  [[nodiscard]] Result result() const { return result_of(C); }
};

struct LoopAdditive {
  StepShape shape;
  ScoreWeights weights;
  Matrix<float> H;
  Matrix<float> K;
  Matrix<float> q;
  Matrix<float> C;
  explicit LoopAdditive(StepShape s)
      : shape(s),
        weights(s.d),
        H(s.annotations()),
        K(scalar_product<float>(weights.U, H)),
        q(s.states()) {}
  void step() { C = scalar_additive<float>(shape, weights, H, K, q); }
  [[nodiscard]] Result result() const { return result_of(C); }
};

void add_dot(Cases& cases, StepShape s, Extent extent = Extent::brief) {
  const double multiply_adds = 2 * as_double(s.d * s.keys() * s.U);
  const double bytes = float_bytes(s.d * s.keys());
  Case c{.name = s.name("dot_step"),
         .extent = extent,
         .phases = {{2 * multiply_adds, bytes, bytes}},
         .reference = [s] { return scalar_dot<double>(s, s.annotations(), s.states()); },
         .contenders = {
             contender("attend", [s] { return Engine(s, dot_score(s), true); }),
             contender("Eigen", [s] { return EigenDot(s); }),
         }};
  if (s.keys() <= 50) c.contenders.push_back(contender("loop", [s] { return LoopDot(s); }));
  cases.push_back(std::move(c));
}

/// `additive_step` projects the query first, as a decoder does; `additive_attend` begins behind it.
void add_additive(Cases& cases, StepShape s, Extent extent = Extent::brief) {
  const double elements = as_double(s.d * s.T);
  const double weights = float_bytes(s.d * s.d);
  const double memory = 2 * float_bytes(s.d * s.T);
  // An element: multiply-adds for its power and its weight, and one in the context.
  const Phase attending{6 * elements, memory, memory};
  const auto reference = [s] {
    const ScoreWeights score(s.d);
    const Matrix<float> H = s.annotations();
    return scalar_additive<double>(s, score, H, scalar_product<double>(score.U, H), s.states());
  };
  Case step{.name = s.name("additive_step"),
            .extent = extent,
            .phases = {{2 * as_double(s.d * s.d), weights, weights}, attending},
            .elements = elements,
            .contenders = {
                contender("attend", [s] { return Engine(s, additive_score(s), true); }),
                contender("Eigen", [s] { return EigenAdditive(s); }),
            }};
  if (s.T <= 50) step.contenders.push_back(contender("loop", [s] { return LoopAdditive(s); }));
  if (s.T <= 1000) step.reference = reference;
  Case projected{
      .name = s.name("additive_attend"),
      .extent = extent,
      .phases = {attending},
      .elements = elements,
      .reference = step.reference,
      .contenders = {contender("attend", [s] { return Engine(s, additive_score(s), false); })}};
  cases.push_back(std::move(step));
  cases.push_back(std::move(projected));
}

}  // namespace

void add_attention_cases(Cases& cases) {
  add_dot(cases, {.d = 37, .T = 19, .U = 3, .B = 2}, Extent::check);
  add_additive(cases, {.d = 37, .T = 19}, Extent::check);
  for (const Index T : {50, 1000, 16384, 32768}) add_dot(cases, {.d = 512, .T = T});
  add_dot(cases, {.d = 512, .T = 50, .U = 1, .B = 32});
  for (const Index beam : {5, 12}) {
    for (const Index T : {50, 1000, 16384}) add_dot(cases, {.d = 512, .T = T, .U = beam});
  }
  for (const Index T : {50, 200, 1000, 16384}) add_additive(cases, {.d = 512, .T = T});
}

}  // namespace bench
