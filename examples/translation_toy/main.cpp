// A translator that learns German in a minute: the tour of attend.
//
// The language is a toy, but not a trivial one. Its German puts verbs last ("..., weil er die Frau
// anruft"), tears them apart ("er ruft die Frau an") and counts three-and-twenty, so no word can be
// translated in its place. toy_language.hpp makes such sentences and what they mean in English.

#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "exactness.hpp"
#include "toy_language.hpp"
#include <attend/attend.hpp>

using attend::Index, attend::SentencePair, attend::Vocabulary;

// The model of Bahdanau, Cho and Bengio (2015), from its parts. A GRU reads the source in both
// directions and leaves an annotation at every word; a second GRU writes the target and, before
// each word, attends: it compares its state with all annotations by an additive score and takes
// their average, weighted by how well they fit. Another cell or another score is another word here.
using Cell = attend::Gru<float>;
using Encoder = attend::TextEncoder<attend::Bidirectional<Cell>>;
using Decoder = attend::RecurrentDecoder<Cell, attend::Additive<float>>;
using Model = attend::Seq2Seq<Encoder, Decoder>;

// A model reads numbers. Each language has a vocabulary that numbers the words of the training
// sentences; a target ends with a symbol of its own, as the decoder must learn when to stop.
struct Corpus {
  std::vector<toy::Sentence> sentences = {};
  Vocabulary german = {}, english = {};
  std::vector<SentencePair> pairs = {};
};

Corpus make_corpus(std::size_t learned, std::size_t tested, attend::Random& random) {
  Corpus corpus{.sentences = toy::distinct_sentences(learned + tested, random)};
  Vocabulary::Counter german, english;
  for (const toy::Sentence& sentence : std::span(corpus.sentences).first(learned)) {
    german.add(sentence.german);
    english.add(sentence.english);
  }
  corpus.german = german.build();
  corpus.english = english.build();
  for (const toy::Sentence& sentence : corpus.sentences) {
    SentencePair pair{corpus.german.encode(sentence.german),
                      corpus.english.encode(sentence.english)};
    pair.target.push_back(attend::end_token);
    corpus.pairs.push_back(std::move(pair));
  }
  return corpus;
}

// The parts begin with random weights. Words begin small, so that what they mean soon outweighs
// what chance made of them: with so few sentences that is the difference between knowing a rare
// word and guessing. The order `attend_then_step` is Bahdanau's; `step_only` leaves the attention
// out and nothing else.
Model make_model(const Corpus& corpus, attend::DecoderOrder order, attend::Random& random) {
  const Index size = 48, hidden = 64;
  const double deviation = 0.15;
  const auto make_cell = [](Index input, attend::Random& chance) {
    return Cell({.input = input, .hidden = hidden}, chance);
  };
  Cell forward = make_cell(size, random);
  Cell backward = make_cell(size, random);
  const attend::Stacked layers(
      std::vector{attend::Bidirectional(std::move(forward), std::move(backward))});
  Encoder encoder(attend::Embedding<float>({corpus.german.size(), size, deviation}, random),
                  layers);

  const Index annotation = encoder.annotation_size();
  attend::Additive<float> score({.query = hidden, .key = annotation, .energy = hidden}, random);
  Decoder decoder({.order = order,
                   .vocabulary = corpus.english.size(),
                   .embedding = size,
                   .hidden = hidden,
                   .annotation = annotation,
                   .encoder_states = encoder.state_rows(),
                   .readout = hidden,
                   .embedding_deviation = deviation},
                  make_cell, std::move(score), random);
  return {std::move(encoder), std::move(decoder)};
}

// Training shows the model every sentence some dozens of times and moves each weight a little
// against its gradient. The rate stays high while there is much to learn and falls to settle down.
Model train(Model untrained, std::span<const SentencePair> pairs, std::uint64_t seed) {
  attend::TrainingEvents<Model> events;
  events.on_progress = [](const attend::TrainingProgress& now) {
    if (now.batch != now.batches || now.epoch % 5 != 0) return;
    std::cout << "  epoch " << std::setw(2) << now.epoch << "   loss " << std::fixed
              << std::setprecision(4) << now.epoch_loss.per_token() << "   " << std::setprecision(0)
              << now.tokens_per_second << " words/s" << std::endl;
  };
  attend::Trainer<Model> trainer(
      {.epochs = 30, .batch = {.sentences = 16}, .keep_best = false, .threads = 2, .seed = seed},
      pairs, {}, events);
  attend::TrainingState<Model> state(std::move(untrained),
                                     attend::StepDecay{.rate = 4e-3, .factor = 0.8, .after = 16});
  trainer.run(state);
  return std::move(state.model);
}

