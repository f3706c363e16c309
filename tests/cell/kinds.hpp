/// Every kind of cell, each made for any scalar and size. A line in `CellKinds` buys the suite.
#pragma once

#include <gtest/gtest.h>

#include <attend/cell/any_cell.hpp>
#include <attend/core/initialize.hpp>

namespace cells {

using attend::Index;
using attend::Random;

/// Moves every parameter off its initial value, so that no bias or peephole is zero.
template <class C>
C shaken(C cell, Random& random) {
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) {
            p(i, j) += static_cast<typename C::Scalar>(random.uniform(-0.3, 0.3));
          }
        }
      },
      cell);
  return cell;
}

template <attend::ElmanActivation activation>
struct ElmanKind {
  template <class S>
  static attend::Elman<S> plain(Index input, Index hidden, Random& random) {
    return shaken(
        attend::Elman<S>({.input = input, .hidden = hidden, .activation = activation}, random),
        random);
  }
  template <class S>
  static auto make(Index input, Index hidden, Random& random) {
    return plain<S>(input, hidden, random);
  }
};

template <bool peepholes>
struct LstmKind {
  template <class S>
  static attend::Lstm<S> plain(Index input, Index hidden, Random& random) {
    return shaken(
        attend::Lstm<S>({.input = input, .hidden = hidden, .peepholes = peepholes}, random),
        random);
  }
  template <class S>
  static auto make(Index input, Index hidden, Random& random) {
    return plain<S>(input, hidden, random);
  }
};

template <attend::GruForm form>
struct GruKind {
  template <class S>
  static attend::Gru<S> plain(Index input, Index hidden, Random& random) {
    return shaken(attend::Gru<S>({.input = input, .hidden = hidden, .form = form}, random), random);
  }
  template <class S>
  static auto make(Index input, Index hidden, Random& random) {
    return plain<S>(input, hidden, random);
  }
};

/// The same cell, chosen when the program runs.
template <class Kind>
struct Any : Kind {
  template <class S>
  static attend::AnyCell<S> make(Index input, Index hidden, Random& random) {
    return Kind::template plain<S>(input, hidden, random);
  }
};

using ElmanTanh = ElmanKind<attend::ElmanActivation::tanh>;
using ElmanRelu = ElmanKind<attend::ElmanActivation::relu>;
using Lstm = LstmKind<false>;
using LstmPeepholes = LstmKind<true>;
using GruResetBefore = GruKind<attend::GruForm::reset_before>;
using GruResetAfter = GruKind<attend::GruForm::reset_after>;

using CellKinds =
    testing::Types<ElmanTanh, ElmanRelu, Lstm, LstmPeepholes, GruResetBefore, GruResetAfter,
                   Any<ElmanTanh>, Any<LstmPeepholes>, Any<GruResetBefore>, Any<GruResetAfter>>;

}  // namespace cells
