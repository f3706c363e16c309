/// The loop of beam search: all live hypotheses of all sentences are columns of one state.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/length.hpp>
#include <attend/search/log_normaliser.hpp>
#include <attend/search/path.hpp>
#include <attend/search/top_candidates.hpp>
#include <attend/search/trace.hpp>

namespace attend::inline ATTEND_ABI::detail {

struct BeamRules {
  Index beam;
  Index n_best;
  LengthPenalty length_penalty;
  double coverage_penalty;
  bool early_stop;
  Constraints constraints;
};

/// A hypothesis that can grow no more.
struct Ended {
  double score;
  double log_probability;
  Index node;
  bool finished;
};

/// The live hypotheses of one sentence are neighbours in the state, best first.
struct SentenceBeam {
  Index sentence;
  Index live;
  Index limit;
  std::vector<Ended> ended;
};

template <Decoder D>
class BeamSearch {
 public:
  using S = typename D::Scalar;
  using Memory = typename D::Memory;

  BeamSearch(const D& decoder, const Memory& memory, const BeamRules& rules)
      : decoder_(decoder),
        memory_(memory),
        rules_(rules),
        results_(static_cast<std::size_t>(memory.size())) {}

  [[nodiscard]] std::vector<std::vector<Hypothesis<S>>> run() {
    begin();
    for (Index step = 1; !running_.empty(); ++step) advance(step);
    return std::move(results_);
  }

 private:
  void begin() {
    const Index sentences = memory_.size();
    if (sentences == 0) return;
    const std::vector<Index> columns = each_sentence(sentences, 1);
    decoder_.begin(memory_, std::span<const Index>(columns), state_);
    logits_.resize(vocabulary_size(decoder_, memory_), sentences * rules_.beam);
    for (const Index b : columns)
      running_.push_back({b, 1, rules_.constraints.max_length(memory_.length(b)), {}});
    paths_.assign(columns.size(), Path{Trace<S>::root});
    tokens_.assign(columns.size(), rules_.constraints.start);
  }

  void advance(Index step) {
    decoder_.step(memory_, std::span<const Token>(tokens_), state_);
    decoder_.logits(state_, View<S>(logits_.leftCols(static_cast<Index>(tokens_.size()))));
    parents_.clear();
    tokens_.clear();
    next_paths_.clear();
    Index first = 0;
    for (SentenceBeam& beam : running_) {
      const Index columns = beam.live;
      expand(beam, first, step);
      if (is_done(beam)) close(beam);
      first += columns;
    }
    std::erase_if(running_, [](const SentenceBeam& beam) { return beam.live == 0; });
    paths_.swap(next_paths_);
    if (!running_.empty()) state_.select(std::span<const Index>(parents_));
  }

  /// Replaces a sentence's live hypotheses, columns first and on, by their best continuations.
  void expand(SentenceBeam& beam, Index first, Index step) {
    best_.reset(rules_.beam - static_cast<Index>(beam.ended.size()));
    kept_.clear();
    for (Index rank = 0; rank < beam.live; ++rank) {
      S* logits = logits_.col(first + rank).data();
      const LogitColumn<S> x(logits, logits_.rows());
      const double normaliser = log_normaliser<S>(x, step, beam.sentence);
      rules_.constraints.forbid(logits, step);
      best_.offer(x, normaliser, rank, path(first + rank).log_probability);
      kept_.push_back(trace_.keep(attention(first + rank)));
    }
    const std::span<const Candidate> candidates = best_.sorted();
    if (candidates.empty() && beam.ended.empty()) throw_nothing_permitted(step, beam.sentence);
    beam.live = 0;
    for (const Candidate& candidate : candidates) {
      const Index parent = first + candidate.rank;
      const Index node = trace_.extend(path(parent).node, candidate.token,
                                       kept_[static_cast<std::size_t>(candidate.rank)]);
      const bool finished = candidate.token == rules_.constraints.end;
      if (finished || step == beam.limit) {
        end(beam, {score(candidate, node), candidate.log_probability, node, finished});
      } else {
        parents_.push_back(parent);
        tokens_.push_back(candidate.token);
        next_paths_.push_back({node, candidate.log_probability});
        ++beam.live;
      }
    }
  }

  [[nodiscard]] std::span<const S> attention(Index column) const {
    const std::span<const S> weights = attention_of<D>(state_, memory_, column);
    check_argument(rules_.coverage_penalty == 0 || !weights.empty() ||
                       memory_.length(state_.sentence(column)) == 0,
                   "coverage_penalty is ", rules_.coverage_penalty,
                   ", but this decoder has no attention; set it to 0");
    return weights;
  }

  [[nodiscard]] double score(const Candidate& candidate, Index node) const {
    const double normalised =
        candidate.log_probability / rules_.length_penalty(trace_.length(node));
    if (rules_.coverage_penalty == 0) return normalised;
    return normalised + rules_.coverage_penalty * trace_.log_coverage(node);
  }

  /// Sorts it in, behind its equals.
  static void end(SentenceBeam& beam, const Ended& hypothesis) {
    const auto before = [](const Ended& a, const Ended& b) {
      return a.finished != b.finished ? a.finished : a.score > b.score;
    };
    beam.ended.insert(std::upper_bound(beam.ended.begin(), beam.ended.end(), hypothesis, before),
                      hypothesis);
  }

  [[nodiscard]] bool is_done(const SentenceBeam& beam) const {
    if (beam.live == 0) return true;
    if (!rules_.early_stop || static_cast<Index>(beam.ended.size()) < rules_.n_best) return false;
    const double best_live =
        next_paths_[next_paths_.size() - static_cast<std::size_t>(beam.live)].log_probability;
    const double worst_kept = beam.ended[static_cast<std::size_t>(rules_.n_best) - 1].score;
    return best_live / rules_.length_penalty(beam.limit) <= worst_kept;
  }

  /// Gives the sentence's columns back and writes its n best.
  void close(SentenceBeam& beam) {
    const std::size_t others = parents_.size() - static_cast<std::size_t>(beam.live);
    parents_.resize(others);
    tokens_.resize(others);
    next_paths_.resize(others);
    beam.live = 0;
    auto& result = results_[static_cast<std::size_t>(beam.sentence)];
    result.resize(std::min(beam.ended.size(), static_cast<std::size_t>(rules_.n_best)));
    for (std::size_t i = 0; i < result.size(); ++i) {
      const Ended& from = beam.ended[i];
      trace_.read(from.node, from.finished, result[i]);
      result[i].score = from.score;
      result[i].log_probability = from.log_probability;
    }
  }

  [[nodiscard]] const Path& path(Index column) const {
    return paths_[static_cast<std::size_t>(column)];
  }

  const D& decoder_;
  const Memory& memory_;
  const BeamRules& rules_;
  std::vector<std::vector<Hypothesis<S>>> results_;

  typename D::State state_;
  Matrix<S> logits_;
  Trace<S> trace_;
  TopCandidates<S> best_;
  std::vector<Index> kept_;
  std::vector<SentenceBeam> running_;
  // By column of the state: what each stands for, the token it is fed next, its old column.
  std::vector<Path> paths_;
  std::vector<Path> next_paths_;
  std::vector<Token> tokens_;
  std::vector<Index> parents_;
};

}  // namespace attend::inline ATTEND_ABI::detail
