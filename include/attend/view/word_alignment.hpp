/// An alignment that is to be shown.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Source words (T), target words (U) and how much each target word attends to each source word.
/// `weights` is (T x U): column u is target word u's distribution over the source. A value of its
/// own, so that it outlives the workspace that the weights come from. Throws ShapeError where the
/// sizes disagree, std::invalid_argument for a weight that is not finite.
class WordAlignment {
 public:
  template <class Weights>
  WordAlignment(std::vector<std::string> source, std::vector<std::string> target,
                const Eigen::MatrixBase<Weights>& weights)
      : WordAlignment(std::move(source), std::move(target),
                      Matrix<double>(weights.template cast<double>()), Checked{}) {}

  [[nodiscard]] const std::vector<std::string>& source() const { return source_; }
  [[nodiscard]] const std::vector<std::string>& target() const { return target_; }
  [[nodiscard]] const Matrix<double>& weights() const { return weights_; }

 private:
  struct Checked {};

  WordAlignment(std::vector<std::string> source, std::vector<std::string> target,
                Matrix<double> weights, Checked /*unused*/)
      : source_(std::move(source)), target_(std::move(target)), weights_(std::move(weights)) {
    check_shape("WordAlignment", "weights", weights_, static_cast<Index>(source_.size()),
                static_cast<Index>(target_.size()));
    for (Index u = 0; u < weights_.cols(); ++u) {
      for (Index t = 0; t < weights_.rows(); ++t) {
        check_argument(std::isfinite(weights_(t, u)), "WordAlignment: weight (", t, ", ", u,
                       ") is ", weights_(t, u), ", expected a finite number");
      }
    }
  }

  std::vector<std::string> source_;
  std::vector<std::string> target_;
  Matrix<double> weights_;
};

}  // namespace attend
