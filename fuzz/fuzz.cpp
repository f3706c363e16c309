// One fuzzer for each reader: ATTEND_FUZZ_TARGET names a function of targets.hpp.
#include <cstddef>
#include <cstdint>

#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::ATTEND_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
