/// Building ONNX graphs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <onnx/onnx_pb.h>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/io/atomic_file.hpp>

namespace attend::inline ATTEND_ABI {

/// A number, or the name of a size that is known when the graph runs.
using OnnxSize = std::variant<Index, std::string>;
using OnnxShape = std::vector<OnnxSize>;

struct OnnxAttribute {
  std::string name;
  std::variant<Index, std::string, std::vector<Index>, std::vector<std::string>> value;
};

/// A graph that grows node by node; a value is its name. ONNX stores by rows, attend by columns: a
/// matrix (d x T) here is a tensor T x d there, with the same elements in the same order.
class OnnxGraph {
 public:
  using Type = onnx::TensorProto::DataType;

  static constexpr Index opset = 17;

  template <Scalar S>
  static constexpr Type type_of =
      std::same_as<S, float> ? onnx::TensorProto::FLOAT : onnx::TensorProto::DOUBLE;

  explicit OnnxGraph(const std::string& name) {
    model_.set_ir_version(onnx::IR_VERSION);
    model_.set_producer_name("attend");
    model_.add_opset_import()->set_version(opset);
    graph().set_name(name);
  }

  [[nodiscard]] const onnx::ModelProto& model() const { return model_; }

  std::string input(const std::string& name, Type type, const OnnxShape& shape) {
    describe(*graph().add_input(), name, type, shape);
    return name;
  }

  void output(const std::string& value, const std::string& name, Type type,
              const OnnxShape& shape) {
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type("Identity");
    node.add_input(value);
    node.add_output(name);
    describe(*graph().add_output(), name, type, shape);
  }

  /// Tensors that the graph holds, their elements in ONNX's order.
  template <Scalar S>
  std::string constant(const std::string& name, std::vector<Index> shape,
                       std::span<const S> elements) {
    return store(name, type_of<S>, shape, elements);
  }
  std::string integers(const std::vector<Index>& elements) {
    return store("sizes", onnx::TensorProto::INT64, {std::ssize(elements)},
                 std::span<const Index>(elements));
  }

  /// The values of a new node; an input or an output that it leaves out is empty.
  std::vector<std::string> node(const std::string& op, const std::vector<std::string>& inputs,
                                std::size_t outputs,
                                const std::vector<OnnxAttribute>& attributes = {}) {
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type(op);
    for (const std::string& value : inputs) node.add_input(value);
    for (const OnnxAttribute& attribute : attributes) set(*node.add_attribute(), attribute);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < outputs; ++i) names.push_back(*node.add_output() = fresh(op));
    return names;
  }
  /// The first value of a new node.
  std::string node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::vector<OnnxAttribute>& attributes = {}) {
    return node(op, inputs, 1, attributes).front();
  }

  std::string squeeze(const std::string& x, Index axis) {
    return node("Squeeze", {x, integers({axis})});
  }
  std::string unsqueeze(const std::string& x, Index axis) {
    return node("Unsqueeze", {x, integers({axis})});
  }
  std::string reshape(const std::string& x, const std::vector<Index>& sizes) {
    return node("Reshape", {x, integers(sizes)});
  }
  std::string transpose(const std::string& x, const std::vector<Index>& order) {
    return node("Transpose", {x}, {{"perm", order}});
  }
  std::string concatenate(const std::vector<std::string>& values, Index axis) {
    if (values.size() == 1) return values.front();
    return node("Concat", values, {{"axis", axis}});
  }
  std::vector<std::string> split(const std::string& x, const std::vector<Index>& sizes,
                                 Index axis) {
    if (sizes.size() == 1) return {x};
    return node("Split", {x, integers(sizes)}, sizes.size(), {{"axis", axis}});
  }

  /// y = W x for the rows x of X.
  template <Scalar S>
  std::string product(const std::string& name, const std::string& X, const Matrix<S>& W) {
    const auto elements = std::span<const S>(W.data(), static_cast<std::size_t>(W.size()));
    return node("MatMul", {X, constant<S>(name, {W.cols(), W.rows()}, elements)});
  }
  /// y = x + b for the rows x of X; nothing where b is empty.
  template <Scalar S>
  std::string add(const std::string& name, const std::string& X, const Vector<S>& b) {
    if (b.size() == 0) return X;
    const auto elements = std::span<const S>(b.data(), static_cast<std::size_t>(b.size()));
    return node("Add", {X, constant<S>(name, {b.size()}, elements)});
  }

  /// Throws std::runtime_error where it cannot be written.
  void write(const std::filesystem::path& path) const {
    write_atomically(path, model_.SerializeAsString());
  }

 private:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }

  std::string fresh(const std::string& stem) { return stem + "_" + std::to_string(++named_); }

  static void describe(onnx::ValueInfoProto& value, const std::string& name, Type type,
                       const OnnxShape& shape) {
    value.set_name(name);
    onnx::TypeProto::Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    for (const OnnxSize& size : shape) {
      auto& dimension = *tensor.mutable_shape()->add_dim();
      if (const Index* number = std::get_if<Index>(&size)) {
        dimension.set_dim_value(*number);
      } else {
        dimension.set_dim_param(std::get<std::string>(size));
      }
    }
  }

  template <class T>
  std::string store(const std::string& name, Type type, const std::vector<Index>& shape,
                    std::span<const T> elements) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(fresh(name));
    tensor.set_data_type(type);
    for (const Index size : shape) tensor.add_dims(size);
    tensor.set_raw_data(elements.data(), elements.size_bytes());
    return tensor.name();
  }

  static void set(onnx::AttributeProto& to, const OnnxAttribute& attribute) {
    to.set_name(attribute.name);
    if (const Index* number = std::get_if<Index>(&attribute.value)) {
      to.set_type(onnx::AttributeProto::INT);
      to.set_i(*number);
    } else if (const auto* word = std::get_if<std::string>(&attribute.value)) {
      to.set_type(onnx::AttributeProto::STRING);
      to.set_s(*word);
    } else if (const auto* numbers = std::get_if<std::vector<Index>>(&attribute.value)) {
      to.set_type(onnx::AttributeProto::INTS);
      for (const Index number_of_many : *numbers) to.add_ints(number_of_many);
    } else {
      to.set_type(onnx::AttributeProto::STRINGS);
      for (const auto& one : std::get<std::vector<std::string>>(attribute.value)) {
        to.add_strings(one);
      }
    }
  }

  onnx::ModelProto model_;
  Index named_ = 0;
};

}  // namespace attend
