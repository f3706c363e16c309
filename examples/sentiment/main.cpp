// Says whether a sentence praises or blames, and which words it looked at: a bidirectional LSTM,
// and attention that pools its annotations (Yang et al. 2016; Lin et al. 2017). --pooling last,
// mean or max are the same without attention, for contrast.

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "../output.hpp"
#include "arguments.hpp"
#include "labelled_text.hpp"
#include "sentiment_model.hpp"
#include <attend/train/stopwatch.hpp>
#include <attend/train/trainer.hpp>
#include <attend/view/weighed_words.hpp>

namespace {

using attend::LabelledSequence;
using sentiment::Classifier, sentiment::LabelledText, sentiment::Opinion, sentiment::SentimentModel;
using Texts = std::vector<LabelledText>;

std::vector<LabelledSequence> encode(const SentimentModel& model, const Texts& texts) {
  std::vector<LabelledSequence> sequences;
  for (const LabelledText& one : texts) {
    const auto label = std::ranges::find(model.labels, one.label);
    if (label == model.labels.end()) {
      throw std::invalid_argument(
          "the label '" + one.label + "' of '" + one.text +
          "' is none of the training file's: " + attend::join_words(model.labels));
    }
    sequences.push_back({model.words.encode(attend::split_words(one.text)),
                         static_cast<attend::Token>(label - model.labels.begin())});
  }
  return sequences;
}

/// The share of sentences that get their label.
double accuracy(const Classifier& classifier, std::span<const LabelledSequence> sequences) {
  Classifier::Workspace workspace;
  attend::LabelledBatch batch;
  std::vector<const LabelledSequence*> some;
  std::size_t right = 0;
  for (std::size_t first = 0; first < sequences.size(); first += some.size()) {
    some.clear();
    for (const auto& one :
         sequences.subspan(first, std::min<std::size_t>(256, sequences.size() - first))) {
      some.push_back(&one);
    }
    batch.assign(some);
    attend::Matrix<float> logits(classifier.labels(), std::ssize(some));
    classifier.logits(batch.tokens, workspace, logits);
    for (attend::Index b = 0; b < logits.cols(); ++b) {
      attend::Index best = 0;
      logits.col(b).maxCoeff(&best);
      right += best == some[static_cast<std::size_t>(b)]->label ? 1 : 0;
    }
  }
  return static_cast<double>(right) / static_cast<double>(sequences.size());
}

// The model of the epoch that labels the most of the development sentences rightly.
Classifier train(Classifier untrained, const std::vector<LabelledSequence>& training,
                 const std::vector<LabelledSequence>& dev, const sentiment::Recipe& recipe) {
  using Adam = attend::AdamW<Classifier>;
  attend::TrainingEvents<Classifier, Adam> events;
  events.metric = [&](const Classifier& classifier) { return 100 * accuracy(classifier, dev); };
  events.on_evaluation = [](const attend::TrainingEvaluation& now) {
    std::cout << "  epoch " << std::setw(2) << now.time.epoch << "   loss " << std::fixed
              << std::setprecision(3) << now.training.per_token() << "   dev loss "
              << now.validation.per_token() << ", accuracy " << std::setprecision(1) << now.score
              << '%' << (now.improved ? " *" : "") << std::endl;
  };
  attend::Trainer<Classifier, Adam> trainer(
      {.epochs = recipe.epochs, .batch = {.sentences = 32}, .clip = 1, .seed = recipe.seed},
      training, dev, events);
  Adam adam(untrained, {.weight_decay = recipe.weight_decay});
  attend::TrainingState<Classifier, Adam> state(
      std::move(untrained), std::move(adam),
      attend::StepDecay{.rate = recipe.rate, .factor = 0.8, .after = recipe.epochs / 3});
  trainer.run(state);
  return std::move(*state.best);
}

void show(const std::string& sentence, const Opinion& opinion) {
  const auto style = isatty(STDOUT_FILENO) == 1 ? attend::WeighedWordsStyle::colour
                                                : attend::WeighedWordsStyle::percent;
  std::cout << opinion.label << '\t' << std::fixed << std::setprecision(3) << opinion.probability
            << '\t' << attend::weighed_words(attend::split_words(sentence), opinion.weights, style)
            << '\n';
}

void learn(const sentiment::Arguments& arguments) {
  if (!arguments.save.empty()) output::check(arguments.save);
  const attend::Stopwatch watch;
  const Texts training = sentiment::read_labelled(arguments.train);
  const Texts dev = sentiment::read_labelled(arguments.dev);
  const Texts test = sentiment::read_labelled(arguments.test);
  SentimentModel model{arguments.recipe.pooling, {}, sentiment::labels_of(training), {}};
  attend::check_argument(model.labels.size() > 1, arguments.train, ": all labels are '",
                         attend::join_words(model.labels), "', expected two or more");
  attend::Vocabulary::Counter counter;
  for (const LabelledText& one : training) counter.add(attend::split_words(one.text));
  model.words = counter.build({.min_frequency = 2});
  model.classifier =
      sentiment::make_classifier(arguments.recipe, model.words.size(), std::ssize(model.labels),
                                 attend::Random(arguments.recipe.seed));
  std::cout << training.size() << " sentences to learn from, " << model.words.size() << " words, "
            << model.labels.size() << " labels, " << model.pooling << " pooling, "
            << attend::parameter_count(model.classifier) << " parameters\n";
  const auto test_sequences = encode(model, test);
  model.classifier = train(std::move(model.classifier), encode(model, training), encode(model, dev),
                           arguments.recipe);
  std::cout << "learned in " << std::setprecision(0) << watch.seconds() << " s; " << test.size()
            << " test sentences: accuracy " << std::setprecision(2)
            << 100 * accuracy(model.classifier, test_sequences) << "%\n";
  if (!arguments.save.empty()) sentiment::save_model(arguments.save, model);

  std::vector<std::string> shown;
  for (const LabelledText& one : test) {
    if (std::ssize(shown) == arguments.shown) break;
    shown.push_back(one.text);
  }
  const auto opinions = model(shown);
  for (std::size_t i = 0; i < shown.size(); ++i) show(shown[i], opinions[i]);
}

// One line at a time, so that it answers whoever types.
void classify(const std::string& path) {
  const SentimentModel model = sentiment::load_model(path);
  std::size_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string sentence(attend::clean_line(line, "standard input", ++number));
    show(sentence, model(std::span(&sentence, 1)).front());
    std::cout.flush();
  }
}

}  // namespace

int main(int count, char** values) try {
  const sentiment::Arguments arguments = sentiment::parse_arguments(count, values);
  if (arguments.help) {
    std::cout << sentiment::usage;
  } else if (!arguments.model.empty()) {
    classify(arguments.model);
  } else {
    learn(arguments);
  }
  return EXIT_SUCCESS;
} catch (const std::bad_alloc&) {
  std::cerr << "sentiment: out of memory; choose smaller sizes\n";
  return 2;
} catch (const std::exception& error) {
  std::cerr << "sentiment: " << error.what() << '\n';
  return 2;
}
