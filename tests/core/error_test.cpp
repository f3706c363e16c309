#include <stdexcept>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <attend/core/error.hpp>

namespace {

using attend::Matrix;
using attend::ShapeError;

/// The message that an exception of exactly this type carries.
template <class Error, class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(typeid(error), typeid(Error));
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(CheckShape, AcceptsWhatIsExpected) {
  EXPECT_NO_THROW(attend::check_shape("attend", "queries", Matrix<float>(3, 4), 3, 4));
  EXPECT_NO_THROW(attend::check_shape("attend", "queries", Matrix<float>(3, 0), 3, 0));
}

TEST(CheckShape, SaysWhereWhatWasGivenAndWhatWasExpected) {
  const Matrix<double> m(3, 4);
  EXPECT_EQ(message_of<ShapeError>([&] { attend::check_shape("attend", "queries", m, 5, 4); }),
            "attend: queries is (3 x 4), expected (5 x 4)");
}

TEST(CheckShape, LooksAtRowsAndAtColumns) {
  const Matrix<float> m(3, 4);
  EXPECT_THROW(attend::check_shape("f", "m", m, 2, 4), ShapeError);
  EXPECT_THROW(attend::check_shape("f", "m", m, 3, 5), ShapeError);
  EXPECT_THROW(attend::check_shape("f", "m", m, 4, 3), ShapeError);
}

TEST(CheckShape, TakesExpressions) {
  const Matrix<float> m(3, 4);
  EXPECT_NO_THROW(attend::check_shape("f", "m", m.leftCols(2), 3, 2));
  EXPECT_NO_THROW(attend::check_shape("f", "m", m.transpose(), 4, 3));
}

TEST(CheckSize, SaysBothNumbers) {
  EXPECT_NO_THROW(attend::check_size("decode", "beam", 5, 5));
  EXPECT_EQ(message_of<ShapeError>([] { attend::check_size("decode", "beam", 4, 5); }),
            "decode: beam is 4, expected 5");
}

TEST(CheckArgument, JoinsItsSentence) {
  EXPECT_NO_THROW(attend::check_argument(true, "never"));
  EXPECT_EQ(message_of<std::invalid_argument>(
                [] { attend::check_argument(false, "rate is ", -0.5, ", expected > 0"); }),
            "rate is -0.5, expected > 0");
}

/// Counts how often it is made into text.
struct Counted {
  int& written;
  friend std::ostream& operator<<(std::ostream& out, const Counted& counted) {
    ++counted.written;
    return out << "counted";
  }
};

TEST(CheckArgument, BuildsItsMessageOnTheFailingPathOnly) {
  int written = 0;
  attend::check_argument(true, Counted{written});
  EXPECT_EQ(written, 0);
  EXPECT_THROW(attend::check_argument(false, Counted{written}), std::invalid_argument);
  EXPECT_EQ(written, 1);
}

TEST(Errors, KeepTheirMessage) {
  EXPECT_STREQ(attend::FormatError("model.bin: byte 8: wrong version").what(),
               "model.bin: byte 8: wrong version");
  EXPECT_STREQ(attend::NonFiniteError("step 7: loss is nan").what(), "step 7: loss is nan");
}

// One catches wrong use and wrong data apart, and both without naming attend.
static_assert(std::is_base_of_v<std::invalid_argument, ShapeError>);
static_assert(std::is_base_of_v<std::runtime_error, attend::FormatError>);
static_assert(std::is_base_of_v<std::runtime_error, attend::NonFiniteError>);
static_assert(!std::is_base_of_v<std::runtime_error, ShapeError>);

}  // namespace
