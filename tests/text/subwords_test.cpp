// Without SentencePiece this file is empty: the header it tests is not offered then.
#if defined(ATTEND_HAS_SENTENCEPIECE)

#include <filesystem>
#include <reference/message_of.hpp>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <attend/text/subwords.hpp>

namespace {

using attend::SubwordKind;
using attend::SubwordOptions;
using attend::Subwords;
using attend::Token;
using reference::message_of;
using Lines = std::vector<std::string>;

Lines sentences() {
  const Lines who{"der Mann", "die Frau", "das Kind", "der gro\u00DFe Hund", "ein M\u00E4dchen"};
  const Lines does{"l\u00E4uft", "schl\u00E4ft", "singt laut", "tr\u00E4umt", "spielt"};
  const Lines where{"im Haus", "auf der Stra\u00DFe", "am See", "unter dem Baum", "zu Hause"};
  Lines lines;
  for (const auto& a : who) {
    for (const auto& b : does) {
      for (const auto& c : where) lines.push_back(attend::join_words(Lines{a, b, c, "."}));
    }
  }
  return lines;
}

class SubwordKinds : public ::testing::TestWithParam<SubwordKind> {
 protected:
  const Lines lines_ = sentences();
  const Subwords subwords_ = Subwords::train(lines_, {.size = 50, .kind = GetParam()});
};

INSTANTIATE_TEST_SUITE_P(Both, SubwordKinds,
                         ::testing::Values(SubwordKind::unigram, SubwordKind::byte_pairs));

TEST_P(SubwordKinds, ReservedTokensAreThoseOfVocabulary) {
  EXPECT_EQ(subwords_.size(), 50);
  EXPECT_EQ(subwords_.word(attend::unknown_token), "<unk>");
  EXPECT_EQ(subwords_.word(attend::start_token), "<s>");
  EXPECT_EQ(subwords_.word(attend::end_token), "</s>");
  for (Token t = 0; t < subwords_.size(); ++t) EXPECT_EQ(subwords_.token(subwords_.word(t)), t);
}

TEST_P(SubwordKinds, DecodingUndoesEncoding) {
  for (const std::string& line : lines_) {
    const auto tokens = subwords_.encode(line);
    EXPECT_LT(tokens.size(), line.size());
    EXPECT_EQ(subwords_.decode(tokens), line);
    for (const Token token : tokens) EXPECT_GT(token, attend::end_token);
  }
}

TEST_P(SubwordKinds, StartAndEndAreNotPartOfTheLine) {
  auto tokens = subwords_.encode(lines_[0]);
  tokens.insert(tokens.begin(), attend::start_token);
  tokens.push_back(attend::end_token);
  EXPECT_EQ(subwords_.decode(tokens), lines_[0]);
}

TEST_P(SubwordKinds, AwkwardLines) {
  EXPECT_TRUE(subwords_.encode("").empty());
  EXPECT_TRUE(subwords_.encode("   ").empty());
  EXPECT_EQ(subwords_.decode({}), "");
  const auto foreign = subwords_.encode("\u4E2D\u6587");
  EXPECT_EQ(foreign.back(), attend::unknown_token);
  for (const Token token : subwords_.encode("</s> <s> <unk>")) {
    EXPECT_NE(token, attend::end_token) << "text cannot forge a reserved symbol";
    EXPECT_NE(token, attend::start_token);
  }
  (void)subwords_.encode("\xFF\xC0");
}

TEST_P(SubwordKinds, TheSameLinesGiveTheSameBytes) {
  EXPECT_EQ(Subwords::train(lines_, {.size = 50, .kind = GetParam()}).to_bytes(),
            subwords_.to_bytes());
}

TEST_P(SubwordKinds, BytesRoundTrip) {
  const Subwords again = Subwords::from_bytes(subwords_.to_bytes(), "round trip");
  EXPECT_EQ(again.to_bytes(), subwords_.to_bytes());
  EXPECT_EQ(again.size(), subwords_.size());
  for (const std::string& line : lines_) EXPECT_EQ(again.encode(line), subwords_.encode(line));
}

TEST_P(SubwordKinds, TooManyPiecesAreRefusedOrCutAsAsked) {
  SubwordOptions options{.size = 30000, .kind = GetParam()};
  const std::string message =
      message_of<std::invalid_argument>([&] { (void)Subwords::train(lines_, options); });
  EXPECT_TRUE(
      message.starts_with("Subwords: SentencePiece cannot learn 30000 pieces from these 125 "
                          "lines: Vocabulary size too high (30000). Please set it to a "
                          "value <= "))
      << message;
  EXPECT_TRUE(
      message.ends_with("; choose another size, give more text, or set exact_size = false "
                        "to take as many as there are"))
      << message;
  options.exact_size = false;
  const Subwords cut = Subwords::train(lines_, options);
  EXPECT_GT(cut.size(), 30);
  EXPECT_LT(cut.size(), 30000);
}

TEST_P(SubwordKinds, TooFewPiecesAreRefused) {
  const std::string message = message_of<std::invalid_argument>(
      [&] { (void)Subwords::train(lines_, {.size = 5, .kind = GetParam()}); });
  EXPECT_TRUE(
      message.starts_with("Subwords: SentencePiece cannot learn 5 pieces from these 125 "
                          "lines: Vocabulary size is smaller than required_chars."))
      << message;
}

TEST_P(SubwordKinds, ThreadsShareAModel) {
  const auto expected = subwords_.encode(lines_[7]);
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (int& count : equal) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) count += subwords_.encode(lines_[7]) == expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 50));
}