// To translate, the encoder reads a batch of sources once into a memory. The search then asks the
// decoder word by word; a beam keeps the four likeliest beginnings, as a first word that looked
// best may not go on well.
using Translations = std::vector<attend::Hypothesis<float>>;

Translations translate(const Model& model, std::span<const SentencePair> pairs) {
  std::vector<std::span<const attend::Token>> sources;
  for (const SentencePair& pair : pairs) sources.emplace_back(pair.source);
  attend::TokenBatch batch;
  batch.assign(sources);

  Model::Workspace workspace;
  attend::RecurrentMemory<float> memory;
  model.remember(batch, workspace, memory);
  Translations translations;
  for (auto& best :
       attend::beam_search(model.decoder, memory,
                           {.beam = 4, .start = attend::start_token, .end = attend::end_token})) {
    translations.push_back(std::move(best.front()));
  }
  return translations;
}

// Every translation carries its weights, a column for each word written: where the decoder looked.
attend::WordAlignment alignment(const Corpus& corpus, const SentencePair& pair,
                                const attend::Hypothesis<float>& translation) {
  const auto words = static_cast<attend::Index>(translation.tokens.size());
  return {corpus.german.decode(pair.source), corpus.english.decode(translation.tokens),
          translation.weights.leftCols(words)};
}

int run(const toy::Arguments& arguments) {
  // The generator is the only source of chance: the same seed gives the same translator.
  attend::Random random(arguments.seed);
  const std::size_t learned = 4000;
  const Corpus corpus = make_corpus(learned, 500, random);
  const auto training = std::span<const SentencePair>(corpus.pairs).first(learned);
  const auto test = std::span<const SentencePair>(corpus.pairs).subspan(learned);
  std::cout << training.size() << " sentences to learn from, " << test.size()
            << " others to translate; " << corpus.german.size() << " German and "
            << corpus.english.size() << " English words.\n\nLearning with attention\n";

  const attend::Stopwatch watch;
  const Model model = train(make_model(corpus, attend::DecoderOrder::attend_then_step, random),
                            training, arguments.seed);
  const Translations translations = translate(model, test);
  const double seconds = watch.seconds();
  const toy::Exactness with = toy::exactness(translations, test);

  // The alignment crosses where the languages differ: a numeral is turned round, a verb at the end
  // comes forward. A verb torn in two is mostly read at its first half, whose annotation knows the
  // second, because the encoder reads both ways.
  std::cout << "\nSentences it has never seen: each row was written looking at the dark columns.\n";
  for (const std::string_view word : {"und@@", "an", "weil"}) {
    const std::size_t i = toy::find_example(corpus.sentences, learned, word);
    const attend::WordAlignment drawn =
        alignment(corpus, corpus.pairs[i], translations[i - learned]);
    std::cout << '\n'
              << toy::plain_text(drawn.source()) << '\n'
              << toy::plain_text(drawn.target()) << "\n\n"
              << attend::heat_map(drawn);
    if (word != "und@@") continue;
    attend::write_atomically(
        arguments.alignment,
        attend::svg_heat_map(drawn, {.title = toy::plain_text(drawn.source())}));
  }

  // Without attention all that the decoder knows of the source is one vector, however long the
  // source is. It learns the same sentences for the same number of epochs.
  std::cout << "\nLearning without attention\n";
  const Model plain =
      train(make_model(corpus, attend::DecoderOrder::step_only, random), training, arguments.seed);
  const toy::Exactness without = toy::exactness(translate(plain, test), test);
  attend::write_atomically(arguments.accuracy, toy::chart(with, without));

  const bool passed = with.all().percent() >= 99;
  std::cout << "\nExactly right\n"
            << toy::table(with, without) << "\nAn alignment is drawn in " << arguments.alignment
            << ", the table in " << arguments.accuracy << ".\n"
            << (passed ? "PASSED: " : "FAILED: ") << with.all().exact << " of " << test.size()
            << " unseen sentences translated exactly (99% asked), learned in " << std::fixed
            << std::setprecision(1) << seconds << " s.\n";
  return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int count, char** values) try {
  return run(toy::parse_arguments(count, values));
} catch (const std::exception& error) {
  std::cerr << "translation_toy: " << error.what() << '\n';
  return 2;
}
