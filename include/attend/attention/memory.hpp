/// What queries look at: the annotations of a batch of sources and their projected keys.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// One source's memory: keys (d_e x T) as its score projected them, values (d_v x T).
template <Scalar S>
struct MemoryView {
  ConstView<S> keys;
  ConstView<S> values;
};

/// Where one source's gradients are added; the two are one block where keys are values.
template <Scalar S>
struct MemoryGradient {
  View<S> keys;
  View<S> values;
};

/// Memories of B sources, side by side (sentence-major), so that each source is one block. A score
/// that does not project its keys reads the values themselves; nothing is copied.
template <Scalar S>
class Memory {
 public:
  /// Makes room for sources of the given lengths with values of size d_v and keys of size d_e
  /// (0: keys are the values). Fill `values()`, then `keys()`. Reuses its memory.
  void resize(std::span<const Index> lengths, Index d_v, Index d_e) {
    starts_.assign(1, 0);
    for (const Index length : lengths) starts_.push_back(starts_.back() + length);
    values_.resize(d_v, starts_.back());
    keys_are_values_ = d_e == 0;
    if (!keys_are_values_) keys_.resize(d_e, starts_.back());
  }

  /// Makes it of the shape of `other`, and zero: its gradient.
  void zero_like(const Memory& other) {
    starts_ = other.starts_;
    keys_are_values_ = other.keys_are_values_;
    values_.zero(other.values_.rows(), other.values_.cols());
    if (!keys_are_values_) keys_.zero(other.keys_.rows(), other.keys_.cols());
  }

  /// B, the number of sources, and T of one.
  [[nodiscard]] Index size() const { return static_cast<Index>(starts_.size()) - 1; }
  [[nodiscard]] Index length(Index b) const { return start(b + 1) - start(b); }
  [[nodiscard]] Index longest() const {
    Index T = 0;
    for (Index b = 0; b < size(); ++b) T = std::max(T, length(b));
    return T;
  }
  [[nodiscard]] bool keys_are_values() const { return keys_are_values_; }

  /// All sources' values (d_v x N) and keys (d_e x N).
  [[nodiscard]] View<S> values() { return values_.view(); }
  [[nodiscard]] ConstView<S> values() const { return values_.view(); }
  [[nodiscard]] View<S> keys() { return keys_are_values_ ? values_.view() : keys_.view(); }
  [[nodiscard]] ConstView<S> keys() const {
    return keys_are_values_ ? values_.view() : keys_.view();
  }

  /// One source's memory, and the same block of a gradient.
  [[nodiscard]] MemoryView<S> operator[](Index b) const {
    const Buffer<S>& keys = keys_are_values_ ? values_ : keys_;
    return {keys.columns(start(b), length(b)), values_.columns(start(b), length(b))};
  }
  [[nodiscard]] MemoryGradient<S> gradient(Index b) {
    Buffer<S>& keys = keys_are_values_ ? values_ : keys_;
    return {keys.columns(start(b), length(b)), values_.columns(start(b), length(b))};
  }

 private:
  [[nodiscard]] Index start(Index b) const { return starts_[static_cast<std::size_t>(b)]; }

  std::vector<Index> starts_ = {0};
  bool keys_are_values_ = true;
  Buffer<S> values_;
  Buffer<S> keys_;
};

}  // namespace attend
