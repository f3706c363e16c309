/// What the library throws, and the checks that throw it.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Arguments whose sizes do not belong together. The message says what was given and what was
/// expected.
class ShapeError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// A file or a text that is not what it should be. The message names the file, the place and the
/// reason.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A loss or a gradient that is no longer a number. The message names the training step.
class NonFiniteError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

/// Joins its arguments to one text. Called on failing paths only.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

[[noreturn]] inline void throw_shape(std::string_view where, std::string_view what, Index rows,
                                     Index cols, Index expected_rows, Index expected_cols) {
  throw ShapeError(message(where, ": ", what, " is (", rows, " x ", cols, "), expected (",
                           expected_rows, " x ", expected_cols, ")"));
}

[[noreturn]] inline void throw_size(std::string_view where, std::string_view what, Index given,
                                    Index expected) {
  throw ShapeError(message(where, ": ", what, " is ", given, ", expected ", expected));
}

}  // namespace detail

/// Throws ShapeError unless `m` is (rows x cols).
template <class M>
void check_shape(std::string_view where, std::string_view what, const M& m, Index rows,
                 Index cols) {
  if (m.rows() != rows || m.cols() != cols) [[unlikely]] {
    detail::throw_shape(where, what, m.rows(), m.cols(), rows, cols);
  }
}

/// Throws ShapeError unless the two sizes are equal.
inline void check_size(std::string_view where, std::string_view what, Index given, Index expected) {
  if (given != expected) [[unlikely]]
    detail::throw_size(where, what, given, expected);
}

/// Throws std::invalid_argument with the sentence unless the condition holds.
template <class... Parts>
void check_argument(bool condition, const Parts&... sentence) {
  if (!condition) [[unlikely]]
    throw std::invalid_argument(detail::message(sentence...));
}

/// Throws std::invalid_argument if one of the sizes that something is to be made with is negative.
inline void check_extents(std::string_view where, Index rows, Index cols) {
  check_argument(rows >= 0 && cols >= 0, where, ": it would be (", rows, " x ", cols,
                 "), expected sizes of 0 or more; look at the sizes that its layer was made with");
}

}  // namespace attend
