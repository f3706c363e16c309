/// A decoder's step of attention over a source of T positions: the engine against the plain Eigen
/// expression.
#include <Eigen/Dense>
#include <benchmark/benchmark.h>

#include <attend/attention/attention.hpp>
#include <attend/score/additive.hpp>
#include <attend/score/dot.hpp>

namespace {

using attend::Index;
using attend::Matrix;

constexpr Index d = 512;

void count(benchmark::State& state) {
  const auto elements = static_cast<double>(d * state.range(0) * state.iterations());
  state.counters["elements/s"] = benchmark::Counter(elements, benchmark::Counter::kIsRate);
}

template <class Score>
void engine_step(benchmark::State& state, Score score) {
  const attend::Attention<Score> attention(std::move(score));
  const Index T = state.range(0);
  attend::Memory<float> memory;
  memory.resize(std::array{T}, d, attention.key_size(d));
  memory.values() = Matrix<float>::Random(d, T);
  attention.project_keys(memory);
  const Matrix<float> Q = Matrix<float>::Random(d, 1);
  Matrix<float> A(d, 1);
  Matrix<float> C(d, 1);
  attend::AttentionWorkspace<float> workspace;
  for (auto _ : state) {
    attention.project_queries(Q, A);
    attention.attend(memory[0], {A}, C, workspace);
    benchmark::DoNotOptimize(C.data());
  }
  count(state);
}

void dot_step(benchmark::State& state) { engine_step(state, attend::Dot<float>()); }

void additive_step(benchmark::State& state) {
  attend::Random random(1);
  engine_step(state, attend::Additive<float>({.query = d, .key = d, .energy = d}, random));
}

void eigen_dot_step(benchmark::State& state) {
  const Index T = state.range(0);
  const Matrix<float> H = Matrix<float>::Random(d, T);
  const attend::Vector<float> q = attend::Vector<float>::Random(d);
  attend::Vector<float> a(T);
  attend::Vector<float> c(d);
  for (auto _ : state) {
    a.noalias() = H.transpose() * q;
    a.array() = (a.array() - a.maxCoeff()).exp();
    a /= a.sum();
    c.noalias() = H * a;
    benchmark::DoNotOptimize(c.data());
  }
  count(state);
}

void eigen_additive_step(benchmark::State& state) {
  const Index T = state.range(0);
  const Matrix<float> H = Matrix<float>::Random(d, T);
  const Matrix<float> K = Matrix<float>::Random(d, T);
  const Matrix<float> W = Matrix<float>::Random(d, d);
  const attend::Vector<float> v = attend::Vector<float>::Random(d);
  const attend::Vector<float> q = attend::Vector<float>::Random(d);
  attend::Vector<float> a(T);
  attend::Vector<float> c(d);
  for (auto _ : state) {
    const attend::Vector<float> b = W * q;
    a.noalias() = (K.colwise() + b).array().tanh().matrix().transpose() * v;
    a.array() = (a.array() - a.maxCoeff()).exp();
    a /= a.sum();
    c.noalias() = H * a;
    benchmark::DoNotOptimize(c.data());
  }
  count(state);
}

void lengths(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("T")->Arg(50)->Arg(1000)->Arg(16384);
}

BENCHMARK(dot_step)->Apply(lengths);
BENCHMARK(eigen_dot_step)->Apply(lengths);
BENCHMARK(additive_step)->Apply(lengths);
BENCHMARK(eigen_additive_step)->Apply(lengths);

}  // namespace
