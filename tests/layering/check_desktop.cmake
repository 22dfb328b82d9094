# SPDX-License-Identifier: Apache-2.0
# The desktop links base, client, store, ui, ranking by votes, plots of results and what reads finished arrays (capture,
# over checkpoint and tensor) of ours, nothing that runs a model; and no such code is in the binary.
cmake_minimum_required(VERSION 3.25)
foreach(library IN LISTS LINKED)
  if(NOT library MATCHES "^fg_((flags|base|client|store|tensor|checkpoint|capture|votes|results)$|ui)")
    message(FATAL_ERROR "the desktop links ${library}")
  endif()
endforeach()
find_program(nm nm)
if(nm)
  execute_process(COMMAND ${nm} -C --defined-only ${BINARY} OUTPUT_VARIABLE symbols ERROR_QUIET)
  foreach(name "fulgurite::HybridModel::" "fulgurite::Engine::" "fulgurite::SequenceState::" "fulgurite::kernels::" "fulgurite::Scheduler::"
      "fulgurite::loadWeights(")
    string(FIND "${symbols}" "${name}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${BINARY} contains ${name}")
    endif()
  endforeach()
endif()
message(STATUS "the desktop links ${LINKED}")
