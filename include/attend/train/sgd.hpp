/// Stochastic gradient descent.
#pragma once

#include <optional>

#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/train/chunks.hpp>
#include <attend/train/optimizer.hpp>

namespace attend::inline ATTEND_ABI {

struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

/// Gradient descent with momentum, in PyTorch's convention, where the rate is outside the velocity
/// (Sutskever et al. 2013 have it inside). With g the scaled gradient plus weight_decay p,
///
///     b <- momentum b + g,   p <- p - rate b   or, Nesterov,   p <- p - rate (g + momentum b).
///
/// Without momentum no velocity b is stored.
template <class M>
class Sgd {
 public:
  /// Throws std::invalid_argument unless 0 <= momentum < 1, weight_decay >= 0, and Nesterov's form
  /// has momentum.
  explicit Sgd(const M& model, const SgdOptions& options = {}) : options_(options) {
    check_argument(options.momentum >= 0 && options.momentum < 1, "Sgd: momentum is ",
                   options.momentum, ", expected in [0, 1)");
    check_argument(options.weight_decay >= 0, "Sgd: weight_decay is ", options.weight_decay,
                   ", expected 0 or more");
    check_argument(!options.nesterov || options.momentum > 0,
                   "Sgd: nesterov needs momentum, which is 0");
    if (options.momentum > 0) velocity_ = zero_like(model);
  }

  /// Changes the model, in one pass over memory. The same bits for any number of threads.
  void step(M& model, const M& gradient, const StepSize& size, ThreadPool& pool) {
    if (velocity_) {
      for_each_chunk(
          pool, [&]<class S>(Index, Index n, S* p, const S* g, S* b) { move(size, n, p, g, b); },
          model, gradient, *velocity_);
    } else {
      for_each_chunk(
          pool, [&]<class S>(Index, Index n, S* p, const S* g) { descend(size, n, p, g); }, model,
          gradient);
    }
  }

  void step(M& model, const M& gradient, double rate) {
    ThreadPool inline_pool;
    step(model, gradient, {.rate = rate}, inline_pool);
  }

  [[nodiscard]] const SgdOptions& options() const { return options_; }

  template <class F, class... A>
  static void parameters(F&& f, A&... a) {
    f("velocity", a.velocity_...);
  }

  void put_fields(Fields&) const {}
  void get_fields(const Fields&) {}

 private:
  template <Scalar S>
  static auto fill(double x) {
    return packet::fill<S>(static_cast<S>(x));
  }

  template <Scalar S>
  void descend(const StepSize& size, Index n, S* p, const S* g) const {
    using packet::multiply_add, packet::pmul;
    const auto scale = fill<S>(size.gradient_scale);
    const auto decay = fill<S>(options_.weight_decay);
    const auto step = fill<S>(-size.rate);
    packet::for_each_lane<S>(n, [&](const auto& lane) {
      const auto weight = lane.load(p);
      const auto gradient = multiply_add(decay, weight, pmul(scale, lane.load(g)));
      lane.store(p, multiply_add(step, gradient, weight));
    });
  }

  template <Scalar S>
  void move(const StepSize& size, Index n, S* p, const S* g, S* b) const {
    using packet::multiply_add, packet::pmul;
    const auto scale = fill<S>(size.gradient_scale);
    const auto decay = fill<S>(options_.weight_decay);
    const auto momentum = fill<S>(options_.momentum);
    const auto step = fill<S>(-size.rate);
    const bool nesterov = options_.nesterov;
    packet::for_each_lane<S>(n, [&](const auto& lane) {
      const auto weight = lane.load(p);
      const auto gradient = multiply_add(decay, weight, pmul(scale, lane.load(g)));
      const auto velocity = multiply_add(momentum, lane.load(b), gradient);
      const auto direction = nesterov ? multiply_add(momentum, velocity, gradient) : velocity;
      lane.store(b, velocity);
      lane.store(p, multiply_add(step, direction, weight));
    });
  }

  SgdOptions options_;
  std::optional<M> velocity_;
};

}  // namespace attend
