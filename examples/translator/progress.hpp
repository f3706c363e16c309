/// What a training prints: one line that is rewritten on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

#include <attend/train/training_events.hpp>

namespace translator {

/// Hours, minutes and seconds.
inline std::string clock_text(double seconds) {
  const auto whole = std::lround(seconds);
  char text[32];
  std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return text;
}

/// Prints to standard error.
class ProgressPrinter {
 public:
  ProgressPrinter() : terminal_(isatty(STDERR_FILENO) == 1) {}
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;
  /// A message that follows, of an error for example, has its own line.
  ~ProgressPrinter() { clear(); }

  void update(const attend::TrainingProgress& p) {
    tokens_per_second_ = p.tokens_per_second;
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
    terminal_ ? rewrite(text) : line(text);
  }

  void evaluation(const attend::TrainingEvaluation& e, bool bleu) {
    char score[40] = "";
    if (bleu) std::snprintf(score, sizeof score, "  valid BLEU %.2f", e.score);
    char text[240];
    std::snprintf(
        text, sizeof text,
        "epoch %ld done: train perplexity %.2f  valid perplexity %.2f%s%s  %.0f tokens/s  %s",
        static_cast<long>(e.time.epoch), e.training.perplexity(), e.validation.perplexity(), score,
        e.improved ? "  best, saved" : "", tokens_per_second_, clock_text(seconds()).c_str());
    line(text);
  }

  /// A line that stays.
  void line(const std::string& text) {
    clear();
    std::fprintf(stderr, "%s\n", text.c_str());
  }

  /// Since the program began.
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - begin_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// In place of the line before; cut where the terminal would wrap it.
  void rewrite(const std::string& text) {
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    const int columns = known ? size.ws_col - 1 : 79;
    std::fprintf(stderr, "\r\033[K%.*s", columns, text.c_str());
    open_ = true;
  }

  void clear() {
    if (open_) std::fprintf(stderr, "\r\033[K");
    open_ = false;
  }

  bool terminal_;
  /// The cursor stands behind a line that will be rewritten.
  bool open_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
  double tokens_per_second_ = 0;
};

}  // namespace translator
