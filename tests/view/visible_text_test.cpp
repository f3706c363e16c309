#include <string>

#include <gtest/gtest.h>

#include <attend/view/visible_text.hpp>

namespace {

using attend::visible_text;

TEST(VisibleText, OrdinaryTextStays) {
  for (const std::string text : {"", "Stra\u00DFe", "\u4E2D\u6587", "o\u0308", "<&>\"'"}) {
    EXPECT_EQ(visible_text(text), text);
  }
}

TEST(VisibleText, WhatDoesHarmIsReplaced) {
  EXPECT_EQ(visible_text("a\x1B[31mb"), "a\uFFFD[31mb");
  EXPECT_EQ(visible_text(std::string("\0\n\t", 3)), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(visible_text("\x7F\u0085"), "\uFFFD\uFFFD");
  EXPECT_EQ(visible_text("\uFFFE\uFFFF"), "\uFFFD\uFFFD");
  EXPECT_EQ(visible_text("Stra\xDF"
                         "e"),
            "Stra\uFFFDe");
}

}  // namespace
