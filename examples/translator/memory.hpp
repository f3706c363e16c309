/// How much memory the program took.
#pragma once

#include <cstdio>
#include <string>
#include <sys/resource.h>

namespace translator {

/// The largest resident set so far, such as "512 MB".
inline std::string peak_memory_text() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  constexpr double unit = 1;
#else
  constexpr double unit = 1024;
#endif
  char text[32];
  std::snprintf(text, sizeof text, "%.0f MB", static_cast<double>(usage.ru_maxrss) * unit / 1e6);
  return text;
}

}  // namespace translator
