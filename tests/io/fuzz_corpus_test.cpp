/// What the fuzzers begin with and what they have found: every reader reads or refuses it.
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "../../fuzz/targets.hpp"
#include <attend/io/atomic_file.hpp>

namespace {

struct Target {
  const char* name;
  void (*feed)(std::string_view);
};

TEST(FuzzCorpus, IsReadOrRefused) {
  for (const auto& [name, feed] : {Target{"safetensors", fuzz::safetensors},
                                   {"npz", fuzz::npz},
                                   {"model_file", fuzz::model_file},
                                   {"vocabulary", fuzz::vocabulary},
                                   {"parallel_text", fuzz::parallel_text}}) {
    int count = 0;
    const std::filesystem::path folder =
        std::filesystem::path(ATTEND_SOURCE_DIR "/fuzz/corpus") / name;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      EXPECT_NO_THROW(feed(attend::read_file(entry.path()))) << entry.path();
      ++count;
    }
    EXPECT_GE(count, 2) << name;
  }
}

/// The files that are whole are read, so that the fuzzers reach what lies behind the checks.
TEST(FuzzCorpus, HoldsFilesThatAreRead) {
  const std::string corpus = ATTEND_SOURCE_DIR "/fuzz/corpus/";
  EXPECT_EQ(attend::read_safetensors(corpus + "safetensors/notes").tensors.size(), 3U);
#ifdef ATTEND_HAS_ZLIB
  EXPECT_EQ(attend::read_npz(corpus + "npz/stored").tensors.size(), 2U);
  EXPECT_EQ(attend::read_npz(corpus + "npz/deflated").tensors.size(), 3U);
#endif
}

}  // namespace
