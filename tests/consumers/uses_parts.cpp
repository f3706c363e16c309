// The same, with the parts that bring a library of their own.
#include <cstdlib>

#include <attend/attend.hpp>
#include <attend/io/safetensors.hpp>
#ifdef WITH_SENTENCEPIECE
#include <attend/text/subwords.hpp>
#endif

int main() {
  const bool empty = !attend::to_safetensors({}).empty();
#ifdef WITH_SENTENCEPIECE
  try {
    static_cast<void>(attend::Subwords::from_bytes("not a model", "nothing"));
    return EXIT_FAILURE;
  } catch (const attend::FormatError&) {
  }
#endif
  return empty ? EXIT_SUCCESS : EXIT_FAILURE;
}
