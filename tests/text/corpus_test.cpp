#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <reference/message_of.hpp>
#include <string>

#include <gtest/gtest.h>

#include <attend/text/corpus.hpp>

namespace {

using attend::FormatError;
using attend::read_lines;
using attend::read_parallel;
using attend::split_lines;
using reference::message_of;
using Lines = std::vector<std::string>;
using namespace std::string_literals;

/// A folder of its own for each test, gone when the test is.
class Corpus : public ::testing::Test {
 public:
  Corpus() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("attend_corpus_"s + test->name() + "_" + std::to_string(std::random_device()()));
    std::filesystem::create_directory(folder_);
  }
  ~Corpus() override { std::filesystem::remove_all(folder_); }
  Corpus(const Corpus&) = delete;
  Corpus& operator=(const Corpus&) = delete;

 protected:
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

TEST_F(Corpus, ReadsLines) {
  EXPECT_EQ(read_lines(write("a", "ein Haus\nzwei H\u00E4user\n")),
            (Lines{"ein Haus", "zwei H\u00E4user"}));
  EXPECT_EQ(read_lines(write("a", "no line feed at the end")), Lines{"no line feed at the end"});
  EXPECT_EQ(read_lines(write("a", "\n")), Lines{""});
  EXPECT_EQ(read_lines(write("a", "a\n\n\nb\n\n")), (Lines{"a", "", "", "b", ""}));
}

TEST_F(Corpus, StripsByteOrderMarkAndCarriageReturns) {
  EXPECT_EQ(read_lines(write("a",
                             "\xEF\xBB\xBF"
                             "eins\r\nzw\rei\r\n\r\n")),
            (Lines{"eins", "zw\rei", ""}));
  EXPECT_EQ(read_lines(write("a",
                             "a\n\xEF\xBB\xBF"
                             "b")),
            (Lines{"a",
                   "\xEF\xBB\xBF"
                   "b"}));
}

TEST_F(Corpus, MissingFile) {
  const auto path = folder_ / "missing";
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_lines(path); }),
            path.string() + ": cannot be read: No such file or directory");
}

TEST_F(Corpus, DirectoryIsNoFile) {
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_lines(folder_); }),
            folder_.string() + ": cannot be read: it is a directory, expected a text file");
}

TEST_F(Corpus, EmptyFile) {
  for (const std::string bytes : {"", "\xEF\xBB\xBF"}) {
    const auto path = write("empty", bytes);
    EXPECT_EQ(message_of<FormatError>([&] { (void)read_lines(path); }),
              path.string() + ": the text is empty, expected at least one line");
  }
}

TEST(SplitLines, NotUtf8NamesLineAndByte) {
  EXPECT_EQ(message_of<FormatError>([] {
              (void)split_lines(
                  "gut\nStra\xDF"
                  "e\n",
                  "de.txt");
            }),
            "de.txt: line 2, byte 5 of the line: not UTF-8; convert the text, for example with "
            "iconv");
  EXPECT_EQ(message_of<FormatError>([] { (void)split_lines("\xEF\xBB\xBFx\xFF", "de.txt"); }),
            "de.txt: line 1, byte 5 of the line: not UTF-8; convert the text, for example with "
            "iconv");
}

TEST(SplitLines, NulByte) {
  EXPECT_EQ(message_of<FormatError>([] { (void)split_lines("a\nb\nc\0d\n"s, "x"); }),
            "x: line 3, byte 2 of the line: a NUL byte; text holds none, is this a binary file?");
}

TEST_F(Corpus, ParallelFilesBelongTogether) {
  const auto text = read_parallel(write("de", "eins\n\n \t\nvier\n"), write("en", "one\ntwo\n\n4"));
  EXPECT_EQ(text.size(), 4U);
  EXPECT_EQ(text.source[3], "vier");
  EXPECT_EQ(text.target[3], "4");
  EXPECT_EQ(text.blank_pairs(), 2U);
}

TEST_F(Corpus, UnequalLineCountsNameBothFilesAndCounts) {
  const auto de = write("de", "eins\nzwei\n");
  const auto en = write("en", "one\ntwo\nthree");
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_parallel(de, en); }),
            de.string() + " has 2 lines but " + en.string() +
                " has 3; parallel files need one line for each line of the other");
}

TEST(ReadParallel, Multi30k) {
  const char* given = std::getenv("ATTEND_SHARED_DIR");
  const std::filesystem::path shared = given != nullptr ? given : ATTEND_SOURCE_DIR "/../shared";
  const auto folder = shared / "data" / "multi30k";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const auto text = read_parallel(folder / "val.de", folder / "val.en");
  EXPECT_EQ(text.size(), 1014U);
  EXPECT_EQ(text.blank_pairs(), 0U);
}

}  // namespace
