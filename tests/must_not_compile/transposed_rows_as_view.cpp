// expect: no matching function|no viable conversion|could not convert|conversion from .* requested
#include <attend/core/types.hpp>

// A block of one row of a transposed matrix lies in memory with gaps: to read it through a view
// would take a copy, so it does not convert.
void read(attend::ConstView<float>);

void must_not_compile(const attend::Matrix<float>& m) { read(m.transpose().topRows(2)); }
