#include <string>

#include <gtest/gtest.h>

#include <attend/core/utf8.hpp>

namespace {

using attend::code_point_at;
using attend::display_width;
using attend::find_malformed_utf8;
using attend::is_utf8;
using attend::split_code_points;

constexpr std::size_t npos = std::string_view::npos;

/// The bit pattern of RFC 3629's table, whether or not the value may be written that way.
std::string encode(char32_t c, int size) {
  if (size == 1) return {static_cast<char>(c)};
  std::string bytes(static_cast<std::size_t>(size), '\0');
  for (int i = size - 1; i > 0; --i) {
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(0x80 | (c & 0x3F));
    c >>= 6;
  }
  bytes[0] = static_cast<char>(((0xF00 >> size) & 0xFF) | static_cast<int>(c));
  return bytes;
}

int shortest(char32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

TEST(Utf8, EveryCodePointRoundTripsAndNothingElseDoes) {
  for (char32_t c = 0; c < 0x120000; ++c) {
    const std::string bytes = encode(c, shortest(c));
    const bool legal = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    const attend::CodePoint point = code_point_at(bytes, 0);
    ASSERT_EQ(point.valid, legal) << std::hex << static_cast<unsigned>(c);
    if (!legal) continue;
    ASSERT_EQ(point.value, c);
    ASSERT_EQ(point.size, bytes.size());
  }
}

TEST(Utf8, OverlongFormsAreRejected) {
  for (const char32_t c : {U'\0', U'/', U'\x7F', U'\u0080', U'\u07FF', U'\u0800', U'\uFFFF'}) {
    for (int size = shortest(c) + 1; size <= 4; ++size) {
      EXPECT_EQ(find_malformed_utf8(encode(c, size)), 0U)
          << std::hex << static_cast<unsigned>(c) << " in " << size << " bytes";
    }
  }
}

TEST(Utf8, EveryTruncationAndStrayContinuationIsFoundAtItsPlace) {
  for (const std::string whole : {"\u00E4", "\u20AC", "\U0001F600"}) {
    for (std::size_t kept = 1; kept < whole.size(); ++kept) {
      EXPECT_EQ(find_malformed_utf8("ab" + whole.substr(0, kept)), 2U);
      EXPECT_EQ(find_malformed_utf8("ab" + whole.substr(0, kept) + "c"), 2U);
      EXPECT_EQ(find_malformed_utf8("ab" + whole.substr(kept)), 2U);
    }
  }
  EXPECT_EQ(find_malformed_utf8("\xFF"), 0U);
  EXPECT_EQ(find_malformed_utf8("\xC0\x80"), 0U);
}

TEST(Utf8, WellFormedTextPasses) {
  EXPECT_EQ(find_malformed_utf8(""), npos);
  EXPECT_TRUE(is_utf8("Stra\u00DFe \u4E2D\u6587 \U0001F600"));
  EXPECT_FALSE(
      is_utf8("Stra\xDF"
              "e"));
}

TEST(Utf8, SplitsIntoCodePoints) {
  const std::string text = "a\u00E4\u4E2D\U0001F600";
  const auto points = split_code_points(text);
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[0], "a");
  EXPECT_EQ(points[1], "\u00E4");
  EXPECT_EQ(points[2], "\u4E2D");
  EXPECT_EQ(points[3], "\U0001F600");
  EXPECT_TRUE(split_code_points("").empty());
}

TEST(Utf8, SplittingMalformedTextNamesTheByte) {
  try {
    (void)split_code_points("ab\xFF");
    FAIL() << "nothing was thrown";
  } catch (const attend::FormatError& error) {
    EXPECT_STREQ(error.what(),
                 "split_code_points: byte 2 (counted from 0) is not UTF-8; convert the text first");
  }
}

TEST(Utf8, RangesAreSortedSoThatSearchFindsThem) {
  const auto sorted = [](const auto& ranges) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (ranges[i].first > ranges[i].last) return false;
      if (i > 0 && ranges[i - 1].last >= ranges[i].first) return false;
    }
    return true;
  };
  EXPECT_TRUE(sorted(attend::detail::zero_width_ranges));
  EXPECT_TRUE(sorted(attend::detail::wide_ranges));
}

TEST(Utf8, DisplayWidth) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("Haus"), 4U);
  EXPECT_EQ(display_width("gr\u00F6\u00DFer"), 6U);
  EXPECT_EQ(display_width("o\u0308"), 1U);
  EXPECT_EQ(display_width("\u4E2D\u6587"), 4U);
  EXPECT_EQ(display_width("\u3042\uFF21\uD55C"), 6U);
  EXPECT_EQ(display_width("\u303F"), 1U);
  EXPECT_EQ(display_width("\u200B\x1B"), 0U);
  EXPECT_EQ(display_width("\U0001F600"), 2U);
  EXPECT_EQ(display_width("\xFF"), 1U);
}

TEST(Utf8, WhiteSpace) {
  for (const char32_t c : {U' ', U'\t', U'\n', U'\r', U'\u00A0', U'\u3000', U'\u2009'}) {
    EXPECT_TRUE(attend::is_white_space(c));
  }
  for (const char32_t c : {U'a', U'_', U'\u200B', U'\u2581', U'\uFEFF'}) {
    EXPECT_FALSE(attend::is_white_space(c));
  }
}

}  // namespace
