/// Where the patches of images lie that a convolution reads.
#pragma once

#include <algorithm>
#include <span>

#include <attend/core/error.hpp>
#include <attend/core/image_batch.hpp>

namespace attend::inline ATTEND_ABI {

/// Patches of `kernel` pixels, `stride` apart, over an image with `padding` rows and columns of
/// zeros on each side. Over time an image is one row: `.kernel = {1, 3}`.
struct PatchConfig {
  Extent kernel = {3, 3};
  Extent stride = {1, 1};
  Extent padding = {0, 0};

  /// The patches of an image: (size + 2 padding - kernel) / stride + 1, rounded down, each way.
  [[nodiscard]] Extent grid(const Extent& image) const {
    const auto places = [](Index size, Index patch, Index step, Index zeros) {
      const Index room = size + 2 * zeros - patch;
      return size == 0 || room < 0 ? Index{0} : room / step + 1;
    };
    return {places(image.height, kernel.height, stride.height, padding.height),
            places(image.width, kernel.width, stride.width, padding.width)};
  }

  /// Throws std::invalid_argument for sizes below 1 and patches of nothing but padding.
  void check() const {
    const auto positive = [](const Extent& e) { return e.height >= 1 && e.width >= 1; };
    check_argument(positive(kernel) && positive(stride), "PatchConfig: the kernel is (",
                   kernel.height, " x ", kernel.width, "), the stride (", stride.height, " x ",
                   stride.width, "), expected 1 or more");
    check_argument(padding.height >= 0 && padding.height < kernel.height && padding.width >= 0 &&
                       padding.width < kernel.width,
                   "PatchConfig: the padding is (", padding.height, " x ", padding.width,
                   "), expected 0 or more and less than the kernel (", kernel.height, " x ",
                   kernel.width, ")");
  }
};

/// Goes through the patches of images: one image after another, row by row.
class Patches {
 public:
  Patches(const PatchConfig& config, std::span<const Extent> sizes)
      : config_(config), sizes_(sizes) {
    enter_image();
  }

  /// Calls f(offset, pixel, count) for each row of the patch that lies inside the image, at least
  /// in part: the `count` pixels from column `pixel` of the images on stand at pixel `offset` of
  /// the patch.
  template <class F>
  void for_each_run(F&& f) const {
    const Extent& kernel = config_.kernel;
    const Extent& image = sizes_[image_];
    const Index top = row_ * config_.stride.height - config_.padding.height;
    const Index left = column_ * config_.stride.width - config_.padding.width;
    const Index begin = std::max<Index>(-left, 0);
    const Index end = std::min(image.width - left, kernel.width);
    const Index last_row = std::min(image.height - top, kernel.height);
    for (Index y = std::max<Index>(-top, 0); y < last_row; ++y) {
      f(y * kernel.width + begin, first_pixel_ + (top + y) * image.width + left + begin,
        end - begin);
    }
  }

  /// Goes to the next patch.
  void advance() {
    if (++column_ < grid_.width) return;
    column_ = 0;
    if (++row_ < grid_.height) return;
    row_ = 0;
    leave_image();
    enter_image();
  }

 private:
  /// Passes over images without a patch.
  void enter_image() {
    for (; image_ < sizes_.size(); leave_image()) {
      grid_ = config_.grid(sizes_[image_]);
      if (grid_.area() > 0) return;
    }
  }
  void leave_image() { first_pixel_ += sizes_[image_++].area(); }

  PatchConfig config_;
  std::span<const Extent> sizes_;
  std::size_t image_ = 0;
  Extent grid_;
  Index first_pixel_ = 0;
  Index row_ = 0;
  Index column_ = 0;
};

}  // namespace attend
