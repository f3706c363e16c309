/// What a caller keeps from search to search.
#pragma once

#include <cstddef>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/path.hpp>
#include <attend/search/top_candidates.hpp>
#include <attend/search/trace.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

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

}  // namespace detail

/// Memory that a caller keeps from one search to the next, greedy, sampling or beam, in any order:
/// states, logits and histories are then not made anew. It holds nothing that a search reads of
/// another. One thread at a time.
template <Decoder D>
struct SearchWorkspace {
  using S = typename D::Scalar;

  typename D::State state;
  Buffer<S> logits;
  detail::Trace<S> trace;
  // By column of the state: the token it is fed next, its old column.
  std::vector<Token> tokens;
  std::vector<Index> parents;
  // Greedy and sampling, by hypothesis; beams, by column.
  std::vector<detail::Path> paths;
  // Greedy and sampling: the hypothesis of each column.
  std::vector<std::size_t> running;
  // Beams.
  std::vector<detail::SentenceBeam> beams;
  detail::TopCandidates<S> best;
  std::vector<Index> kept;
  std::vector<detail::Path> next_paths;
};

}  // namespace attend