TEST(Subwords, NothingIsPrintedAndNoFileIsLeft) {
  const auto files = [] {
    return std::distance(std::filesystem::directory_iterator("."),
                         std::filesystem::directory_iterator());
  };
  const auto before = files();
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const Subwords subwords = Subwords::train(sentences(), {.size = 50});
  EXPECT_THROW((void)Subwords::train(sentences(), {.size = 30000}), std::invalid_argument);
  EXPECT_THROW((void)Subwords::from_bytes("foreign", "x"), attend::FormatError);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(files(), before);
}

TEST(Subwords, LongLinesAreLearnedFrom) {
  Lines lines = sentences();
  std::string line;
  for (int i = 0; i < 1000; ++i) line += "xylophon ";
  lines.push_back(line);
  const Subwords subwords = Subwords::train(lines, {.size = 50});
  for (const Token token : subwords.encode("xylophon")) EXPECT_NE(token, attend::unknown_token);
}

TEST(Subwords, ShortLinesAreLearnedFrom) {
  const Lines lines(100, "a b");
  const auto subwords = Subwords::train(lines, {.size = 10, .exact_size = false});
  EXPECT_EQ(subwords.decode(subwords.encode("b a")), "b a");
}

TEST(Subwords, LinesThatTeachNothingAreRefused) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { (void)Subwords::train(Lines{}); }),
            "Subwords: all of the 0 lines are blank, expected text to learn from");
  EXPECT_EQ(message_of<std::invalid_argument>([] {
              (void)Subwords::train(Lines{"", " \t"});
            }),
            "Subwords: all of the 2 lines are blank, expected text to learn from");
  EXPECT_EQ(message_of<std::invalid_argument>([] {
              (void)Subwords::train(Lines{"a", "\xFF"});
            }),
            "Subwords: line 2 is not UTF-8");
}

TEST(Subwords, OptionsThatSentencePieceRefuses) {
  for (const SubwordOptions& options :
       {SubwordOptions{.size = -1}, SubwordOptions{.size = 50, .character_coverage = 0.1},
        SubwordOptions{.size = 50, .normalization = "unheard_of"}}) {
    EXPECT_TRUE(message_of<std::invalid_argument>([&] {
                  (void)Subwords::train(sentences(), options);
                }).starts_with("Subwords: SentencePiece cannot learn "));
  }
}

TEST(Subwords, TokensOutsideAreRefused) {
  const Subwords subwords = Subwords::train(sentences(), {.size = 50});
  EXPECT_EQ(message_of<std::out_of_range>([&] { (void)subwords.word(50); }),
            "Subwords: token 50 is outside the vocabulary, expected 0 to 49");
  EXPECT_EQ(message_of<std::out_of_range>([&] {
              (void)subwords.decode(std::vector<Token>{3, -1});
            }),
            "Subwords: token -1 is outside the vocabulary, expected 0 to 49");
}

TEST(Subwords, DamagedBytesAreRefused) {
  const std::string bytes = Subwords::train(sentences(), {.size = 50}).to_bytes();
  EXPECT_TRUE(message_of<attend::FormatError>([] {
                (void)Subwords::from_bytes("", "m");
              }).starts_with("m: "));
  EXPECT_TRUE(message_of<attend::FormatError>([] {
                (void)Subwords::from_bytes("no model", "m");
              }).starts_with("m: not a model of SentencePiece: "));
  EXPECT_TRUE(message_of<attend::FormatError>([&] {
                (void)Subwords::from_bytes(bytes.substr(0, 100), "m");
              }).starts_with("m: "));
}

}  // namespace

#endif
