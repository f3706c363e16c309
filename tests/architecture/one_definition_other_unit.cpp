#include <typeinfo>

#include "one_definition.hpp"
#include <attend/attend.hpp>

const std::type_info& shape_error_of_the_other_unit() { return typeid(attend::ShapeError); }

void throw_from_the_other_unit() { attend::check_size("other unit", "size", 1, 2); }
