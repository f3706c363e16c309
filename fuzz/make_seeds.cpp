// Writes small translation models of today's form, from which fuzzing the model file begins.
//   fuzz_make_seeds FOLDER
#include <filesystem>
#include <string>
#include <vector>

#include "../examples/translator/translation_model.hpp"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::vector<std::string> lines{"a b", "b c"};
  const translator::Languages languages{translator::Language::of_words(lines, 1),
                                        translator::Language::of_words(lines, 1)};
  for (const attend::Index layers : {1, 2}) {
    translator::Recipe recipe;
    recipe.hidden = recipe.embedding = 2;
    recipe.layers = layers;
    translator::save_model(
        std::filesystem::path(arguments[1]) / ("layers_" + std::to_string(layers)), recipe,
        languages, translator::new_model(recipe, languages));
  }
}
