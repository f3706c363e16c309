/// Writing while the source still arrives, with bounded memory.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <attend/attention/pace.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/length.hpp>
#include <attend/search/next_token.hpp>
#include <attend/search/stream_snapshot.hpp>

namespace attend::inline ATTEND_ABI {

/// `start` must be given. Without an end symbol (-1) the output ends with its source.
struct StreamOptions {
  Token start = -1;
  Token end = -1;
  /// For the frames that were needed so far: an output that runs ahead of its source ends.
  LengthLimit max_length = {};
  Index minimum_length = 0;
  std::vector<Token> forbidden = {};
  /// Frames that are encoded together: at most, or, by an encoder that reads both ways, exactly.
  Index chunk = 16;
  /// For an attention that would see all of its source.
  std::optional<MovingWindow> window = {};
};

/// A recurrent encoder and a recurrent decoder on a source that arrives in parts of any size. The
/// attention slides, follows (MovingWindow) or reads (hard monotonic); what lies behind it is
/// forgotten, so a stream takes the same memory however long it runs, and allocates nothing once
/// warm. The output, the likeliest token of every step, does not depend on how the source arrives:
/// it is the offline one to the bit with an encoder of one direction, and with another that of the
/// encoder run chunk by chunk. One object a source; keeps references to encoder and decoder.
template <class Layer, Decoder D>
class Stream {
 public:
  using S = typename D::Scalar;

  /// Throws std::invalid_argument for options out of range, an attention that needs all of its
  /// source, and a decoder that begins with the encoder's final states.
  Stream(const Stacked<Layer>& encoder, const D& decoder, StreamOptions options)
      : encoder_(encoder),
        decoder_(decoder),
        options_(std::move(options)),
        pace_(pace_of_decoder(decoder, options_.window)) {
    check_options();
    decoder_.listen(capacity(), memory_);
    const Index source = 0;
    decoder_.begin(memory_, std::span(&source, 1), state_);
    encoder_states_.setZero(encoder_.state_rows(), 1);
    pending_.resize(encoder_.input_size(), options_.chunk);
    last_ = options_.start;
  }

  /// Frames X (d_x x n) of the source. What comes when the output is done is not looked at. Throws
  /// ShapeError, and std::invalid_argument after finish.
  void push(ConstView<S> X) {
    check_argument(!finished_, "Stream::push: the source is finished; begin another stream");
    check_shape("Stream::push", "X", X, encoder_.input_size(), X.cols());
    for (Index t = 0; t < X.cols() && !done_;) {
      const Index n = std::min(X.cols() - t, options_.chunk - pending_frames_);
      pending_.columns(pending_frames_, n) = X.middleCols(t, n);
      pending_frames_ += n;
      t += n;
      if (encoder_.causal() || pending_frames_ == options_.chunk) take_pending();
    }
  }

  /// No frame follows.
  void finish() {
    check_argument(!finished_, "Stream::finish: the source is finished already");
    finished_ = true;
    if (!done_) take_pending();
  }

  /// The tokens that are known by now and were not given before; they stay until the next call.
  [[nodiscard]] std::span<const TimedToken> poll() {
    given_.clear();
    std::swap(given_, known_);
    return given_;
  }

  /// Whether the output has come to its end.
  [[nodiscard]] bool done() const { return done_; }
  /// Frames that were needed for the output so far.
  [[nodiscard]] Index heard() const { return pace_.heard(); }
  /// Annotations of the source that are held at most.
  [[nodiscard]] Index capacity() const {
    return pace_.width() + past_reach(decoder_.attention->score) + options_.chunk;
  }
  /// Those that are held now, and the last step's weights of them.
  [[nodiscard]] Index held() const { return memory_.length(0); }
  [[nodiscard]] std::span<const S> weights() const { return state_.weights(0); }

  [[nodiscard]] const Stacked<Layer>& encoder() const { return encoder_; }
  [[nodiscard]] const D& decoder() const { return decoder_; }
  /// What a state belongs to, beside the weights: chunk and pace.
  [[nodiscard]] std::string description() const {
    const char* kinds[] = {"sliding", "following", "reading"};
    const auto& [left, right] = pace_.window();
    return detail::message("chunks of ", options_.chunk, ", ",
                           kinds[static_cast<std::size_t>(pace_.kind())], " ", left, " ", right,
                           ", start ", options_.start, ", end ", options_.end);
  }

