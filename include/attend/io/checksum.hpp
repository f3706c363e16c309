/// Whether a file holds what was written.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <attend/core/error.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// A 64-bit hash of bytes, eight at a time in four lanes, so that a file's weights are read about
/// as fast as memory gives them. It finds damage, not malice.
class Hash {
 public:
  void add(std::string_view bytes) {
    add_number(bytes.size());
    std::size_t i = 0;
    for (; i + 32 <= bytes.size(); i += 32) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        mix(lane, from_little_endian<std::uint64_t>(bytes.data() + i + 8 * lane));
      }
    }
    std::array<char, 32> rest{};
    for (std::size_t k = 0; i + k < bytes.size(); ++k) rest[k] = bytes[i + k];
    for (std::size_t lane = 0; lane < 4; ++lane) {
      mix(lane, from_little_endian<std::uint64_t>(rest.data() + 8 * lane));
    }
  }
  void add_number(std::uint64_t number) { mix(0, number); }

  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t all = 0;
    for (const std::uint64_t lane : lanes_) all = scramble(all ^ lane);
    return all;
  }

 private:
  static constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;

  void mix(std::size_t lane, std::uint64_t word) {
    lanes_[lane] = std::rotl((lanes_[lane] ^ word) * odd, 29);
  }
  static std::uint64_t scramble(std::uint64_t x) {
    x = (x ^ (x >> 32U)) * odd;
    return x ^ (x >> 29U);
  }

  std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
};

inline constexpr std::string_view checksum_note = "checksum";

}  // namespace detail

/// Sixteen digits that change with every tensor and note of the file, but for the note "checksum".
[[nodiscard]] inline std::string checksum(const TensorFile& file) {
  detail::Hash hash;
  for (const auto& [key, value] : file.metadata) {
    if (key == detail::checksum_note) continue;
    hash.add(key);
    hash.add(value);
  }
  for (const auto& [name, tensor] : file.tensors) {
    hash.add(name);
    hash.add(tensor.dtype);
    hash.add_number(tensor.shape.size());
    for (const Index size : tensor.shape) hash.add_number(static_cast<std::uint64_t>(size));
    hash.add(tensor.bytes.view());
  }
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) {
    digits += "0123456789abcdef"[(hash.value() >> static_cast<unsigned>(shift)) & 15U];
  }
  return digits;
}

/// Notes the checksum of what the file holds; call it last.
inline void add_checksum(TensorFile& file) {
  file.metadata[std::string(detail::checksum_note)] = checksum(file);
}

/// Throws FormatError unless the file holds what it held when its checksum was noted. A file
/// without one passes: others write none.
inline void check_checksum(const TensorFile& file) {
  const auto noted = file.metadata.find(detail::checksum_note);
  if (noted == file.metadata.end()) return;
  const std::string actual = checksum(file);
  if (noted->second != actual) {
    throw FormatError(detail::message(file.source, ": the checksum is ", actual, ", the file says ",
                                      noted->second, "; the file is damaged"));
  }
}

}  // namespace attend
