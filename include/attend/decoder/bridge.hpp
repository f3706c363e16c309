/// From the encoder's final states to those a decoder begins with.
#pragma once

#include <optional>

#include <attend/core/error.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/layer/projection.hpp>

namespace attend::inline ATTEND_ABI {

enum class InitialState {
  tanh,    ///< s_0 = tanh(W_b h + b) (Bahdanau et al. 2015, appendix A.2.2)
  relu,    ///< s_0 = max(W_b h + b, 0)
  linear,  ///< s_0 = W_b h + b
  copied,  ///< s_0 = h: the encoder's final states as they are (Sutskever et al. 2014)
  zero     ///< s_0 = 0
};

struct BridgeConfig {
  Index encoder_states = 0;
  Index decoder_states = 0;
  InitialState kind = InitialState::tanh;
};

/// s_0 from h, the final states of all layers and directions of the encoder. W (decoder_states x
/// encoder_states) and b are empty where the state is copied or zero.
template <Scalar S>
class Bridge {
 public:
  PanelMatrix<S> W;
  Vector<S> b;

  Bridge() = default;
  /// Throws ShapeError for states that are copied and do not have the decoder's size.
  Bridge(BridgeConfig config, Random& random) : config_(config) {
    if (projects()) {
      W.resize(config.decoder_states, config.encoder_states);
      initialize_glorot(W, random);
      b.setZero(config.decoder_states);
    } else if (config.kind == InitialState::copied) {
      check_size("Bridge", "number of the encoder's state rows, to be copied,",
                 config.encoder_states, config.decoder_states);
    }
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("b", m.b...);
  }

  [[nodiscard]] const BridgeConfig& config() const { return config_; }

  /// H (encoder_states x B); overwrites S_0 (decoder_states x B), which the way back needs.
  void forward(ConstView<S> H, View<S> S_0) const {
    if (config_.kind == InitialState::copied) {
      S_0 = H;
    } else if (projects()) {
      multiply(W, H, b, S_0);
      detail::project_through<S>(activation(), S_0);
    } else {
      S_0.setZero();
    }
  }

  /// s_0 = f(W_b h + b):  dh += W_b' da, dW_b += da h', db += da with da = ds_0 o f'. dS_0 is used
  /// up.
  void backward(const Bridge& transposed, ConstView<S> H, ConstView<S> S_0, View<S> dS_0,
                View<S> dH, Bridge& gradient) const {
    if (config_.kind == InitialState::copied) dH += dS_0;
    if (!projects()) return;
    detail::project_backward_through<S>(activation(), S_0, dS_0);
    multiply_add(transposed.W, dS_0, dH);
    add_outer<S>(dS_0, H, gradient.W);
    add_columns(dS_0, gradient.b);
  }

 private:
  [[nodiscard]] bool projects() const {
    return config_.kind != InitialState::copied && config_.kind != InitialState::zero;
  }
  [[nodiscard]] ProjectionActivation activation() const {
    if (config_.kind == InitialState::tanh) return ProjectionActivation::tanh;
    return config_.kind == InitialState::relu ? ProjectionActivation::relu
                                              : ProjectionActivation::linear;
  }

  BridgeConfig config_;
};

}  // namespace attend
