// A translator's model as ONNX graphs, for ONNX Runtime and its like.
//
//   onnx_export MODEL FOLDER      MODEL was made by `translator train` with a recurrent encoder and
//                                 decoder; writes FOLDER/encoder.onnx and FOLDER/step.onnx
//
// A translation is one run of the encoder (a sentence's tokens, the end symbol last), then a run of
// the step for each target token, all hypotheses of a beam side by side; docs/import.md has the
// names and shapes.

#include <exception>
#include <filesystem>
#include <iostream>

#include "../translator/translation_model.hpp"
#include <attend/io/export_onnx.hpp>

int main(int count, char** arguments) {
  try {
    if (count != 3) {
      std::cerr << "usage: onnx_export MODEL FOLDER\n";
      return 2;
    }
    const std::filesystem::path folder = arguments[2];
    const translator::TranslationModel translator = translator::load_model(arguments[1]);
    const attend::OnnxModel graphs = attend::export_onnx(translator.model);
    std::filesystem::create_directories(folder);
    graphs.encoder.write(folder / "encoder.onnx");
    graphs.step.write(folder / "step.onnx");
    std::cout << "start symbol " << attend::start_token << ", end symbol " << attend::end_token
              << "; " << (folder / "encoder.onnx").string() << ", "
              << (folder / "step.onnx").string() << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "onnx_export: " << error.what() << '\n';
    return 1;
  }
}
