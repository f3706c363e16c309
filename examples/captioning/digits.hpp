/// Hand-written digits, from files in the form of MNIST (idx, as it is or gzip).
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#ifdef ATTEND_HAS_ZLIB
#include <zlib.h>
#endif

#include <attend/core/error.hpp>
#include <attend/core/image_batch.hpp>
#include <attend/io/atomic_file.hpp>

namespace captioning {

using attend::Extent, attend::Image, attend::Index;

/// Cut to its ink, which is up to 1.
struct Digit {
  Image<float> image;
  int value = 0;
};

namespace detail {

[[noreturn]] inline void refuse(const std::filesystem::path& path, const std::string& why) {
  throw attend::FormatError(path.string() + ": " + why);
}

/// The bytes of a file that may be compressed.
inline std::string read_bytes(const std::filesystem::path& path) {
  std::string bytes = attend::read_file(path);
  if (!bytes.starts_with("\x1f\x8b")) return bytes;
#ifdef ATTEND_HAS_ZLIB
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  bytes.clear();
  std::vector<char> part(1 << 16);
  int read = 0;
  while (file && (read = gzread(file.get(), part.data(), static_cast<unsigned>(part.size()))) > 0) {
    bytes.append(part.data(), static_cast<std::size_t>(read));
  }
  if (!file || read < 0) refuse(path, "its compressed bytes are damaged");
  return bytes;
#else
  refuse(path, "it is compressed, and this program was built without zlib; gunzip it");
#endif
}

struct Idx {
  std::vector<Index> shape;
  std::string bytes;
  std::span<const std::uint8_t> values;
};

/// Unsigned bytes of so many dimensions: 0 0 8 n, n sizes of four bytes, highest first, the bytes.
inline Idx read_idx(const std::filesystem::path& path, std::size_t dimensions) {
  Idx idx;
  idx.bytes = read_bytes(path);
  const auto* at = reinterpret_cast<const std::uint8_t*>(idx.bytes.data());
  const std::size_t head = 4 + 4 * dimensions;
  if (idx.bytes.size() < head || at[0] != 0 || at[1] != 0 || at[2] != 8 || at[3] != dimensions) {
    refuse(path, "it is not an idx file of " + std::to_string(dimensions) +
                     " dimensions of unsigned bytes");
  }
  std::size_t count = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::uint8_t* b = at + 4 + 4 * d;
    const auto size = static_cast<std::size_t>(b[0]) << 24 | static_cast<std::size_t>(b[1]) << 16 |
                      static_cast<std::size_t>(b[2]) << 8 | b[3];
    if (size > idx.bytes.size()) refuse(path, "its sizes are larger than the file");
    idx.shape.push_back(static_cast<Index>(size));
    count *= size;
  }
  if (idx.bytes.size() - head != count) {
    refuse(path, "it has " + std::to_string(idx.bytes.size() - head) + " values, its head says " +
                     std::to_string(count));
  }
  idx.values = {at + head, count};
  return idx;
}

/// The rectangle of an image that has ink.
inline Image<float> cut_to_ink(const std::uint8_t* pixels, Extent size) {
  Index top = size.height, left = size.width, bottom = 0, right = 0;
  for (Index y = 0; y < size.height; ++y) {
    for (Index x = 0; x < size.width; ++x) {
      if (pixels[y * size.width + x] < 32) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y + 1);
      left = std::min(left, x);
      right = std::max(right, x + 1);
    }
  }
  if (bottom == 0) return {};
  const Extent ink{bottom - top, right - left};
  Image<float> cut{ink, attend::Matrix<float>(1, ink.area())};
  for (Index i = 0; i < ink.area(); ++i) {
    const Index pixel = (top + i / ink.width) * size.width + left + i % ink.width;
    cut.pixels(0, i) = static_cast<float>(pixels[pixel]) / 255;
  }
  return cut;
}

}  // namespace detail

/// Throws attend::FormatError with the file and the reason.
inline std::vector<Digit> read_digits(const std::filesystem::path& images,
                                      const std::filesystem::path& labels) {
  const detail::Idx pixels = detail::read_idx(images, 3);
  const detail::Idx values = detail::read_idx(labels, 1);
  const Extent size{pixels.shape[1], pixels.shape[2]};
  if (pixels.shape[0] != values.shape[0]) {
    detail::refuse(labels, "it has " + std::to_string(values.shape[0]) + " labels for " +
                               std::to_string(pixels.shape[0]) + " images");
  }
  std::vector<Digit> digits;
  for (Index i = 0; i < pixels.shape[0]; ++i) {
    const int value = values.values[static_cast<std::size_t>(i)];
    if (value > 9) detail::refuse(labels, "label " + std::to_string(value) + " is no digit");
    Image<float> ink = detail::cut_to_ink(pixels.values.data() + i * size.area(), size);
    if (ink.size.area() > 0) digits.push_back({std::move(ink), value});
  }
  if (digits.empty()) detail::refuse(images, "it has no image with ink");
  return digits;
}

}  // namespace captioning
