// One of two translation units that include everything and end up in one program.
#include "one_definition.hpp"

#include <typeinfo>

#include <gtest/gtest.h>

#include <attend/attend.hpp>

namespace {

TEST(OneDefinition, TwoUnitsWithTheWholeUmbrellaLinkAndAgree) {
  EXPECT_EQ(typeid(attend::ShapeError), shape_error_of_the_other_unit());
  EXPECT_THROW(throw_from_the_other_unit(), attend::ShapeError);
}

}  // namespace
