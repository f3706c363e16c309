#include "attention.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "case.hpp"
#include "softmax.hpp"
#include <attend/core/random.hpp>

namespace {

using attend::Index;
using attend::Random;
using onnx_conformance::attention;
using onnx_conformance::Case;
using onnx_conformance::difference;
using onnx_conformance::filled;
using onnx_conformance::Tensors;
using onnx_conformance::Values;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The sizes of a random node.
struct Sizes {
  Index batch;
  Index key_heads;
  Index heads;
  Index queries;
  Index keys;
  Index past;
  Index key;
  Index value;

  [[nodiscard]] Index total() const { return past + keys; }
};

Index between(Random& random, Index low, Index high) { return low + random.below(high - low + 1); }

Sizes random_sizes(Random& random) {
  constexpr std::array<Index, 6> awkward{1, 2, 7, 16, 17, 33};
  Sizes s{};
  s.batch = between(random, 1, 2);
  s.key_heads = between(random, 1, 2);
  s.heads = s.key_heads * between(random, 1, 3);
  s.queries = awkward[static_cast<std::size_t>(random.below(6))];
  s.keys = random.below(5) == 0 ? 70 : between(random, 1, 12);
  s.key = between(random, 1, 9);
  s.value = between(random, 1, 9);
  return s;
}

Values random_values(Random& random, std::vector<Index> shape) {
  Values values = filled(std::move(shape));
  for (float& x : values.numbers) x = static_cast<float>(random.uniform(-2, 2));
  return values;
}

/// A mask of 0 to 4 dimensions, each of its full size or 1, or shorter than the keys.
Values random_mask(Random& random, const Sizes& s) {
  std::vector<Index> shape{s.batch, s.heads, s.queries, s.total()};
  shape.erase(shape.begin(), shape.begin() + random.below(5));
  for (Index& size : shape) {
    if (random.below(3) == 0) size = 1;
  }
  if (!shape.empty() && shape.back() > 2 && random.below(3) == 0) shape.back() -= 1;
  Values mask = random_values(random, shape);
  const bool boolean = random.below(2) == 0;
  const Index row = shape.empty() ? 1 : std::max<Index>(shape.back(), 1);
  for (Index i = 0; i < std::ssize(mask.numbers); ++i) {
    const bool blind = Random(7).fork(static_cast<std::uint64_t>(i / row)).below(4) == 0;
    const bool hidden = blind || random.below(3) == 0;
    if (boolean) {
      mask[i] = hidden ? 0 : 1;
    } else if (hidden) {
      mask[i] = -std::numeric_limits<float>::infinity();
    }
  }
  if (boolean) mask.dtype = "BOOL";
  return mask;
}

/// Not a number in some keys and values, whoever sees them.
void poison(Random& random, Values& K, Values& V, const Sizes& s) {
  const Index t = random.below(s.keys);
  const Index head = random.below(s.batch * s.key_heads);
  const float bad = std::numeric_limits<float>::quiet_NaN();
  K[(head * s.keys + t) * s.key] = bad;
  V[(head * s.keys + t) * s.value] = bad;
}

Case random_case(Random& random, Sizes& s, int mode) {
  Case c;
  c.op = "Attention";
  c.opset = 24;
  c.inputs.resize(7);
  s = random_sizes(random);
  const bool padded = random.below(3) == 0;
  if (!padded && random.below(2) == 0) s.past = between(random, 1, 9);
  c.inputs[0] = random_values(random, {s.batch, s.heads, s.queries, s.key});
  c.inputs[1] = random_values(random, {s.batch, s.key_heads, s.keys, s.key});
  c.inputs[2] = random_values(random, {s.batch, s.key_heads, s.keys, s.value});
  if (s.past > 0) {
    c.inputs[4] = random_values(random, {s.batch, s.key_heads, s.past, s.key});
    c.inputs[5] = random_values(random, {s.batch, s.key_heads, s.past, s.value});
  }
  if (random.below(3) != 0) c.inputs[3] = random_mask(random, s);
  if (padded) {
    c.inputs[6] = filled({s.batch});
    for (float& n : c.inputs[6]->numbers) n = static_cast<float>(random.below(s.keys + 1));
  }
  if (random.below(2) == 0) c.attributes["is_causal"] = 1;
  if (random.below(2) == 0) c.attributes["softcap"] = 1.5;
  if (random.below(2) == 0) c.attributes["scale"] = 0.3;
  c.attributes["qk_matmul_output_mode"] = mode;
  if (mode == 3 && (c.input(3) != nullptr || padded) && random.below(2) == 0) {
    poison(random, *c.inputs[1], *c.inputs[2], s);
  }
  c.expected.resize(4, Values());
  return c;
}

/// One query of one head, by loops.
class Reference {
 public:
  Reference(const Case& c, const Sizes& s) : c_(c), s_(s) {}

