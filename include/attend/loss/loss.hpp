/// What a loss is counted in.
#pragma once

#include <cmath>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// A sum of losses in nats and the tokens (or labels) it is over; sums add up over shards and
/// batches. The division is here and nowhere else.
struct Loss {
  double nats = 0;
  Index tokens = 0;

  Loss& operator+=(const Loss& other) {
    nats += other.nats;
    tokens += other.tokens;
    return *this;
  }
  friend Loss operator+(Loss a, const Loss& b) { return a += b; }

  [[nodiscard]] double per_token() const {
    return tokens > 0 ? nats / static_cast<double>(tokens) : 0.0;
  }
  [[nodiscard]] double perplexity() const { return std::exp(per_token()); }
};

}  // namespace attend
