/// One description of a case serves as its test and as its benchmark.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/kernel/precision.hpp>

namespace bench {

using attend::Index;
using attend::Matrix;

/// What was computed, to be compared with the reference.
using Result = Matrix<double>;

/// A part of a case's work whose time has a lower bound: `flops` at the machine's multiply-add
/// peak, or `bytes` at the bandwidth with which `working_set` bytes are read again and again,
/// whichever takes longer.
struct Phase {
  double flops = 0;
  double bytes = 0;
  double working_set = 0;
};

/// Something ready to run. `step` does the work once, `result` says what the first step gave.
struct Run {
  std::function<void()> step;
  std::function<Result()> result;
};

/// One way to do a case's work: the library, a baseline, a peer.
struct Contender {
  std::string name;
  std::function<Run()> make;
  /// Of its result's error, where it may be larger than the case's.
  double tolerance = 0;
};

/// Checked cases are compared with their reference by the test; brief and full ones are timed.
enum class Extent { check, brief, full };

struct Case {
  /// family/size:value/...; the names that PyTorch's script and the table read.
  std::string name;
  Extent extent = Extent::brief;
  std::vector<Phase> phases = {};
  /// What the case counts beside operations and bytes; 0 where it does not.
  double elements = 0;
  double tokens = 0;
  /// The result by scalar loops in double; empty where that takes too long.
  std::function<Result()> reference = {};
  /// Of a result's error, as a part of the reference's largest magnitude.
  double tolerance = 1e-5;
  std::vector<Contender> contenders = {};

  [[nodiscard]] double flops() const {
    double sum = 0;
    for (const Phase& phase : phases) sum += phase.flops;
    return sum;
  }
  [[nodiscard]] double bytes() const {
    double sum = 0;
    for (const Phase& phase : phases) sum += phase.bytes;
    return sum;
  }
};

using Cases = std::vector<Case>;

/// A contender whose state is a T made by `make`, with members step() and result().
template <class Make>
Contender contender(std::string name, Make make, double tolerance = 0) {
  return {std::move(name),
          [make] {
            using State = decltype(make());
            const auto state = std::make_shared<State>(make());
            return Run{[state] { state->step(); }, [state]() -> Result { return state->result(); }};
          },
          tolerance};
}

/// Attend with its weights in bfloat16 and in int8; `make(precision)` makes the state.
template <class Make>
void add_reduced(Case& c, Make make) {
  for (const auto& [name, precision] :
       {std::pair("bfloat16", attend::Precision::bfloat16), {"int8", attend::Precision::int8}}) {
    const auto stored = [make, kept = precision] { return make(kept); };
    c.contenders.push_back(contender(name, stored, 0.02));
  }
}

}  // namespace bench
