/// Parameter reflection: one visitor serves optimizers, files, counting, gradient checks, zeroing.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <attend/core/error.hpp>
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
inline std::string join_path(std::string_view path, std::size_t i) {
  return join_path(path, std::to_string(i));
}

/// The path where nobody asks for it: it costs nothing.
struct NoPath {};
inline NoPath join_path(NoPath, std::string_view) { return {}; }
inline NoPath join_path(NoPath, std::size_t) { return {}; }

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T, class A>
struct IsVector<std::vector<T, A>> : std::true_type {};

template <class Path, class F, class M, class... Others>
void visit_parameters(const Path& path, F& f, M& model, Others&... others) {
  using Model = std::remove_const_t<M>;
  if constexpr (IsOptional<Model>::value) {
    (check_size("parameters", "presence of an optional part", others.has_value() ? 1 : 0,
                model.has_value() ? 1 : 0),
     ...);
    if (model.has_value()) visit_parameters(path, f, *model, *others...);
  } else if constexpr (IsVector<Model>::value) {
    (check_size("parameters", "the number of parts in a list", std::ssize(others),
                std::ssize(model)),
     ...);
    for (std::size_t i = 0; i < model.size(); ++i) {
      visit_parameters(join_path(path, i), f, model[i], others[i]...);
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
    if constexpr (std::same_as<Path, NoPath>) {
      f(model, others...);
    } else {
      f(std::string_view(path), model, others...);
    }
  }
}

}  // namespace detail

/// Calls `f(path, p, q...)` for every parameter p of `model`, at any depth, with the corresponding
/// q of each of `others`; `path` is dotted: "encoder.layers.0.forward.W". Throws ShapeError if the
/// others have other parts.
template <class F, class M, class... Others>
void for_each_parameter(F&& f, M& model, Others&... others) {
  detail::visit_parameters(std::string(), f, model, others...);
}

/// Calls `f(p, q...)` likewise. Allocates nothing.
template <class F, class M, class... Others>
void for_each_leaf(F&& f, M& model, Others&... others) {
  detail::visit_parameters(detail::NoPath(), f, model, others...);
}

/// Calls `f(module)` for `model` and for every part of it that has parameters of its own, at any
/// depth, outer ones first.
template <class F, class M>
void for_each_module(F&& f, M& model) {
  using Model = std::remove_const_t<M>;
  if constexpr (detail::IsOptional<Model>::value) {
    if (model.has_value()) for_each_module(f, *model);
  } else if constexpr (detail::IsVector<Model>::value) {
    for (auto& part : model) for_each_module(f, part);
  } else if constexpr (Parameterized<M>) {
    f(model);
    Model::parameters([&](std::string_view, auto& part) { for_each_module(f, part); }, model);
  }
}

/// How many numbers a model learns; padding does not count.
template <class M>
[[nodiscard]] Index parameter_count(const M& model) {
  Index count = 0;
  for_each_leaf([&](const auto& p) { count += p.rows() * p.cols(); }, model);
  return count;
}

template <class M>
void set_zero(M& model) {
  for_each_leaf([](auto& p) { values(p).setZero(); }, model);
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
  for_each_leaf([](auto& p, const auto& q) { values(p) += values(q); }, model, other);
}

/// The sum of squares of all parameters, summed in double so that the order hardly matters.
template <class M>
[[nodiscard]] double squared_norm(const M& model) {
  double sum = 0;
  for_each_leaf([&](const auto& p) { sum += values(p).template cast<double>().squaredNorm(); },
                model);
  return sum;
}

}  // namespace attend
