/// NumPy's array files (.npy): a line of Python that says type, order and shape, and the elements.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/io/bytes.hpp>
#include <attend/io/tensor_file.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// What the header of a .npy file says.
struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<Index> shape;
};

/// Reads "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }" and nothing else.
class NpyHeaderReader {
 public:
  NpyHeaderReader(std::string_view text, const std::string& source)
      : text_(text), source_(source) {}

  [[nodiscard]] NpyHeader read() {
    NpyHeader header;
    bool descr = false;
    bool order = false;
    bool shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true)) {
        header.descr = quoted();
      } else if (key == "fortran_order" && !std::exchange(order, true)) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !std::exchange(shape, true)) {
        header.shape = sizes();
      } else {
        fail();
      }
      if (!take(',') && !at('}')) fail();
    }
    skip_space();
    if (!text_.empty() || !descr || !order || !shape) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const {
    throw FormatError(source_ + ": the header of the array is not what NumPy writes for numbers");
  }
  void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(" \n"), text_.size())); }
  [[nodiscard]] bool at(char c) {
    skip_space();
    return text_.starts_with(c);
  }
  [[nodiscard]] bool take(char c) {
    if (!at(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail();
  }
  [[nodiscard]] bool take(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::string quoted() {
    expect('\'');
    const std::size_t end = text_.find('\'');
    if (end == text_.npos) fail();
    std::string word(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return word;
  }
  bool boolean() {
    if (take("True")) return true;
    if (!take("False")) fail();
    return false;
  }
  std::vector<Index> sizes() {
    std::vector<Index> shape;
    expect('(');
    while (!take(')')) {
      skip_space();
      Index size = -1;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (error != std::errc{} || size < 0) fail();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.push_back(size);
      if (!take(',') && !at(')')) fail();
    }
    return shape;
  }

  std::string_view text_;
  const std::string& source_;
};

/// Our name and the bytes of an element of a NumPy type; 0 bytes for one that has no name here.
/// bfloat16, which NumPy does not know, is written as two bytes of nothing known ("V2").
[[nodiscard]] inline std::pair<std::string_view, std::size_t> dtype_of_npy(std::string_view descr) {
  using Entry = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Entry, 13> names{{{"f8", "F64"},
                                         {"f4", "F32"},
                                         {"f2", "F16"},
                                         {"V2", "BF16"},
                                         {"i8", "I64"},
                                         {"i4", "I32"},
                                         {"i2", "I16"},
                                         {"i1", "I8"},
                                         {"u8", "U64"},
                                         {"u4", "U32"},
                                         {"u2", "U16"},
                                         {"u1", "U8"},
                                         {"b1", "BOOL"}}};
  if (descr.size() == 3) {
    for (const auto& [theirs, ours] : names) {
      if (theirs == descr.substr(1)) return {ours, static_cast<std::size_t>(theirs[1] - '0')};
    }
  }
  return {"", 0};
}

/// The place in the bytes of element k (row-major) of an array that lies column-major.
class FortranOrder {
 public:
  explicit FortranOrder(const std::vector<Index>& shape) : shape_(shape) {}

  [[nodiscard]] std::size_t operator()(Index k) const {
    Index place = 0;
    Index stride = 1;
    for (const Index size : shape_) stride *= size;
    for (std::size_t d = shape_.size(); d-- > 0;) {
      stride /= shape_[d];
      place += (k % shape_[d]) * stride;
      k /= shape_[d];
    }
    return static_cast<std::size_t>(place);
  }

 private:
  const std::vector<Index>& shape_;
};

/// The elements row by row and little-endian; a copy only where they are not.
[[nodiscard]] inline Bytes npy_elements(const Bytes& data, const NpyHeader& header,
                                        std::size_t size) {
  const bool swap = header.descr[0] == '>' && size > 1;
  if (!swap && (!header.fortran_order || header.shape.size() < 2)) return data;
  std::string bytes(data.size(), '\0');
  const FortranOrder fortran(header.shape);
  for (std::size_t k = 0; k * size < bytes.size(); ++k) {
    const std::size_t from = header.fortran_order ? fortran(static_cast<Index>(k)) : k;
    for (std::size_t b = 0; b < size; ++b) {
      bytes[k * size + b] = data.data()[from * size + (swap ? size - 1 - b : b)];
    }
  }
  return bytes;
}

}  // namespace detail

/// The array of a .npy file's bytes (format 1 to 3) as a tensor. Real numbers, integers and
/// booleans in any order of bytes and dimensions; "V2" is taken for BF16. Nothing is allocated
/// before the size of the bytes confirms it. `source` stands in messages. Throws FormatError.
[[nodiscard]] inline Tensor from_npy(const Bytes& file, const std::string& source) {
  const auto fail = [&](const auto&... reason) {
    throw FormatError(detail::message(source, ": ", reason...));
  };
  const std::string_view bytes = file.view();
  if (bytes.size() < 10 || !bytes.starts_with("\x93NUMPY")) fail("not a NumPy array");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) fail("a NumPy array of version ", version, ", expected 1 to 3");
  const std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) fail("the array ends in its header");
  const std::size_t length = version == 1
                                 ? detail::from_little_endian<std::uint16_t>(bytes.data() + 8)
                                 : detail::from_little_endian<std::uint32_t>(bytes.data() + 8);
  if (length > bytes.size() - begin) fail("the array ends in its header");
  const auto header = detail::NpyHeaderReader(bytes.substr(begin, length), source).read();

  const auto [dtype, size] = detail::dtype_of_npy(header.descr);
  if (size == 0) fail("the array holds '", header.descr, "', expected real numbers or integers");
  const Bytes data = file.part(begin + length, file.size());
  const Index count = element_count(header.shape);
  if (count < 0 || data.size() % size != 0 ||
      static_cast<std::uint64_t>(count) != data.size() / size) {
    fail("the array has shape ", shape_text(header.shape), " and type ", header.descr, ", but ",
         data.size(), " bytes");
  }
  return {std::string(dtype), header.shape, detail::npy_elements(data, header, size)};
}

}  // namespace attend
