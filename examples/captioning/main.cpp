// Reads pictures of hand-written digits into words: convolutions leave a grid of annotations, and
// an LSTM looks at them, word by word (Xu et al. 2015, Show, attend and tell). It learns from
// pictures of 1 to 4 digits and is tested on more, with and without the paper's doubly stochastic
// penalty.

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../output.hpp"
#include "arguments.hpp"
#include "canvas.hpp"
#include "captioner.hpp"
#include "digits.hpp"
#include "pgm.hpp"
#include <attend/io/model_file.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/train/stopwatch.hpp>
#include <attend/train/trainer.hpp>
#include <attend/view/image_attention.hpp>

namespace {

using namespace captioning;  // NOLINT(google-build-using-namespace): the example's own

constexpr Index longest_learned = 4;
constexpr Index longest_tested = 6;

// The file of MNIST whose name begins so: as it is, or compressed.
std::filesystem::path file_in(const std::filesystem::path& folder, std::string_view part,
                              std::string_view what) {
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(part) && name.find(what) != std::string::npos) return entry.path();
    }
  }
  throw std::invalid_argument("--data " + folder.string() + ": there is no file " +
                              std::string(part) + "*" + std::string(what) + "*");
}

std::vector<Digit> digits_of(const std::filesystem::path& folder, std::string_view part) {
  return read_digits(file_in(folder, part, "images-idx3"), file_in(folder, part, "labels-idx1"));
}

// Each round draws new canvases, so that none is seen twice.
Captioner train(const std::vector<Digit>& digits, double penalty, const Arguments& arguments) {
  const attend::Stopwatch watch;
  Random random(static_cast<std::uint64_t>(arguments.seed));
  attend::TrainingState<Captioner> state(
      make_captioner(alignment_named(arguments.alignment), penalty, random),
      attend::StepDecay{.rate = 3e-3, .factor = 0.6, .after = arguments.rounds / 2});
  std::vector<Picture> canvases(static_cast<std::size_t>(arguments.canvases));
  attend::TrainingEvents<Captioner> events;
  events.on_progress = [](const attend::TrainingProgress& now) {
    if (now.batch != now.batches) return;
    std::cout << "  round " << std::setw(2) << now.epoch << "   loss " << std::fixed
              << std::setprecision(4) << now.epoch_loss.per_token() << std::endl;
  };
  for (std::int64_t round = 1; round <= arguments.rounds; ++round) {
    for (Picture& canvas : canvases) {
      canvas = make_picture(digits, 1 + random.below(longest_learned), random);
    }
    attend::Trainer<Captioner> trainer({.epochs = round,
                                        .batch = {.sentences = 32},
                                        .clip = 2,
                                        .keep_best = false,
                                        .threads = 1,
                                        .seed = static_cast<std::uint64_t>(arguments.seed)},
                                       canvases, {}, events);
    state.recipe.clear();
    trainer.run(state);
  }
  std::cout << "  learned in " << std::setprecision(0) << watch.seconds() << " s\n";
  return std::move(state.model);
}

std::vector<Picture> pictures_of(const std::vector<Digit>& digits, Index count, std::int64_t n,
                                 std::int64_t seed) {
  Random random = Random(static_cast<std::uint64_t>(seed)).fork(static_cast<std::uint64_t>(count));
  std::vector<Picture> pictures;
  for (std::int64_t i = 0; i < n; ++i) pictures.push_back(make_picture(digits, count, random));
  return pictures;
}

// Shares of pictures that are read right to the last word, and of their cells that some word, or
// the end, looked at with a weight of 0.01 or more.
struct Score {
  double exact = 0;
  double seen = 0;
};

Score score_of(const Captioner& captioner, const std::vector<Picture>& pictures) {
  std::vector<Image<float>> images;
  for (const Picture& picture : pictures) images.push_back(picture.source);
  const auto found = read(captioner, images);
  Score score;
  const double share = 100 / static_cast<double>(pictures.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto& [tokens, weights] = std::tie(found[i].tokens, found[i].weights);
    if (sentence(tokens) == sentence(pictures[i].target)) score.exact += share;
    const auto seen = (weights.rowwise().maxCoeff().array() >= 0.01F).count();
    score.seen += share * static_cast<double>(seen) / static_cast<double>(weights.rows());
  }
  return score;
}

