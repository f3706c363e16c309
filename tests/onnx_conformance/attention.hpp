/// ONNX `Attention`, opset 23 to 25, by attend's engine: every head is one call on the tensors as
/// they lie.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "case.hpp"
#include <attend/attention/any_window.hpp>
#include <attend/attention/attention.hpp>
#include <attend/score/adjusted.hpp>
#include <attend/score/dot.hpp>
#include <attend/score/soft_cap.hpp>

namespace onnx_conformance {

/// A tensor (batch x heads x steps x size), or (batch x steps x heads size) with its heads inside.
/// A head of a batch's element is a matrix (size x steps) either way.
class Heads {
 public:
  Heads(const std::vector<Index>& shape, Index heads) : flat_(shape.size() == 3), heads_(heads) {
    const bool fits = flat_ ? heads > 0 && shape[2] % heads == 0 : shape.size() == 4;
    if (!fits) throw attend::FormatError("Attention: no heads in " + attend::shape_text(shape));
    heads_ = flat_ ? heads : shape[1];
    batch_ = shape[0];
    steps_ = flat_ ? shape[1] : shape[2];
    size_ = flat_ ? shape[2] / heads : shape[3];
  }

  [[nodiscard]] bool flat() const { return flat_; }
  [[nodiscard]] Index batch() const { return batch_; }
  [[nodiscard]] Index heads() const { return heads_; }
  [[nodiscard]] Index steps() const { return steps_; }
  [[nodiscard]] Index size() const { return size_; }

  [[nodiscard]] ConstView<float> of(const Values& tensor, Index b, Index h) const {
    return {tensor.numbers.data() + offset(b, h), size_, steps_, stride()};
  }
  [[nodiscard]] View<float> of(Values& tensor, Index b, Index h) const {
    return {tensor.numbers.data() + offset(b, h), size_, steps_, stride()};
  }

 private:
  [[nodiscard]] Index offset(Index b, Index h) const {
    return flat_ ? (b * steps_ * heads_ + h) * size_ : (b * heads_ + h) * steps_ * size_;
  }
  [[nodiscard]] Index stride() const { return flat_ ? heads_ * size_ : size_; }

  bool flat_;
  Index heads_;
  Index batch_ = 0;
  Index steps_ = 0;
  Index size_ = 0;
};

/// The steps of `past`, if any, and then those of `now`, as (batch x heads x steps x size).
[[nodiscard]] inline Values joined(const Values* past, const Values& now, const Heads& heads) {
  const Index before = past == nullptr ? 0 : past->size(2);
  if (past != nullptr &&
      past->shape != std::vector<Index>{heads.batch(), heads.heads(), before, heads.size()}) {
    throw attend::FormatError("Attention: the past has shape " + attend::shape_text(past->shape));
  }
  Values all = filled({heads.batch(), heads.heads(), before + heads.steps(), heads.size()});
  const Heads joint(all.shape, 0);
  for (Index b = 0; b < heads.batch(); ++b) {
    for (Index h = 0; h < heads.heads(); ++h) {
      View<float> to = joint.of(all, b, h);
      if (past != nullptr) to.leftCols(before) = Heads(past->shape, 0).of(*past, b, h);
      to.rightCols(heads.steps()) = heads.of(now, b, h);
    }
  }
  return all;
}

/// A mask that broadcasts to (batch x heads x queries x keys), boolean (true: attend) or added. One
/// that ends before the keys do hides the rest.
class Mask {
 public:
  /// `wanted`: the first three sizes that it broadcasts to.
  Mask(const Values* mask, std::array<Index, 3> wanted, Index keys) : keys_(keys) {
    if (mask == nullptr) return;
    bool fits = mask->rank() <= 4;
    Index stride = 1;
    for (Index axis = mask->rank() - 1, to = 3; fits && axis >= 0; --axis, --to) {
      const Index size = mask->size(axis);
      const auto place = static_cast<std::size_t>(to);
      fits = size == 1 || to == 3 || size == wanted[place];
      strides_[place] = size == 1 ? 0 : stride;
      stride *= size;
    }
    if (!fits) {
      throw attend::FormatError("Attention: the mask has shape " + attend::shape_text(mask->shape));
    }
    if (mask->rank() > 0 && mask->size(mask->rank() - 1) != 1) {
      keys_ = std::min(keys, mask->size(mask->rank() - 1));
    }
    if (mask->dtype != "BOOL") {
      bias_ = mask->numbers.data();
      return;
    }
    keep_ = std::make_unique<bool[]>(mask->numbers.size());
    std::transform(mask->numbers.begin(), mask->numbers.end(), keep_.get(),
                   [](float x) { return x != 0; });
  }

  /// The keys that it knows of.
  [[nodiscard]] Index keys() const { return keys_; }

  void apply(Index b, Index h, attend::Queries<float>& queries) const {
    const Index offset = b * strides_[0] + h * strides_[1];
    if (bias_ != nullptr) queries.bias = {bias_ + offset, strides_[3], strides_[2]};
    if (keep_ != nullptr) queries.keep = {keep_.get() + offset, strides_[3], strides_[2]};
  }

