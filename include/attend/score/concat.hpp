/// Luong's concat score: the additive score with one matrix over query and key.
#pragma once

#include <cmath>

#include <attend/score/additive.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = v' tanh(W_q q + W_h h) with [W_q W_h] = W_a. Luong, Pham, Manning 2015 (arXiv 1508.04025,
/// eq. 8, concat). The additive score without a bias, whose W and U are the halves of W_a, kept
/// apart because each meets its half at a different time. W_q (d_e x d_q), W_h (d_e x d_h), v
/// (d_e).
template <attend::Scalar S>
class Concat : public Additive<S> {
 public:
  Concat() = default;
  Concat(ScoreConfig config, Random& random)
      : Additive<S>({config.query, config.key, config.energy, false}, random) {
    // Glorot's bound is that of the whole W_a.
    const auto all = static_cast<S>(config.energy + config.query + config.key);
    values(this->W) *= std::sqrt(static_cast<S>(config.energy + config.query) / all);
    values(this->U) *= std::sqrt(static_cast<S>(config.energy + config.key) / all);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W_q", m.W...);
    f("W_h", m.U...);
    f("v", m.v...);
  }
};

}  // namespace attend
