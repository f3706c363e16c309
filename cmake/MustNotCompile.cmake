# Passes when SOURCE does not compile and what the compiler says matches the regular expression in
# the source's first line: "// expect: <regex>". Run with cmake -P by the tests.
file(STRINGS "${SOURCE}" expect LIMIT_COUNT 1)
if(NOT expect MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line must be // expect: <regex>")
endif()
set(expect "${CMAKE_MATCH_1}")

list(TRANSFORM INCLUDES PREPEND "-I")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=C "${COMPILER}" -std=c++20 -fsyntax-only ${INCLUDES} "${SOURCE}"
  RESULT_VARIABLE result
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)

if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE}: compiles, and must not")
elseif(NOT output MATCHES "${expect}")
  message(FATAL_ERROR "${SOURCE}: expected a message that matches\n  ${expect}\nbut got\n${output}")
endif()
