/// Values of one kind among several, the kind chosen when the program runs.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include <attend/core/abi.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {
template <class T, class V>
struct IsChoice : std::false_type {};
template <class T, class... Kinds>
struct IsChoice<T, std::variant<Kinds...>> : std::bool_constant<(std::is_same_v<T, Kinds> || ...)> {
};

template <class V>
struct Associated;
template <class... Kinds>
struct Associated<std::variant<Kinds...>> {
  using Traces = std::variant<typename Kinds::Trace...>;
};
}  // namespace detail

/// Whether T is one of the kinds of a variant.
template <class T, class V>
inline constexpr bool is_choice = detail::IsChoice<T, V>::value;

/// A variant of the kinds' own traces.
template <class V>
using TracesOf = typename detail::Associated<V>::Traces;

/// Calls f with the value of the first variant and those of the others, all of the same kind.
/// Throws std::bad_variant_access where another holds another kind.
template <class F, class First, class... Others>
decltype(auto) visit_same(F&& f, First& first, Others&... others) {
  return std::visit(
      [&]<class K>(K& value) -> decltype(auto) {
        using Kind = std::remove_const_t<K>;
        return f(value, std::get<Kind>(others)...);
      },
      first);
}

/// The value as a T where it is one, or is chosen at run time and holds one; else null.
template <class T, class V>
const T* held_as(const V& value) {
  if constexpr (std::is_same_v<T, V>) {
    return &value;
  } else if constexpr (requires { std::get_if<T>(&value.choice()); }) {
    return std::get_if<T>(&value.choice());
  } else {
    return nullptr;
  }
}

/// The variant's value as a T, a new one where it holds another kind.
template <class T, class... Kinds>
T& become(std::variant<Kinds...>& choice) {
  if (T* held = std::get_if<T>(&choice)) return *held;
  return choice.template emplace<T>();
}

}  // namespace attend
