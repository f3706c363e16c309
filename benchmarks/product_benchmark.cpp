/// Products with packed weights against Eigen's, at the sizes of a recurrent step.
#include <Eigen/Dense>
#include <benchmark/benchmark.h>

#include <attend/kernel/product.hpp>

namespace {

using attend::Index;

struct Shapes {
  Index m;
  Index k;
  Index n;
  explicit Shapes(const benchmark::State& state)
      : m(state.range(0)), k(state.range(1)), n(state.range(2)) {}
  [[nodiscard]] double flops() const { return 2.0 * static_cast<double>(m * k * n); }
};

void count(benchmark::State& state, const Shapes& shapes) {
  state.counters["FLOP/s"] = benchmark::Counter(
      shapes.flops() * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void packed_product(benchmark::State& state) {
  const Shapes s(state);
  const attend::PanelMatrix<float> W(attend::Matrix<float>::Random(s.m, s.k));
  const attend::Matrix<float> X = attend::Matrix<float>::Random(s.k, s.n);
  attend::Matrix<float> Y(s.m, s.n);
  for (auto _ : state) {
    attend::multiply(W, X, Y);
    benchmark::DoNotOptimize(Y.data());
  }
  count(state, s);
}

void eigen_product(benchmark::State& state) {
  const Shapes s(state);
  const attend::Matrix<float> W = attend::Matrix<float>::Random(s.m, s.k);
  const attend::Matrix<float> X = attend::Matrix<float>::Random(s.k, s.n);
  attend::Matrix<float> Y(s.m, s.n);
  for (auto _ : state) {
    Y.noalias() = W * X;
    benchmark::DoNotOptimize(Y.data());
  }
  count(state, s);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"m", "k", "n"});
  for (const Index n : {1, 4, 16, 64}) benchmark->Args({768, 256, n})->Args({2048, 512, n});
  benchmark->Args({8000, 256, 448});
}

BENCHMARK(packed_product)->Apply(sizes);
BENCHMARK(eigen_product)->Apply(sizes);

}  // namespace
