// How English words are spoken: a model that was trained elsewhere (Kyubyong/g2p, in PyTorch's
// layout), imported by a table of a few lines.
//
//   pronunciation ../shared/models/g2p_en colour attention     prints each word's phones
//   pronunciation ../shared/models/g2p_en                      compares all of its expected.tsv

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <attend/attend.hpp>
#include <attend/io/safetensors.hpp>

using attend::Index, attend::Random, attend::Token;

namespace {

using Gru = attend::Gru<float>;
using Layer = attend::Recurrent<Gru>;
using Encoder = attend::TextEncoder<Layer>;
using Decoder = attend::RecurrentDecoder<Gru, attend::Dot<float>>;
using Model = attend::Seq2Seq<Encoder, Decoder>;

// The model's parameters and the file's tensors: this is all that an import needs to be told.
const attend::ImportTable& table() {
  using attend::pytorch_gru, attend::transposed;
  static const attend::ImportTable lines = {
      {"encoder.embedding.E", transposed("enc_emb")},
      pytorch_gru("encoder.stack.layers.0.cell", {"enc_w_ih", "enc_w_hh", "enc_b_ih", "enc_b_hh"}),
      {"decoder.embedding.E", transposed("dec_emb")},
      pytorch_gru("decoder.cells.0.cell", {"dec_w_ih", "dec_w_hh", "dec_b_ih", "dec_b_hh"}),
      {"decoder.output.W", "fc_w"},
      {"decoder.output.b", "fc_b"}};
  return lines;
}

// Letters to a state, from the state to phones: no attention, and nothing stands between the
// encoder's last state and the decoder's first, or between a state and the scores of phones.
Model new_model(Index letters, Index phones, Index size) {
  Random random(1);
  const auto make_gru = [size](Index input, Random& r) {
    return Gru({.input = input, .hidden = size}, r);
  };
  Encoder encoder(attend::Embedding<float>({.vocabulary = letters, .size = size}, random),
                  attend::Stacked<Layer>({Layer(make_gru(size, random))}));
  Decoder decoder = attend::plain_decoder<float>({.vocabulary = phones,
                                                  .embedding = size,
                                                  .hidden = size,
                                                  .encoder_states = size,
                                                  .readout = size,
                                                  .activation = attend::ReadoutActivation::none,
                                                  .reads_embedding = false,
                                                  .initial = attend::InitialState::copied},
                                                 make_gru, random);
  return {std::move(encoder), std::move(decoder)};
}

class Pronunciation {
 public:
  explicit Pronunciation(const std::filesystem::path& folder) {
    const auto vocabulary = nlohmann::json::parse(attend::read_file(folder / "vocab.json"));
    const std::vector<std::string> letters = vocabulary.at("graphemes");
    phones_ = vocabulary.at("phonemes").get<std::vector<std::string>>();
    for (const std::string& letter : letters) {
      letters_.emplace(letter, static_cast<Token>(letters_.size()));
    }
    const attend::TensorFile file = attend::read_safetensors(folder / "model.safetensors");
    model_ = new_model(std::ssize(letters), std::ssize(phones_), file.at("enc_w_hh").shape.at(1));
    attend::import_parameters(file, table(), model_);
  }

  /// The phones of every word, all words side by side.
  [[nodiscard]] std::vector<std::string> operator()(std::span<const std::string> words) const {
    std::vector<std::vector<Token>> sources;
    for (const std::string& word : words) sources.push_back(spell(word));
    Model::Workspace workspace;
    Decoder::Memory memory;
    model_.remember(attend::TokenBatch(sources), workspace, memory);
    const auto found = attend::greedy(
        model_.decoder, memory,
        {.start = phone("<s>"), .end = phone("</s>"), .max_length = {.factor = 0, .offset = 20}});
    std::vector<std::string> spoken;
    for (const auto& hypothesis : found) spoken.push_back(join(hypothesis.tokens));
    return spoken;
  }

 private:
  [[nodiscard]] std::vector<Token> spell(const std::string& word) const {
    std::vector<Token> tokens;
    for (const char c : word) {
      const auto place = letters_.find(std::string(1, c));
      tokens.push_back(place == letters_.end() ? letters_.at("<unk>") : place->second);
    }
    tokens.push_back(letters_.at("</s>"));
    return tokens;
  }

  [[nodiscard]] Token phone(const std::string& name) const {
    const auto place = std::find(phones_.begin(), phones_.end(), name);
    if (place == phones_.end()) throw std::runtime_error("vocab.json: there is no " + name);
    return static_cast<Token>(place - phones_.begin());
  }

  [[nodiscard]] std::string join(const std::vector<Token>& tokens) const {
    std::string text;
    for (const Token token : tokens) {
      text += (text.empty() ? "" : " ") + phones_.at(static_cast<std::size_t>(token));
    }
    return text;
  }

  std::map<std::string, Token> letters_;
  std::vector<std::string> phones_;
  Model model_;
};

/// Compares with the lines "word TAB phones" of a file. True if all are the same.
bool compare(const Pronunciation& pronounce, const std::filesystem::path& path) {
  std::vector<std::string> words;
  std::vector<std::string> expected;
  for (const std::string& line : attend::read_lines(path)) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw std::runtime_error(path.string() + ": a line without a tab");
    words.push_back(line.substr(0, tab));
    expected.push_back(line.substr(tab + 1));
  }
  const auto spoken = pronounce(words);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    equal += spoken[i] == expected[i] ? 1 : 0;
    if (spoken[i] != expected[i]) {
      std::cout << words[i] << ": " << spoken[i] << ", expected " << expected[i] << '\n';
    }
  }
  std::cout << equal << " of " << words.size() << " words as expected\n";
  return equal == words.size();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::vector<std::string> given(arguments + 1, arguments + count);
    if (given.empty() || given.front() == "--help") {
      (given.empty() ? std::cerr : std::cout)
          << "usage: pronunciation FOLDER [WORD...]\n"
             "Says how words are spoken, by the model in FOLDER (vocab.json, model.safetensors); "
             "without\nwords it compares what it says with all of FOLDER/expected.tsv.\n";
      return given.empty() ? 2 : 0;
    }
    const std::filesystem::path folder = given.front();
    const Pronunciation pronounce(folder);
    const std::vector<std::string> words(given.begin() + 1, given.end());
    if (words.empty()) return compare(pronounce, folder / "expected.tsv") ? 0 : 1;
    const auto spoken = pronounce(words);
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::cout << words[i] << '\t' << spoken[i] << '\n';
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "pronunciation: " << error.what() << '\n';
    return 1;
  }
}
