# SPDX-License-Identifier: Apache-2.0
# A capture is read without an engine: its library links the file formats below it, neither kernels nor model code.
cmake_minimum_required(VERSION 3.25)
foreach(library IN LISTS LINKED)
  if(NOT library MATCHES "^fg_(flags|base|tensor|checkpoint)$")
    message(FATAL_ERROR "fulgurite::capture links ${library}")
  endif()
endforeach()
foreach(library fg_base fg_tensor fg_checkpoint)
  if(NOT library IN_LIST LINKED)
    message(FATAL_ERROR "fulgurite::capture was expected to link ${library}: is the list of links read right?")
  endif()
endforeach()
message(STATUS "fulgurite::capture links ${LINKED}")
