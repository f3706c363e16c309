# What attend's own tests, examples and benchmarks share.
set(CMAKE_CXX_EXTENSIONS OFF)

if(ATTEND_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    # A precompiled header carries time stamps, which ccache must be told to look past.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        # What one checkout compiled serves another.
        CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
        CCACHE_NOHASHDIR=1
        ${CCACHE_PROGRAM})
  endif()
endif()

add_library(attend_developer INTERFACE)
target_link_libraries(attend_developer INTERFACE attend::attend)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT MSVC)
  if(ATTEND_WARNINGS)
    target_compile_options(attend_developer INTERFACE -Wall -Wextra -Wpedantic -Wshadow
                                                      -Wconversion -Wno-sign-conversion)
    # gcc 12 follows inlined intrinsics and strings to uninitialized values, overlaps and overruns
    # that are not there (gcc bugs 105593 and 105651); clang and the sanitizers look for real ones.
    foreach(mistaken IN ITEMS maybe-uninitialized uninitialized restrict array-bounds
                              stringop-overflow stringop-overread)
      target_compile_options(attend_developer
                             INTERFACE "$<$<CXX_COMPILER_ID:GNU>:-Wno-${mistaken}>")
    endforeach()
  endif()
  if(ATTEND_WARNINGS_AS_ERRORS)
    target_compile_options(attend_developer INTERFACE -Werror)
  endif()
  if(ATTEND_PRECOMPILED_HEADERS AND ATTEND_CCACHE)
    target_compile_options(
      attend_developer
      INTERFACE "$<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>"
                "$<$<CXX_COMPILER_ID:Clang,AppleClang>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
endif()

# Links a program with the optional parts of attend that exist here, and tells it about them.
function(attend_link_optional_parts target)
  if(TARGET attend_json)
    target_link_libraries(${target} PRIVATE attend::json)
  endif()
  if(TARGET attend_zlib)
    target_link_libraries(${target} PRIVATE attend::zlib)
    target_compile_definitions(${target} PRIVATE ATTEND_HAS_ZLIB=1)
  endif()
  if(TARGET attend_sentencepiece)
    target_link_libraries(${target} PRIVATE attend::sentencepiece)
    target_compile_definitions(${target} PRIVATE ATTEND_HAS_SENTENCEPIECE=1)
  endif()
endfunction()
