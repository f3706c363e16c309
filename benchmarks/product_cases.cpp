/// Products with weights that meet every step: Y = W X, W (m x k), X (k x n).
#include <cases.hpp>
#include <problems.hpp>

#include <attend/kernel/product.hpp>

namespace bench {
namespace {

struct Packed {
  attend::PanelMatrix<float> W;
  Matrix<float> X;
  Matrix<float> Y;
  explicit Packed(Product p, attend::Precision precision = attend::Precision::full)
      : W(p.weights()), X(p.inputs()), Y(p.m, p.n) {
    W.set_precision(precision);
  }
  void step() { attend::multiply(W, X, Y); }
  [[nodiscard]] Result result() const { return result_of(Y); }
};

struct Plain {
  Matrix<float> W;
  Matrix<float> X;
  Matrix<float> Y;
  explicit Plain(Product p) : W(p.weights()), X(p.inputs()), Y(p.m, p.n) {}
  void step() { Y.noalias() = W * X; }
  [[nodiscard]] Result result() const { return result_of(Y); }
};

template <class S>
Matrix<S> scalar_product(const Matrix<float>& W, const Matrix<float>& X) {
  Matrix<S> Y(W.rows(), X.cols());
  for (Index j = 0; j < Y.cols(); ++j) {
    for (Index i = 0; i < Y.rows(); ++i) {
      S sum = 0;
      for (Index k = 0; k < W.cols(); ++k) sum += static_cast<S>(W(i, k)) * static_cast<S>(X(k, j));
      Y(i, j) = sum;
    }
  }
  return Y;
}

struct Loop {
  Matrix<float> W;
  Matrix<float> X;
  Matrix<float> Y;
  explicit Loop(Product p) : W(p.weights()), X(p.inputs()) {}
  void step() { Y = scalar_product<float>(W, X); }
  [[nodiscard]] Result result() const { return result_of(Y); }
};

void add(Cases& cases, Product p, Extent extent = Extent::brief) {
  const double flops = 2 * as_double(p.m * p.k * p.n);
  const double bytes = float_bytes(p.m * p.k + (p.k + p.m) * p.n);
  Case c{.name = "product/m:" + std::to_string(p.m) + "/k:" + std::to_string(p.k) +
                 "/n:" + std::to_string(p.n),
         .extent = extent,
         .phases = {{flops, bytes, bytes}},
         .contenders = {contender("attend", [p] { return Packed(p); }),
                        contender("Eigen", [p] { return Plain(p); })}};
  if (flops < 1e8) c.reference = [p] { return scalar_product<double>(p.weights(), p.inputs()); };
  if (flops < 1e6) c.contenders.push_back(contender("loop", [p] { return Loop(p); }));
  add_reduced(c, [p](attend::Precision precision) { return Packed(p, precision); });
  add_onednn(c, p);
  cases.push_back(std::move(c));
}

}  // namespace

void add_product_cases(Cases& cases) {
  add(cases, {.m = 67, .k = 35, .n = 5}, Extent::check);
  for (const Index n : {1, 4, 16, 64}) {
    add(cases, {.m = 768, .k = 256, .n = n});
    add(cases, {.m = 2048, .k = 512, .n = n});
  }
  add(cases, {.m = 8000, .k = 256, .n = 448});
}

}  // namespace bench
