/// Files of tensors in the safetensors format (github.com/huggingface/safetensors): the length of
/// the header in 8 bytes, little-endian; the header, JSON, for each name its dtype, shape and
/// data_offsets, and `__metadata__`, a map of strings; the data, row-major, without holes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <attend/io/atomic_file.hpp>
#include <attend/io/bytes.hpp>
#include <attend/io/mapped_file.hpp>
#include <attend/io/safetensors_header.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// The format's own limit, so that a length alone never makes a reader allocate.
inline constexpr std::uint64_t safetensors_header_limit = 100'000'000;

/// The header of the file, and what lies behind it.
struct SafetensorsParts {
  std::string_view header;
  Bytes data;
};

[[nodiscard]] inline SafetensorsParts split_safetensors(const std::string& source,
                                                        const Bytes& file) {
  if (file.size() < 8) {
    throw FormatError(message(source, ": not a safetensors file: it has ", file.size(),
                              " bytes, the length of the header takes 8"));
  }
  const auto length = from_little_endian<std::uint64_t>(file.data());
  const std::uint64_t rest = file.size() - 8;
  if (length > safetensors_header_limit || length > rest) {
    throw FormatError(message(source, ": not a safetensors file, or incomplete: a header of ",
                              length, " bytes is announced, ", rest, " bytes follow, ",
                              safetensors_header_limit, " are the limit"));
  }
  const std::string_view header = file.view().substr(8, static_cast<std::size_t>(length));
  // The parser takes a zero byte for the end of the text.
  if (!header.starts_with('{') || header.find('\0') != std::string_view::npos) {
    throw FormatError(source +
                      ": not a safetensors file: the header does not begin with '{', or holds a "
                      "zero byte");
  }
  return {header, file.part(8 + header.size(), file.size())};
}

/// Wide elements first, so that every tensor is aligned; then by name.
[[nodiscard]] inline std::vector<std::string_view> order_of_data(const TensorFile& file) {
  std::vector<std::pair<std::uint64_t, std::string_view>> keys;
  for (const auto& [name, tensor] : file.tensors) {
    const std::uint64_t size = bytes_per_element(tensor.dtype);
    const Index count = element_count(tensor.shape);
    check_argument(size > 0 && count >= 0 && tensor.bytes.size() % size == 0 &&
                       tensor.bytes.size() / size == static_cast<std::uint64_t>(count),
                   "safetensors: tensor '", name, "' has type ", tensor.dtype, ", shape ",
                   shape_text(tensor.shape), " and ", tensor.bytes.size(),
                   " bytes, which do not belong together");
    check_argument(name != "__metadata__", "safetensors: no tensor can be named '__metadata__'");
    keys.emplace_back(64 - size, name);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::string_view> names;
  for (const auto& key : keys) names.push_back(key.second);
  return names;
}

}  // namespace detail

/// The bytes of a safetensors file: the same content gives the same bytes, and every tensor begins
/// at a multiple of its element's size. Throws std::invalid_argument for a tensor whose type, shape
/// and bytes do not belong together, and for a name that is not UTF-8.
[[nodiscard]] inline std::string to_safetensors(const TensorFile& file) {
  const auto names = detail::order_of_data(file);
  nlohmann::json header = nlohmann::json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t size = 0;
  for (const std::string_view name : names) {
    const Tensor& tensor = file.at(name);
    const std::uint64_t end = size + tensor.bytes.size();
    header[std::string(name)] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {size, end}}};
    size = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(
        detail::message("safetensors: a name or a note is not UTF-8: ", error.what()));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  detail::to_little_endian(std::uint64_t{text.size()}, bytes.data());
  bytes.reserve(8 + text.size() + size);
  bytes += text;
  for (const std::string_view name : names) bytes += file.at(name).bytes.view();
  return bytes;
}

/// Writes the file as a whole or not at all (write_atomically).
inline void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  write_atomically(path, to_safetensors(file));
}

/// The tensors of a safetensors file's bytes, strictly: every byte of the data belongs to exactly
/// one tensor, no name comes twice, and nothing is allocated before the size confirms it. Tensors
/// are parts of the bytes, not copies. `source` stands in messages. Throws FormatError that names
/// the source, the tensor and the reason.
[[nodiscard]] inline TensorFile from_safetensors(const Bytes& bytes, std::string source) {
  const auto [text, data] = detail::split_safetensors(source, bytes);
  detail::HeaderReader header(source);
  nlohmann::json::sax_parse(text, &header);
  detail::check_layout(source, header.entries, data.size());

  TensorFile result;
  result.source = std::move(source);
  result.metadata = std::move(header.metadata);
  for (detail::HeaderEntry& entry : header.entries) {
    const auto first = static_cast<std::size_t>(entry.offsets[0]);
    const auto count = static_cast<std::size_t>(entry.offsets[1]) - first;
    result.insert(std::move(entry.name), Tensor{std::move(entry.dtype),
                                                {entry.shape.begin(), entry.shape.end()},
                                                data.part(first, count)});
  }
  return result;
}

/// Maps a file and reads it by the rules of `from_safetensors`; its weights stay in pages that the
/// system shares, and are read when they are looked at.
[[nodiscard]] inline TensorFile read_safetensors(const std::filesystem::path& path) {
  return from_safetensors(map_file(path), path.string());
}

}  // namespace attend
