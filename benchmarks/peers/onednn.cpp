/// oneDNN 2.x: inference of recurrent layers, and products.
///
/// Weights are reordered into the format that oneDNN prefers, as its users do. Some of these
/// formats keep a header inside the memory: who fills them by hand overwrites it, and a GRU then
/// runs twice as fast as the machine can, on weights that it does not read.
#include <oneapi/dnnl/dnnl.hpp>
#include <problems.hpp>
#include <unordered_map>

namespace bench {
namespace {

using dnnl::memory;
using Format = memory::format_tag;
constexpr auto f32 = memory::data_type::f32;

struct Device {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

memory::desc describe(const memory::dims& dims, Format format) { return {dims, f32, format}; }

memory zeros(const Device& device, const memory::desc& desc) {
  memory m(desc, device.engine);
  std::fill_n(static_cast<float*>(m.get_data_handle()), desc.get_size() / sizeof(float), 0.0F);
  return m;
}

/// A memory of the plain format with the numbers of a matrix, in the order they lie in.
memory filled(const Device& device, const memory::desc& desc, const Matrix<float>& values) {
  memory m(desc, device.engine);
  std::copy_n(values.data(), values.size(), static_cast<float*>(m.get_data_handle()));
  return m;
}

memory reordered(Device& device, memory from, const memory::desc& desc) {
  memory to(desc, device.engine);
  dnnl::reorder(from, to).execute(device.stream, from, to);
  device.stream.wait();
  return to;
}

/// A primitive with its arguments; `output` is a (rows x cols) matrix, column by column.
struct Prepared {
  Device device;
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  int output = DNNL_ARG_DST;
  Index rows = 0;
  Index cols = 0;

  void step() {
    primitive.execute(device.stream, arguments);
    device.stream.wait();
  }
  [[nodiscard]] Result result() const {
    const auto* y = static_cast<const float*>(arguments.at(output).get_data_handle());
    return Eigen::Map<const Matrix<float>>(y, rows, cols).cast<double>();
  }
};

/// Column by column is row by row of the transpose: Y' = X' W'.
Prepared prepare(const Product& p) {
  Prepared run;
  Device& device = run.device;
  const auto X = describe({p.n, p.k}, Format::ab);
  const auto Y = describe({p.n, p.m}, Format::ab);
  const dnnl::matmul::primitive_desc pd({X, describe({p.k, p.m}, Format::any), Y}, device.engine);
  run.primitive = dnnl::matmul(pd);
  run.arguments = {{DNNL_ARG_SRC, filled(device, X, p.inputs())},
                   {DNNL_ARG_WEIGHTS,
                    reordered(device, filled(device, describe({p.k, p.m}, Format::ab), p.weights()),
                              pd.weights_desc())},
                   {DNNL_ARG_DST, zeros(device, Y)}};
  run.rows = p.m;
  run.cols = p.n;
  return run;
}

/// The shapes of a layer's memories.
struct LayerShapes {
  memory::desc X;
  memory::desc state;
  memory::desc weights;
  memory::desc plain_weights;
  memory::desc bias;
  memory::desc Y;

