/// oneDNN was not found.
#include <problems.hpp>

namespace bench {

void add_onednn(Case& /*c*/, const Product& /*product*/) {}
void add_onednn(Case& /*c*/, const Recurrence& /*recurrence*/) {}

}  // namespace bench
