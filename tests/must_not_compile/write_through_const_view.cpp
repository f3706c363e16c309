// expect: invalid conversion from|cannot initialize a parameter|no matching|no viable conversion
#include <attend/core/types.hpp>

// What is read only must not become writable on the way into a function.
void write(attend::View<float>);

void must_not_compile(attend::ConstView<float> memory) { write(memory); }
