/// What the machine can do: multiply-adds in registers, and reading.
#include <algorithm>
#include <array>
#include <cases.hpp>
#include <inputs.hpp>
#include <set>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include <attend/kernel/packet.hpp>

namespace bench {
namespace {

namespace packet = attend::packet;
using P = packet::Packet<float>;

constexpr int chains = 12;
constexpr Index rounds = 2000;

/// Independent chains x = 0.5 x + 1, which come to rest at 2. None begins there, or clang leaves it
/// out.
struct MultiplyAdds {
  std::array<float, chains> last{};

  void step() { run(std::make_index_sequence<chains>()); }

  /// Chains by name and not in a loop, so that every compiler keeps them in registers.
  template <std::size_t... Chain>
  void run(std::index_sequence<Chain...> /*chains*/) {
    const P half = packet::fill<float>(0.5F);
    const P one = packet::fill<float>(1);
    P x[] = {packet::fill<float>(static_cast<float>(Chain + 3))...};
    for (Index i = 0; i < rounds; ++i) {
      ((x[Chain] = packet::multiply_add(x[Chain], half, one)), ...);
    }
    ((last[Chain] = packet::sum(x[Chain]) / packet::width<float>), ...);
  }
  [[nodiscard]] Result result() const {
    Result r(chains, 1);
    for (Index c = 0; c < chains; ++c)
      r(c) = static_cast<double>(last[static_cast<std::size_t>(c)]);
    return r;
  }
};

/// The sum of an array, in as many chains as hide the latency of adding.
struct Reading {
  attend::Vector<float> data;
  float sum = 0;

  explicit Reading(Index n) : data(attend::Vector<float>::Ones(n)) {}

  void step() {
    constexpr Index w = packet::width<float>;
    constexpr Index unroll = 8;
    P sums[unroll];
    for (P& s : sums) s = packet::fill<float>(0);
    const float* x = data.data();
    Index i = 0;
    for (; i + unroll * w <= data.size(); i += unroll * w) {
#pragma GCC unroll 8
      for (Index k = 0; k < unroll; ++k)
        sums[k] = packet::padd(sums[k], packet::load(x + i + k * w));
    }
    sum = 0;
    for (const P& s : sums) sum += packet::sum(s);
    for (; i < data.size(); ++i) sum += x[i];
    benchmark::DoNotOptimize(sum);
  }
  [[nodiscard]] Result result() const { return Result::Constant(1, 1, static_cast<double>(sum)); }
};

Case peak_case(std::string name) {
  return {.name = std::move(name),
          .phases = {{2.0 * chains * rounds * packet::width<float>, 0, 0}},
          .reference = [] { return Result::Constant(chains, 1, 2.0); },
          .contenders = {contender("peak", [] { return MultiplyAdds(); })}};
}

Case reading_case(std::string name, Index n) {
  return {.name = std::move(name),
          .phases = {{as_double(n), float_bytes(n), float_bytes(n)}},
          .reference = [n] { return Result::Constant(1, 1, as_double(n)); },
          .contenders = {contender("read:" + std::to_string(4 * n), [n] { return Reading(n); })}};
}

}  // namespace

void add_limits(Cases& cases) {
  for (Case limit : {peak_case("limit"), reading_case("limit", 100'003)}) {
    limit.extent = Extent::check;
    cases.push_back(std::move(limit));
  }
}

Cases limits_of(const Case& c) {
  Cases limits = {peak_case(c.name)};
  std::set<Index> sizes;
  for (const Phase& phase : c.phases) {
    if (phase.bytes > 0) sizes.insert(static_cast<Index>(phase.working_set / 4));
  }
  for (const Index n : sizes) limits.push_back(reading_case(c.name, n));
  return limits;
}

}  // namespace bench
