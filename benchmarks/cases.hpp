/// Every family of cases; each adds its own.
#pragma once

#include <case.hpp>

namespace bench {

void add_attention_cases(Cases& cases);
void add_self_attention_cases(Cases& cases);
void add_recurrent_cases(Cases& cases);
void add_product_cases(Cases& cases);
void add_training_cases(Cases& cases);

/// The machine's own: its multiply-add peak, and the bandwidth of every working set that the cases
/// so far have.
void add_limits(Cases& cases);

}  // namespace bench
