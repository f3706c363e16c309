/// Time, for reports and checkpoints only: the clock changes no result.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Seconds since it was made or restarted.
class Stopwatch {
 public:
  void restart() { start_ = Clock::now(); }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// How fast a run's updates are.
class Pace {
 public:
  void add(double seconds, Index tokens) {
    seconds_ += seconds;
    tokens_ += tokens;
    ++updates_;
  }
  [[nodiscard]] double tokens_per_second() const {
    return static_cast<double>(tokens_) / std::max(seconds_, 1e-9);
  }
  [[nodiscard]] double seconds_per_update() const {
    return seconds_ / static_cast<double>(std::max<std::int64_t>(updates_, 1));
  }

 private:
  double seconds_ = 0;
  Index tokens_ = 0;
  std::int64_t updates_ = 0;
};

}  // namespace attend
