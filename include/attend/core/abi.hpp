/// The inline namespace every name of attend lives in. It carries the vector width, because packed
/// weights are laid out by it: two translation units built for different widths then fail at link,
/// by name, and not at run time as heap corruption.
#pragma once

#include <Eigen/Core>

#if EIGEN_MAX_STATIC_ALIGN_BYTES >= 64 && defined(EIGEN_VECTORIZE_AVX512)
#define ATTEND_ABI abi_512
#elif defined(EIGEN_VECTORIZE_AVX)
#define ATTEND_ABI abi_256
#elif defined(EIGEN_VECTORIZE)
#define ATTEND_ABI abi_128
#else
#define ATTEND_ABI abi_scalar
#endif

namespace attend::inline ATTEND_ABI {}
