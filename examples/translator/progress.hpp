/// What a training prints: one line that is rewritten on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <unistd.h>

#include <attend/train/training_events.hpp>

namespace translator {

inline std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  char text[32];
  std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

class ProgressPrinter {
 public:
  ProgressPrinter() : terminal_(isatty(STDERR_FILENO) == 1) {}

  void update(const attend::TrainingProgress& p) {
    const auto now = Clock::now();
    if (now - last_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(30))) {
      return;
    }
    last_ = now;
    char text[200];
    std::snprintf(text, sizeof text,
                  "epoch %ld  %ld/%ld  loss %.3f  rate %.2e  norm %.2f  %.0f tokens/s  %s left",
                  static_cast<long>(p.epoch), static_cast<long>(p.batch),
                  static_cast<long>(p.batches), p.epoch_loss.per_token(), p.rate, p.gradient_norm,
                  p.tokens_per_second, clock_text(p.seconds_left).c_str());
    std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", text);
    std::fflush(stderr);
    tokens_per_second_ = p.tokens_per_second;
  }

  /// A line that stays.
  void line(const std::string& text) {
    std::fprintf(stderr, terminal_ ? "\r\033[K%s\n" : "%s\n", text.c_str());
    std::fflush(stderr);
  }

  void evaluation(const attend::TrainingEvaluation& e, bool bleu, double tokens_per_second) {
    char score[40] = "";
    if (bleu) std::snprintf(score, sizeof score, "  valid BLEU %.2f", e.score);
    char text[240];
    std::snprintf(
        text, sizeof text,
        "epoch %ld done: train perplexity %.2f  valid perplexity %.2f%s%s  %.0f tokens/s  "
        "%s",
        static_cast<long>(e.time.epoch), e.training.perplexity(), e.validation.perplexity(), score,
        e.improved ? "  best, saved" : "", tokens_per_second, clock_text(seconds()).c_str());
    line(text);
  }

  /// Since the program began.
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
  double tokens_per_second_ = 0;
};

}  // namespace translator
