/// The JSON header of a safetensors file, read strictly.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// What the header says of one tensor.
struct HeaderEntry {
  std::string name;
  std::string dtype = {};
  std::vector<std::uint64_t> shape = {};
  std::vector<std::uint64_t> offsets = {};
};

/// The bytes of an element of a type of the format; 0 for a type that the format does not have.
[[nodiscard]] inline std::uint64_t bytes_per_element(std::string_view dtype) {
  using Entry = std::pair<std::string_view, std::uint64_t>;
  constexpr std::array<Entry, 15> sizes{{{"F64", 8},
                                         {"I64", 8},
                                         {"U64", 8},
                                         {"F32", 4},
                                         {"I32", 4},
                                         {"U32", 4},
                                         {"F16", 2},
                                         {"BF16", 2},
                                         {"I16", 2},
                                         {"U16", 2},
                                         {"F8_E4M3", 1},
                                         {"F8_E5M2", 1},
                                         {"I8", 1},
                                         {"U8", 1},
                                         {"BOOL", 1}}};
  const auto* place = std::find_if(sizes.begin(), sizes.end(),
                                   [&](const Entry& entry) { return entry.first == dtype; });
  return place == sizes.end() ? 0 : place->second;
}

/// Takes the header as the parser meets it. Nothing is nested deeper than the format has it, so
/// hostile depth ends at once; and a name that comes twice is seen, which a finished document
/// hides.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string source) : source_(std::move(source)) {}

  std::vector<HeaderEntry> entries;
  std::map<std::string, std::string, std::less<>> metadata;

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("true or false"); }
  bool number_integer(number_integer_t) override { refuse("a number below 0"); }
  bool number_float(number_float_t, const string_t&) override {
    refuse("a fraction or too large a number");
  }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_) refuse("a number");
    (field_ == "shape" ? entries.back().shape : entries.back().offsets).push_back(value);
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ == 2 && in_metadata_) {
      metadata.at(field_) = std::move(value);
    } else if (depth_ == 2 && field_ == "dtype" && !in_array_) {
      entries.back().dtype = std::move(value);
    } else {
      refuse("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (depth_ == 2) refuse("an object");
    ++depth_;
    fields_.clear();
    if (depth_ == 2 && !in_metadata_) entries.push_back({.name = name_});
    return true;
  }

  bool key(string_t& key) override {
    if (depth_ == 1) {
      if (!names_.insert(key).second) fail(message("the name '", key, "' comes twice"));
      name_ = key;
      in_metadata_ = name_ == "__metadata__";
      return true;
    }
    field_ = key;
    if (!fields_.insert(key).second) fail(message("'", key, "' comes twice in '", name_, "'"));
    if (in_metadata_) {
      metadata[field_];
    } else if (key != "dtype" && key != "shape" && key != "data_offsets") {
      fail(message("tensor '", name_, "': unknown field '", key,
                   "', expected dtype, shape and data_offsets"));
    }
    return true;
  }

  bool end_object() override {
    if (depth_ == 2 && !in_metadata_) {
      for (const char* field : {"dtype", "shape", "data_offsets"}) {
        if (!fields_.contains(field)) fail(message("tensor '", name_, "' has no ", field));
      }
    }
    --depth_;
    return true;
  }

  bool start_array(std::size_t) override {
    const bool expected = depth_ == 2 && !in_metadata_ && !in_array_ && field_ != "dtype";
    if (!expected) refuse("an array");
    in_array_ = true;
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    return true;
  }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail(message("the header is not JSON: ", error.what()));
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw FormatError(source_ + ": " + reason);
  }

  [[noreturn]] void refuse(std::string_view given) const {
    if (depth_ == 0) fail(message("the header is ", given, ", expected an object"));
    if (depth_ == 1) fail(message("'", name_, "' is ", given, ", expected an object"));
    if (in_metadata_) fail(message("metadata '", field_, "' is ", given, ", expected a string"));
    fail(message("tensor '", name_, "': ", field_, in_array_ ? " holds " : " is ", given,
                 field_ == "dtype" ? ", expected a string" : ", expected an array of sizes"));
  }

  std::string source_;
  std::set<std::string, std::less<>> names_;
  std::set<std::string, std::less<>> fields_;
  std::string name_;
  std::string field_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_array_ = false;
};

/// Sorts the entries by place and checks that they cover [0, size) of the data, each with as many
/// bytes as its shape and type need, without holes and overlaps.
inline void check_layout(const std::string& source, std::vector<HeaderEntry>& entries,
                         std::uint64_t size) {
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return a.offsets != b.offsets ? a.offsets < b.offsets : a.name < b.name;
  });
  std::uint64_t covered = 0;
  for (const HeaderEntry& entry : entries) {
    const auto fail = [&](const auto&... reason) {
      throw FormatError(message(source, ": tensor '", entry.name, "': ", reason...));
    };
    if (entry.offsets.size() != 2) {
      fail("data_offsets holds ", entry.offsets.size(), " numbers, expected 2");
    }
    const std::uint64_t begin = entry.offsets[0];
    const std::uint64_t end = entry.offsets[1];
    std::uint64_t bytes = bytes_per_element(entry.dtype);
    if (bytes == 0) fail("unknown type '", entry.dtype, "'");
    for (const std::uint64_t length : entry.shape) {
      constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
      if (length > largest || (length > 0 && bytes > largest / length)) {
        fail("its shape has more elements than any memory");
      }
      bytes *= length;
    }
    if (begin > end || end > size) {
      fail("data_offsets [", begin, ", ", end, "] are outside of the file's ", size,
           " bytes of data; the file is damaged or incomplete");
    }
    if (end - begin != bytes) {
      fail("data_offsets hold ", end - begin, " bytes, its shape and type need ", bytes);
    }
    if (begin < covered) fail("data_offsets overlap those of another tensor");
    if (begin > covered) fail(begin - covered, " bytes before it belong to no tensor");
    covered = end;
  }
  if (covered != size) {
    throw FormatError(message(source, ": the last ", size - covered, " bytes belong to no tensor"));
  }
}

}  // namespace detail

}  // namespace attend
