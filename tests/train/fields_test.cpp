#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <attend/core/random.hpp>
#include <attend/train/fields.hpp>

namespace {

using attend::Fields;

double round_trip(double value) {
  Fields fields;
  attend::put_field(fields, "x", value);
  double back = 0;
  attend::get_field(fields, "x", back);
  return back;
}

TEST(Fields, DoublesKeepTheirBits) {
  using Limits = std::numeric_limits<double>;
  for (const double x : {0.0, -0.0, 1.0, -2.5, 0.1, Limits::max(), Limits::min(),
                         Limits::denorm_min(), -3 * Limits::denorm_min(), Limits::infinity(),
                         -Limits::infinity(), 1 - Limits::epsilon() / 2}) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(round_trip(x)), std::bit_cast<std::uint64_t>(x)) << x;
  }
  EXPECT_TRUE(std::isnan(round_trip(Limits::quiet_NaN())));
  attend::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const double x = std::bit_cast<double>(random());
    if (!std::isnan(x)) {
      EXPECT_EQ(round_trip(x), x);
    }
  }
}

TEST(Fields, DoublesHaveNoPointThatALocaleCouldChange) {
  Fields fields;
  attend::put_field(fields, "x", 0.1);
  EXPECT_EQ(fields.at("x"), "0x1999999999999ap-56");
}

TEST(Fields, WholeNumbersAndText) {
  Fields fields;
  attend::put_field(fields, "n", std::numeric_limits<std::int64_t>::max());
  attend::put_field(fields, "t", std::string("a b"));
  std::int64_t n = 0;
  attend::get_field(fields, "n", n);
  EXPECT_EQ(n, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(attend::field_text(fields, "t"), "a b");
}

template <class T>
std::string complaint(const Fields& fields) {
  try {
    T value{};
    attend::get_field(fields, "n", value);
  } catch (const attend::FormatError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Fields, DamageIsNamed) {
  const std::string hint = "; the file is damaged or of another version";
  EXPECT_EQ(complaint<int>({}), "the saved state has no field 'n'" + hint);
  for (const std::string text : {"", "x", "1.5", "3 4", "-1", "99999999999999999999"}) {
    EXPECT_EQ(complaint<std::int64_t>({{"n", text}}),
              "the saved state's field 'n' is '" + text +
                  "', expected a whole number of 0 or more" + hint);
  }
  EXPECT_EQ(complaint<double>({{"n", ""}}),
            "the saved state's field 'n' is '', expected a number" + hint);
  EXPECT_EQ(complaint<double>({{"n", "1.5x"}}),
            "the saved state's field 'n' is '1.5x', expected a number" + hint);
}

}  // namespace
