/// Parameters of awkward shapes for the tests of train/.
#pragma once

#include <optional>
#include <vector>

#include <attend/core/parameters.hpp>
#include <attend/core/random.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace shapes {

/// A part, a list of parts, an optional one, packed weights; together several chunks.
template <attend::Scalar S>
struct Parts {
  struct Part {
    attend::Matrix<S> W;
    attend::Vector<S> b;
    template <class F, class... A>
    static void parameters(F&& f, A&... a) {
      f("W", a.W...);
      f("b", a.b...);
    }
  };

  std::vector<Part> list;
  std::optional<Part> extra;
  attend::PanelMatrix<S> packed;
  attend::Matrix<S> empty;

  template <class F, class... A>
  static void parameters(F&& f, A&... a) {
    f("list", a.list...);
    f("extra", a.extra...);
    f("packed", a.packed...);
    f("empty", a.empty...);
  }
};

template <attend::Scalar S>
void randomize(Parts<S>& parts, attend::Random random) {
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        for (attend::Index j = 0; j < p.cols(); ++j) {
          for (attend::Index i = 0; i < p.rows(); ++i) p(i, j) = static_cast<S>(random.normal());
        }
      },
      parts);
}

template <attend::Scalar S>
Parts<S> random_parts(std::uint64_t seed) {
  using Part = typename Parts<S>::Part;
  const auto part = [](attend::Index rows, attend::Index cols) {
    return Part{attend::Matrix<S>(rows, cols), attend::Vector<S>(rows)};
  };
  Parts<S> parts;
  parts.list = {part(1, 1), part(67, 131), part(3, 5)};
  parts.extra = part(64, 64);
  parts.packed.resize(37, 19);
  randomize(parts, attend::Random(seed));
  return parts;
}

/// All numbers, padding included, to compare bits.
template <class M>
auto flat(const M& model) {
  std::vector<double> numbers;
  attend::for_each_parameter(
      [&](std::string_view, const auto& p) {
        for (attend::Index i = 0; i < p.size(); ++i) numbers.push_back(p.data()[i]);
      },
      model);
  return numbers;
}

}  // namespace shapes
