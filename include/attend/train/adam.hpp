/// Adam and AdamW.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/train/chunks.hpp>
#include <attend/train/optimizer.hpp>

namespace attend::inline ATTEND_ABI {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
};

/// Where weight decay acts: on the gradient, which the moments then see, or on the weights alone.
enum class WeightDecay : std::uint8_t { in_gradient, decoupled };

namespace detail {

/// The constants of one step of Adam, and the step itself.
template <Scalar S>
class AdamKernel {
  using P = packet::Packet<S>;
  static constexpr bool single = std::is_same_v<S, float>;

 public:
  AdamKernel(const AdamOptions& options, const StepSize& size, WeightDecay decay,
             std::int64_t steps)
      : beta1_(fill(options.beta1)),
        rest1_(fill(1 - options.beta1)),
        beta2_(fill(options.beta2)),
        rest2_(fill(1 - options.beta2)),
        epsilon_(fill(options.epsilon)),
        scale_(fill(size.gradient_scale)) {
    const auto t = static_cast<double>(steps);
    step_ = fill(-size.rate / (1 - std::pow(options.beta1, t)));
    correction_ = fill(1 / std::sqrt(1 - std::pow(options.beta2, t)));
    const bool coupled = decay == WeightDecay::in_gradient;
    decay_ = fill(coupled ? options.weight_decay : 0);
    keep_ = fill(coupled ? 1 : 1 - size.rate * options.weight_decay);
  }

  void operator()(Index n, S* p, const S* g, S* m, S* v) const {
    using packet::multiply_add, packet::pmul;
    packet::for_each_lane<S>(n, [&](const auto& lane) {
      const P weight = lane.load(p);
      const P gradient = multiply_add(decay_, weight, pmul(scale_, lane.load(g)));
      const P first = settle(multiply_add(beta1_, lane.load(m), pmul(rest1_, gradient)));
      const P square = pmul(rest2_, pmul(gradient, gradient));
      const P second =
          packet::pmin(settle(multiply_add(beta2_, lane.load(v), square)), fill(largest));
      const P root = multiply_add(Eigen::internal::psqrt(second), correction_, epsilon_);
      lane.store(m, first);
      lane.store(v, second);
      lane.store(p, multiply_add(step_, packet::pdiv(first, root), pmul(keep_, weight)));
    });
  }

 private:
  // A squared gradient beyond this would be infinite, and Eigen's root of infinity is NaN.
  static constexpr double largest = single ? 1e37 : 1e300;
  static constexpr double smallest = single ? 1e-30 : 1e-290;

  static P fill(double x) { return packet::fill<S>(static_cast<S>(x)); }

  // The moments of a parameter that is no longer used decay to denormal numbers, which are slow and
  // stay. Adding and taking away a tiny number keeps them to multiples of a small normal number.
  static P settle(const P& x) {
    return packet::psub(packet::padd(x, fill(smallest)), fill(smallest));
  }

  P beta1_, rest1_, beta2_, rest2_, epsilon_, scale_;
  P step_, correction_, decay_, keep_;
};

}  // namespace detail

/// Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1). With g the scaled gradient,
///
///     m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2,
///     p <- p - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
///
/// Weight decay is added to g (`Adam`) or takes rate times weight_decay of each weight away
/// (`AdamW`; Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2). Both as in PyTorch.
template <class M, WeightDecay decay>
class AdaptiveMoments {
 public:
  /// Throws std::invalid_argument unless 0 <= beta < 1, epsilon > 0 and weight_decay >= 0.
  explicit AdaptiveMoments(const M& model, const AdamOptions& options = {})
      : options_(options), first_(zero_like(model)), second_(first_) {
    check_beta("beta1", options.beta1);
    check_beta("beta2", options.beta2);
    check_argument(options.epsilon > 0, "Adam: epsilon is ", options.epsilon,
                   ", expected more than 0");
    check_argument(options.weight_decay >= 0, "Adam: weight_decay is ", options.weight_decay,
                   ", expected 0 or more");
  }

  /// Changes the model, in one pass over memory. The same bits for any number of threads.
  void step(M& model, const M& gradient, const StepSize& size, ThreadPool& pool) {
    ++steps_;
    const detail::AdamKernel<float> singles(options_, size, decay, steps_);
    const detail::AdamKernel<double> doubles(options_, size, decay, steps_);
    for_each_chunk(
        pool,
        [&]<class S>(Index, Index n, S* p, const S* g, S* m, S* v) {
          if constexpr (std::is_same_v<S, float>) {
            singles(n, p, g, m, v);
          } else {
            doubles(n, p, g, m, v);
          }
        },
        model, gradient, first_, second_);
  }

  void step(M& model, const M& gradient, double rate) {
    ThreadPool inline_pool;
    step(model, gradient, {.rate = rate}, inline_pool);
  }

  [[nodiscard]] const AdamOptions& options() const { return options_; }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  [[nodiscard]] const M& first_moment() const { return first_; }
  [[nodiscard]] const M& second_moment() const { return second_; }

  /// The moments.
  template <class F, class... A>
  static void parameters(F&& f, A&... a) {
    f("first_moment", a.first_...);
    f("second_moment", a.second_...);
  }

  void put_fields(Fields& fields) const { put_field(fields, "optimizer.steps", steps_); }
  void get_fields(const Fields& fields) { get_field(fields, "optimizer.steps", steps_); }

 private:
  static void check_beta(std::string_view name, double beta) {
    check_argument(beta >= 0 && beta < 1, "Adam: ", name, " is ", beta, ", expected in [0, 1)");
  }

  AdamOptions options_;
  std::int64_t steps_ = 0;
  M first_;
  M second_;
};

template <class M>
using Adam = AdaptiveMoments<M, WeightDecay::in_gradient>;
template <class M>
using AdamW = AdaptiveMoments<M, WeightDecay::decoupled>;

}  // namespace attend
