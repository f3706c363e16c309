#include <string>

#include <gtest/gtest.h>

#include "well_formed.hpp"
#include <attend/view/xml.hpp>

namespace {

using attend::decimal;
using attend::xml_escape;

TEST(XmlEscape, WhatXmlReservesIsWrittenOtherwise) {
  EXPECT_EQ(xml_escape("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(xml_escape("&amp;"), "&amp;amp;");
  EXPECT_EQ(xml_escape("Stra\u00DFe \u4E2D"), "Stra\u00DFe \u4E2D");
  EXPECT_EQ(xml_escape(std::string("\0\x1B\xFF", 3)), "\uFFFD\uFFFD\uFFFD");
}

TEST(Decimal, IsShortAndKnowsNoLocale) {
  EXPECT_EQ(decimal(0), "0");
  EXPECT_EQ(decimal(-0.001), "0");
  EXPECT_EQ(decimal(1.5), "1.5");
  EXPECT_EQ(decimal(-2.345), "-2.35");
  EXPECT_EQ(decimal(0.05), "0.05");
  EXPECT_EQ(decimal(0.999), "1");
  EXPECT_EQ(decimal(1234567.0), "1234567");
  EXPECT_EQ(decimal(2.0 / 3, 4), "0.6667");
  EXPECT_EQ(decimal(2.5, 0), "3");
}

TEST(WellFormed, TheCheckerFindsFaults) {
  using attend_test::complaint_of_xml;
  EXPECT_EQ(complaint_of_xml("<a b=\"x>y\"><c/>&lt;</a>"), "");
  EXPECT_NE(complaint_of_xml("<a><b></a></b>"), "");
  EXPECT_NE(complaint_of_xml("<a>"), "");
  EXPECT_NE(complaint_of_xml("<a>x & y;</a>"), "");
  EXPECT_NE(complaint_of_xml("<a/><a>"), "");
  EXPECT_NE(complaint_of_xml("<a>\xFF</a>"), "");
}

TEST(SvgDocument, IsOneElement) {
  const std::string text = attend::detail::svg_document(10.2, 5, "a \"b\" <c>", "<g></g>");
  EXPECT_EQ(attend_test::complaint_of_xml(text), "");
  EXPECT_EQ(attend_test::root_number(text, "width"), 11);
  EXPECT_EQ(attend_test::root_number(text, "height"), 5);
}

}  // namespace
