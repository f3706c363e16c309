/// The wire format, byte by byte.
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <attend/io/protobuf_message.hpp>

namespace {

using attend::ProtobufMessage;
using namespace std::string_literals;

TEST(ProtobufMessage, WritesNumbersSevenBitsAtATime) {
  ProtobufMessage message;
  message.number(1, 0);
  message.number(1, 127);
  message.number(1, 128);
  message.number(1, 150);
  EXPECT_EQ(message.bytes(), "\x08\x00\x08\x7f\x08\x80\x01\x08\x96\x01"s);
}

TEST(ProtobufMessage, WritesNegativeNumbersInTenBytes) {
  ProtobufMessage message;
  message.number(3, -1);
  EXPECT_EQ(message.bytes(), "\x18"s + std::string(9, '\xff') + "\x01");
  ProtobufMessage least;
  least.number(3, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(least.bytes(), "\x18"s + std::string(9, '\x80') + "\x01");
}

TEST(ProtobufMessage, WritesFieldsBeyondFifteenInTwoBytes) {
  ProtobufMessage message;
  message.number(20, 7);
  EXPECT_EQ(message.bytes(), "\xa0\x01\x07"s);
}

TEST(ProtobufMessage, WritesTextsAndMessagesWithTheirLength) {
  ProtobufMessage inner;
  inner.text(2, "testing");
  EXPECT_EQ(inner.bytes(), "\x12\x07testing"s);
  ProtobufMessage outer;
  outer.text(1, "");
  outer.message(3, inner);
  EXPECT_EQ(outer.bytes(), "\x0a\x00\x1a\x09\x12\x07testing"s);
  ProtobufMessage longer;
  longer.text(1, std::string(300, 'x'));
  EXPECT_EQ(longer.bytes(), "\x0a\xac\x02"s + std::string(300, 'x'));
}

}  // namespace
