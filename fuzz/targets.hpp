/// What the fuzzers, and the test that repeats their findings, feed with bytes. A target returns,
/// or throws what a reader may throw; anything else is a finding.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../examples/translator/translation_model.hpp"
#include <attend/core/error.hpp>
#include <attend/io/model_file.hpp>
#include <attend/io/safetensors.hpp>
#include <attend/text/corpus.hpp>
#include <attend/text/vocabulary.hpp>
#ifdef ATTEND_HAS_ZLIB
#include <attend/io/npz.hpp>
#endif

namespace fuzz {

/// Throws std::logic_error, which no reader does: what was read is not what it should be.
inline void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

/// Tensors as large as their shapes say, every byte of them readable.
inline void require_whole(const attend::TensorFile& file) {
  for (const auto& [name, tensor] : file.tensors) {
    const auto size = attend::detail::bytes_per_element(tensor.dtype);
    const auto count = attend::element_count(tensor.shape);
    require(count >= 0 && tensor.bytes.size() == size * static_cast<std::uint64_t>(count),
            "a tensor's shape and bytes do not belong together");
    unsigned sum = 0;
    for (const char byte : tensor.bytes.view()) sum += static_cast<unsigned char>(byte);
    require(sum < 0xFFFFFFFF, "never");
  }
}

/// Runs `read`, which may say no.
template <class Read>
void may_refuse(Read read) {
  try {
    read();
  } catch (const attend::FormatError& error) {
    require(*error.what() != '\0', "a refusal without a reason");
  }
}

/// What is read again after it was written is the same.
inline void safetensors(std::string_view bytes) {
  may_refuse([&] {
    const auto file = attend::from_safetensors(std::string(bytes), "bytes");
    require_whole(file);
    const auto again = attend::from_safetensors(attend::to_safetensors(file), "again");
    require(again.tensors == file.tensors && again.metadata == file.metadata,
            "what was written is not what was read");
  });
}

inline void npz([[maybe_unused]] std::string_view bytes) {
#ifdef ATTEND_HAS_ZLIB
  may_refuse([&] { require_whole(attend::from_npz(std::string(bytes), "bytes")); });
#endif
}

/// A translator's file: recipe, vocabularies, weights.
inline void model_file(std::string_view bytes) {
  may_refuse([&] {
    auto file = attend::from_safetensors(std::string(bytes), "bytes");
    // Else hardly a damaged file would reach what lies behind it.
    file.metadata.erase("checksum");
    (void)translator::model_from(file);
  });
}

/// What is read again after it was written is the same.
inline void vocabulary(std::string_view bytes) {
  may_refuse([&] {
    const auto words = attend::Vocabulary::from_text(bytes, "text");
    require(attend::Vocabulary::from_text(words.to_text(), "again") == words,
            "a vocabulary is not read as it was written");
  });
}

/// The first line feed of two in a row parts the two texts.
inline void parallel_text(std::string_view bytes) {
  may_refuse([&] {
    const std::size_t middle = std::min(bytes.find("\n\n"), bytes.size());
    attend::ParallelText text;
    text.source = attend::split_lines(bytes.substr(0, middle), "source");
    text.target = attend::split_lines(bytes.substr(std::min(middle + 2, bytes.size())), "target");
    for (const auto* side : {&text.source, &text.target}) {
      for (const std::string& line : *side) {
        require(line.find('\n') == line.npos && line.find('\0') == line.npos, "no clean line");
        attend::Vocabulary::Counter counter;
        counter.add(attend::split_words(line));
        const attend::Vocabulary words = counter.build();
        (void)words.decode(words.encode(attend::split_words(line)));
      }
    }
    if (text.source.size() == text.target.size()) (void)text.blank_pairs();
  });
}

}  // namespace fuzz
