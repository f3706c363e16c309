/// Sampling from a decoder.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/random.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/greedy.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/path.hpp>
#include <attend/search/roll_out.hpp>
#include <attend/search/search_workspace.hpp>

namespace attend::inline ATTEND_ABI {

/// `start` and `end` are the vocabulary's symbols and must be given. What is forbidden goes first,
/// then the temperature, then `top_k`, then `top_p` of what `top_k` left.
struct SamplingOptions {
  /// Samples for each sentence.
  Index samples = 1;
  /// Logits are divided by it; 0 takes the likeliest token, as greedy search does.
  double temperature = 1;
  /// Draw among the k likeliest tokens; 0 is all. Ties at the border go to the lower token.
  Index top_k = 0;
  /// Draw among the fewest likeliest tokens whose probabilities sum to p or more: the nucleus
  /// (Holtzman et al. 2019, arXiv 1904.09751, eq. 2 and 3); 1 is all.
  double top_p = 1;
  Token start = -1;
  Token end = -1;
  LengthLimit max_length = {};
  /// The least |Y|, end symbol counted: 2 forbids the empty output. `max_length` wins.
  Index minimum_length = 0;
  /// Tokens that are never chosen, such as the unknown symbol.
  std::vector<Token> forbidden = {};
  /// The number that names each sentence's random stream; empty is 0, 1, 2... in the memory's
  /// order. With a corpus' line numbers the samples are the same however it is cut into batches.
  std::vector<std::uint64_t> streams = {};
};

namespace detail {

/// Draws a token from a column of logits.
template <Scalar S>
class TokenSampler {
 public:
  TokenSampler(double temperature, Index top_k, double top_p)
      : temperature_(temperature), top_k_(static_cast<std::size_t>(top_k)), top_p_(top_p) {}

  /// -1 where all are -Inf.
  [[nodiscard]] Token draw(const LogitColumn<S>& x, Random& random) {
    const Token likeliest = arg_max<S>(x);
    if (temperature_ == 0 || likeliest < 0) return likeliest;
    const auto greatest = static_cast<double>(x[likeliest]);
    choices_.clear();
    for (Index v = 0; v < x.size(); ++v) {
      const double mass = std::exp((static_cast<double>(x[v]) - greatest) / temperature_);
      if (mass > 0) choices_.push_back({mass, static_cast<Token>(v)});
    }
    const std::span<const Choice> kept = truncate();
    double left = random.uniform() * mass_of(kept);
    for (const Choice& choice : kept) {
      left -= choice.mass;
      if (left < 0) return choice.token;
    }
    return kept.back().token;  // only where rounding ate the last of the mass
  }

 private:
  struct Choice {
    double mass;
    Token token;
  };

  [[nodiscard]] static double mass_of(std::span<const Choice> choices) {
    double sum = 0;
    for (const Choice& choice : choices) sum += choice.mass;
    return sum;
  }

  static bool is_likelier(const Choice& a, const Choice& b) {
    return a.mass != b.mass ? a.mass > b.mass : a.token < b.token;
  }

  /// What top_k and top_p leave of the choices.
  [[nodiscard]] std::span<const Choice> truncate() {
    if (top_k_ > 0 && top_k_ < choices_.size()) {
      const auto border = choices_.begin() + static_cast<std::ptrdiff_t>(top_k_);
      std::partial_sort(choices_.begin(), border, choices_.end(), is_likelier);
      choices_.erase(border, choices_.end());
    }
    if (top_p_ >= 1) return choices_;
    // A nucleus is small beside the vocabulary: a heap gives its tokens without sorting the rest.
    const auto is_less_likely = [](const Choice& a, const Choice& b) { return is_likelier(b, a); };
    const double needed = top_p_ * mass_of(choices_);
    std::make_heap(choices_.begin(), choices_.end(), is_less_likely);
    nucleus_.clear();
    for (double sum = 0; sum < needed && !choices_.empty(); sum += nucleus_.back().mass) {
      std::pop_heap(choices_.begin(), choices_.end(), is_less_likely);
      nucleus_.push_back(choices_.back());
      choices_.pop_back();
    }
    return nucleus_;
  }

