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
#include <attend/search/search_workspace.hpp>
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

template <Decoder D>
class BeamSearch {
 public:
  using S = typename D::Scalar;
  using Memory = typename D::Memory;

  BeamSearch(const D& decoder, const Memory& memory, const BeamRules& rules,
             SearchWorkspace<D>& workspace)
      : decoder_(decoder),
        memory_(memory),
        rules_(rules),
        w_(workspace),
        results_(static_cast<std::size_t>(memory.size())) {}

  [[nodiscard]] std::vector<std::vector<Hypothesis<S>>> run() {
    begin();
    for (Index step = 1; !w_.beams.empty(); ++step) advance(step);
    return std::move(results_);
  }

 private:
  void begin() {
    const Index sentences = memory_.size();
    w_.trace.clear();
    w_.beams.clear();
    if (sentences == 0) return;
    const std::vector<Index> columns = each_sentence(sentences, 1);
    decoder_.begin(memory_, std::span<const Index>(columns), w_.state);
    w_.logits.resize(vocabulary_size(decoder_, memory_), sentences * rules_.beam);
    for (const Index b : columns)
      w_.beams.push_back({b, 1, rules_.constraints.max_length(memory_.length(b)), {}});
    w_.paths.assign(columns.size(), Path{Trace<S>::root});
    w_.tokens.assign(columns.size(), rules_.constraints.start);
  }

  void advance(Index step) {
    decoder_.step(memory_, std::span<const Token>(w_.tokens), w_.state);
    decoder_.logits(w_.state, w_.logits.columns(0, static_cast<Index>(w_.tokens.size())));
    w_.parents.clear();
    w_.tokens.clear();
    w_.next_paths.clear();
    Index first = 0;
    for (SentenceBeam& beam : w_.beams) {
      const Index columns = beam.live;
      expand(beam, first, step);
      if (is_done(beam)) close(beam);
      first += columns;
    }
    std::erase_if(w_.beams, [](const SentenceBeam& beam) { return beam.live == 0; });
    w_.paths.swap(w_.next_paths);
    if (!w_.beams.empty()) w_.state.select(std::span<const Index>(w_.parents));
  }

  /// Replaces a sentence's live hypotheses, columns first and on, by their best continuations.
  void expand(SentenceBeam& beam, Index first, Index step) {
    w_.best.reset(rules_.beam - static_cast<Index>(beam.ended.size()));
    w_.kept.clear();
    for (Index rank = 0; rank < beam.live; ++rank) {
      S* logits = w_.logits.column(first + rank);
      const LogitColumn<S> x(logits, w_.logits.rows());
      const double normaliser = log_normaliser<S>(x, step, beam.sentence);
      rules_.constraints.forbid(logits, step);
      w_.best.offer(x, normaliser, rank, path(first + rank).log_probability);
      w_.kept.push_back(w_.trace.keep(attention(first + rank)));
    }
    const std::span<const Candidate> candidates = w_.best.sorted();
    if (candidates.empty() && beam.ended.empty()) throw_nothing_permitted(step, beam.sentence);
    beam.live = 0;
    for (const Candidate& candidate : candidates) {
      const Index parent = first + candidate.rank;
      const Index node = w_.trace.extend(path(parent).node, candidate.token,
                                         w_.kept[static_cast<std::size_t>(candidate.rank)]);
      const bool finished = candidate.token == rules_.constraints.end;
      if (finished || step == beam.limit) {
        end(beam, {score(candidate, node), candidate.log_probability, node, finished});
      } else {
        w_.parents.push_back(parent);
        w_.tokens.push_back(candidate.token);
        w_.next_paths.push_back({node, candidate.log_probability});
        ++beam.live;
      }
    }
  }

  [[nodiscard]] std::span<const S> attention(Index column) const {
    const std::span<const S> weights = attention_of<D>(w_.state, memory_, column);
    check_argument(rules_.coverage_penalty == 0 || !weights.empty() ||
                       memory_.length(w_.state.sentence(column)) == 0,
                   "coverage_penalty is ", rules_.coverage_penalty,
                   ", but this decoder has no attention; set it to 0");
    return weights;
  }

  [[nodiscard]] double score(const Candidate& candidate, Index node) const {
    const double normalised =
        candidate.log_probability / rules_.length_penalty(w_.trace.length(node));
    if (rules_.coverage_penalty == 0) return normalised;
    return normalised + rules_.coverage_penalty * w_.trace.log_coverage(node);
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
        w_.next_paths[w_.next_paths.size() - static_cast<std::size_t>(beam.live)].log_probability;
    const double worst_kept = beam.ended[static_cast<std::size_t>(rules_.n_best) - 1].score;
    return best_live / rules_.length_penalty(beam.limit) <= worst_kept;
  }

  /// Gives the sentence's columns back and writes its n best.
  void close(SentenceBeam& beam) {
    const std::size_t others = w_.parents.size() - static_cast<std::size_t>(beam.live);
    w_.parents.resize(others);
    w_.tokens.resize(others);
    w_.next_paths.resize(others);
    beam.live = 0;
    auto& result = results_[static_cast<std::size_t>(beam.sentence)];
    result.resize(std::min(beam.ended.size(), static_cast<std::size_t>(rules_.n_best)));
    for (std::size_t i = 0; i < result.size(); ++i) {
      const Ended& from = beam.ended[i];
      w_.trace.read(from.node, from.finished, result[i]);
      result[i].score = from.score;
      result[i].log_probability = from.log_probability;
    }
  }

  [[nodiscard]] const Path& path(Index column) const {
    return w_.paths[static_cast<std::size_t>(column)];
  }

  const D& decoder_;
  const Memory& memory_;
  const BeamRules& rules_;
  SearchWorkspace<D>& w_;
  std::vector<std::vector<Hypothesis<S>>> results_;
};

}  // namespace attend::inline ATTEND_ABI::detail
