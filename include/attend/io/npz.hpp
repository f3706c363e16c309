/// NumPy's archives of arrays (.npz).
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <attend/core/error.hpp>
#include <attend/core/utf8.hpp>
#include <attend/io/bytes.hpp>
#include <attend/io/mapped_file.hpp>
#include <attend/io/npy.hpp>
#include <attend/io/tensor_file.hpp>
#include <attend/io/zip.hpp>

namespace attend::inline ATTEND_ABI {

/// The arrays of an archive that numpy.savez or savez_compressed wrote, under their names. Arrays
/// that are stored as they are stay parts of the bytes. `source` stands in messages. Throws
/// FormatError that names the array and the reason.
[[nodiscard]] inline TensorFile from_npz(const Bytes& bytes, std::string source) {
  TensorFile result;
  for (const ZipMember& member : zip_members(bytes, source)) {
    std::string name = member.name;
    if (find_malformed_utf8(name) != std::string_view::npos) {
      throw FormatError(source + ": the name of an array is not UTF-8");
    }
    if (!name.ends_with(".npy")) {
      throw FormatError(detail::message(source, ": '", name, "' is no array; a .npz holds .npy"));
    }
    name.resize(name.size() - 4);
    if (result.contains(name)) {
      throw FormatError(detail::message(source, ": the name '", name, "' comes twice"));
    }
    const std::string place = detail::message(source, ": '", name, "'");
    result.insert(name, from_npy(unzip(member, source), place));
  }
  result.source = std::move(source);
  return result;
}

/// Maps a file and reads it by the rules of `from_npz`.
[[nodiscard]] inline TensorFile read_npz(const std::filesystem::path& path) {
  return from_npz(map_file(path), path.string());
}

}  // namespace attend
