/// How the learning rate changes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <variant>

#include <attend/core/error.hpp>
#include <attend/train/fields.hpp>

namespace attend::inline ATTEND_ABI {

/// The same rate at every update.
struct ConstantRate {
  double rate = 1e-3;
};

/// Rises linearly to `peak` over `warmup` updates, then falls with the inverse square root of the
/// updates (Vaswani et al. 2017, arXiv 1706.03762, eq. 3).
struct InverseSquareRoot {
  double peak = 1e-3;
  std::int64_t warmup = 4000;

  /// As the paper gives it: factor d_model^-0.5 min(t^-0.5, t warmup^-1.5).
  [[nodiscard]] static InverseSquareRoot of_dimension(std::int64_t d_model, std::int64_t warmup,
                                                      double factor = 1) {
    return {.peak = factor / std::sqrt(static_cast<double>(d_model) * static_cast<double>(warmup)),
            .warmup = warmup};
  }
};

/// Multiplies the rate by `factor` after `patience` evaluations in a row that brought no
/// improvement, down to `minimum`.
struct Plateau {
  double rate = 1e-3;
  double factor = 0.5;
  std::int64_t patience = 2;
  double minimum = 0;
};

enum class ScheduleUnit : std::uint8_t { epoch, update };

/// `rate` for the first `after` epochs (or updates), then `factor` of it, and `factor` of that
/// again `every` epochs later. Luong et al. 2015 (arXiv 1508.04025, section 4.1): halved every
/// epoch after the fifth, {.rate = 1, .factor = 0.5, .after = 5, .every = 1}.
struct StepDecay {
  double rate = 1e-3;
  double factor = 0.5;
  std::int64_t after = 1;
  std::int64_t every = 1;
  ScheduleUnit unit = ScheduleUnit::epoch;
};

/// Where training stands: epochs and updates that are done.
struct TrainingTime {
  std::int64_t epoch = 0;
  std::int64_t update = 0;
};

/// The rate of the next update; a value, and what it has seen can be stored.
class Schedule {
 public:
  using Kind = std::variant<ConstantRate, InverseSquareRoot, Plateau, StepDecay>;

  /// Throws std::invalid_argument for a rate that is negative or not finite, a warm-up, patience or
  /// interval below 1, a factor outside (0, 1].
  template <class K>
  requires std::constructible_from<Kind, K> Schedule(
      const K& kind)  // NOLINT(google-explicit-constructor)
      : kind_(kind) {
    check(kind);
  }

  [[nodiscard]] double rate(const TrainingTime& time) const {
    return std::visit([&](const auto& kind) { return rate_of(kind, time); }, kind_);
  }

  /// Tells the schedule how well an evaluation went; higher is better.
  void evaluated(double score) {
    const auto* plateau = std::get_if<Plateau>(&kind_);
    if (plateau == nullptr) return;
    if (score > best_) {
      best_ = score;
      waited_ = 0;
    } else if (++waited_ >= plateau->patience) {
      scale_ *= plateau->factor;
      waited_ = 0;
    }
  }

  /// Whether the rate depends on evaluations.
  [[nodiscard]] bool needs_evaluations() const { return std::holds_alternative<Plateau>(kind_); }

  void put_fields(Fields& fields) const {
    put_field(fields, "schedule.best", best_);
    put_field(fields, "schedule.waited", waited_);
    put_field(fields, "schedule.scale", scale_);
  }
  void get_fields(const Fields& fields) {
    get_field(fields, "schedule.best", best_);
    get_field(fields, "schedule.waited", waited_);
    get_field(fields, "schedule.scale", scale_);
  }

 private:
  static double rate_of(const ConstantRate& kind, const TrainingTime&) { return kind.rate; }

  static double rate_of(const InverseSquareRoot& kind, const TrainingTime& time) {
    const double relative = static_cast<double>(time.update + 1) / static_cast<double>(kind.warmup);
    return kind.peak * std::min(relative, 1 / std::sqrt(relative));
  }

  [[nodiscard]] double rate_of(const Plateau& kind, const TrainingTime&) const {
    return std::max(kind.rate * scale_, std::min(kind.minimum, kind.rate));
  }

  static double rate_of(const StepDecay& kind, const TrainingTime& time) {
    const std::int64_t now = kind.unit == ScheduleUnit::epoch ? time.epoch : time.update;
    if (now < kind.after) return kind.rate;
    const std::int64_t falls = 1 + (now - kind.after) / kind.every;
    return kind.rate * std::pow(kind.factor, static_cast<double>(falls));
  }

  static void check_rate(double rate) {
    check_argument(std::isfinite(rate) && rate >= 0, "Schedule: the rate is ", rate,
                   ", expected a finite number of 0 or more");
  }
  static void check_factor(double factor) {
    check_argument(factor > 0 && factor <= 1, "Schedule: factor is ", factor,
                   ", expected in (0, 1]");
  }
  static void check_count(std::string_view name, std::int64_t count) {
    check_argument(count >= 1, "Schedule: ", name, " is ", count, ", expected 1 or more");
  }

  static void check(const ConstantRate& kind) { check_rate(kind.rate); }
  static void check(const InverseSquareRoot& kind) {
    check_count("warmup", kind.warmup);
    check_rate(kind.peak);
  }
  static void check(const Plateau& kind) {
    check_rate(kind.rate);
    check_rate(kind.minimum);
    check_factor(kind.factor);
    check_count("patience", kind.patience);
  }
  static void check(const StepDecay& kind) {
    check_rate(kind.rate);
    check_factor(kind.factor);
    check_count("every", kind.every);
    check_argument(kind.after >= 0, "Schedule: after is ", kind.after, ", expected 0 or more");
  }
  static void check(const Kind& kind) {
    std::visit([](const auto& k) { check(k); }, kind);
  }

  Kind kind_;
  double best_ = -std::numeric_limits<double>::infinity();
  std::int64_t waited_ = 0;
  double scale_ = 1;
};

}  // namespace attend
