/// Parameter reflection: one visitor serves optimizers, files, counting, gradient checks, zeroing.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {
struct AnyVisitor {
  void operator()(std::string_view, auto&...) const {}
};
}  // namespace detail

/// A value type whose static `parameters(f, a, b...)` calls `f("name", a.p, b.p...)` for each
/// member, in fixed order: first the model, then any number of others of the same type, for example
/// its gradient and an optimizer's moments.
template <class M>
concept Parameterized = requires(M& m) {
  std::remove_const_t<M>::parameters(detail::AnyVisitor{}, m, m);
};

/// A parameter itself: a matrix, or weights packed in panels. `data()` and `size()` are its
/// storage, `(i, j)` an element.
template <class P>
concept ParameterLeaf = !Parameterized<P> && requires(P & p) {
  { p.rows() } -> std::convertible_to<Index>;
  { p.cols() } -> std::convertible_to<Index>;
  { p.size() } -> std::convertible_to<Index>;
  p.data();
  p(Index{0}, Index{0});
};

/// All that a parameter stores, as one column; packed weights have zeros in their padding.
template <ParameterLeaf P>
auto values(P& parameter) {
  using Element = std::remove_pointer_t<decltype(parameter.data())>;
  using S = std::remove_const_t<Element>;
  using Column = std::conditional_t<std::is_const_v<Element>, const Vector<S>, Vector<S>>;
  return Eigen::Map<Column>(parameter.data(), parameter.size());
}

namespace detail {

inline std::string join_path(std::string_view path, std::string_view name) {
  if (path.empty()) return std::string(name);
  return std::string(path).append(".").append(name);
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T, class A>
struct IsVector<std::vector<T, A>> : std::true_type {};

template <class F, class M, class... Others>
void visit_parameters(const std::string& path, F& f, M& model, Others&... others) {
  using Model = std::remove_const_t<M>;
  if constexpr (IsOptional<Model>::value) {
    if (model.has_value()) visit_parameters(path, f, *model, *others...);
  } else if constexpr (IsVector<Model>::value) {
    for (std::size_t i = 0; i < model.size(); ++i) {
      visit_parameters(join_path(path, std::to_string(i)), f, model[i], others[i]...);
    }
  } else if constexpr (Parameterized<M>) {
    Model::parameters(
        [&](std::string_view name, auto&... members) {
          visit_parameters(join_path(path, name), f, members...);
        },
        model, others...);
  } else {
    static_assert(ParameterLeaf<M>,
                  "a parameter is a matrix, a vector, packed weights, a type with a static "
                  "parameters(), or an optional or std::vector of these");
    f(std::string_view(path), model, others...);
  }
}

}  // namespace detail

/// Calls `f(path, p, q...)` for every parameter p of `model`, at any depth, with the corresponding
/// q of each of `others`; `path` is dotted: "encoder.layers.0.forward.W".
template <class F, class M, class... Others>
void for_each_parameter(F&& f, M& model, Others&... others) {
  detail::visit_parameters(std::string(), f, model, others...);
}

/// How many numbers a model learns; padding does not count.
template <class M>
[[nodiscard]] Index parameter_count(const M& model) {
  Index count = 0;
  for_each_parameter([&](std::string_view, const auto& p) { count += p.rows() * p.cols(); }, model);
  return count;
}

template <class M>
void set_zero(M& model) {
  for_each_parameter([](std::string_view, auto& p) { values(p).setZero(); }, model);
}

/// A model of the same shape whose parameters are zero: a gradient, an optimizer's moments.
template <class M>
[[nodiscard]] M zero_like(const M& model) {
  M zero = model;
  set_zero(zero);
  return zero;
}

/// Adds every parameter of `other` to that of `model`.
template <class M>
void add_parameters(M& model, const M& other) {
  for_each_parameter([](std::string_view, auto& p, const auto& q) { values(p) += values(q); },
                     model, other);
}

/// The sum of squares of all parameters, summed in double so that the order hardly matters.
template <class M>
[[nodiscard]] double squared_norm(const M& model) {
  double sum = 0;
  for_each_parameter([&](std::string_view,
                         const auto& p) { sum += values(p).template cast<double>().squaredNorm(); },
                     model);
  return sum;
}

}  // namespace attend
