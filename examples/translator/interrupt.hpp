/// Ctrl-C: noted when it comes, acted on between two pieces of work.
#pragma once

#include <atomic>
#include <csignal>

namespace translator {

/// Thrown between two pieces of work after Ctrl-C.
struct Interrupted {};

inline std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

/// From now on Ctrl-C lets the work come to a good end; a second one ends the program at once.
inline void watch_for_interrupts() {
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int received) {
      interrupted = true;
      std::signal(received, SIG_DFL);
    });
  }
}

inline void leave_if_interrupted() {
  if (interrupted) throw Interrupted{};
}

}  // namespace translator