  [[nodiscard]] Tensors run() const {
    Tensors out(4);
    out[0] = filled({s_.batch, s_.heads, s_.queries, s_.value});
    out[3] = filled({s_.batch, s_.heads, s_.queries, s_.total()});
    for (Index b = 0; b < s_.batch; ++b) {
      for (Index h = 0; h < s_.heads; ++h) {
        for (Index u = 0; u < s_.queries; ++u) run_query(b, h, u, *out[0], *out[3]);
      }
    }
    return out;
  }

  /// Whether one of the queries of a key's heads sees it.
  [[nodiscard]] bool is_seen(Index b, Index key_head, Index t) const {
    const Index group = s_.heads / s_.key_heads;
    for (Index h = key_head * group; h < (key_head + 1) * group; ++h) {
      for (Index u = 0; u < s_.queries; ++u) {
        if (bias_of(b, h, u, t) != -infinity) return true;
      }
    }
    return false;
  }

 private:
  void run_query(Index b, Index h, Index u, Values& Y, Values& E) const {
    const Index T = s_.total();
    const auto size = static_cast<std::size_t>(T);
    const int mode = c_.attribute("qk_matmul_output_mode", 0);
    std::array<std::vector<double>, 4> e;
    e.fill(std::vector<double>(size));
    double sum = 0;
    double peak = -infinity;
    for (std::size_t t = 0; t < size; ++t) {
      e[0][t] = raw(b, h, u, static_cast<Index>(t));
      const double cap = c_.attribute("softcap", 0.0);
      e[1][t] = cap > 0 ? cap * std::tanh(e[0][t] / cap) : e[0][t];
      const double bias = bias_of(b, h, u, static_cast<Index>(t));
      e[2][t] = bias == -infinity ? bias : e[1][t] + bias;
      if (e[2][t] > peak) peak = e[2][t];
    }
    for (std::size_t t = 0; t < size; ++t) {
      e[3][t] = e[2][t] == -infinity ? 0 : std::exp(e[2][t] - std::max(peak, -1e30));
      sum += e[3][t];
    }
    const Index row = (b * s_.heads + h) * s_.queries + u;
    for (std::size_t t = 0; t < size; ++t) {
      if (e[3][t] != 0) e[3][t] /= sum;
      E[row * T + static_cast<Index>(t)] = static_cast<float>(e[static_cast<std::size_t>(mode)][t]);
    }
    for (Index i = 0; i < s_.value; ++i) {
      double y = 0;
      for (std::size_t t = 0; t < size; ++t) {
        if (e[3][t] != 0) y += e[3][t] * element(2, s_.value, b, h, static_cast<Index>(t), i);
      }
      Y[row * s_.value + i] = static_cast<float>(y);
    }
  }

  /// Of keys (1) or values (2), past and present.
  [[nodiscard]] double element(std::size_t input, Index d, Index b, Index h, Index t,
                               Index i) const {
    const Index head = b * s_.key_heads + h / (s_.heads / s_.key_heads);
    if (t < s_.past) return (*c_.inputs[input + 3])[(head * s_.past + t) * d + i];
    return (*c_.inputs[input])[(head * s_.keys + t - s_.past) * d + i];
  }

  [[nodiscard]] double raw(Index b, Index h, Index u, Index t) const {
    double e = 0;
    for (Index i = 0; i < s_.key; ++i) {
      e += double{(*c_.inputs[0])[((b * s_.heads + h) * s_.queries + u) * s_.key + i]} *
           element(1, s_.key, b, h, t, i);
    }
    return e * c_.attribute("scale", 1 / std::sqrt(static_cast<double>(s_.key)));
  }

  /// Masks, padding and causality together.
  [[nodiscard]] double bias_of(Index b, Index h, Index u, Index t) const {
    const Values* valid = c_.input(6);
    if (valid != nullptr && t >= static_cast<Index>((*valid)[b])) return -infinity;
    if (c_.attribute("is_causal", 0) != 0) {
      const Index offset =
          valid != nullptr ? static_cast<Index>((*valid)[b]) - s_.queries : s_.past;
      if (t > u + offset) return -infinity;
    }
    const Values* mask = c_.input(3);
    if (mask == nullptr) return 0;
    const std::array<Index, 4> at{b, h, u, t};
    Index i = 0;
    for (Index axis = 0; axis < mask->rank(); ++axis) {
      const Index place = at[static_cast<std::size_t>(4 - mask->rank() + axis)];
      const Index size = mask->size(axis);
      if (size > 1 && place >= size) return -infinity;
      i = i * size + (size == 1 ? 0 : place);
    }
    if (mask->dtype != "BOOL") return (*mask)[i];
    return (*mask)[i] != 0 ? 0 : -infinity;
  }

