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

# fg_precompile(KIND TARGET): what nearly every file of a kind includes is compiled once, with the first target of that
# kind; the others take it from there. Reading these headers is otherwise more than half of a compiler's time. All targets
# of a kind must be compiled with the same definitions and options.
set(FULGURITE_HEADERS_OF_core <fmt/format.h> <nlohmann/json.hpp> <algorithm> <array> <chrono> <cmath> <condition_variable>
  <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <stop_token> <string> <string_view> <thread>
  <unordered_map> <vector>)
set(FULGURITE_HEADERS_OF_test <gmock/gmock.h> <gtest/gtest.h> <fmt/format.h> <nlohmann/json.hpp> <algorithm> <chrono> <cmath>
  <cstdlib> <filesystem> <fstream> <functional> <map> <optional> <random> <set> <span> <string> <thread> <vector>)
set(FULGURITE_HEADERS_OF_ui_test <QtTest> <${CMAKE_SOURCE_DIR}/ui/precompiled.h>)
function(fg_precompile kind target)
  get_property(first GLOBAL PROPERTY FULGURITE_FIRST_OF_${kind})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    set_property(GLOBAL PROPERTY FULGURITE_FIRST_OF_${kind} ${target})
    target_precompile_headers(${target} PRIVATE ${FULGURITE_HEADERS_OF_${kind}})
  endif()
endfunction()

# fg_batches(TARGET): its sources are compiled several at a time, those of one folder together. Names in anonymous namespaces
# must therefore be unique in a folder. Files with compiler options of their own stay alone.
set(FULGURITE_BATCH 8)
function(fg_batches target)
  if(NOT FULGURITE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # In a batch every file counts as included, which this warning is about.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_filename_component(folder ${source} DIRECTORY)
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    math(EXPR batch "${count_${folder}} + 0")
    math(EXPR count_${folder} "${batch} + 1")
    math(EXPR batch "${batch} / ${FULGURITE_BATCH}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${folder}_${batch}")
  endforeach()
endfunction()

# fg_library(NAME SOURCES ... [PUBLIC deps...] [PRIVATE deps...]) declares static library fg_NAME, alias fulgurite::NAME.
# A folder that sets FULGURITE_PRECOMPILE to a kind has its libraries and those below it compiled with that kind's headers.
function(fg_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(fg_${name} STATIC ${ARG_SOURCES})
  add_library(fulgurite::${name} ALIAS fg_${name})
  target_link_libraries(fg_${name} PUBLIC fg_flags ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  if(FULGURITE_PRECOMPILE)
    fg_precompile(${FULGURITE_PRECOMPILE} fg_${name})
  endif()
  fg_batches(fg_${name})
endfunction()

# Tests are compiled once and run once: the optimiser would take longer over them, most of all over JSON literals, than
# it saves. What they test is compiled as for a release.
set(FULGURITE_TEST_OPTIONS $<$<CONFIG:Release>:-O1>)

# fg_test(NAME SOURCES ... LIBS ... LABELS ...) declares a GoogleTest binary test_NAME and one CTest entry for each case.
function(fg_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(test_${name} ${ARG_SOURCES})
  # Every test has fmt, since what is precompiled must be compiled like what includes it.
  target_link_libraries(test_${name} PRIVATE fg_flags ${ARG_LIBS} fmt::fmt GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_options(test_${name} PRIVATE ${FULGURITE_TEST_OPTIONS})
  fg_precompile(test test_${name})
  gtest_discover_tests(test_${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT "FULGURITE_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endfunction()
