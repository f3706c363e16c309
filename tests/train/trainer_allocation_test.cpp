#include <vector>

#include <gtest/gtest.h>

#include "reference/count_operator_new.hpp"
#include "word_model.hpp"
#include <attend/train/trainer.hpp>

namespace {

using Model = word_model::WordModel<float>;

TEST(Trainer, AWarmUpdateAllocatesNothing) {
  const auto training = word_model::sentences(80, 6, 300, attend::Random(1));
  for (const int threads : {1, 2}) {
    std::vector<int> counts;
    counts.reserve(100);
    attend::TrainingState<Model> state(Model(20, 300, attend::Random(3)),
                                       attend::ConstantRate{.rate = 0.01});
    const attend::TrainerOptions options{
        .epochs = 3, .batch = {.sentences = 8, .pool = 2}, .threads = threads};
    attend::Trainer<Model>(options, training, {},
                           {.on_progress = [&](const auto&) { counts.push_back(reference::news); }})
        .run(state);
    ASSERT_EQ(counts.size(), 30u);
    EXPECT_GT(counts.front(), 0);
    for (std::size_t i = 1; i < 10; ++i) EXPECT_EQ(counts[10 + i], counts[10]) << i;
    // An epoch's batches take a sort's buffers, and no more in the last epoch than in the second.
    EXPECT_EQ(counts[20] - counts[19], counts[10] - counts[9]);
  }
}

}  // namespace
