/// What the two units of one_definition_test.cpp know of each other.
#pragma once

#include <typeinfo>

const std::type_info& shape_error_of_the_other_unit();
void throw_from_the_other_unit();
