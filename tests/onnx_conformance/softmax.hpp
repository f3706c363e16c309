/// ONNX `Softmax`, opset 1 to 13, by attend's softmax of a column.
#pragma once

#include <numeric>

#include "case.hpp"
#include <attend/kernel/softmax.hpp>

namespace onnx_conformance {

/// From opset 13 on along one axis (default: the last); before, over all axes from `axis` on
/// (default 1) as if they were one.
[[nodiscard]] inline Tensors softmax(const Case& c) {
  const Values& x = c.required(0);
  const bool one_axis = c.opset == 0 || c.opset >= 13;
  Index axis = c.attribute<Index>("axis", one_axis ? -1 : 1);
  if (axis < 0) axis += x.rank();
  if (axis < 0 || axis > x.rank() || (one_axis && axis == x.rank())) {
    throw attend::FormatError("Softmax: there is no such axis");
  }
  const auto product = [&](Index from, Index to) {
    return std::accumulate(x.shape.begin() + from, x.shape.begin() + to, Index{1},
                           std::multiplies<>());
  };
  const Index end = one_axis ? axis + 1 : x.rank();
  const Index outer = product(0, axis);
  const Index length = product(axis, end);
  const Index inner = product(end, x.rank());
  Values y = x;
  std::vector<float> line(static_cast<std::size_t>(length));
  for (Index o = 0; o < outer; ++o) {
    for (Index i = 0; i < inner; ++i) {
      const Index first = o * length * inner + i;
      for (Index k = 0; k < length; ++k) line[static_cast<std::size_t>(k)] = x[first + k * inner];
      attend::softmax(length, line.data());
      for (Index k = 0; k < length; ++k) y[first + k * inner] = line[static_cast<std::size_t>(k)];
    }
  }
  return {y};
}

}  // namespace onnx_conformance
