# Every dependency is taken as installed; where it is not, a pinned commit is fetched.
include(FetchContent)

set(ATTEND_EIGEN_COMMIT 3147391d946bb4b6c68edd901f2add6ac1f31f8c) # 3.4.0
set(ATTEND_JSON_COMMIT 9cca280a4d0ccf0c08f47a99aa71d1b0e52f8d03) # 3.11.3
set(ATTEND_CLI11_COMMIT 6c7b07a878ad834957b98d0f9ce1dbe0cb204fc9) # 2.4.2
set(ATTEND_GTEST_COMMIT f8d7d77c06936315286eb55f8de22cd23c188571) # 1.14.0
set(ATTEND_BENCHMARK_COMMIT 344117638c8ff7e239044fd0fa7085839fc03021) # 1.8.3

# Fetches a library that is headers only and offers it as an imported target. Its own build files
# stay unread, so that they add no targets, options or install rules to ours.
function(attend_fetch_headers target repository commit folder)
  string(REGEX REPLACE "::.*" "" name "${target}")
  message(STATUS "attend: ${name} is not installed, fetching commit ${commit}")
  FetchContent_Declare(${name} GIT_REPOSITORY "${repository}" GIT_TAG ${commit}
                       SOURCE_SUBDIR no_build_files)
  FetchContent_MakeAvailable(${name})
  string(TOLOWER "${name}" lower)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} SYSTEM INTERFACE "${${lower}_SOURCE_DIR}/${folder}")
endfunction()

# A macro: find_package sets variables that the caller's folder must see.
macro(attend_require_eigen)
  # No version here: Eigen's version file of 3.4 refuses 5.x and the other way round.
  if(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 QUIET NO_MODULE)
  endif()
  if(NOT TARGET Eigen3::Eigen)
    attend_fetch_headers(Eigen3::Eigen https://gitlab.com/libeigen/eigen.git
                         ${ATTEND_EIGEN_COMMIT} .)
  elseif(Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4)
    message(FATAL_ERROR "attend needs Eigen 3.4 or newer, found ${Eigen3_VERSION}")
  endif()
endmacro()

macro(attend_require_json)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json 3.9 QUIET)
  endif()
  if(NOT TARGET nlohmann_json::nlohmann_json)
    attend_fetch_headers(nlohmann_json::nlohmann_json https://github.com/nlohmann/json.git
                         ${ATTEND_JSON_COMMIT} single_include)
  endif()
endmacro()

macro(attend_require_cli11)
  if(NOT TARGET CLI11::CLI11)
    find_package(CLI11 QUIET)
  endif()
  if(NOT TARGET CLI11::CLI11)
    attend_fetch_headers(CLI11::CLI11 https://github.com/CLIUtils/CLI11.git
                         ${ATTEND_CLI11_COMMIT} include)
  endif()
endmacro()

macro(attend_require_gtest)
  if(NOT TARGET GTest::gtest_main)
    find_package(GTest QUIET)
  endif()
  if(NOT TARGET GTest::gtest_main)
    message(STATUS "attend: GoogleTest is not installed, fetching commit ${ATTEND_GTEST_COMMIT}")
    set(INSTALL_GTEST OFF)
    set(gtest_force_shared_crt ON)
    FetchContent_Declare(googletest GIT_REPOSITORY https://github.com/google/googletest.git
                         GIT_TAG ${ATTEND_GTEST_COMMIT})
    FetchContent_MakeAvailable(googletest)
  endif()
endmacro()

macro(attend_require_benchmark)
  if(NOT TARGET benchmark::benchmark_main)
    find_package(benchmark QUIET)
  endif()
  if(NOT TARGET benchmark::benchmark_main)
    message(STATUS
            "attend: Google Benchmark is not installed, fetching commit ${ATTEND_BENCHMARK_COMMIT}")
    set(BENCHMARK_ENABLE_TESTING OFF)
    set(BENCHMARK_ENABLE_INSTALL OFF)
    FetchContent_Declare(googlebenchmark GIT_REPOSITORY https://github.com/google/benchmark.git
                         GIT_TAG ${ATTEND_BENCHMARK_COMMIT})
    FetchContent_MakeAvailable(googlebenchmark)
  endif()
endmacro()
