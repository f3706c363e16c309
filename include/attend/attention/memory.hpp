/// What queries look at: the annotations of a batch of sources and their projected keys.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include <attend/attention/window.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// One source's memory: keys (d_e x T) as its score projected them, values (d_v x T). Of a source
/// that is still heard it holds a part.
template <Scalar S>
struct MemoryView {
  ConstView<S> keys;
  ConstView<S> values;
  /// The position of the first column in its source, for windows and scores that know positions.
  Index first = 0;
  /// The positions that may be seen, of those that the window shows.
  KeyRange shown = {0, std::numeric_limits<Index>::max()};
  /// How many columns stand right behind: the next sources', likely to be read next.
  Index behind = 0;
};

/// Where one source's gradients are added; the two are one block where keys are values.
template <Scalar S>
struct MemoryGradient {
  View<S> keys;
  View<S> values;
};

/// Memories of B sources, side by side (sentence-major), so that each source is one block. A score
/// that does not project its keys reads the values themselves; nothing is copied. Or the memory of
/// one source that arrives in parts: `listen`, then `append` and `forget`.
template <Scalar S>
class Memory {
 public:
  /// Makes room for sources of the given lengths with values of size d_v and keys of size d_e
  /// (0: keys are the values). Fill `values()`, then `keys()`. Reuses its memory. Throws
  /// std::invalid_argument for what is negative.
  void resize(std::span<const Index> lengths, Index d_v, Index d_e) {
    check_argument(d_v >= 0 && d_e >= 0, "Memory::resize: values and keys are of size ", d_v,
                   " and ", d_e, ", expected 0 or more");
    for (const Index length : lengths) {
      check_argument(length >= 0, "Memory::resize: a source is ", length,
                     " long, expected 0 or more");
    }
    moves_ = false;
    first_ = 0;
    shown_ = {};
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

  /// Makes room for one source of which `capacity` columns at most are held at a time, and which
  /// has none yet.
  void listen(Index capacity, Index d_v, Index d_e) {
    // Twice the room, so that columns are moved to the front once in `capacity` appended ones.
    const Index room = 2 * capacity;
    resize(std::span(&room, 1), d_v, d_e);
    moves_ = true;
    starts_.assign(2, 0);
  }

  /// Room for n columns behind the last; their keys are to be projected from values (d_v x n).
  /// Allocates nothing. Throws std::invalid_argument for more than `listen` made room for.
  [[nodiscard]] MemoryGradient<S> append(Index n) {
    const Index room = values_.cols();
    const Index held = moves_ ? length(0) : 0;
    check_argument(moves_ && held + n <= room, "Memory::append: ", held,
                   " columns are held, there is no room for ", n, " more; forget some");
    if (starts_[1] + n > room) {
      move_to_front(values_);
      if (!keys_are_values_) move_to_front(keys_);
      starts_ = {0, length(0)};
    }
    starts_[1] += n;
    Buffer<S>& keys = keys_are_values_ ? values_ : keys_;
    return {keys.columns(starts_[1] - n, n), values_.columns(starts_[1] - n, n)};
  }

  /// Lets go of what stands before a position. Returns how many columns went.
  Index forget(Index position) {
    const Index n = std::clamp<Index>(position - first_, 0, length(0));
    starts_[0] += n;
    first_ += n;
    return n;
  }

  /// Only these positions of the source that arrives are seen from now on.
  void show(KeyRange positions) { shown_ = positions; }

  /// Whether it is a source that arrives in parts, and the position of its first column.
  [[nodiscard]] bool moves() const { return moves_; }
  [[nodiscard]] Index first() const { return first_; }
  /// How much of it has arrived, what was forgotten counted.
  [[nodiscard]] Index arrived() const { return first_ + length(0); }

  /// As after `arrived` columns, of which `held` were kept: they can be filled anew.
  [[nodiscard]] MemoryGradient<S> restore(Index arrived, Index held) {
    starts_.assign(2, 0);
    first_ = arrived - held;
    return append(held);
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
    MemoryView<S> memory{keys.columns(start(b), length(b)), values_.columns(start(b), length(b))};
    memory.behind = starts_.back() - start(b + 1);
    if (moves_) {
      memory.first = first_;
      memory.shown = shown_;
    }
    return memory;
  }
  [[nodiscard]] MemoryGradient<S> gradient(Index b) {
    Buffer<S>& keys = keys_are_values_ ? values_ : keys_;
    return {keys.columns(start(b), length(b)), values_.columns(start(b), length(b))};
  }

 private:
  [[nodiscard]] Index start(Index b) const { return starts_[static_cast<std::size_t>(b)]; }

  void move_to_front(Buffer<S>& columns) {
    std::copy(columns.column(starts_[0]), columns.column(starts_[1]), columns.column(0));
  }

  std::vector<Index> starts_ = {0};
  bool moves_ = false;
  Index first_ = 0;
  KeyRange shown_;
  bool keys_are_values_ = true;
  Buffer<S> values_;
  Buffer<S> keys_;
};

}  // namespace attend
