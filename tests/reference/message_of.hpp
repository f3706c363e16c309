/// What a call says when it throws.
#pragma once

#include <stdexcept>
#include <string>

namespace reference {

/// The message of the Error that `call` throws, or "nothing was thrown".
template <class Error = std::invalid_argument, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace reference
