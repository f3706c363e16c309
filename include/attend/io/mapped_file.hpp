/// A file's bytes without a copy of them.
#pragma once

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <attend/io/atomic_file.hpp>
#include <attend/io/bytes.hpp>

#if !defined(_WIN32) && __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace attend::inline ATTEND_ABI {

#if !defined(_WIN32) && __has_include(<sys/mman.h>)

namespace detail {

/// The pages of a file, read only; the system shares them between processes and drops them when it
/// needs the memory.
class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw_file_error(path, "cannot be read", last_system_error());
    struct stat status {};
    if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
      size_ = static_cast<std::size_t>(status.st_size);
      if (size_ > 0) pages_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    }
    ::close(file);
    if (pages_ == MAP_FAILED) pages_ = nullptr;
    if (pages_ == nullptr) size_ = 0;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (pages_ != nullptr) ::munmap(pages_, size_);
  }

  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(pages_), size_}; }

 private:
  void* pages_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace detail

/// A file's bytes, mapped where the system can and read where it cannot (a pipe, another system).
/// A file that is cut short while it is mapped ends the program: replace files, as write_atomically
/// does. Throws FormatError with the path and the reason.
[[nodiscard]] inline Bytes map_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    auto mapping = std::make_shared<const detail::Mapping>(path);
    const std::string_view view = mapping->view();
    if (!view.empty()) return {std::move(mapping), view};
  }
  return read_file(path);
}

#else

[[nodiscard]] inline Bytes map_file(const std::filesystem::path& path) { return read_file(path); }

#endif

}  // namespace attend
