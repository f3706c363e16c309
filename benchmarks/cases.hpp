/// Every family of cases; each adds its own.
#pragma once

#include <case.hpp>

namespace bench {

void add_attention_cases(Cases& cases);
void add_self_attention_cases(Cases& cases);
void add_recurrent_cases(Cases& cases);
void add_product_cases(Cases& cases);
void add_training_cases(Cases& cases);

/// The machine's own: what it can do, to be checked.
void add_limits(Cases& cases);

/// What bounds a case, as cases of the same name: the multiply-add peak, and reading each of its
/// working sets. They are measured beside it, in the same seconds.
[[nodiscard]] Cases limits_of(const Case& c);

}  // namespace bench
