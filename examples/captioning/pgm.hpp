/// Grey images of a user's own, from PGM files.
#pragma once

#include <cctype>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>

#include "digits.hpp"

namespace captioning {

namespace detail {

/// The next whole number of a PGM file's head; a comment goes to the end of its line.
inline Index pgm_number(std::istringstream& file, const std::filesystem::path& path) {
  while (file >> std::ws && file.peek() == '#') file.ignore(1 << 20, '\n');
  Index number = -1;
  if (!(file >> number) || number < 0) refuse(path, "its head has no width, height and white");
  return number;
}

}  // namespace detail

/// A PGM file (P2 or P5, a byte a pixel) as ink from 0 to 1: dark on light paper or light on dark,
/// whichever there is more paper of. Throws attend::FormatError with the file and the reason.
inline Image<float> read_pgm(const std::filesystem::path& path) {
  constexpr Index largest_side = 4096;
  std::istringstream file(attend::read_file(path));
  std::string kind(2, '\0');
  file.read(kind.data(), 2);
  if (!file || (kind != "P2" && kind != "P5")) {
    detail::refuse(path, "it is not a PGM file; write one with, for example, an image editor");
  }
  const Index width = detail::pgm_number(file, path);
  const Index height = detail::pgm_number(file, path);
  const Index white = detail::pgm_number(file, path);
  if (width < 1 || height < 1 || width > largest_side || height > largest_side || white < 1 ||
      white > 255) {
    detail::refuse(path, "it is " + std::to_string(width) + " x " + std::to_string(height) +
                             " with white " + std::to_string(white) +
                             ", expected sides from 1 to " + std::to_string(largest_side) +
                             " and white from 1 to 255");
  }
  Image<float> image{{height, width}, attend::Matrix<float>(1, height * width)};
  if (kind == "P5") file.get();
  for (Index i = 0; i < image.pixels.size(); ++i) {
    int value = -1;
    if (kind == "P5") {
      value = file.get();
    } else if (!(file >> value)) {
      value = -1;
    }
    if (!file || value < 0 || value > white) {
      detail::refuse(path, "pixel " + std::to_string(i) + " of " +
                               std::to_string(image.pixels.size()) +
                               " is missing or lighter than white");
    }
    image.pixels(0, i) = static_cast<float>(value) / static_cast<float>(white);
  }
  if (image.pixels.mean() > 0.5F) image.pixels.array() = 1 - image.pixels.array();
  return image;
}

}  // namespace captioning
