/// Recurrent layers in inference: B sequences of 50 steps.
#include <cases.hpp>
#include <cmath>
#include <problems.hpp>
#include <reference/cells.hpp>

#include <attend/encoder/recurrent.hpp>
#include <attend/kernel/precision.hpp>

namespace bench {
namespace {

using attend::Elman;
using attend::Gru;
using attend::Lstm;

template <class Cell>
Cell make_cell(const Recurrence& r) {
  Cell cell;
  cell.W = r.weights();
  cell.b = r.bias();
  if constexpr (std::same_as<Cell, Gru<float>>) {
    const Matrix<float> U = r.recurrent_weights();
    cell.U_gates = U.topRows(2 * r.d);
    cell.U_candidate = U.bottomRows(r.d);
    if (r.kind == CellKind::gru) cell.b_candidate = r.candidate_bias();
  } else {
    cell.U = r.recurrent_weights();
  }
  return cell;
}

template <class Cell>
struct Layer {
  attend::Recurrent<Cell> layer;
  attend::Ragged layout;
  typename attend::Recurrent<Cell>::Trace trace;
  Matrix<float> X;
  Matrix<float> H;

  explicit Layer(Recurrence r, attend::Precision precision = attend::Precision::full)
      : layer(make_cell<Cell>(r)),
        layout(std::vector<Index>(static_cast<std::size_t>(r.B), r.T)),
        X(r.inputs()),
        H(r.d, r.T * r.B) {
    attend::set_precision(layer, precision);
  }
  void step() { layer.forward(layout, X, H, trace, {.keep = attend::Keep::nothing}); }
  [[nodiscard]] Result result() const { return result_of(H); }
};

auto logistic(const auto& x) { return 1 / (1 + (-x.array()).exp()); }

/// The equations as Eigen's users write them, all sequences of a step at once.
struct Plain {
  Recurrence r;
  Matrix<float> W = r.weights();
  Matrix<float> U = r.recurrent_weights();
  Matrix<float> b = r.bias();
  Matrix<float> b_candidate = r.candidate_bias();
  Matrix<float> X = r.inputs();
  Matrix<float> G{r.gates() * r.d, X.cols()};
  Matrix<float> R{r.gates() * r.d, r.B};
  Matrix<float> h{r.d, r.B};
  Matrix<float> c{r.d, r.B};
  Matrix<float> H{r.d, X.cols()};

  explicit Plain(Recurrence recurrence) : r(recurrence) {}

  void step() {
    G.noalias() = W * X;
    G.colwise() += b.col(0);
    h.setZero();
    c.setZero();
    for (Index t = 0; t < r.T; ++t) {
      advance(G.middleCols(t * r.B, r.B));
      H.middleCols(t * r.B, r.B) = h;
    }
  }
  [[nodiscard]] Result result() const { return result_of(H); }

 private:
  using Columns = Eigen::Ref<Matrix<float>>;

  void advance(Columns g) {
    const Index d = r.d;
    if (r.kind == CellKind::gru_reset_before) {
      g.topRows(2 * d).noalias() += U.topRows(2 * d) * h;
      c.array() = logistic(g.topRows(d)) * h.array();
      g.bottomRows(d).noalias() += U.bottomRows(d) * c;
      mix(g, g.bottomRows(d).array().tanh());
      return;
    }
    R.noalias() = U * h;
    if (r.kind == CellKind::gru) {
      g.topRows(2 * d) += R.topRows(2 * d);
      R.bottomRows(d).colwise() += b_candidate.col(0);
      mix(g, (g.bottomRows(d).array() + logistic(g.topRows(d)) * R.bottomRows(d).array()).tanh());
      return;
    }
    g += R;
    if (r.kind == CellKind::rnn) {
      h = g.array().tanh();
    } else {
      c.array() = logistic(g.middleRows(d, d)) * c.array() +
                  logistic(g.topRows(d)) * g.middleRows(2 * d, d).array().tanh();
      h.array() = logistic(g.bottomRows(d)) * c.array().tanh();
    }
  }

  void mix(const Columns& g, const auto& candidate) {
    const Matrix<float> z = logistic(g.middleRows(r.d, r.d));
    h.array() = (1 - z.array()) * candidate + z.array() * h.array();
  }
};

/// One number at a time.
template <class Cell>
Result scalar(const Recurrence& r) {
  const auto cell = make_cell<Cell>(r);
  const Matrix<float> X = r.inputs();
  Result H(r.d, X.cols());
  for (Index b = 0; b < r.B; ++b) {
    reference::Numbers state(static_cast<std::size_t>(cell.state_rows()), 0);
    for (Index t = 0; t < r.T; ++t) {
      const auto x = X.col(t * r.B + b);
      state = reference::cell_step(cell, reference::Numbers(x.begin(), x.end()), state).state;
      for (Index i = 0; i < r.d; ++i)
        H(i, t * r.B + b) = static_cast<double>(state[static_cast<std::size_t>(i)]);
    }
  }
  return H;
}

template <class Cell>
void add(Cases& cases, const char* name, Recurrence r, Extent extent) {
  const double weights = float_bytes(r.gates() * r.d * r.d);
  const double product = as_double(2 * r.gates() * r.d * r.d);
  Case c{.name = std::string(name) + "/d:" + std::to_string(r.d) + "/B:" + std::to_string(r.B) +
                 "/T:" + std::to_string(r.T),
         .extent = extent,
         // The input product of all steps, then the recurrent ones.
         .phases = {{product * as_double(r.T * r.B), weights, weights}},
         .contenders = {contender("attend", [r] { return Layer<Cell>(r); }),
                        contender("Eigen", [r] { return Plain(r); })}};
  // A step is bound by one of the two: all steps are one phase, as all are alike.
  c.phases.push_back({product * as_double(r.T * r.B), weights * as_double(r.T), weights});
  if (extent == Extent::check) c.reference = [r] { return scalar<Cell>(r); };
  add_reduced(c, [r](attend::Precision precision) { return Layer<Cell>(r, precision); });
  add_onednn(c, r);
  cases.push_back(std::move(c));
}

void add_all(Cases& cases, Index d, Index B, Index T, Extent extent) {
  add<Lstm<float>>(cases, "lstm", {CellKind::lstm, d, B, T}, extent);
  add<Gru<float>>(cases, "gru", {CellKind::gru, d, B, T}, extent);
  add<Gru<float>>(cases, "gru_reset_before", {CellKind::gru_reset_before, d, B, T}, extent);
  add<Elman<float>>(cases, "rnn", {CellKind::rnn, d, B, T}, extent);
}

}  // namespace

void add_recurrent_cases(Cases& cases) {
  add_all(cases, 21, 3, 7, Extent::check);
  add_all(cases, 64, 17, 5, Extent::check);
  for (const Index d : {256, 512}) {
    for (const Index B : {1, 4, 16, 64}) add_all(cases, d, B, 50, Extent::brief);
  }
}

}  // namespace bench
