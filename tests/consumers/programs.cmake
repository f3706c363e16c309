# The programs that every consumer builds, and what they may expect of attend.
foreach(property IN ITEMS INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS
                          INTERFACE_LINK_OPTIONS)
  get_target_property(value attend::attend ${property})
  if(value)
    message(FATAL_ERROR "attend::attend forces ${property} ${value} on its users")
  endif()
endforeach()

add_executable(attends ../attends.cpp)
target_link_libraries(attends PRIVATE attend::attend)

add_executable(uses_parts ../uses_parts.cpp)
target_link_libraries(uses_parts PRIVATE attend::json)
if(TARGET attend::sentencepiece)
  target_link_libraries(uses_parts PRIVATE attend::sentencepiece)
  target_compile_definitions(uses_parts PRIVATE WITH_SENTENCEPIECE)
endif()

enable_testing()
add_test(NAME attends COMMAND attends)
add_test(NAME uses_parts COMMAND uses_parts)