  /// All that changes, as a value of the same size however long the stream has run (but for tokens
  /// that nobody has polled), and back. Throws ShapeError for one of another stream.
  [[nodiscard]] StreamSnapshot<S> snapshot() const {
    StreamSnapshot<S> s = empty_snapshot();
    s.encoder = encoder_states_;
    s.pending.leftCols(pending_frames_) = pending_.view().leftCols(pending_frames_);
    const MemoryView<S> memory = memory_.attention[0];
    s.values.leftCols(held()) = memory.values;
    if (s.keys.size() > 0) s.keys.leftCols(held()) = memory.keys;
    for (std::size_t l = 0; l < s.layers.size(); ++l) s.layers[l] = state_.layers[l].view();
    s.feed = state_.feed.view();
    if (state_.steps > 0) s.weights.topRows(held()) = state_.alignments.view();
    if (state_.steps > 0 && state_.keeps_history) {
      s.accumulated.topRows(held()) = state_.accumulated.view();
    }
    s.counts = {.pending = pending_frames_,
                .held = held(),
                .arrived = memory_.attention.arrived(),
                .steps = state_.steps,
                .next = pace_.place().next,
                .heard = pace_.place().heard,
                .last = last_,
                .finished = finished_,
                .done = done_};
    s.known = known_;
    return s;
  }
  void restore(const StreamSnapshot<S>& s) {
    detail::check_same_shapes(s, empty_snapshot());
    const StreamCounts& counts = s.counts;
    check_counts(counts);
    encoder_states_ = s.encoder;
    pending_frames_ = counts.pending;
    pending_.columns(0, pending_frames_) = s.pending.leftCols(pending_frames_);
    const MemoryGradient<S> memory = memory_.attention.restore(counts.arrived, counts.held);
    View<S>(memory.values) = s.values.leftCols(counts.held);
    if (s.keys.size() > 0) View<S>(memory.keys) = s.keys.leftCols(counts.held);
    for (std::size_t l = 0; l < s.layers.size(); ++l) state_.layers[l].view() = s.layers[l];
    state_.feed.view() = s.feed;
    state_.begin_weights(state_.keeps_history);
    state_.lengths.assign(1, counts.held);
    if (counts.steps > 0) {
      state_.alignments.resize(counts.held, 1) = s.weights.topRows(counts.held);
      if (state_.keeps_history) {
        state_.accumulated.resize(counts.held, 1) = s.accumulated.topRows(counts.held);
      }
    }
    state_.steps = counts.steps;
    pace_.place() = {counts.next, counts.heard};
    last_ = counts.last;
    finished_ = counts.finished;
    done_ = counts.done;
    known_ = s.known;
  }

 private:
  static AttentionPace pace_of_decoder(const D& decoder,
                                       const std::optional<MovingWindow>& window) {
    check_argument(decoder.attends(),
                   "Stream: the decoder has no attention, by which a source "
                   "that still arrives is known");
    return pace_of(*decoder.attention, window);
  }

  void check_options() const {
    check_argument(options_.chunk >= 1, "Stream: chunk is ", options_.chunk,
                   ", expected 1 or more");
    const bool ends = options_.end != -1;
    StreamOptions known = options_;
    if (!ends) known.end = known.start;
    static_cast<void>(detail::constraints(known, decoder_.vocabulary_size()));
    check_argument(
        ends || (pace_.kind() != AttentionPace::Kind::following && options_.minimum_length == 0),
        "Stream: a moving window and a minimum length need an end symbol");
  }

  [[nodiscard]] detail::Constraints constraints() const {
    return {options_.start, options_.end, options_.forbidden, options_.max_length,
            options_.minimum_length};
  }

  /// Encodes what is pending, and writes what can be written with it.
  void take_pending() {
    if (pending_frames_ > 0) {
      layout_.assign(std::span(&pending_frames_, 1));
      View<S> H = annotations_.resize(encoder_.output_size(), pending_frames_);
      encoder_.begin_chunk(encoder_states_);
      encoder_.forward(layout_, pending_.columns(0, pending_frames_), H, nullptr, trace_,
                       {&encoder_states_, &encoder_states_, Keep::nothing});
      decoder_.remember_more(H, memory_);
      pending_frames_ = 0;
      forget();
    }
    const Index arrived = memory_.attention.arrived();
    while (!done_ && (finished_ || pace_.needs() <= arrived)) {
      if (!write()) break;
      forget();
    }
  }

