#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/cell/lstm.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/model/tagger.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::TaggedSequence;
using reference::message_of;

template <class S>
using Layer = attend::Bidirectional<attend::Lstm<S>>;
template <class S>
using Tagger = attend::Tagger<attend::TextEncoder<Layer<S>>>;
static_assert(attend::Trainable<Tagger<float>> && attend::Trainable<Tagger<double>>);

template <class S>
Tagger<S> make(double dropout = 0, Index head = 10) {
  Random random(1);
  const auto cell = [&] { return attend::Lstm<S>({.input = 4, .hidden = 5}, random); };
  attend::Lstm<S> forward = cell();
  return {{attend::Embedding<S>({.vocabulary = 8, .size = 4}, random),
           attend::Stacked<Layer<S>>({Layer<S>(std::move(forward), cell())}),
           {.embedding_dropout = dropout, .annotation_dropout = dropout}},
          attend::Dense<S>({.input = head, .output = 3}, random)};
}

const std::vector<TaggedSequence> sequences = {
    {{1, 2, 3}, {0, 1, 2}}, {{}, {}}, {{7, 7, 0, 5, 4}, {2, 2, 1, 0, 1}}, {{6}, {1}}};

attend::TaggedBatch batch_of(const std::vector<TaggedSequence>& list) {
  std::vector<const TaggedSequence*> pointers;
  for (const TaggedSequence& s : list) pointers.push_back(&s);
  attend::TaggedBatch batch;
  batch.assign(pointers);
  return batch;
}

TEST(TaggerTest, HasItsGradient) {
  const auto batch = batch_of(sequences);
  for (const double dropout : {0.0, 0.3}) {
    const auto tagger = make<double>(dropout);
    Tagger<double>::Workspace workspace;
    auto gradient = attend::zero_like(tagger);
    Random masks(7);
    (void)tagger.loss_and_gradient(batch, 0.5, masks, workspace, gradient);
    const auto report =
        attend::check_parameters(tagger, gradient, [&](const Tagger<double>& moved) {
          Random again(7);
          auto unused = attend::zero_like(moved);
          Tagger<double>::Workspace own;
          return 0.5 * moved.loss_and_gradient(batch, 0, again, own, unused).nats;
        });
    EXPECT_TRUE(report.passed()) << report.message();
    EXPECT_EQ(report.checked, attend::parameter_count(tagger));
  }
}

TEST(TaggerTest, GivesASequenceTheSameBitsAloneAndInABatch) {
  const auto tagger = make<float>();
  const auto batch = batch_of(sequences);
  Tagger<float>::Workspace workspace;
  Matrix<float> L(3, batch.tokens.layout.columns());
  tagger.logits(batch.tokens, workspace, L);
  double nats = 0;
  for (std::size_t b = 0; b < sequences.size(); ++b) {
    const auto alone = batch_of({sequences[b]});
    nats += tagger.loss(alone, workspace).nats;
    Matrix<float> own(3, alone.tokens.layout.columns());
    tagger.logits(alone.tokens, workspace, own);
    for (Index t = 0; t < own.cols(); ++t) {
      const Index column = batch.tokens.layout.column(static_cast<Index>(b), t);
      EXPECT_TRUE(reference::same_bits(3, own.col(t).data(), L.col(column).data()));
    }
  }
  const attend::Loss together = tagger.loss(batch, workspace);
  EXPECT_EQ(together.tokens, 9);
  EXPECT_NEAR(together.nats, nats, 1e-5);
}

TEST(TaggerTest, RefusesWhatDoesNotBelongTogether) {
  EXPECT_EQ(message_of<attend::ShapeError>([] { (void)make<float>(0, 9); }),
            "Tagger: input size of the output layer is 9, expected 10");
  EXPECT_EQ(message_of<attend::ShapeError>([] {
              (void)batch_of({{{1, 2}, {1}}});
            }),
            "TaggedBatch: number of labels is 1, expected 2");
}

}  // namespace
