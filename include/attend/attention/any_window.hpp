/// A window that is chosen when the program runs.
#pragma once

#include <utility>
#include <variant>

#include <attend/attention/window.hpp>

namespace attend::inline ATTEND_ABI {

/// One of the library's windows, behind the Window concept; full by default.
class AnyWindow {
 public:
  using Choice = std::variant<Full, Causal, Sliding, Both<Causal, Sliding>>;

  AnyWindow() = default;
  template <class W>
  requires std::constructible_from<Choice, W> AnyWindow(W window)
      : choice_(std::move(window)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] const Choice& choice() const { return choice_; }
  [[nodiscard]] bool shows_all() const { return std::holds_alternative<Full>(choice_); }

  [[nodiscard]] KeyRange range(Index query, Index T) const {
    return std::visit([&](const auto& w) { return w.range(query, T); }, choice_);
  }

 private:
  Choice choice_;
};

}  // namespace attend
