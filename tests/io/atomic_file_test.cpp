#include <filesystem>
#include <reference/message_of.hpp>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/io/atomic_file.hpp>

#if !defined(_WIN32) && __has_include(<unistd.h>)
#include <csignal>
#include <sys/resource.h>
#endif

namespace {

using attend::FormatError;
using attend::read_file;
using attend::write_atomically;
using reference::message_of;
namespace fs = std::filesystem;

TEST(AtomicFile, RoundTripsBytesOfAnySize) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0, 1, 7, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3'000'000}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 % 256);
    write_atomically(folder / "file", bytes);
    EXPECT_TRUE(read_file(folder / "file") == bytes) << size;
  }
  EXPECT_EQ(folder.count(), 1U) << "the partial file is gone";
}

TEST(AtomicFile, AcceptsANameWithoutAFolder) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_atomically("plain", "text");
  fs::current_path(before);
  EXPECT_EQ(read_file(folder / "plain"), "text");
}

TEST(AtomicFile, TakesOverWhatAKilledWriterLeft) {
  const TemporaryFolder folder;
  folder.file("model.partial", "half of a much longer text than the new one");
  write_atomically(folder / "model", "new");
  EXPECT_EQ(read_file(folder / "model"), "new");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, ReplacesWhatALinkPointsTo) {
  const TemporaryFolder folder;
  folder.file("target", "old");
  fs::create_symlink(folder / "target", folder / "link");
  write_atomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "target"), "new");
}

TEST(AtomicFile, WritersAtTheSameTimeLeaveOneWholeFile) {
  const TemporaryFolder folder;
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([&folder, letter] {
      for (int i = 0; i < 20; ++i) write_atomically(folder / "file", std::string(100'000, letter));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string bytes = read_file(folder / "file");
  EXPECT_EQ(bytes, std::string(100'000, bytes.at(0)));
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, NamesThePathAndTheReason) {
  const TemporaryFolder folder;
  const std::string missing = (folder / "missing").string();
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_file(missing); }),
            missing + ": cannot be read: No such file or directory");
  const std::string here = folder.path().string();
  EXPECT_EQ(message_of<FormatError>([&] { (void)read_file(here); }),
            here + ": cannot be read: it is a folder");
  EXPECT_EQ(message_of<FormatError>([&] { write_atomically(here, "x"); }),
            here + ": cannot be written: it exists and is not a regular file");
  const fs::path nowhere = folder / "no" / "file";
  EXPECT_EQ(message_of<FormatError>([&] { write_atomically(nowhere, "x"); }),
            nowhere.string() + ".partial: cannot be written: No such file or directory");
  EXPECT_EQ(folder.count(), 0U);
}

TEST(AtomicFile, ALinkToNothingIsAnError) {
  const TemporaryFolder folder;
  fs::create_symlink(folder / "nothing", folder / "link");
  EXPECT_EQ(message_of<FormatError>([&] { write_atomically(folder / "link", "x"); }),
            (folder / "link").string() + ": cannot be written: No such file or directory");
}

#if !defined(_WIN32) && __has_include(<unistd.h>)

/// No file may grow beyond a few bytes: as a full disk.
class SmallFiles {
 public:
  SmallFiles() {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before_;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  ~SmallFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(AtomicFile, AFailedWriteLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_atomically(folder / "file", "old");
  std::string said;
  {
    const SmallFiles full_disk;
    said =
        message_of<FormatError>([&] { write_atomically(folder / "file", std::string(5000, 'x')); });
  }
  EXPECT_EQ(said, (folder / "file.partial").string() + ": cannot be written: File too large");
  EXPECT_EQ(read_file(folder / "file"), "old");
  EXPECT_EQ(folder.count(), 1U) << "the partial file is gone";
}

TEST(AtomicFile, DoesNotFollowALinkInThePlaceOfThePartialFile) {
  const TemporaryFolder folder;
  folder.file("precious", "kept");
  fs::create_symlink(folder / "precious", folder / "file.partial");
  EXPECT_THROW(write_atomically(folder / "file", "x"), FormatError);
  EXPECT_EQ(read_file(folder / "precious"), "kept");
}

#endif

}  // namespace