  explicit LayerShapes(const Recurrence& r)
      : X(describe({r.T, r.B, r.d}, Format::tnc)),
        state(describe({1, 1, r.B, r.d}, Format::ldnc)),
        weights(describe({1, 1, r.d, r.gates(), r.d}, Format::any)),
        plain_weights(describe({1, 1, r.d, r.gates(), r.d}, Format::ldigo)),
        bias(describe({1, 1, r.gates() + (r.kind == CellKind::gru ? 1 : 0), r.d}, Format::ldgo)),
        Y(describe({r.T, r.B, r.d}, Format::tnc)) {}
};

/// Gates r z n become oneDNN's z r n; others agree with ours.
Matrix<float> with_gate_order(const Recurrence& r, Matrix<float> m) {
  if (r.gates() == 3) {
    const Matrix<float> reset = m.topRows(r.d);
    m.topRows(r.d) = m.middleRows(r.d, r.d).eval();
    m.middleRows(r.d, r.d) = reset;
  }
  return m;
}

Matrix<float> bias_of(const Recurrence& r) {
  const Matrix<float> b = with_gate_order(r, r.bias());
  if (r.kind != CellKind::gru) return b;
  Matrix<float> both(b.rows() + r.d, 1);
  both << b, r.candidate_bias();
  return both;
}

/// With the primitive of its kind; `Forward::desc(shared..., rest...)` describes it.
template <class Forward, class Description>
Prepared prepare_layer(const Recurrence& r, const LayerShapes& shapes, Device device,
                       const Description& description) {
  const typename Forward::primitive_desc pd(description, device.engine);
  const auto weights = [&](const Matrix<float>& m, const memory::desc& wanted) {
    return reordered(device, filled(device, shapes.plain_weights, with_gate_order(r, m)), wanted);
  };
  Prepared run;
  run.device = device;
  run.primitive = Forward(pd);
  run.arguments = {{DNNL_ARG_SRC_LAYER, filled(device, shapes.X, r.inputs())},
                   {DNNL_ARG_SRC_ITER, zeros(device, shapes.state)},
                   {DNNL_ARG_WEIGHTS_LAYER, weights(r.weights(), pd.weights_layer_desc())},
                   {DNNL_ARG_WEIGHTS_ITER, weights(r.recurrent_weights(), pd.weights_iter_desc())},
                   {DNNL_ARG_BIAS, filled(device, shapes.bias, bias_of(r))},
                   {DNNL_ARG_DST_LAYER, zeros(device, shapes.Y)},
                   {DNNL_ARG_DST_ITER, zeros(device, shapes.state)}};
  if (r.kind == CellKind::lstm) {
    run.arguments.emplace(DNNL_ARG_SRC_ITER_C, zeros(device, shapes.state));
    run.arguments.emplace(DNNL_ARG_DST_ITER_C, zeros(device, shapes.state));
  }
  run.output = DNNL_ARG_DST_LAYER;
  run.rows = r.d;
  run.cols = r.T * r.B;
  return run;
}

Prepared prepare(const Recurrence& r) {
  constexpr auto inference = dnnl::prop_kind::forward_inference;
  constexpr auto direction = dnnl::rnn_direction::unidirectional_left2right;
  const LayerShapes s(r);
  const auto gru = [&]<class Forward>(std::type_identity<Forward>) {
    const typename Forward::desc description(inference, direction, s.X, s.state, s.weights,
                                             s.weights, s.bias, s.Y, s.state);
    return prepare_layer<Forward>(r, s, {}, description);
  };
  switch (r.kind) {
    case CellKind::lstm:
      return prepare_layer<dnnl::lstm_forward>(
          r, s, {},
          dnnl::lstm_forward::desc(inference, direction, s.X, s.state, s.state, s.weights,
                                   s.weights, s.bias, s.Y, s.state, s.state));
    case CellKind::gru:
      return gru(std::type_identity<dnnl::lbr_gru_forward>());
    case CellKind::gru_reset_before:
      return gru(std::type_identity<dnnl::gru_forward>());
    default:
      return prepare_layer<dnnl::vanilla_rnn_forward>(
          r, s, {},
          dnnl::vanilla_rnn_forward::desc(inference, dnnl::algorithm::eltwise_tanh, direction, s.X,
                                          s.state, s.weights, s.weights, s.bias, s.Y, s.state));
  }
}

}  // namespace

void add_onednn(Case& c, const Product& product) {
  c.contenders.push_back(contender("oneDNN", [product] { return prepare(product); }));
}
void add_onednn(Case& c, const Recurrence& recurrence) {
  c.contenders.push_back(contender("oneDNN", [recurrence] { return prepare(recurrence); }));
}

}  // namespace bench
