/// Images, and batches of them.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Rows and columns: of an image, of a kernel that goes over it, of its strides.
struct Extent {
  Index height = 0;
  Index width = 0;

  [[nodiscard]] Index area() const { return height * width; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// `pixels` (channels x height width): a column a pixel, row by row.
template <Scalar S>
struct Image {
  Extent size;
  Matrix<S> pixels;
};

/// Images one after another in `pixels` (channels x N), each as Image has it, to be read.
template <Scalar S>
struct Images {
  std::span<const Extent> sizes;
  ConstView<S> pixels;
};

/// What TokenBatch is for tokens: images of any sizes, side by side without padding.
template <Scalar S>
class ImageBatch {
 public:
  using Item = Image<S>;

  ImageBatch() = default;

  /// From images in any container.
  template <class Container>
  explicit ImageBatch(const Container& images) {
    assign(images);
  }

  /// Reuses its memory; `image(item)` is an item's. Throws ShapeError for an image that has not a
  /// pixel for each place, and where the number of channels differs.
  template <class Container, class Get = std::identity>
  void assign(const Container& items, Get image = {}) {
    sizes_.clear();
    Index channels = 0;
    Index columns = 0;
    for (const auto& item : items) {
      const Image<S>& from = image(item);
      check_size("ImageBatch", "number of an image's pixels", from.pixels.cols(), from.size.area());
      if (channels == 0) channels = from.pixels.rows();
      if (from.size.area() > 0)
        check_size("ImageBatch", "channels of an image", from.pixels.rows(), channels);
      sizes_.push_back(from.size);
      columns += from.size.area();
    }
    View<S> X = pixels_.resize(channels, columns);
    Index first = 0;
    for (const auto& item : items) {
      const Image<S>& from = image(item);
      X.middleCols(first, from.pixels.cols()) = from.pixels;
      first += from.pixels.cols();
    }
  }

  /// Pixels of one of its images.
  static Index steps(const Item& image) { return image.size.area(); }

  [[nodiscard]] Index size() const { return std::ssize(sizes_); }
  [[nodiscard]] Images<S> view() const { return {sizes_, pixels_.view()}; }

 private:
  std::vector<Extent> sizes_;
  Buffer<S> pixels_;
};

}  // namespace attend