// Writes what the captioner looked at for each word that it says of the image.
void draw(const Captioner& captioner, const Image<float>& image, const std::string& path) {
  const auto found = read(captioner, {image});
  std::vector<std::string> said;
  for (const Token token : found[0].tokens) said.emplace_back(word_of(token));
  if (found[0].finished) said.emplace_back("(end)");
  attend::write_atomically(
      path, attend::svg_image_attention(image, captioner.encoder.grid(image.size), said,
                                        found[0].weights, {.title = sentence(found[0].tokens)}));
  std::cout << "drawn: " << path << '\n';
}

// A line for each number of digits, two columns for each captioner.
void report(const std::vector<Captioner>& captioners, const std::vector<Digit>& digits,
            const Arguments& arguments) {
  std::cout << "\n  " << arguments.tests << " pictures each   without the penalty"
            << (captioners.size() > 1 ? "         with it" : "") << "\n  digits            ";
  for (std::size_t i = 0; i < captioners.size(); ++i) std::cout << "   right   cells seen";
  std::cout << '\n';
  for (Index count = 1; count <= longest_tested; ++count) {
    const auto pictures = pictures_of(digits, count, arguments.tests, arguments.seed);
    std::cout << std::setw(8) << count << std::string(12, ' ') << std::fixed
              << std::setprecision(1);
    for (const Captioner& captioner : captioners) {
      const Score score = score_of(captioner, pictures);
      std::cout << std::setw(7) << score.exact << '%' << std::setw(12) << score.seen << '%';
    }
    std::cout << std::endl;
  }
}

void save(const Captioner& captioner, const Arguments& arguments) {
  attend::TensorFile file;
  file.metadata["alignment"] = arguments.alignment;
  attend::store_parameters(file, "captioner", captioner);
  attend::write_safetensors(arguments.model, file);
  std::cout << "written: " << arguments.model << '\n';
}

int learn(const Arguments& arguments) {
  (void)alignment_named(arguments.alignment);
  if (!arguments.model.empty()) output::check(arguments.model);
  if (!arguments.picture.empty()) output::check(arguments.picture);
  const std::vector<Digit> known = digits_of(arguments.data, "train");
  const std::vector<Digit> unknown = digits_of(arguments.data, "t10k");
  std::cout << "Learning to read 1 to " << longest_learned << " digits of " << known.size()
            << ", tested on " << unknown.size() << " others\n\nWithout the penalty\n";
  std::vector<Captioner> captioners = {train(known, 0, arguments)};
  if (arguments.penalty > 0) {
    std::cout << "\nWith " << std::defaultfloat << arguments.penalty
              << " times the doubly stochastic penalty\n";
    captioners.push_back(train(known, arguments.penalty, arguments));
  }
  report(captioners, unknown, arguments);
  if (!arguments.model.empty()) save(captioners.back(), arguments);
  if (!arguments.picture.empty()) {
    const Picture picture = pictures_of(unknown, longest_learned, 1, arguments.seed)[0];
    draw(captioners.back(), picture.source, arguments.picture);
  }
  return EXIT_SUCCESS;
}

Captioner load(const std::string& path) {
  const attend::TensorFile file = attend::read_safetensors(path);
  const auto alignment = file.metadata.find("alignment");
  if (alignment == file.metadata.end()) {
    throw attend::FormatError(path + ": it is no model of this program");
  }
  Random none = Random::none();
  Captioner captioner = make_captioner(alignment_named(alignment->second), 0, none);
  attend::load_parameters(file, "captioner", captioner);
  return captioner;
}

int read_own(const Arguments& arguments) {
  const Captioner captioner = load(arguments.model);
  const Image<float> image = read_pgm(arguments.read);
  std::cout << sentence(read(captioner, {image})[0].tokens) << '\n';
  if (!arguments.picture.empty()) draw(captioner, image, arguments.picture);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** values) try {
  const Arguments arguments = parse_arguments(count, values);
  if (arguments.help) {
    std::cout << usage;
    return EXIT_SUCCESS;
  }
  return arguments.read.empty() ? learn(arguments) : read_own(arguments);
} catch (const std::exception& error) {
  std::cerr << "captioning: " << error.what() << '\n';
  return 2;
}
