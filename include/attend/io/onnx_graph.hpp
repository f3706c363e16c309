/// Building ONNX graphs.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/io/atomic_file.hpp>
#include <attend/io/protobuf_message.hpp>

namespace attend::inline ATTEND_ABI {

/// A number, or the name of a size that is known when the graph runs.
struct OnnxSize {
  Index number = 0;
  std::string name = {};
  // NOLINTBEGIN(google-explicit-constructor)
  OnnxSize(Index size) : number(size) {}
  OnnxSize(std::string symbol) : name(std::move(symbol)) {}
  OnnxSize(const char* symbol) : name(symbol) {}
  // NOLINTEND(google-explicit-constructor)
};
using OnnxShape = std::vector<OnnxSize>;

/// A named number or text, or several: an AttributeProto.
class OnnxAttribute {
 public:
  OnnxAttribute(std::string_view name, Index value) : OnnxAttribute(name, Kind::one_integer) {
    message_.number(3, value);
  }
  OnnxAttribute(std::string_view name, std::string_view value)
      : OnnxAttribute(name, Kind::one_string) {
    message_.text(4, value);
  }
  OnnxAttribute(std::string_view name, const std::vector<Index>& values)
      : OnnxAttribute(name, Kind::all_integers) {
    for (const Index value : values) message_.number(8, value);
  }
  OnnxAttribute(std::string_view name, const std::vector<std::string>& values)
      : OnnxAttribute(name, Kind::all_strings) {
    for (const std::string& value : values) message_.text(9, value);
  }

  [[nodiscard]] const ProtobufMessage& message() const { return message_; }

 private:
  enum class Kind : std::int64_t {
    one_integer = 2,
    one_string = 3,
    all_integers = 7,
    all_strings = 8
  };
  OnnxAttribute(std::string_view name, Kind kind) {
    message_.text(1, name);
    message_.number(20, static_cast<std::int64_t>(kind));
  }

  ProtobufMessage message_;
};

/// A graph that grows node by node, as an ONNX file will have it; a value is its name. ONNX stores
/// by rows, attend by columns: a matrix (d x T) here is a tensor T x d there, with the same
/// elements in the same order.
class OnnxGraph {
 public:
  static constexpr Index opset = 17;

  /// The numbers that ONNX gives to types of elements.
  enum class Type : std::int64_t { float32 = 1, int64 = 7, float64 = 11 };
  template <Scalar S>
  static constexpr Type type_of = std::same_as<S, float> ? Type::float32 : Type::float64;

  explicit OnnxGraph(std::string name) : name_(std::move(name)) {}

  std::string input(const std::string& name, Type type, const OnnxShape& shape) {
    graph_.message(graph_input, described(name, type, shape));
    return name;
  }

  void output(const std::string& value, const std::string& name, Type type,
              const OnnxShape& shape) {
    add_node("Identity", {value}, {name}, {});
    graph_.message(graph_output, described(name, type, shape));
  }

  /// Tensors that the graph holds, their elements in ONNX's order.
  template <Scalar S>
  std::string constant(const std::string& name, std::vector<Index> shape,
                       std::span<const S> elements) {
    return store(name, type_of<S>, shape, elements);
  }
  /// The columns of M (d x T) as the rows of a tensor T x d.
  template <Scalar S>
  std::string constant(const std::string& name, const Matrix<S>& M) {
    return constant<S>(name, {M.cols(), M.rows()},
                       std::span<const S>(M.data(), static_cast<std::size_t>(M.size())));
  }
  std::string integers(const std::vector<Index>& elements) {
    return store("sizes", Type::int64, {std::ssize(elements)}, std::span<const Index>(elements));
  }

  /// The values of a new node; an input or an output that it leaves out is empty.
  std::vector<std::string> node(const std::string& op, const std::vector<std::string>& inputs,
                                std::size_t outputs,
                                const std::vector<OnnxAttribute>& attributes = {}) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < outputs; ++i) names.push_back(fresh(op));
    add_node(op, inputs, names, attributes);
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
    return node("MatMul", {X, constant(name, W)});
  }
  /// y = x + b for the rows x of X; nothing where b is empty.
  template <Scalar S>
  std::string add(const std::string& name, const std::string& X, const Vector<S>& b) {
    if (b.size() == 0) return X;
    const auto elements = std::span<const S>(b.data(), static_cast<std::size_t>(b.size()));
    return node("Add", {X, constant<S>(name, {b.size()}, elements)});
  }

  /// The file's bytes: a ModelProto.
  [[nodiscard]] std::string bytes() const {
    ProtobufMessage operators;
    operators.text(1, "");
    operators.number(2, opset);
    ProtobufMessage graph = graph_;
    graph.text(2, name_);
    ProtobufMessage model;
    model.number(1, ir_version);
    model.text(2, "attend");
    model.message(7, graph);
    model.message(8, operators);
    return model.bytes();
  }

  /// Throws std::runtime_error where it cannot be written.
  void write(const std::filesystem::path& path) const { write_atomically(path, bytes()); }

 private:
  static constexpr std::int64_t ir_version = 8;
  /// Fields of a GraphProto.
  static constexpr unsigned graph_node = 1;
  static constexpr unsigned graph_initializer = 5;
  static constexpr unsigned graph_input = 11;
  static constexpr unsigned graph_output = 12;

  std::string fresh(const std::string& stem) { return stem + "_" + std::to_string(++named_); }

  /// A NodeProto.
  void add_node(const std::string& op, const std::vector<std::string>& inputs,
                const std::vector<std::string>& outputs,
                const std::vector<OnnxAttribute>& attributes) {
    ProtobufMessage node;
    for (const std::string& value : inputs) node.text(1, value);
    for (const std::string& value : outputs) node.text(2, value);
    node.text(4, op);
    for (const OnnxAttribute& attribute : attributes) node.message(5, attribute.message());
    graph_.message(graph_node, node);
  }

  /// A ValueInfoProto of a tensor.
  static ProtobufMessage described(const std::string& name, Type type, const OnnxShape& shape) {
    ProtobufMessage sizes;
    for (const OnnxSize& size : shape) {
      ProtobufMessage dimension;
      if (size.name.empty()) {
        dimension.number(1, size.number);
      } else {
        dimension.text(2, size.name);
      }
      sizes.message(1, dimension);
    }
    ProtobufMessage tensor;
    tensor.number(1, static_cast<std::int64_t>(type));
    tensor.message(2, sizes);
    ProtobufMessage any;
    any.message(1, tensor);
    ProtobufMessage value;
    value.text(1, name);
    value.message(2, any);
    return value;
  }

  /// A TensorProto, whose elements are in this machine's order of bytes, little-endian.
  template <class T>
  std::string store(const std::string& stem, Type type, const std::vector<Index>& shape,
                    std::span<const T> elements) {
    static_assert(std::endian::native == std::endian::little);
    const std::string name = fresh(stem);
    ProtobufMessage tensor;
    for (const Index size : shape) tensor.number(1, size);
    tensor.number(2, static_cast<std::int64_t>(type));
    tensor.text(8, name);
    tensor.text(9, {reinterpret_cast<const char*>(elements.data()), elements.size_bytes()});
    graph_.message(graph_initializer, tensor);
    return name;
  }

  std::string name_;
  ProtobufMessage graph_;
  Index named_ = 0;
};

}  // namespace attend
