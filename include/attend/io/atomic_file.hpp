/// Files as a whole: read at once, and written so that a crash leaves the old file or the new one.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <attend/core/error.hpp>

#if !defined(_WIN32) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace attend::inline ATTEND_ABI {

namespace detail {

[[noreturn]] inline void throw_file_error(const std::filesystem::path& path, std::string_view what,
                                          std::error_code reason) {
  throw FormatError(message(path.string(), ": ", what, ": ", reason.message()));
}

inline std::error_code last_system_error() { return {errno, std::generic_category()}; }

#if !defined(_WIN32) && __has_include(<unistd.h>)

/// A file that is written under another name until it is complete. Writers of one name take turns:
/// each holds a lock until its file bears the final name.
class AsideFile {
 public:
  explicit AsideFile(const std::filesystem::path& path) : path_(path) {
    do {
      close();
      descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (descriptor_ < 0) throw_file_error(path, "cannot be written", last_system_error());
      lock();
    } while (!still_has_its_name());
  }
  AsideFile(const AsideFile&) = delete;
  AsideFile& operator=(const AsideFile&) = delete;
  ~AsideFile() {
    std::error_code ignored;
    if (!renamed_) std::filesystem::remove(path_, ignored);
    close();
  }

  void write(std::string_view bytes) {
    if (::ftruncate(descriptor_, 0) != 0) fail();
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor_) != 0 && errno != EINVAL) fail();
  }

  void rename_to(const std::filesystem::path& target) {
    std::error_code error;
    std::filesystem::rename(path_, target, error);
    if (error) throw_file_error(target, "cannot be replaced", error);
    renamed_ = true;
    sync_folder(target.has_parent_path() ? target.parent_path() : ".");
  }

 private:
  void lock() const {
    // Some network file systems know no locks; there, writers must take turns by themselves.
    while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }

  /// Whoever held the lock before may have renamed the file in the meantime.
  [[nodiscard]] bool still_has_its_name() const {
    struct stat open_file {};
    struct stat named_file {};
    if (::fstat(descriptor_, &open_file) != 0) return true;
    return ::lstat(path_.c_str(), &named_file) == 0 && open_file.st_ino == named_file.st_ino &&
           open_file.st_dev == named_file.st_dev;
  }

  /// A rename is safe from a power cut once its folder is; where that is unknown, it is not waited
  /// for.
  static void sync_folder(const std::filesystem::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
  }

  [[noreturn]] void fail() const {
    throw_file_error(path_, "cannot be written", last_system_error());
  }

  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

#else

/// A file that is written under another name until it is complete.
class AsideFile {
 public:
  explicit AsideFile(const std::filesystem::path& path)
      : path_(path), file_(path, std::ios::binary | std::ios::trunc) {
    if (!file_) throw_file_error(path, "cannot be written", last_system_error());
  }
  AsideFile(const AsideFile&) = delete;
  AsideFile& operator=(const AsideFile&) = delete;
  ~AsideFile() {
    file_.close();
    std::error_code ignored;
    if (!renamed_) std::filesystem::remove(path_, ignored);
  }

  void write(std::string_view bytes) {
    file_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file_.close();
    if (!file_) throw_file_error(path_, "cannot be written", last_system_error());
  }

  void rename_to(const std::filesystem::path& target) {
    std::error_code error;
    std::filesystem::rename(path_, target, error);
    if (error) throw_file_error(target, "cannot be replaced", error);
    renamed_ = true;
  }

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  bool renamed_ = false;
};

#endif

}  // namespace detail

/// Writes a file so that at any moment `path` is the old file or the new one, complete: writes
/// `<path>.partial` beside it, flushes it to the disk (POSIX), and renames it. When something fails
/// the old file is as it was and the partial one is gone. A symbolic link stays, the file it points
/// to is replaced. Throws FormatError with the path and the reason.
inline void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code error;
  std::filesystem::path target = path;
  if (std::filesystem::is_symlink(path, error)) {
    target = std::filesystem::canonical(path, error);
    if (error) detail::throw_file_error(path, "cannot be written", error);
  }
  const auto status = std::filesystem::status(target, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw FormatError(
        detail::message(path.string(), ": cannot be written: it exists and is not a regular file"));
  }
  std::filesystem::path partial = target;
  partial += ".partial";
  detail::AsideFile aside(partial);
  aside.write(bytes);
  aside.rename_to(target);
}

/// The bytes of a whole file. Throws FormatError with the path and the reason.
[[nodiscard]] inline std::string read_file(const std::filesystem::path& path) {
  constexpr std::size_t piece = std::size_t{1} << 20U;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw FormatError(detail::message(path.string(), ": cannot be read: it is a folder"));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) detail::throw_file_error(path, "cannot be read", detail::last_system_error());
  std::string bytes;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error) bytes.reserve(static_cast<std::size_t>(size));
  for (std::size_t length = 0; file; bytes.resize(length)) {
    bytes.resize(length + piece);
    file.read(bytes.data() + length, static_cast<std::streamsize>(piece));
    length += static_cast<std::size_t>(file.gcount());
  }
  if (file.bad()) detail::throw_file_error(path, "cannot be read", detail::last_system_error());
  return bytes;
}

}  // namespace attend
