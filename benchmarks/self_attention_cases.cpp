/// Self-attention: every position of a sequence asks all others, forward and backward.
#include <cases.hpp>
#include <cmath>
#include <inputs.hpp>
#include <vector>

#include <attend/attention/attention.hpp>
#include <attend/score/dot.hpp>

namespace bench {
namespace {

struct Heads {
  Index count;
  Index d;
  Index T;

  [[nodiscard]] std::string name(const char* family) const {
    return std::string(family) + "/heads:" + std::to_string(count) + "/d:" + std::to_string(d) +
           "/T:" + std::to_string(T);
  }
  /// Heads side by side, T columns each.
  [[nodiscard]] Matrix<float> all(std::uint64_t seed) const { return numbers(seed, d, count * T); }
  [[nodiscard]] float scale() const { return 1 / std::sqrt(static_cast<float>(d)); }
  /// Of one product of all heads' queries and keys.
  [[nodiscard]] double product_flops() const { return 2 * as_double(count * d * T * T); }
};

/// Three matrices upon each other.
template <class M>
Result stacked(const M& a, const M& b, const M& c) {
  Result r(3 * a.rows(), a.cols());
  r << a.template cast<double>(), b.template cast<double>(), c.template cast<double>();
  return r;
}

struct Inputs {
  Matrix<float> Q;
  Matrix<float> K;
  Matrix<float> V;
  explicit Inputs(const Heads& h) : Q(h.all(1)), K(h.all(2)), V(h.all(3)) {}
};

struct Engine : Inputs {
  using Attention = attend::Attention<attend::Dot<float>>;
  Heads heads;
  Attention attention;
  attend::AttentionWorkspace<float> workspace;
  std::vector<float> normalisers;
  Matrix<float> C;

  explicit Engine(Heads h)
      : Inputs(h),
        heads(h),
        attention(attend::scaled_dot<float>(h.d)),
        normalisers(static_cast<std::size_t>(h.count * h.T)),
        C(h.d, h.count * h.T) {}

  [[nodiscard]] attend::MemoryView<float> memory(Index head) const {
    return {K.middleCols(head * heads.T, heads.T), V.middleCols(head * heads.T, heads.T)};
  }
  [[nodiscard]] std::span<float> normalisers_of(Index head) {
    return std::span(normalisers)
        .subspan(static_cast<std::size_t>(head * heads.T), static_cast<std::size_t>(heads.T));
  }
  void step() {
    for (Index i = 0; i < heads.count; ++i) {
      attention.attend(memory(i), {Q.middleCols(i * heads.T, heads.T)},
                       C.middleCols(i * heads.T, heads.T), workspace, normalisers_of(i));
    }
  }
  [[nodiscard]] Result result() const { return result_of(C); }
};

struct EngineBackward : Engine {
  Matrix<float> dC;
  Matrix<float> dQ;
  Matrix<float> dK;
  Matrix<float> dV;
  Attention gradient;

  explicit EngineBackward(Heads h) : Engine(h), dC(h.all(4)), dQ(Q), dK(Q), dV(Q) {
    Engine::step();
  }
  void step() {
    dQ.setZero();
    dK.setZero();
    dV.setZero();
    const Index T = heads.T;
    for (Index i = 0; i < heads.count; ++i) {
      attention.backward(memory(i), {Q.middleCols(i * T, T)},
                         {C.middleCols(i * T, T), normalisers_of(i)}, dC.middleCols(i * T, T),
                         dQ.middleCols(i * T, T),
                         {dK.middleCols(i * T, T), dV.middleCols(i * T, T)}, gradient, workspace);
    }
  }
  [[nodiscard]] Result result() const { return stacked(dQ, dK, dV); }
};

/// With the whole T x T matrix, head by head.
struct EigenForward : Inputs {
  Heads heads;
  Matrix<float> A;
  Matrix<float> C;

  explicit EigenForward(Heads h) : Inputs(h), heads(h), A(h.T, h.T), C(h.d, h.count * h.T) {}

  void weigh(Index first) {
    const Index T = heads.T;
    A.noalias() = K.middleCols(first, T).transpose() * Q.middleCols(first, T);
    A *= heads.scale();
    A.rowwise() -= A.colwise().maxCoeff().eval();
    A = A.array().exp();
    A.array().rowwise() /= A.array().colwise().sum().eval();
  }
  void step() {
    for (Index first = 0; first < C.cols(); first += heads.T) {
      weigh(first);
      C.middleCols(first, heads.T).noalias() = V.middleCols(first, heads.T) * A;
    }
  }
  [[nodiscard]] Result result() const { return result_of(C); }
};

struct EigenBackward : EigenForward {
  Matrix<float> dC;
  Matrix<float> dA;
  Matrix<float> dQ;
  Matrix<float> dK;
  Matrix<float> dV;

