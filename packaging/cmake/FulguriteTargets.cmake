# SPDX-License-Identifier: Apache-2.0
# Language settings and the helper functions that every folder uses to declare its target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

include(GNUInstallDirs)

add_library(fg_flags INTERFACE)
target_include_directories(fg_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(fg_flags INTERFACE -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual
  $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>)
if(FULGURITE_WERROR)
  target_compile_options(fg_flags INTERFACE -Werror)
  # False alarms of some GCC versions inside libstdc++ and fmt at -O3; unknown -Wno- names are ignored.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(fg_flags INTERFACE -Wno-error=restrict -Wno-error=array-bounds
      -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=maybe-uninitialized
      -Wno-dangling-reference)
  endif()
endif()
if(FULGURITE_SANITIZE)
  target_compile_options(fg_flags INTERFACE -fsanitize=${FULGURITE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(fg_flags INTERFACE -fsanitize=${FULGURITE_SANITIZE})
  if(FULGURITE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Boost.Asio has fences beside its mutexes. The sanitizer does not see fences and says so; the mutexes it does see.
    target_compile_options(fg_flags INTERFACE -Wno-tsan)
  endif()
endif()
if(FULGURITE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "FULGURITE_FUZZ needs clang: configure with the preset `fuzz`")
  endif()
  target_compile_options(fg_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# fg_library(NAME SOURCES ... [PUBLIC deps...] [PRIVATE deps...]) declares static library fg_NAME, alias fulgurite::NAME.
function(fg_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(fg_${name} STATIC ${ARG_SOURCES})
  add_library(fulgurite::${name} ALIAS fg_${name})
  target_link_libraries(fg_${name} PUBLIC fg_flags ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# What nearly every test includes is compiled once, with the first test; the others take it from there.
set(FULGURITE_TEST_HEADERS <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp> <algorithm> <cmath> <cstdlib> <filesystem>
  <fstream> <functional> <random> <string> <thread> <vector>)
function(fg_precompile_test target)
  get_property(first GLOBAL PROPERTY FULGURITE_FIRST_TEST)
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    set_property(GLOBAL PROPERTY FULGURITE_FIRST_TEST ${target})
    target_precompile_headers(${target} PRIVATE ${FULGURITE_TEST_HEADERS})
  endif()
endfunction()

# fg_test(NAME SOURCES ... LIBS ... LABELS ...) declares a GoogleTest binary test_NAME and one CTest entry for each case.
function(fg_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(test_${name} ${ARG_SOURCES})
  # Every test has fmt, since what is precompiled must be compiled like what includes it.
  target_link_libraries(test_${name} PRIVATE fg_flags ${ARG_LIBS} fmt::fmt GTest::gtest GTest::gmock GTest::gtest_main)
  fg_precompile_test(test_${name})
  gtest_discover_tests(test_${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "FULGURITE_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endfunction()
