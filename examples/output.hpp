/// Where results go: found wanting before the work, not after it.
#pragma once

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <attend/core/error.hpp>

namespace output {

/// Throws std::invalid_argument if a file of that name can certainly not be written.
inline void check(const std::filesystem::path& path) {
  std::error_code ignored;
  attend::check_argument(!std::filesystem::is_directory(path, ignored), path.string(),
                         " is a folder; give the name of a file to write");
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  attend::check_argument(std::filesystem::is_directory(folder, ignored), path.string(),
                         " cannot be written: there is no folder ", folder.string(),
                         "; make it first");
  attend::check_argument(access(folder.c_str(), W_OK) == 0, path.string(),
                         " cannot be written: ", folder.string(), ": ",
                         std::generic_category().message(errno));
}

/// Makes a folder and those above it, where they are missing. Throws std::invalid_argument.
inline void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  attend::check_argument(std::filesystem::is_directory(folder, error), folder.string(),
                         " cannot be made a folder", error ? ": " + error.message() : "");
  check(folder / "1.svg");
}

}  // namespace output