  /// Forgets what no later step can see, nor read the past of.
  void forget() {
    const Index oldest = pace_.shown().begin - past_reach(decoder_.attention->score);
    const Index forgotten = memory_.attention.forget(oldest);
    state_.follow(forgotten, held());
  }

  /// One step. Returns false where it has to wait for more of the source, and then has not been.
  bool write() {
    const Index arrived = memory_.attention.arrived();
    const bool ended = options_.end == -1 && finished_ && pace_.behind(arrived);
    if (ended || state_.steps >= options_.max_length(pace_.heard())) {
      done_ = true;
      return true;
    }
    const bool may_wait = pace_.kind() == AttentionPace::Kind::reading && !finished_;
    const AttentionPace before = pace_;
    if (may_wait) state_.mark();
    memory_.attention.show(pace_.shown());
    decoder_.step(memory_, std::span<const Token>(&last_, 1), state_);
    if (!pace_.move(state_.weights(0), memory_.attention.first(), arrived) && may_wait) {
      state_.take_back();
      pace_.place().heard = before.heard();
      forget();
      return false;
    }
    last_ = detail::next_token(decoder_, state_, constraints(), state_.steps, true, logits_);
    done_ = last_ == options_.end;
    if (!done_) known_.push_back({last_, pace_.heard()});
    return true;
  }

  /// With the shapes that this stream's have.
  [[nodiscard]] StreamSnapshot<S> empty_snapshot() const {
    StreamSnapshot<S> s;
    const MemoryView<S> memory = memory_.attention[0];
    s.encoder.setZero(encoder_.state_rows(), 1);
    s.pending.setZero(encoder_.input_size(), options_.chunk);
    s.values.setZero(memory.values.rows(), capacity());
    s.keys.setZero(memory_.attention.keys_are_values() ? 0 : memory.keys.rows(), capacity());
    for (const Buffer<S>& layer : state_.layers) {
      s.layers.push_back(Matrix<S>::Zero(layer.rows(), 1));
    }
    s.feed.setZero(state_.feed.rows(), 1);
    s.weights.setZero(capacity(), 1);
    s.accumulated.setZero(state_.keeps_history ? capacity() : 0, 1);
    return s;
  }

  void check_counts(const StreamCounts& counts) const {
    constexpr Index far = std::numeric_limits<Index>::max() / 4;
    const auto within = [](Index i, Index least, Index most) { return i >= least && i <= most; };
    const Index end =
        pace_.kind() == AttentionPace::Kind::reading ? pace_.place().next.end : counts.next.end;
    const bool fits =
        within(counts.pending, 0, options_.chunk) && within(counts.held, 0, capacity()) &&
        within(counts.arrived, counts.held, far) && within(counts.steps, 0, far) &&
        within(counts.next.begin, -far, std::min(end, far)) && counts.next.end == end &&
        (pace_.kind() == AttentionPace::Kind::reading || within(end, -far, far)) &&
        within(counts.heard, 0, counts.arrived) &&
        within(counts.last, 0, decoder_.vocabulary_size() - 1);
    check_argument(fits,
                   "Stream::restore: the counts are not those of this stream: ", counts.pending,
                   " frames pending of ", options_.chunk, ", ", counts.held,
                   " annotations held of ", capacity(), ", ", counts.arrived,
                   " arrived, last token ", counts.last, " of ", decoder_.vocabulary_size());
  }

  const Stacked<Layer>& encoder_;
  const D& decoder_;
  StreamOptions options_;
  AttentionPace pace_;

  Matrix<S> encoder_states_;
  Buffer<S> pending_;
  Index pending_frames_ = 0;
  typename D::Memory memory_;
  typename D::State state_;
  Token last_ = 0;
  bool finished_ = false;
  bool done_ = false;
  std::vector<TimedToken> known_;
  std::vector<TimedToken> given_;

  Ragged layout_;
  typename Stacked<Layer>::Trace trace_;
  Buffer<S> annotations_;
  Buffer<S> logits_;
};

}  // namespace attend
