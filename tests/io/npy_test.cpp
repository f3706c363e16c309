#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/io/npy.hpp>

namespace {

using attend::FormatError;
using attend::from_npy;
using attend::Index;
using attend::Tensor;
using reference::message_of;
using namespace std::string_literals;

/// An array as NumPy writes it.
std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string bytes = "\x93NUMPY"s + version + '\0';
  std::string length(version == 1 ? 2 : 4, '\0');
  length[0] = static_cast<char>(header.size());
  return bytes + length + header + data;
}

std::string header(const std::string& descr, const std::string& shape,
                   const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape +
         ", } \n";
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(
      attend::make_tensor<T>({static_cast<Index>(values.size())}, values).bytes.view());
}

const std::vector<float> six{0, 1, 2, 3, 4, 5};

TEST(Npy, ReadsWhatNumPyWrites) {
  const std::string data = bytes_of(six);
  for (const char version : {char{1}, char{2}, char{3}}) {
    const Tensor tensor = from_npy(npy(header("<f4", "(2, 3)"), data, version), "x");
    EXPECT_EQ(tensor, (Tensor{"F32", {2, 3}, data}));
  }
  EXPECT_EQ(from_npy(npy(header("|f4", "(6,)"), data), "x"), (Tensor{"F32", {6}, data}));
  EXPECT_EQ(from_npy(npy("{'shape': (), 'descr': '|u1', 'fortran_order': True}", "\x07"), "x"),
            (Tensor{"U8", {}, "\x07"}));
  EXPECT_EQ(from_npy(npy(header("<V2", "(1, 1)"), "\x80\x3F"), "x"),
            (Tensor{"BF16", {1, 1}, "\x80\x3F"}));
  EXPECT_EQ(from_npy(npy(header("<f8", "(0, 7)"), ""), "x"), (Tensor{"F64", {0, 7}, ""}));
}

TEST(Npy, TurnsColumnsAndBytesRound) {
  const std::vector<float> by_column{0, 3, 1, 4, 2, 5};
  const Tensor tensor = from_npy(npy(header("<f4", "(2, 3)", "True"), bytes_of(by_column)), "x");
  EXPECT_EQ(attend::elements<float>(tensor), six);
  // (2, 3, 2): element (i, j, k) lies at i + 2 j + 6 k.
  std::vector<float> cube(12);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 2; ++k) {
        cube[static_cast<std::size_t>(i + 2 * j + 6 * k)] = static_cast<float>(6 * i + 2 * j + k);
      }
    }
  }
  const Tensor turned = from_npy(npy(header("<f4", "(2, 3, 2)", "True"), bytes_of(cube)), "x");
  const auto values = attend::elements<float>(turned);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(values[i], static_cast<float>(i));
  EXPECT_EQ(from_npy(npy(header(">i4", "(1,)"), "\x01\x02\x03\x04"), "x"),
            (Tensor{"I32", {1}, "\x04\x03\x02\x01"}));
  EXPECT_EQ(from_npy(npy(header(">u2", "(1, 2)", "True"), "\x01\x02\x03\x04"), "x"),
            (Tensor{"U16", {1, 2}, "\x02\x01\x04\x03"}));
}

std::string refusal(const std::string& bytes) {
  return message_of<FormatError>([&] { (void)from_npy(bytes, "file"); });
}

TEST(Npy, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(""), "file: not a NumPy array");
  EXPECT_EQ(refusal("PK\x03\x04 and more"), "file: not a NumPy array");
  EXPECT_EQ(refusal(npy("", "", 4)), "file: a NumPy array of version 4, expected 1 to 3");
  EXPECT_EQ(refusal("\x93NUMPY\x02\x00\xFF\xFF"s), "file: the array ends in its header");
  EXPECT_EQ(refusal("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{}"s), "file: the array ends in its header");
  const std::string not_numpy =
      "file: the header of the array is not what NumPy writes for numbers";
  for (const char* text :
       {"", "{", "{}", "{'descr': '<f4'}", "{'descr': [('a', '<f4')], }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x",
        "{'descr': '<f4', 'fortran_order': false, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (3,)}"}) {
    EXPECT_EQ(refusal(npy(text, "")), not_numpy) << text;
  }
  EXPECT_EQ(refusal(npy(header("|O", "(1,)"), "x")),
            "file: the array holds '|O', expected real numbers or integers");
  EXPECT_EQ(refusal(npy(header("<c8", "(1,)"), "x")),
            "file: the array holds '<c8', expected real numbers or integers");
  EXPECT_EQ(refusal(npy(header("<f4", "(2,)"), "1234567")),
            "file: the array has shape [2] and type <f4, but 7 bytes");
  EXPECT_EQ(refusal(npy(header("<f4", "(4294967296, 4294967296, 4294967296)"), "")),
            "file: the array has shape [4294967296, 4294967296, 4294967296] and type <f4, but 0 "
            "bytes");
  EXPECT_EQ(refusal(npy(header("<f4", "(4611686018427387904,)"), "")),
            "file: the array has shape [4611686018427387904] and type <f4, but 0 bytes");
}

}  // namespace
