/// Keys and values of the steps that hypotheses have made.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>

namespace attend::inline ATTEND_ABI {

/// For n hypotheses and every layer a block (rows x steps), its columns side by side, so that a
/// step attends to it as it lies. A hypothesis owns a *slot*; `select` moves slots about and copies
/// only where one hypothesis becomes several. Memory is kept and grows by doubling.
template <Scalar S>
class KeyValueCache {
 public:
  /// n hypotheses without steps, in layers of `rows` rows.
  void begin(Index n, Index layers, Index rows) {
    if (rows != rows_ || layers != std::ssize(layers_)) {
      layers_.resize(static_cast<std::size_t>(layers));
      for (Buffer<S>& layer : layers_) layer.resize(0, 0);
      rows_ = rows;
      capacity_ = places_ = 0;
    }
    steps_ = 0;
    reserve(n, std::max(capacity_, Index{8}));
    slots_.resize(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) slots_[at(i)] = i;
  }

  /// n, and the steps that are whole.
  [[nodiscard]] Index size() const { return std::ssize(slots_); }
  [[nodiscard]] Index steps() const { return steps_; }

  /// The new step's keys and values of one layer, KV (rows x n).
  void append(Index layer, ConstView<S> KV) {
    check_argument(layer >= 0 && layer < std::ssize(layers_), "KeyValueCache::append: layer ",
                   layer, " is not among the ", layers_.size(), " that the cache began with");
    check_shape("KeyValueCache::append", "keys and values", KV, rows_, size());
    if (steps_ == capacity_) reserve(places_, 2 * capacity_);
    for (Index i = 0; i < size(); ++i) {
      S* to = layers_[at(layer)].column(slots_[at(i)]) + steps_ * rows_;
      std::copy_n(KV.col(i).data(), rows_, to);
    }
  }

  /// The steps of hypothesis i with the one being made (rows x steps + 1).
  [[nodiscard]] ConstView<S> appended(Index layer, Index i) const {
    return {layers_[at(layer)].column(slots_[at(i)]), rows_, steps_ + 1, rows_};
  }

  /// All layers have appended.
  void finish_step() { ++steps_; }

  /// New hypothesis i is a copy of old `columns[i]`.
  void select(std::span<const Index> columns) {
    for (const Index c : columns) {
      check_argument(c >= 0 && c < size(), "KeyValueCache::select: column ", c,
                     " is not among the ", size(), " hypotheses");
    }
    reserve(std::max(places_, std::ssize(columns)), capacity_);
    taken_.assign(static_cast<std::size_t>(places_), false);
    next_.assign(columns.size(), none);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Index slot = slots_[at(columns[i])];
      if (!taken_[at(slot)]) next_[i] = slot;
      taken_[at(slot)] = true;
    }
    Index free = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (next_[i] != none) continue;
      while (taken_[at(free)]) ++free;
      copy(slots_[at(columns[i])], free);
      taken_[at(free)] = true;
      next_[i] = free;
    }
    std::swap(slots_, next_);
  }

 private:
  static constexpr Index none = -1;
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  void copy(Index from, Index to) {
    for (Buffer<S>& layer : layers_) {
      std::copy_n(layer.column(from), steps_ * rows_, layer.column(to));
    }
  }

  /// Room for so many slots and steps; keeps what is there.
  void reserve(Index places, Index capacity) {
    if (places <= places_ && capacity <= capacity_) return;
    const Index more = std::max(places, places_);
    for (Buffer<S>& layer : layers_) {
      scratch_.resize(rows_ * capacity, more);
      for (Index s = 0; s < places_; ++s) {
        std::copy_n(layer.column(s), steps_ * rows_, scratch_.column(s));
      }
      std::swap(layer, scratch_);
    }
    places_ = more;
    capacity_ = capacity;
  }

  Index rows_ = 0;
  Index steps_ = 0;
  Index places_ = 0;
  Index capacity_ = 0;
  std::vector<Buffer<S>> layers_;
  Buffer<S> scratch_;
  std::vector<Index> slots_;
  std::vector<Index> next_;
  std::vector<bool> taken_;
};

}  // namespace attend
