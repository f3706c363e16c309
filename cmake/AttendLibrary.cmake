# attend::attend, and one target for each extra dependency that some of the headers have.
find_package(Threads REQUIRED)
attend_require_eigen()

option(ATTEND_JSON "Offer attend::json: the headers that read and write JSON" ON)
option(ATTEND_ZLIB "Offer attend::zlib, which reads NumPy's archives, where zlib is installed" ON)
option(ATTEND_SENTENCEPIECE "Offer attend::sentencepiece where SentencePiece is installed" ON)

set(attend_list "${PROJECT_SOURCE_DIR}/cmake/optional_headers.txt")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${attend_list}")
file(STRINGS "${attend_list}" attend_list_lines REGEX "^[a-z]")
file(GLOB_RECURSE attend_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/attend/*.hpp")
foreach(line IN LISTS attend_list_lines)
  string(REGEX MATCH "^([a-z]+) +([^ ]+)" matched "${line}")
  set(header "${PROJECT_SOURCE_DIR}/include/attend/${CMAKE_MATCH_2}")
  if(header IN_LIST attend_headers)
    list(REMOVE_ITEM attend_headers "${header}")
    list(APPEND attend_headers_${CMAKE_MATCH_1} "${header}")
  endif()
endforeach()

# attend_interface(<target> <exported name> HEADERS ... LINKS ...)
function(attend_interface target name)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "HEADERS;LINKS")
  add_library(${target} INTERFACE)
  add_library(attend::${name} ALIAS ${target})
  target_sources(
    ${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
                                 FILES ${arg_HEADERS})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_link_libraries(${target} INTERFACE ${arg_LINKS})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS
                                                                 ${ATTEND_VERIFY_HEADERS})
endfunction()

attend_interface(attend attend HEADERS ${attend_headers} LINKS Eigen3::Eigen Threads::Threads)

if(ATTEND_JSON)
  attend_require_json()
  attend_interface(attend_json json HEADERS ${attend_headers_json} LINKS
                   attend nlohmann_json::nlohmann_json)
endif()

if(ATTEND_ZLIB)
  find_package(ZLIB QUIET)
  if(ZLIB_FOUND)
    attend_interface(attend_zlib zlib HEADERS ${attend_headers_zlib} LINKS attend ZLIB::ZLIB)
  else()
    message(STATUS "attend: zlib is not installed, so there is no attend::zlib")
  endif()
endif()

if(ATTEND_SENTENCEPIECE)
  find_package(SentencePiece QUIET)
  if(SentencePiece_FOUND)
    attend_interface(attend_sentencepiece sentencepiece HEADERS ${attend_headers_sentencepiece}
                     LINKS attend SentencePiece::SentencePiece)
  else()
    message(STATUS "attend: SentencePiece is not installed, so there is no attend::sentencepiece")
  endif()
endif()