 private:
  Index keys_;
  std::array<Index, 4> strides_{};
  const float* bias_ = nullptr;
  std::unique_ptr<bool[]> keep_;
};

/// One node's computation.
class AttentionOperator {
 public:
  explicit AttentionOperator(const Case& c)
      : case_(c),
        q_(c.required(0).shape, c.attribute<Index>("q_num_heads", 0)),
        k_(c.required(1).shape, c.attribute<Index>("kv_num_heads", 0)),
        v_(c.required(2).shape, c.attribute<Index>("kv_num_heads", 0)),
        past_(c.input(4) == nullptr ? 0 : c.input(4)->size(2)),
        keys_(joined(c.input(4), c.required(1), k_)),
        values_(joined(c.input(5), c.required(2), v_)),
        T_(keys_.size(2)),
        mask_(c.input(3), {q_.batch(), q_.heads(), q_.steps()}, T_),
        scale_(c.attribute("scale", 1 / std::sqrt(static_cast<float>(q_.size())))) {
    const bool fits = k_.heads() > 0 && q_.heads() % k_.heads() == 0 && q_.size() == k_.size() &&
                      k_.heads() == v_.heads() && T_ == values_.size(2) &&
                      q_.batch() == k_.batch() && k_.batch() == v_.batch();
    if (!fits) throw attend::FormatError("Attention: Q, K and V do not fit");
    c.check(6, {q_.batch()});
  }

  [[nodiscard]] Tensors run() {
    const attend::Dot<float> dot(scale_);
    const auto cap = case_.attribute("softcap", 0.0F);
    const Mode mode = static_cast<Mode>(case_.attribute("qk_matmul_output_mode", 0));
    Tensors out(4);
    out[0] = q_.flat() ? filled({q_.batch(), q_.steps(), q_.heads() * v_.size()})
                       : filled({q_.batch(), q_.heads(), q_.steps(), v_.size()});
    if (case_.asks_for(3)) {
      const bool after = mode == Mode::masked;
      out[3] = filled({q_.batch(), q_.heads(), q_.steps(), T_},
                      after ? -std::numeric_limits<float>::infinity() : 0.0F);
    }
    for (Index b = 0; b < q_.batch(); ++b) {
      for (Index h = 0; h < q_.heads(); ++h) {
        if (cap > 0) {
          run_head(attend::Adjusted(dot, attend::SoftCap<float>{cap}), b, h, mode, out);
        } else {
          run_head(dot, b, h, mode, out);
        }
        if (case_.asks_for(3) && mode == Mode::raw) energies_of_all(dot, b, h, *out[3]);
      }
    }
    out[1] = std::move(keys_);
    out[2] = std::move(values_);
    return out;
  }

 private:
  /// What the output of the energies holds: before the cap, after it, after the masks, weights.
  enum class Mode : std::uint8_t { raw, capped, masked, weights };

  template <class Score>
  void run_head(const Score& score, Index b, Index h, Mode mode, Tensors& out) {
    const Index shown = shown_keys(b);
    const attend::MemoryView<float> memory = memory_of(b, h, shown);
    attend::Queries<float> queries{q_.of(case_.required(0), b, h)};
    mask_.apply(b, h, queries);
    const attend::Attention attention(score, window(b));
    View<float> Y = Heads(out[0]->shape, q_.heads()).of(*out[0], b, h);
    if (!out[3]) {
      attention.attend(memory, queries, Y, workspace_);
      return;
    }
    View<float> E = matrix_of(*out[3], b, h, shown);
    attention.attend(memory, queries, Y, workspace_, {}, mode == Mode::weights ? &E : nullptr);
    if (mode == Mode::masked) attention.energies(memory, queries, E, workspace_);
    if (mode == Mode::capped) energies_of_all(score, b, h, *out[3]);
  }

  /// The energies of every pair, before windows and masks.
  template <class Score>
  void energies_of_all(const Score& score, Index b, Index h, Values& out) {
    const attend::Attention attention(score, attend::AnyWindow());
    attention.energies(memory_of(b, h, T_), {q_.of(case_.required(0), b, h)},
                       matrix_of(out, b, h, T_), workspace_);
  }

  /// Keys beyond these are padding, or beyond the mask.
  [[nodiscard]] Index shown_keys(Index b) const {
    const Values* valid = case_.input(6);
    const Index known = valid == nullptr ? T_ : static_cast<Index>((*valid)[b]);
    return std::clamp<Index>(known, 0, mask_.keys());
  }

  /// Causal: queries follow the past, or are the last of the keys that are not padding.
  [[nodiscard]] attend::AnyWindow window(Index b) const {
    if (case_.attribute("is_causal", 0) == 0) return {};
    const Values* valid = case_.input(6);
    if (case_.input(4) != nullptr || valid == nullptr) return attend::Causal{past_};
    return attend::Causal::bottom_right(static_cast<Index>((*valid)[b]), q_.steps());
  }

  [[nodiscard]] attend::MemoryView<float> memory_of(Index b, Index h, Index shown) const {
    const Index g = h / (q_.heads() / k_.heads());
    return {Heads(keys_.shape, 0).of(keys_, b, g).leftCols(shown),
            Heads(values_.shape, 0).of(values_, b, g).leftCols(shown)};
  }

  /// The first keys' rows of a head's (T x U) matrix.
  [[nodiscard]] View<float> matrix_of(Values& tensor, Index b, Index h, Index shown) const {
    const Index U = q_.steps();
    return {tensor.numbers.data() + (b * q_.heads() + h) * U * T_, shown, U, T_};
  }

  const Case& case_;
  Heads q_;
  Heads k_;
  Heads v_;
  Index past_;
  Values keys_;
  Values values_;
  Index T_;
  Mask mask_;
  float scale_;
  attend::AttentionWorkspace<float> workspace_;
};

[[nodiscard]] inline Tensors attention(const Case& c) { return AttentionOperator(c).run(); }

}  // namespace onnx_conformance
