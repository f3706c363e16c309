// A translator that copies names it has never seen: a pointer-generator (See, Liu, Manning 2017).
//
// Half of the names are everybody's, half are made up for one sentence, so that no vocabulary has
// them. The same model learns twice: with a decoder that may copy words of its source, and without.
// All test sentences come after those that were learned, from the same generator.

#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "names.hpp"
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/search/beam.hpp>
#include <attend/text/extended_vocabulary.hpp>
#include <attend/text/tokenize.hpp>
#include <attend/text/vocabulary.hpp>
#include <attend/train/trainer.hpp>

namespace {

using Model = attend::RecurrentSeq2Seq<float>;
using attend::ExtendedVocabulary, attend::SentencePair, attend::Vocabulary;
using names::Sentence;

struct Languages {
  Vocabulary german;
  Vocabulary english;
};

// Words that come once are names of one sentence; the vocabularies leave them out.
Languages languages_of(std::span<const Sentence> sentences) {
  Vocabulary::Counter german, english;
  for (const Sentence& sentence : sentences) {
    german.add(attend::split_words(sentence.german));
    english.add(attend::split_words(sentence.english));
  }
  return {german.build({.min_frequency = 20}), english.build({.min_frequency = 20})};
}

// What a source has and the vocabulary has not gets tokens behind the vocabulary's, for this
// sentence alone.
struct Encoded {
  SentencePair pair;
  ExtendedVocabulary own;
};

Encoded encode(const Languages& languages, const Sentence& sentence, bool copies) {
  const auto source = attend::split_words(sentence.german);
  const auto target = attend::split_words(sentence.english);
  Encoded encoded{{languages.german.encode(source), languages.english.encode(target)},
                  ExtendedVocabulary(languages.english.size())};
  if (copies) {
    encoded.pair.copies = attend::encode_copies(languages.english, source, encoded.own);
    encoded.pair.target = attend::encode_with(languages.english, target, encoded.own);
  }
  encoded.pair.target.push_back(attend::end_token);
  return encoded;
}

Model train(const Languages& languages, std::span<const Sentence> sentences, bool copies,
            const options::Training& how) {
  std::vector<SentencePair> pairs;
  for (const Sentence& sentence : sentences) {
    pairs.push_back(encode(languages, sentence, copies).pair);
  }
  attend::Random random(how.seed);
  Model model =
      attend::make_recurrent_seq2seq<float>({.source_vocabulary = languages.german.size(),
                                             .target_vocabulary = languages.english.size(),
                                             .embedding = 32,
                                             .hidden = 48,
                                             .copies = copies,
                                             .unknown = attend::unknown_token},
                                            random);
  attend::TrainingEvents<Model> events;
  events.on_progress = [](const attend::TrainingProgress& now) {
    if (now.batch != now.batches || now.epoch % 5 != 0) return;
    std::cout << "  epoch " << std::setw(2) << now.epoch << "   loss " << std::fixed
              << std::setprecision(4) << now.epoch_loss.per_token() << std::endl;
  };
  attend::Trainer<Model> trainer({.epochs = how.epochs,
                                  .batch = {.sentences = 32},
                                  .keep_best = false,
                                  .threads = 2,
                                  .seed = how.seed},
                                 pairs, {}, events);
  attend::TrainingState<Model> state(
      std::move(model), attend::StepDecay{.rate = 4e-3, .factor = 0.8, .after = how.epochs / 2});
  trainer.run(state);
  return std::move(state.model);
}

std::vector<std::string> translate(const Model& model, const Languages& languages,
                                   std::span<const Sentence> sentences, bool copies) {
  std::vector<Encoded> encoded;
  std::vector<const SentencePair*> pairs;
  for (const Sentence& sentence : sentences) encoded.push_back(encode(languages, sentence, copies));
  for (const Encoded& one : encoded) pairs.push_back(&one.pair);
  attend::PairBatch batch;
  batch.assign(pairs);
  Model::Workspace workspace;
  attend::RecurrentMemory<float> memory;
  model.remember(batch.source, batch.copies, workspace, memory);
  const auto found = attend::beam_search(
      model.decoder, memory, {.beam = 4, .start = attend::start_token, .end = attend::end_token});
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < found.size(); ++i) {
    lines.push_back(attend::join_words(
        attend::decode_with(languages.english, found[i].front().tokens, encoded[i].own)));
  }
  return lines;
}

// The share of sentences that are right to the word, by the number of names nobody knows.
void report(std::span<const Sentence> test, const std::vector<std::string>& with,
            const std::vector<std::string>& without) {
  std::cout << "\n  unknown names   sentences   exactly right with copying   without\n";
  for (int unknown = 0; unknown <= 3; ++unknown) {
    int sentences = 0, right_with = 0, right_without = 0;
    for (std::size_t i = 0; i < test.size(); ++i) {
      if (test[i].unknown_names != unknown) continue;
      ++sentences;
      right_with += with[i] == test[i].english ? 1 : 0;
      right_without += without[i] == test[i].english ? 1 : 0;
    }
    const auto percent = [&](int right) { return sentences > 0 ? 100.0 * right / sentences : 0.0; };
    std::cout << std::setw(15) << unknown << std::setw(12) << sentences << std::setprecision(1)
              << std::setw(28) << percent(right_with) << '%' << std::setw(9)
              << percent(right_without) << "%\n";
  }
}

int run(const options::Training& how) {
  attend::Random random(how.seed);
  std::vector<Sentence> sentences;
  for (std::int64_t i = 0; i < how.examples + 1000; ++i) {
    sentences.push_back(names::make_sentence(random));
  }
  const auto training =
      std::span<const Sentence>(sentences).first(static_cast<std::size_t>(how.examples));
  const auto test = std::span<const Sentence>(sentences).last(1000);
  const Languages languages = languages_of(training);
  std::cout << training.size() << " sentences to learn from, " << languages.german.size()
            << " German and " << languages.english.size() << " English words\n\nWith copying\n";
  const Model copying = train(languages, training, true, how);
  std::cout << "\nWithout copying\n";
  const Model plain = train(languages, training, false, how);

  const auto with = translate(copying, languages, test, true);
  const auto without = translate(plain, languages, test, false);
  for (std::size_t i = 0; i < 2; ++i) {
    std::cout << "\n  " << test[i].german << "\n  with copying: " << with[i]
              << "\n  without:      " << without[i] << '\n';
  }
  report(test, with, without);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** values) try {
  const auto arguments = options::parse_training(count, values, names::usual_training);
  if (arguments.help) {
    std::cout << names::usage;
    return EXIT_SUCCESS;
  }
  return run(arguments.training);
} catch (const std::exception& error) {
  std::cerr << "copying: " << error.what() << '\n';
  return 2;
}
