/// A layer of the transformer's decoder.
#pragma once

#include <attend/attention/cross_attention.hpp>
#include <attend/attention/self_attention.hpp>
#include <attend/encoder/transformer_config.hpp>
#include <attend/layer/feed_forward.hpp>
#include <attend/layer/residual.hpp>

namespace attend::inline ATTEND_ABI {

template <Scalar S>
struct TransformerDecoderLayerTrace {
  Buffer<S> input;
  Buffer<S> after_self;
  Buffer<S> after_cross;
  MultiHeadTrace<S> self;
  MultiHeadTrace<S> cross;
  FeedForwardTrace<S> feed_forward;
  ResidualTrace<S> around_self;
  ResidualTrace<S> around_cross;
  ResidualTrace<S> around_feed_forward;

  /// From the layer whose way back came before.
  void take_scratch(TransformerDecoderLayerTrace& other) {
    around_feed_forward.take_scratch(other.around_self);
    feed_forward.take_scratch(other.feed_forward);
    cross.take_scratch(other.self);
  }
};

/// Causal self-attention, cross-attention, a feed-forward network, each inside a residual
/// connection (Vaswani et al. 2017, arXiv 1706.03762, section 3.1). How the two attentions are
/// asked, for all steps of a batch or for one with a cache, is passed to the one `forward`.
template <Scalar S>
class TransformerDecoderLayer {
 public:
  using Trace = TransformerDecoderLayerTrace<S>;

  SelfAttention<S, AnyWindow> self;
  Residual<S> around_self;
  CrossAttention<S> cross;
  Residual<S> around_cross;
  FeedForward<S> feed_forward;
  Residual<S> around_feed_forward;

  TransformerDecoderLayer() = default;
  TransformerDecoderLayer(const TransformerConfig& config, Index annotation, Random& random)
      : self(config.self_config(), random, config.decoder_window()),
        around_self(config.residual_config()),
        cross({config.size, annotation, config.head_sizes(), config.attention_dropout}, random),
        around_cross(config.residual_config()),
        feed_forward(config.feed_forward_config(), random),
        around_feed_forward(config.residual_config()) {}

  static void parameters(auto&& f, auto&... m) {
    f("self", m.self...);
    f("self", m.around_self...);
    f("cross", m.cross...);
    f("cross", m.around_cross...);
    f("feed_forward", m.feed_forward...);
    f("feed_forward", m.around_feed_forward...);
  }

  /// Reads trace.input (d x N); overwrites Y (d x N). `ask_self(in, out)` and `ask_cross(in, out)`
  /// overwrite out (d x N).
  template <class AskSelf, class AskCross>
  void forward(View<S> Y, Random* random, Trace& trace, AskSelf&& ask_self,
               AskCross&& ask_cross) const {
    const ConstView<S> X = trace.input.view();
    View<S> after_self = trace.after_self.resize(X.rows(), X.cols());
    around_self.forward(X, after_self, random, trace.around_self, ask_self);
    View<S> after_cross = trace.after_cross.resize(X.rows(), X.cols());
    around_cross.forward(after_self, after_cross, random, trace.around_cross, ask_cross);
    around_feed_forward.forward(
        after_cross, Y, random, trace.around_feed_forward,
        [&](ConstView<S> in, View<S> out) { feed_forward.forward(in, out, trace.feed_forward); });
  }

  /// The way back, last sub-layer first: D holds dY and becomes dX (d x N). `self_backward` and
  /// `cross_backward(in, d_out, d_in)` add to d_in and to their gradients.
  template <class SelfBackward, class CrossBackward>
  void backward(const TransformerDecoderLayer& transposed, View<S> D, Trace& trace,
                TransformerDecoderLayer& gradient, SelfBackward&& self_backward,
                CrossBackward&& cross_backward) const {
    around_feed_forward.backward(trace.after_cross.view(), D, trace.around_feed_forward,
                                 gradient.around_feed_forward,
                                 [&](ConstView<S> in, View<S> d_out, View<S> d_in) {
                                   feed_forward.backward(transposed.feed_forward, in, d_out, d_in,
                                                         trace.feed_forward, gradient.feed_forward);
                                 });
    trace.around_cross.take_scratch(trace.around_feed_forward);
    around_cross.backward(trace.after_self.view(), D, trace.around_cross, gradient.around_cross,
                          cross_backward);
    trace.around_self.take_scratch(trace.around_cross);
    trace.self.take_scratch(trace.cross);
    around_self.backward(trace.input.view(), D, trace.around_self, gradient.around_self,
                         self_backward);
  }
};

}  // namespace attend
