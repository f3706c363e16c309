/// Bytes that several owners share and nobody changes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <attend/core/abi.hpp>

namespace attend::inline ATTEND_ABI {

/// A view of bytes and what keeps them alive: a string, or the pages of a mapped file. A copy and a
/// part cost nothing and copy nothing.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::string bytes) {  // NOLINT(google-explicit-constructor)
    auto owned = std::make_shared<const std::string>(std::move(bytes));
    view_ = *owned;
    owner_ = std::move(owned);
  }
  Bytes(const char* text) : Bytes(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  Bytes(std::shared_ptr<const void> owner, std::string_view view)
      : owner_(std::move(owner)), view_(view) {}

  [[nodiscard]] std::string_view view() const { return view_; }
  [[nodiscard]] const char* data() const { return view_.data(); }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  /// The bytes [first, first + count); what is beyond the end is left out.
  [[nodiscard]] Bytes part(std::size_t first, std::size_t count) const {
    return {owner_, view_.substr(first, count)};
  }

  bool operator==(const Bytes& other) const { return view_ == other.view_; }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

}  // namespace attend
