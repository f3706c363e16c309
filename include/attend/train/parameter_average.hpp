/// The mean of several models.
#pragma once

#include <optional>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>

namespace attend::inline ATTEND_ABI {

/// The mean of the parameters of models of one shape, such as the last checkpoints of a training,
/// which translates better than each of them (Vaswani et al. 2017, arXiv 1706.03762, section 6.1).
template <class M>
class ParameterAverage {
 public:
  void add(const M& model) {
    ++count_;
    if (!mean_) {
      mean_ = model;
      return;
    }
    const double share = 1 / static_cast<double>(count_);
    for_each_leaf(
        [&](auto& p, const auto& q) {
          using S = std::remove_cvref_t<decltype(*p.data())>;
          values(p) += static_cast<S>(share) * (values(q) - values(p));
        },
        *mean_, model);
  }

  [[nodiscard]] Index count() const { return count_; }

  /// Throws std::invalid_argument where nothing was added.
  [[nodiscard]] const M& mean() const {
    check_argument(mean_.has_value(), "ParameterAverage: there is no model to average");
    return *mean_;
  }

 private:
  Index count_ = 0;
  std::optional<M> mean_;
};

}  // namespace attend
