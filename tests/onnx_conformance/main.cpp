// Runs conformance cases of ONNX operators: onnx_conformance FOLDER..., by default
// $ATTEND_SHARED_DIR/vectors/onnx and glow. Prints a line for each file and a total. Exit code 0:
// all pass; 1: some do not; 2: a folder without cases; 77: no folder given and none at hand.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "attention.hpp"
#include "case.hpp"
#include "recurrent.hpp"
#include "softmax.hpp"

namespace onnx_conformance {
namespace {

Tensors run(const Case& c) {
  if (c.op == "Attention") return attention(c);
  if (c.op == "Softmax") return softmax(c);
  if (c.op == "RNN" || c.op == "GRU" || c.op == "LSTM") return recurrent(c);
  throw attend::FormatError("the operator " + c.op + " is not known");
}

/// The widest tolerance that a tensor of the case, or the softmax inside, asks for.
float tolerance_of(const Case& c) {
  const auto inside = c.attribute("softmax_precision", 0);
  float widest = onnx_conformance::tolerance_of(inside == 10 ? "F16" : inside == 16 ? "BF16" : "");
  for (const auto& input : c.inputs) {
    if (input) widest = std::max(widest, onnx_conformance::tolerance_of(input->dtype));
  }
  return widest;
}

/// Empty if the case passes, else why not.
std::string verdict(const std::filesystem::path& path) {
  try {
    const Case c = read_case(path);
    const Tensors given = run(c);
    for (std::size_t i = 0; i < c.expected.size(); ++i) {
      if (!c.expected[i]) continue;
      const std::string output = "output " + std::to_string(i);
      if (i >= given.size() || !given[i]) return output + " is missing";
      const auto why = difference(*given[i], *c.expected[i], tolerance_of(c));
      if (why) return output + ": " + *why;
    }
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::vector<std::filesystem::path> cases_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
    }
  } else if (std::filesystem::exists(folder)) {
    paths.push_back(folder);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

int main_of(std::vector<std::filesystem::path> folders) {
  if (folders.empty()) {
    const char* given = std::getenv("ATTEND_SHARED_DIR");
    const auto vectors = std::filesystem::path(given != nullptr ? given : "../shared") / "vectors";
    for (const char* kind : {"onnx", "glow"}) {
      if (std::filesystem::exists(vectors / kind)) folders.push_back(vectors / kind);
    }
    if (folders.empty()) {
      std::cout << "skipped: there is neither onnx nor glow in " << vectors.string()
                << "; set ATTEND_SHARED_DIR\n";
      return 77;
    }
  }
  int total = 0;
  int failed = 0;
  for (const auto& folder : folders) {
    const auto paths = cases_in(folder);
    if (paths.empty()) {
      std::cerr << folder.string() << ": no *.safetensors there\n";
      return 2;
    }
    for (const auto& path : paths) {
      const std::string why = verdict(path);
      ++total;
      failed += why.empty() ? 0 : 1;
      std::cout << (why.empty() ? "pass  " : "FAIL  ") << path.stem().string()
                << (why.empty() ? "" : ": ") << why << '\n';
    }
  }
  std::cout << total - failed << " of " << total << " cases pass\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace onnx_conformance

int main(int argc, char** argv) {
  try {
    return onnx_conformance::main_of({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "onnx_conformance: " << error.what() << '\n';
    return 1;
  }
}
