#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <reference/message_of.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"
#include <attend/io/tensor_file.hpp>

namespace {

using attend::elements;
using attend::FormatError;
using attend::Index;
using attend::make_tensor;
using attend::ShapeError;
using attend::Tensor;
using attend::TensorFile;
using reference::message_of;

Tensor sixteen_bit(std::string dtype, const std::vector<std::uint16_t>& bits) {
  std::string bytes;
  for (const unsigned b : bits) {
    bytes += static_cast<char>(b & 0xFFU);
    bytes += static_cast<char>(b >> 8U);
  }
  return {std::move(dtype), {static_cast<Index>(bits.size())}, std::move(bytes)};
}

TEST(Tensor, StoresLittleEndian) {
  const std::vector<std::int32_t> values{0x04030201, -2};
  const Tensor tensor = make_tensor<std::int32_t>({2}, values);
  EXPECT_EQ(tensor.dtype, "I32");
  EXPECT_EQ(tensor.bytes.view(), std::string("\x01\x02\x03\x04\xFE\xFF\xFF\xFF"));
  EXPECT_EQ(elements<std::int32_t>(tensor), values);
}

template <class T>
class TensorElements : public testing::Test {};
using Elements = testing::Types<float, double, std::uint8_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(TensorElements, Elements);

TYPED_TEST(TensorElements, ComeBackToTheBit) {
  using Limits = std::numeric_limits<TypeParam>;
  const std::vector<TypeParam> values{Limits::lowest(), Limits::min(), TypeParam{0},
                                      TypeParam{1},     Limits::max(), TypeParam{77}};
  const Tensor tensor = make_tensor<TypeParam>({2, 3}, values);
  EXPECT_EQ(tensor.bytes.size(), 6 * sizeof(TypeParam));
  EXPECT_EQ(elements<TypeParam>(tensor), values);
}

TEST(Tensor, KeepsThePayloadOfNotANumber) {
  const std::vector<float> values{std::bit_cast<float>(0x7FC12345U)};
  const std::vector<float> again = elements<float>(make_tensor<float>({1}, values));
  EXPECT_EQ(std::bit_cast<std::uint32_t>(again[0]), 0x7FC12345U);
}

TEST(Tensor, ConvertsBetweenFloatAndDouble) {
  const std::vector<double> exact{0.1, -3.5, 1e300};
  const auto rounded = elements<float>(make_tensor<double>({3}, exact));
  EXPECT_EQ(rounded, (std::vector<float>{0.1F, -3.5F, std::numeric_limits<float>::infinity()}));
  const std::vector<float> single{0.1F};
  EXPECT_EQ(elements<double>(make_tensor<float>({1}, single)), (std::vector<double>{double{0.1F}}));
}

TEST(Tensor, ReadsHalfPrecision) {
  const Tensor half = sixteen_bit("F16", {0x0000, 0x8000, 0x3C00, 0xC000, 0x7BFF, 0x0400, 0x03FF,
                                          0x0001, 0x3555, 0x7C00, 0xFC00});
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> expected{0.0F,         -0.0F,    1.0F,        -2.0F, 65504.0F, 0x1p-14F,
                                    0x1.FF8p-15F, 0x1p-24F, 0x1.554p-2F, inf,   -inf};
  EXPECT_EQ(elements<float>(half), expected);
  EXPECT_TRUE(std::signbit(elements<double>(half)[1]));
  EXPECT_TRUE(std::isnan(elements<float>(sixteen_bit("F16", {0x7E00}))[0]));
}

TEST(Tensor, ReadsBrainFloat) {
  const Tensor tensor = sixteen_bit("BF16", {0x3F80, 0xC049, 0x0001, 0x7F80});
  const std::vector<float> expected{1.0F, -3.140625F, 0x1p-133F,
                                    std::numeric_limits<float>::infinity()};
  EXPECT_EQ(elements<float>(tensor), expected);
}

TEST(Tensor, RefusesValuesThatDoNotFillItsShape) {
  const std::vector<float> values(5);
  EXPECT_EQ(message_of<ShapeError>([&] {
              (void)make_tensor<float>({2, 3}, values);
            }),
            "make_tensor: the shape is [2, 3], the values are 5");
}

TEST(Tensor, RefusesAnotherType) {
  const std::vector<std::int64_t> values{1};
  const Tensor integers = make_tensor<std::int64_t>({1}, values);
  EXPECT_EQ(message_of<FormatError>([&] { (void)elements<float>(integers); }),
            "elements: the type is I64, expected F64, F32, F16 or BF16");
  EXPECT_EQ(message_of<FormatError>([&] { (void)elements<std::int32_t>(integers); }),
            "elements: the type is I64, expected I32");
}

TEST(ElementCount, KnowsScalarsNothingAndOverflow) {
  using Shape = std::vector<Index>;
  EXPECT_EQ(attend::element_count(Shape{}), 1);
  EXPECT_EQ(attend::element_count(Shape{3, 4}), 12);
  EXPECT_EQ(attend::element_count(Shape{3, 0, 4}), 0);
  EXPECT_EQ(attend::element_count(Shape{-1, 2}), -1);
  const Index large = Index{1} << 32;
  EXPECT_EQ(attend::element_count(Shape{large, large}), -1);
  EXPECT_EQ(attend::shape_text(Shape{}), "[]");
  EXPECT_EQ(attend::shape_text(Shape{3, 4}), "[3, 4]");
}

TEST(TensorFile, FindsWhatWasInserted) {
  TensorFile file;
  file.source = "model";
  file.insert_bytes("words", std::string("a\0b", 3));
  file.metadata["step"] = "7";
  EXPECT_EQ(file.bytes("words"), std::string("a\0b", 3));
  EXPECT_EQ(file.at("words").shape, std::vector<Index>{3});
  EXPECT_EQ(file.note("step"), "7");
  EXPECT_TRUE(file.contains("words"));
  EXPECT_FALSE(file.contains("word"));
}

TEST(TensorFile, NamesItsSourceAndWhatIsMissing) {
  TensorFile file;
  file.source = "model";
  const std::vector<float> one{1};
  file.insert("weight", make_tensor<float>({1}, one));
  EXPECT_EQ(message_of<FormatError>([&] { (void)file.at("words"); }),
            "model: there is no tensor 'words'");
  EXPECT_EQ(message_of<FormatError>([&] { (void)file.bytes("weight"); }),
            "model: tensor 'weight' has type F32, expected U8");
  EXPECT_EQ(message_of<FormatError>([&] { (void)file.note("step"); }),
            "model: the metadata has no 'step'");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { file.insert_bytes("weight", "x"); }),
            "TensorFile: there is a tensor 'weight' already; give each its own name");
}

}  // namespace