  double temperature_;
  std::size_t top_k_;
  double top_p_;
  std::vector<Choice> choices_;
  std::vector<Choice> nucleus_;
};

inline void check(const SamplingOptions& options, Index sentences) {
  check_argument(options.samples >= 1, "samples is ", options.samples, ", expected 1 or more");
  check_argument(options.temperature >= 0 && std::isfinite(options.temperature), "temperature is ",
                 options.temperature, ", expected a finite number, 0 or more");
  check_argument(options.top_k >= 0, "top_k is ", options.top_k,
                 ", expected 1 or more, or 0 for all tokens");
  check_argument(options.top_p > 0 && options.top_p <= 1, "top_p is ", options.top_p,
                 ", expected more than 0 and at most 1");
  if (!options.streams.empty())
    check_size("sample", "the number of streams", static_cast<Index>(options.streams.size()),
               sentences);
}

/// One stream for each sample of each sentence.
[[nodiscard]] inline std::vector<Random> streams(const SamplingOptions& options, Index sentences,
                                                 const Random& random) {
  std::vector<Random> all;
  for (Index b = 0; b < sentences; ++b) {
    const Random of_sentence =
        random.fork(options.streams.empty() ? static_cast<std::uint64_t>(b)
                                            : options.streams[static_cast<std::size_t>(b)]);
    for (Index i = 0; i < options.samples; ++i)
      all.push_back(of_sentence.fork(static_cast<std::uint64_t>(i)));
  }
  return all;
}

}  // namespace detail

/// Draws `samples` outputs for each sentence, token by token, in the order they were drawn;
/// `score` is the log-probability. Every sample has a stream of its own, forked from `random`
/// (which stays as it is) by the sentence's number in `streams` and the sample's: it depends
/// neither on the other sentences nor on how many samples are drawn. Throws as `greedy` does, and
/// ShapeError unless there are as many streams as sentences, or none.
template <Decoder D>
requires std::default_initializable<typename D::State>
[[nodiscard]] std::vector<std::vector<Hypothesis<typename D::Scalar>>> sample(
    const D& decoder, const typename D::Memory& memory, const SamplingOptions& options,
    const Random& random, SearchWorkspace<D>& workspace) {
  using S = typename D::Scalar;
  const Index sentences = memory.size();
  auto constraints = detail::constraints(options, vocabulary_size(decoder, memory));
  detail::check(options, sentences);
  const detail::RollOutRules rules{.constraints = std::move(constraints),
                                   .sentences = detail::each_sentence(sentences, options.samples)};
  std::vector<Random> randoms = detail::streams(options, sentences, random);
  detail::TokenSampler<S> sampler(options.temperature, options.top_k, options.top_p);
  const auto choose = [&](Index h, const detail::LogitColumn<S>& x) {
    return sampler.draw(x, randoms[static_cast<std::size_t>(h)]);
  };
  auto drawn = detail::roll_out(decoder, memory, rules, workspace, choose);
  std::vector<std::vector<Hypothesis<S>>> results(static_cast<std::size_t>(sentences));
  for (std::size_t h = 0; h < drawn.size(); ++h)
    results[h / static_cast<std::size_t>(options.samples)].push_back(std::move(drawn[h]));
  return results;
}

/// The same for one search.
template <Decoder D>
requires std::default_initializable<typename D::State>
[[nodiscard]] std::vector<std::vector<Hypothesis<typename D::Scalar>>> sample(
    const D& decoder, const typename D::Memory& memory, const SamplingOptions& options,
    const Random& random) {
  SearchWorkspace<D> workspace;
  return sample(decoder, memory, options, random, workspace);
}

}  // namespace attend
