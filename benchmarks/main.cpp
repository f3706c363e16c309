/// attend_benchmarks: times every case with Google Benchmark.
///   --check        compares every result with a scalar loop in double instead
///   --full         also the cases that take long
#include <algorithm>
#include <cases.hpp>
#include <cstdio>
#include <cstring>
#include <list>
#include <memory>
#include <reference/count_allocations.hpp>

#include <benchmark/benchmark.h>

namespace {

using bench::Case;
using bench::Cases;
using bench::Contender;
using bench::Extent;
using bench::Run;

/// flops,bytes,working set of each phase: what the table computes the limit from.
std::string describe(const Case& c) {
  std::string text;
  for (const bench::Phase& phase : c.phases) {
    char line[96];
    std::snprintf(line, sizeof line, "%.0f,%.0f,%.0f;", phase.flops, phase.bytes,
                  phase.working_set);
    text += line;
  }
  return text;
}

void measure(benchmark::State& state, const Case& c, const Run& run) {
  run.step();
  state.counters["allocations"] = static_cast<double>(reference::allocations_in(run.step));
  for (auto _ : state) {
    run.step();
    benchmark::ClobberMemory();
  }
  const auto rate = [&state](const char* name, double amount) {
    if (amount > 0)
      state.counters[name] =
          benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
  };
  rate("FLOP/s", c.flops());
  rate("bytes/s", c.bytes());
  rate("elements/s", c.elements);
  rate("tokens/s", c.tokens);
  state.SetLabel(describe(c));
}

void register_case(const Case& c) {
  for (const Contender& contender : c.contenders) {
    // Made when first run, and kept: repetitions come in a random order.
    const auto run = std::make_shared<std::unique_ptr<Run>>();
    benchmark::RegisterBenchmark((c.name + "/" + contender.name).c_str(),
                                 [&c, &contender, run](benchmark::State& state) {
                                   if (!*run) *run = std::make_unique<Run>(contender.make());
                                   measure(state, c, **run);
                                 });
  }
}

/// Whether a result is the reference's; says what it is.
bool agrees(const Case& c, const Contender& contender, const bench::Result& expected) {
  const Run run = contender.make();
  run.step();
  const bench::Result result = run.result();
  const bool same_shape = result.rows() == expected.rows() && result.cols() == expected.cols();
  const double error = same_shape ? (result - expected).cwiseAbs().maxCoeff() /
                                        std::max(expected.cwiseAbs().maxCoeff(), 1e-30)
                                  : 1e30;
  const double tolerance = std::max(c.tolerance, contender.tolerance);
  const bool good = error <= tolerance;
  std::printf("%s %s/%s: error %.2g, at most %.2g\n", good ? "ok    " : "FAILED", c.name.c_str(),
              contender.name.c_str(), error, tolerance);
  return good;
}

bool check(const Cases& cases) {
  int checked = 0;
  int failed = 0;
  for (const Case& c : cases) {
    if (!c.reference || c.extent == Extent::full) continue;
    const bench::Result expected = c.reference();
    for (const Contender& contender : c.contenders) {
      ++checked;
      if (!agrees(c, contender, expected)) ++failed;
    }
  }
  std::printf("%d results checked, %d failed\n", checked, failed);
  return checked > 0 && failed == 0;
}

/// Takes the flag out of the arguments, or Google Benchmark would not know it.
bool take_flag(int& argc, char** argv, const char* flag) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], flag) != 0) continue;
    for (int k = i; k + 1 < argc; ++k) argv[k] = argv[k + 1];
    --argc;
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const bool checking = take_flag(argc, argv, "--check");
  const bool full = take_flag(argc, argv, "--full");
  Cases cases;
  bench::add_attention_cases(cases);
  bench::add_self_attention_cases(cases);
  bench::add_recurrent_cases(cases);
  bench::add_product_cases(cases);
  bench::add_training_cases(cases);
  bench::add_limits(cases);
  if (checking) return check(cases) ? 0 : 1;
  std::list<Cases> limits;
  for (const Case& c : cases) {
    if (c.extent == Extent::check || (c.extent == Extent::full && !full)) continue;
    register_case(c);
    for (const Case& limit : limits.emplace_back(bench::limits_of(c))) register_case(limit);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