  const Case& c_;
  const Sizes& s_;
};

/// Infinity in the keys and values that nobody sees.
void poison_unseen(Case& c, const Sizes& s) {
  constexpr float bad = std::numeric_limits<float>::infinity();
  for (Index b = 0; b < s.batch; ++b) {
    for (Index g = 0; g < s.key_heads; ++g) {
      for (Index t = 0; t < s.keys; ++t) {
        if (Reference(c, s).is_seen(b, g, s.past + t)) continue;
        const Index column = (b * s.key_heads + g) * s.keys + t;
        (*c.inputs[1])[column * s.key] = bad;
        (*c.inputs[2])[column * s.value] = -bad;
      }
    }
  }
}

/// (batch x heads x steps x size) as (batch x steps x heads size).
Values flat(const Values& tensor) {
  const std::vector<Index>& n = tensor.shape;
  Values result = filled({n[0], n[2], n[1] * n[3]});
  for (Index b = 0, i = 0; b < n[0]; ++b) {
    for (Index h = 0; h < n[1]; ++h) {
      for (Index t = 0; t < n[2]; ++t) {
        for (Index d = 0; d < n[3]; ++d) {
          result[((b * n[2] + t) * n[1] + h) * n[3] + d] = tensor[i++];
        }
      }
    }
  }
  return result;
}

void expect_same(const Values& given, const Values& expected, const char* what, int number) {
  const auto why = difference(given, expected, 1e-5F);
  EXPECT_FALSE(why) << what << " of case " << number << ": " << why.value_or("");
}

TEST(OnnxAttention, GivesWhatPlainLoopsGive) {
  for (int i = 0; i < 240; ++i) {
    Random random = Random(1).fork(static_cast<std::uint64_t>(i));
    Sizes s{};
    Case c = random_case(random, s, i % 4);
    if (i % 4 >= 2) poison_unseen(c, s);
    const Tensors expected = Reference(c, s).run();
    const Tensors given = attention(c);
    expect_same(*given[0], *expected[0], "Y", i);
    expect_same(*given[3], *expected[3], "the energies", i);

    c.expected.resize(1);
    c.attributes["q_num_heads"] = s.heads;
    c.attributes["kv_num_heads"] = s.key_heads;
    for (std::size_t k = 0; k < 3; ++k) c.inputs[k] = flat(*c.inputs[k]);
    expect_same(*attention(c)[0], flat(*expected[0]), "Y with heads inside", i);
  }
}

TEST(OnnxAttention, ShapesThatDoNotFitAreErrors) {
  Random random(3);
  Case c;
  c.op = "Attention";
  c.inputs = {random_values(random, {1, 2, 3, 4}), random_values(random, {1, 2, 5, 4}),
              random_values(random, {1, 2, 5, 4})};
  EXPECT_NO_THROW((void)attention(c));
  c.inputs.resize(7);
  c.inputs[3] = random_values(random, {2, 5});
  EXPECT_THROW((void)attention(c), attend::FormatError);
  c.inputs[3].reset();
  c.inputs[6] = filled({2}, 1);
  EXPECT_THROW((void)attention(c), attend::FormatError);
  c.inputs[6].reset();
  c.inputs[1] = random_values(random, {1, 2, 5, 3});
  EXPECT_THROW((void)attention(c), attend::FormatError);
}

TEST(OnnxSoftmax, BeforeOpset13SumsOverAllAxesFromTheGivenOne) {
  Random random(5);
  Case c;
  c.op = "Softmax";
  c.inputs = {random_values(random, {2, 3, 4})};
  c.opset = 11;
  const Values old = *onnx_conformance::softmax(c)[0];
  c.opset = 13;
  c.attributes["axis"] = 1;
  const Values now = *onnx_conformance::softmax(c)[0];
  for (Index b = 0; b < 2; ++b) {
    double all = 0;
    for (Index i = 0; i < 12; ++i) all += old[b * 12 + i];
    EXPECT_NEAR(all, 1, 1e-6);
    for (Index k = 0; k < 4; ++k) {
      EXPECT_NEAR(now[b * 12 + k] + now[b * 12 + 4 + k] + now[b * 12 + 8 + k], 1, 1e-6);
    }
  }
}

}  // namespace
