// How long a program waits for its first token, and how much memory it holds, when it loads a model
// of some 50 MB: `attend_loading make FILE`, then `attend_loading FILE` in a process of its own.
// `attend_loading check FILE` sees that what was loaded is stored again with the same bits, and
// `attend_loading read FILE` reads the bytes and does nothing, as what any loader costs at least.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <attend/io/checksum.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/io/self_check.hpp>
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/search/greedy.hpp>

namespace {

using Model = attend::RecurrentSeq2Seq<float>;
using attend::Token;
using Clock = std::chrono::steady_clock;

Model new_model(attend::Random random) {
  return attend::make_recurrent_seq2seq<float>({.source_vocabulary = 8000,
                                                .target_vocabulary = 8000,
                                                .embedding = 256,
                                                .hidden = 512,
                                                .embedding_deviation = 0.1},
                                               random);
}

/// A line of /proc/self/status in MB, where there is one.
double megabytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1)) / 1024;
  }
  return 0;
}

class Report {
 public:
  void operator()(const char* what) {
    const auto now = Clock::now();
    const std::chrono::duration<double, std::milli> spent = now - last_;
    std::printf("%-24s %8.1f ms   now %7.1f MB anonymous, %7.1f MB of files; peak %7.1f MB\n", what,
                spent.count(), megabytes("RssAnon"), megabytes("RssFile"), megabytes("VmHWM"));
    last_ = Clock::now();
  }

 private:
  Clock::time_point last_ = Clock::now();
};

void make(const std::filesystem::path& path) {
  const Model model = new_model(attend::Random(1));
  attend::TensorFile file;
  attend::store_parameters(file, "model", model);
  const std::vector<Token> tokens{1, 5, 2};
  attend::store_self_check(file, model, tokens, tokens);
  attend::add_checksum(file);
  attend::write_safetensors(path, file);
  std::cout << attend::parameter_count(model) << " parameters, "
            << static_cast<double>(std::filesystem::file_size(path)) / 1e6 << " MB\n";
}

void check(const std::filesystem::path& path) {
  Model model = new_model(attend::Random::none());
  const attend::TensorFile file = attend::read_safetensors(path);
  attend::check_checksum(file);
  attend::load_parameters(file, "model", model);
  attend::verify_self_check(file, model);
  attend::TensorFile again;
  attend::store_parameters(again, "model", model);
  for (const auto& [name, tensor] : again.tensors) {
    if (tensor != file.at(name)) throw std::runtime_error(name + " has other bits");
  }
  std::cout << again.tensors.size() << " tensors have the bits of the file\n";
}

void load(const std::filesystem::path& path) {
  Report report;
  report("program");
  Model model = new_model(attend::Random::none());
  report("model without weights");
  {
    const attend::TensorFile file = attend::read_safetensors(path);
    report("file mapped");
    attend::check_checksum(file);
    report("checksum");
    attend::load_parameters(file, "model", model);
    report("weights packed");
    attend::verify_self_check(file, model);
    report("self-check");
  }
  report("file let go");
  Model::Workspace workspace;
  decltype(model.decoder)::Memory memory;
  const std::vector<std::vector<Token>> source{{5, 6, 7, 8, 9, 10, 11, 2}};
  model.remember(attend::TokenBatch(source), workspace, memory);
  (void)attend::greedy(model.decoder, memory,
                       {.start = 1, .end = 2, .max_length = {.factor = 0, .offset = 1}});
  report("first token");
}

}  // namespace

int main(int count, char** arguments) {
  const std::string first = count > 1 ? arguments[1] : "";
  try {
    if (count == 3 && first == "make") {
      make(arguments[2]);
    } else if (count == 3 && first == "check") {
      check(arguments[2]);
    } else if (count == 3 && first == "read") {
      Report report;
      (void)attend::read_file(arguments[2]);
      report("bytes read and dropped");
    } else if (count == 2) {
      load(first);
    } else {
      std::cerr << "usage: attend_loading [make|check|read] FILE\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "attend_loading: " << error.what() << '\n';
    return 1;
  }
}
