/// Messages in the wire format of Protocol Buffers, as far as writing ONNX needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <attend/core/abi.hpp>

namespace attend::inline ATTEND_ABI {

/// Fields in the order in which they are added; a field that is added again is repeated. Numbers
/// are varints, all else is written with its length (protobuf.dev, "Encoding").
class ProtobufMessage {
 public:
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  void number(unsigned field, std::int64_t value) {
    varint(field << 3U);
    varint(static_cast<std::uint64_t>(value));
  }
  void text(unsigned field, std::string_view value) {
    varint(field << 3U | 2U);
    varint(value.size());
    bytes_.append(value);
  }
  void message(unsigned field, const ProtobufMessage& value) { text(field, value.bytes_); }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) bytes_ += static_cast<char>(value | 0x80U);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace attend
