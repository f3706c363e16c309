/// Columns brought to one scale: layer norm and root-mean-square norm.
#pragma once

#include <cmath>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

enum class NormKind { layer, root_mean_square };

struct LayerNormConfig {
  Index size = 0;
  double epsilon = 1e-5;
  NormKind kind = NormKind::layer;
};

/// What a pass keeps for its way back: the normalised columns z and their 1/sqrt(variance + eps).
template <Scalar S>
struct LayerNormTrace {
  Buffer<S> normalised;
  std::vector<S> scales;
};

/// y = g o z + b, z = (x - mean) / sqrt(variance + eps) over the rows of each column (Ba, Kiros,
/// Hinton 2016, arXiv 1607.06450, eq. 3 and 4); the variance divides by the size. With
/// root_mean_square (Zhang, Sennrich 2019, arXiv 1910.07467, eq. 4): y = g o x / sqrt(mean x^2 +
/// eps), and b is empty.
template <Scalar S>
class LayerNorm {
 public:
  using Trace = LayerNormTrace<S>;

  Vector<S> g;
  Vector<S> b;

  LayerNorm() = default;
  /// Throws std::invalid_argument for a negative size or epsilon.
  explicit LayerNorm(const LayerNormConfig& config) : epsilon_(static_cast<S>(config.epsilon)) {
    check_extents("LayerNorm", config.size, 1);
    check_argument(config.epsilon >= 0, "LayerNorm: epsilon is ", config.epsilon,
                   ", expected 0 or more");
    g.setOnes(config.size);
    if (config.kind == NormKind::layer) b.setZero(config.size);
  }

  static void parameters(auto&& f, auto&... m) {
    f("g", m.g...);
    f("b", m.b...);
  }

  [[nodiscard]] Index size() const { return g.size(); }
  [[nodiscard]] NormKind kind() const {
    return b.size() > 0 ? NormKind::layer : NormKind::root_mean_square;
  }

  /// X (size x N); overwrites Y (size x N), which may be X. Throws ShapeError.
  void forward(ConstView<S> X, View<S> Y, Trace& trace) const {
    check_shape("LayerNorm::forward", "X", X, size(), Y.cols());
    check_shape("LayerNorm::forward", "Y", Y, size(), X.cols());
    View<S> Z = trace.normalised.resize(size(), X.cols());
    trace.scales.resize(static_cast<std::size_t>(X.cols()));
    for (Index n = 0; n < X.cols(); ++n) {
      S* z = Z.col(n).data();
      trace.scales[static_cast<std::size_t>(n)] = normalise(X.col(n).data(), z);
      scale_and_shift(z, Y.col(n).data());
    }
  }

  /// y = g o z + b, z = s (x - mean), s = 1/sqrt(variance + eps):
  /// dx += s (dz - mean(dz) - z mean(z o dz)) with dz = g o dy, dg += dy o z, db += dy. The middle
  /// term is the mean's, which the root-mean-square norm does not have. dY, dX (size x N).
  void backward(ConstView<S> dY, View<S> dX, const Trace& trace, LayerNorm& gradient) const {
    check_shape("LayerNorm::backward", "dY", dY, size(), trace.normalised.cols());
    check_shape("LayerNorm::backward", "dX", dX, size(), trace.normalised.cols());
    for (Index n = 0; n < dY.cols(); ++n) {
      const S* z = trace.normalised.column(n);
      const S* dy = dY.col(n).data();
      add_gradient(z, dy, gradient);
      column_backward(z, dy, trace.scales[static_cast<std::size_t>(n)], dX.col(n).data());
    }
  }

 private:
  /// Overwrites z and returns the scale.
  S normalise(const S* x, S* z) const {
    using packet::multiply_add, packet::pmul, packet::psub;
    const auto d = static_cast<S>(size());
    auto shift = packet::fill<S>(0);
    if (kind() == NormKind::layer) {
      auto total = packet::fill<S>(0);
      packet::for_each_lane<S>(size(),
                               [&](auto lane) { total = packet::padd(total, lane.load(x)); });
      shift = packet::fill<S>(packet::sum(total) / d);
    }
    auto squares = packet::fill<S>(0);
    packet::for_each_lane<S>(size(), [&](auto lane) ATTEND_INLINE_LAMBDA {
      const auto centred = lane.inside(psub(lane.load(x), shift), 0);
      squares = multiply_add(centred, centred, squares);
    });
    const S scale = S{1} / std::sqrt(packet::sum(squares) / d + epsilon_);
    const auto factor = packet::fill<S>(scale);
    packet::for_each_lane<S>(
        size(), [&](auto lane) { lane.store(z, pmul(psub(lane.load(x), shift), factor)); });
    return scale;
  }

  void scale_and_shift(const S* z, S* y) const {
    const S* gain = g.data();
    if (kind() == NormKind::layer) {
      const S* bias = b.data();
      packet::for_each_lane<S>(size(), [&](auto lane) {
        lane.store(y, packet::multiply_add(lane.load(gain), lane.load(z), lane.load(bias)));
      });
    } else {
      packet::for_each_lane<S>(
          size(), [&](auto lane) { lane.store(y, packet::pmul(lane.load(gain), lane.load(z))); });
    }
  }

  void add_gradient(const S* z, const S* dy, LayerNorm& gradient) const {
    S* dg = gradient.g.data();
    packet::for_each_lane<S>(size(), [&](auto lane) {
      lane.store(dg, packet::multiply_add(lane.load(dy), lane.load(z), lane.load(dg)));
    });
    if (kind() != NormKind::layer) return;
    S* db = gradient.b.data();
    packet::for_each_lane<S>(size(), [&](auto lane) { lane.add(db, lane.load(dy)); });
  }

  void column_backward(const S* z, const S* dy, S scale, S* dx) const {
    using packet::multiply_add, packet::pmul, packet::psub;
    const S* gain = g.data();
    auto total = packet::fill<S>(0);
    auto along = packet::fill<S>(0);
    packet::for_each_lane<S>(size(), [&](auto lane) {
      const auto dz = pmul(lane.load(gain), lane.load(dy));
      total = packet::padd(total, dz);
      along = multiply_add(dz, lane.load(z), along);
    });
    const auto d = static_cast<S>(size());
    const S mean = kind() == NormKind::layer ? packet::sum(total) / d : S{0};
    const auto shift = packet::fill<S>(mean);
    const auto slope = packet::fill<S>(-packet::sum(along) / d);
    const auto factor = packet::fill<S>(scale);
    packet::for_each_lane<S>(size(), [&](auto lane) {
      const auto dz = psub(pmul(lane.load(gain), lane.load(dy)), shift);
      const auto rest = multiply_add(lane.load(z), slope, dz);
      lane.store(dx, multiply_add(factor, rest, lane.load(dx)));
    });
  }

  S epsilon_ = static_cast<S>(1e-5);
};

}  // namespace attend
