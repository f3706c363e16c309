/// A training step of the Multi30k model: bidirectional GRU 256, Bahdanau, 8,000 words, on a shard
/// of 32 sentence pairs.
#include <vector>

#include <benchmark/benchmark.h>

#include <attend/model/recurrent_seq2seq.hpp>

namespace {

using Model = attend::RecurrentSeq2Seq<float>;

std::vector<attend::SentencePair> random_pairs(attend::Index count, attend::Random& random) {
  std::vector<attend::SentencePair> pairs(static_cast<std::size_t>(count));
  for (auto& pair : pairs) {
    for (auto* side : {&pair.source, &pair.target}) {
      side->resize(static_cast<std::size_t>(10 + random.below(8)));
      for (auto& token : *side) token = static_cast<attend::Token>(random.below(8000));
    }
  }
  return pairs;
}

void training_step(benchmark::State& state) {
  attend::Random random(1);
  const Model model = attend::make_recurrent_seq2seq<float>({.source_vocabulary = 8000,
                                                             .target_vocabulary = 8000,
                                                             .embedding_dropout = 0.3,
                                                             .annotation_dropout = 0.3,
                                                             .readout_dropout = 0.5},
                                                            random);
  const auto pairs = random_pairs(32, random);
  std::vector<const attend::SentencePair*> examples;
  attend::Index tokens = 0;
  for (const auto& pair : pairs) {
    examples.push_back(&pair);
    tokens += Model::size(pair);
  }
  Model::Batch batch;
  batch.assign(examples);
  Model::Workspace workspace;
  Model gradient = attend::zero_like(model);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        model.loss_and_gradient(batch, 1e-3F, random, workspace, gradient).nats);
  }
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(tokens * state.iterations()),
                                                  benchmark::Counter::kIsRate);
}

BENCHMARK(training_step)->Unit(benchmark::kMillisecond);

}  // namespace
