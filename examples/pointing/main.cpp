// A network whose answers are positions of what it is given: it sorts numbers, and goes round the
// convex hull of points, by pointing at them (Vinyals, Fortunato, Jaitly 2015). It learns from
// small inputs and is tested on larger ones too.

#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "tasks.hpp"
#include <attend/cell/lstm.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/model/pointer_network.hpp>
#include <attend/score/additive.hpp>
#include <attend/search/beam.hpp>
#include <attend/train/stopwatch.hpp>
#include <attend/train/trainer.hpp>

namespace {

using attend::Index, attend::Random;
using Encoder = attend::Bidirectional<attend::Lstm<float>>;
using Decoder = decltype(attend::pointer_decoder(
    attend::RecurrentDecoderConfig{},
    [](Index input, Random& random) {
      return attend::Lstm<float>({input, 1}, random);
    },
    attend::Additive<float>(), std::declval<Random&>()));
using Network = attend::PointerNetwork<Encoder, Decoder>;
using Examples = std::vector<attend::PointingExample<float>>;

// An LSTM reads the input in both directions and leaves an annotation at every element. A second
// LSTM reads the element that was pointed at last; its state is compared with all annotations, and
// where it fits best it points next.
Network make_network(Index features, Index size, Random& random) {
  const auto make_cell = [size](Index input, Random& r) {
    return attend::Lstm<float>({.input = input, .hidden = size}, r);
  };
  attend::Lstm<float> forward = make_cell(size, random);
  Encoder encoder(std::move(forward), make_cell(size, random));
  attend::Additive<float> score({.query = size, .key = 2 * size, .energy = size}, random);
  auto decoder = attend::pointer_decoder({.embedding = size,
                                          .hidden = size,
                                          .annotation = 2 * size,
                                          .encoder_states = encoder.state_rows()},
                                         make_cell, std::move(score), random);
  return {features, std::move(encoder), std::move(decoder), random};
}

Network train(Network untrained, const Examples& examples, const options::Training& how) {
  attend::TrainingEvents<Network> events;
  events.on_progress = [](const attend::TrainingProgress& now) {
    if (now.batch != now.batches) return;
    std::cout << "  epoch " << std::setw(2) << now.epoch << "   loss " << std::fixed
              << std::setprecision(4) << now.epoch_loss.per_token() << "   " << std::setprecision(0)
              << now.tokens_per_second << " elements/s" << std::endl;
  };
  attend::Trainer<Network> trainer({.epochs = how.epochs,
                                    .batch = {.sentences = 64},
                                    .clip = 2,
                                    .keep_best = false,
                                    .threads = 2,
                                    .seed = how.seed},
                                   examples, {}, events);
  attend::TrainingState<Network> state(
      std::move(untrained),
      attend::StepDecay{.rate = 3e-3, .factor = 0.7, .after = how.epochs / 2});
  trainer.run(state);
  return std::move(state.model);
}

// The share of inputs whose positions are all right, in order.
double exact_percent(const Network& network, const Examples& examples, Index beam) {
  attend::FrameBatch<float> sources;
  sources.assign(
      examples, [](const auto& e) -> const auto& { return e.source; });
  Network::Workspace workspace;
  Decoder::Memory memory;
  network.remember(sources, workspace, memory);
  const auto found =
      attend::beam_search(network.decoder, memory,
                          {.beam = beam, .start = attend::pointer_end, .end = attend::pointer_end});
  std::size_t exact = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    exact += attend::columns_of(found[i].front().tokens) == examples[i].target ? 1 : 0;
  }
  return 100 * static_cast<double>(exact) / static_cast<double>(examples.size());
}

void run(const pointing::Task& task, const options::Training& how) {
  const attend::Stopwatch watch;
  Random random(how.seed);
  Examples training;
  for (Index i = 0; i < how.examples; ++i) {
    const Index n = task.shortest + random.below(task.longest - task.shortest + 1);
    training.push_back(task.make(n, random));
  }
  std::cout << "\nLearning to " << task.title << ": " << training.size() << " examples of "
            << task.shortest << " to " << task.longest << " elements\n";
  const Network network = train(make_network(task.features, 64, random), training, how);
  std::cout << "  learned in " << std::setprecision(0) << watch.seconds() << " s\n\n"
            << "  elements   exactly right, greedy   with a beam of 5   of 1000 inputs\n";
  for (const Index n : task.tested) {
    Examples test;
    for (int i = 0; i < 1000; ++i) test.push_back(task.make(n, random));
    std::cout << std::setw(10) << n << std::setprecision(1) << std::setw(23)
              << exact_percent(network, test, 1) << '%' << std::setw(18)
              << exact_percent(network, test, 5) << '%' << std::endl;
  }
}

}  // namespace

int main(int count, char** values) try {
  const pointing::Arguments arguments = pointing::parse_arguments(count, values);
  if (arguments.help) {
    std::cout << pointing::usage;
    return EXIT_SUCCESS;
  }
  for (const pointing::Task& task : pointing::tasks()) {
    if (arguments.task.empty() || arguments.task == task.name) run(task, arguments.training);
  }
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::cerr << "pointing: " << error.what() << '\n';
  return 2;
}