  explicit EigenBackward(Heads h)
      : EigenForward(h), dC(h.all(4)), dA(h.T, h.T), dQ(Q), dK(Q), dV(Q) {}

  void step() {
    const Index T = heads.T;
    for (Index first = 0; first < dC.cols(); first += T) {
      weigh(first);
      const auto dc = dC.middleCols(first, T);
      dV.middleCols(first, T).noalias() = dc * A.transpose();
      dA.noalias() = V.middleCols(first, T).transpose() * dc;
      dA.rowwise() -= A.cwiseProduct(dA).colwise().sum().eval();
      dA.array() *= A.array() * heads.scale();
      dQ.middleCols(first, T).noalias() = K.middleCols(first, T) * dA;
      dK.middleCols(first, T).noalias() = Q.middleCols(first, T) * dA.transpose();
    }
  }
  [[nodiscard]] Result result() const { return stacked(dQ, dK, dV); }
};

/// Scalar loops: forward, and backward where dC is given.
class Scalar {
 public:
  explicit Scalar(Heads heads)
      : h_(heads),
        in_(heads),
        C_(Result::Zero(h_.d, h_.count * h_.T)),
        dQ_(C_),
        dK_(C_),
        dV_(C_),
        dC_(result_of(heads.all(4))) {
    for (Index head = 0; head < h_.count; ++head) {
      for (Index u = 0; u < h_.T; ++u) query(head * h_.T, head * h_.T + u);
    }
  }
  [[nodiscard]] Result forward() const { return C_; }
  [[nodiscard]] Result backward() const { return stacked(dQ_, dK_, dV_); }

 private:
  /// The query in column u and the keys from column `first` on.
  void query(Index first, Index u) {
    std::vector<double> a;
    double sum = 0;
    for (Index t = first; t < first + h_.T; ++t) {
      double e = 0;
      for (Index i = 0; i < h_.d; ++i) e += static_cast<double>(in_.K(i, t)) * in_.Q(i, u);
      a.push_back(std::exp(e * h_.scale()));
      sum += a.back();
    }
    double mean = 0;
    std::vector<double> da;
    for (Index t = first; t < first + h_.T; ++t) {
      double& weight = a[da.size()];
      weight /= sum;
      double slope = 0;
      for (Index i = 0; i < h_.d; ++i) {
        C_(i, u) += weight * in_.V(i, t);
        dV_(i, t) += weight * dC_(i, u);
        slope += dC_(i, u) * in_.V(i, t);
      }
      da.push_back(slope);
      mean += weight * slope;
    }
    for (std::size_t k = 0; k < a.size(); ++k) {
      const Index t = first + static_cast<Index>(k);
      const double de = a[k] * (da[k] - mean) * h_.scale();
      for (Index i = 0; i < h_.d; ++i) {
        dQ_(i, u) += de * in_.K(i, t);
        dK_(i, t) += de * in_.Q(i, u);
      }
    }
  }

  Heads h_;
  Inputs in_;
  Result C_;
  Result dQ_;
  Result dK_;
  Result dV_;
  Result dC_;
};

void add(Cases& cases, Heads h, Extent extent) {
  Case forward{.name = h.name("self_attention"),
               .extent = extent,
               .phases = {{2 * h.product_flops(), 0, 0}},
               .contenders = {contender("attend", [h] { return Engine(h); }),
                              contender("Eigen", [h] { return EigenForward(h); })}};
  // Two products of energies and weights again, three of gradients: five, as is usual to count.
  Case backward{.name = h.name("self_attention_backward"),
                .extent = extent,
                .phases = {{5 * h.product_flops(), 0, 0}},
                .tolerance = 1e-4,
                .contenders = {contender("attend", [h] { return EngineBackward(h); }),
                               contender("Eigen", [h] { return EigenBackward(h); })}};
  if (extent == Extent::check) {
    forward.reference = [h] { return Scalar(h).forward(); };
    backward.reference = [h] { return Scalar(h).backward(); };
  }
  cases.push_back(std::move(forward));
  cases.push_back(std::move(backward));
}

}  // namespace

void add_self_attention_cases(Cases& cases) {
  add(cases, {.count = 2, .d = 20, .T = 67}, Extent::check);
  add(cases, {.count = 8, .d = 64, .T = 512}, Extent::full);
  add(cases, {.count = 8, .d = 64, .T = 2048}, Extent::brief);
}

}  // namespace bench
