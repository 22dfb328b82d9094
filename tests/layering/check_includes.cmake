# SPDX-License-Identifier: Apache-2.0
# Reads every #include of the tree. Call: cmake -DSOURCE_DIR=... -P check_includes.cmake
cmake_minimum_required(VERSION 3.25)
set(broken "")

# allowed(FOLDER REGEX): quoted includes of files under FOLDER that begin with a folder of ours must match REGEX.
function(allowed folder regex)
  file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/${folder}/*.h ${SOURCE_DIR}/${folder}/*.cpp)
  foreach(file IN LISTS files)
    file(STRINGS ${SOURCE_DIR}/${file} includes REGEX "^#[ \t]*include[ \t]+\"")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^#[ \t]*include[ \t]+\"([^\"]+)\".*" "\\1" path "${line}")
      if(path MATCHES "^(app|core|kernels|tests|ui)/" AND NOT path MATCHES "${regex}")
        list(APPEND broken "${file} includes ${path}")
      endif()
    endforeach()
  endforeach()
  set(broken ${broken} PARENT_SCOPE)
endfunction()

function(without_qt folder)
  file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/${folder}/*.h ${SOURCE_DIR}/${folder}/*.cpp)
  foreach(file IN LISTS files)
    file(STRINGS ${SOURCE_DIR}/${file} includes REGEX "^#[ \t]*include[ \t]+[<\"]Q[A-Z]")
    foreach(line IN LISTS includes)
      list(APPEND broken "${file}: ${line}")
    endforeach()
  endforeach()
  set(broken ${broken} PARENT_SCOPE)
endfunction()

allowed(kernels "^kernels/")
allowed(core "^(core|kernels)/")
allowed(core/base "^core/base/")
# A node's runs are told in the words of the runs file.
allowed(core/client "^core/(client|retrieval/votes|probe/capture|checkpoint|base|store/runs)/")
allowed(core/store "^core/(store|base)/")
# What reads finished arrays knows neither kernels nor models; kernels/dtype.h, the element types, is data.
allowed(core/tensor "^(core/(tensor|base)/|kernels/dtype\\.h$)")
allowed(core/checkpoint "^(core/(checkpoint|tensor|base)/|kernels/dtype\\.h$)")
allowed(core/probe/capture "^core/(probe/capture|checkpoint|tensor|base)/")
# Ranking by votes is arithmetic on lists: the window ranks with it too.
allowed(core/retrieval/votes "^core/(retrieval/votes|base)/")
# So are the plots of an evaluation, which the window shows.
allowed(core/retrieval/results "^core/(retrieval/(results|votes)|base)/")
allowed(ui "^(ui|core/client|core/store|core/probe/capture|core/retrieval/(votes|results)|core/checkpoint|core/base)/")
allowed(app/desktop "^(ui|core/base)/")
allowed(app/engine "^(app/engine|core|kernels)/")
without_qt(core)
without_qt(kernels)
without_qt(app/engine)

if(broken)
  list(JOIN broken "\n  " text)
  message(FATAL_ERROR "these includes break the dependency rule:\n  ${text}")
endif()
message(STATUS "all includes keep the dependency rule")
