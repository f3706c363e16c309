/// Sizes and choices that a transformer's encoder and decoder share.
#pragma once

#include <attend/attention/any_window.hpp>
#include <attend/attention/multi_head.hpp>
#include <attend/attention/self_attention.hpp>
#include <attend/core/error.hpp>
#include <attend/layer/feed_forward.hpp>
#include <attend/layer/positions.hpp>
#include <attend/layer/residual.hpp>

namespace attend::inline ATTEND_ABI {

struct TransformerConfig {
  /// d, of embeddings and of every layer's output.
  Index size = 0;
  Index layers = 1;
  Index heads = 1;
  /// Heads of keys and values; 0: as many as heads.
  Index key_heads = 0;
  /// d_k and d_v of a head; 0: size / heads.
  Index key = 0;
  Index value = 0;
  Index feed_forward = 0;
  Activation activation = Activation::relu;
  bool gated = false;
  NormPlacement placement = NormPlacement::before;
  NormKind norm = NormKind::layer;
  double epsilon = 1e-5;
  /// What tells tokens where they stand; some kinds add nothing to embeddings.
  PositionKind positions = PositionKind::sinusoidal;
  /// The distance from which on `relative` positions are all the same.
  Index relative_clip = 16;
  /// Of energies in self-attention; 0: none.
  double soft_cap = 0;
  /// Self-attention sees so many steps on either side (the decoder's: behind); 0: all.
  Index reach = 0;
  /// Positions of a learned table.
  Index longest = 0;
  /// On inputs and on every sub-layer's output.
  double dropout = 0;
  /// On the weights of attentions.
  double attention_dropout = 0;

  [[nodiscard]] Heads head_sizes() const {
    return {.heads = heads,
            .key_heads = key_heads > 0 ? key_heads : heads,
            .key = key > 0 ? key : size / heads,
            .value = value > 0 ? value : size / heads};
  }
  [[nodiscard]] RotaryConfig rotary_config() const {
    return {.size = positions == PositionKind::rotary ? head_sizes().key : 0};
  }
  [[nodiscard]] AdjustmentConfig adjustment_config() const {
    return {.soft_cap = soft_cap,
            .relative_clip = positions == PositionKind::relative ? relative_clip : 0,
            .linear_bias = positions == PositionKind::linear_bias};
  }
  [[nodiscard]] SelfAttentionConfig self_config() const {
    return {size, head_sizes(), attention_dropout, rotary_config(), adjustment_config()};
  }
  [[nodiscard]] AnyWindow encoder_window() const {
    if (reach > 0) return Sliding::local_monotonic(reach);
    return Full{};
  }
  [[nodiscard]] AnyWindow decoder_window() const {
    if (reach > 0) return Sliding::causal(reach + 1);
    return Causal{};
  }
  [[nodiscard]] LayerNormConfig norm_config() const {
    return {.size = size, .epsilon = epsilon, .kind = norm};
  }
  [[nodiscard]] ResidualConfig residual_config() const {
    return {.norm = norm_config(), .placement = placement, .dropout = dropout};
  }
  [[nodiscard]] FeedForwardConfig feed_forward_config() const {
    return {.size = size, .hidden = feed_forward, .activation = activation, .gated = gated};
  }
  [[nodiscard]] PositionsConfig positions_config() const {
    return {.size = size, .kind = positions, .longest = longest};
  }
};

/// Throws std::invalid_argument for a configuration that cannot be.
inline const TransformerConfig& checked(const TransformerConfig& config) {
  check_argument(config.size >= 1 && config.layers >= 1 && config.feed_forward >= 1,
                 "transformer: size, layers and feed_forward are ", config.size, ", ",
                 config.layers, ", ", config.feed_forward, ", expected 1 or more");
  check_argument(config.heads >= 1, "transformer: heads is ", config.heads, ", expected 1 or more");
  check_argument(config.positions != PositionKind::relative || config.relative_clip >= 1,
                 "transformer: relative_clip is ", config.relative_clip, ", expected 1 or more");
  check_argument(config.reach >= 0, "transformer: reach is ", config.reach, ", expected 0 or more");
  const bool given = config.key > 0 && config.value > 0;
  check_argument(given || config.size % config.heads == 0, "transformer: a size of ", config.size,
                 " cannot be dealt evenly to ", config.heads,
                 " heads; choose a number that divides it, or give key and value");
  return config;
}

}  // namespace attend
