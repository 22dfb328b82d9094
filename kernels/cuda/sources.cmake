# SPDX-License-Identifier: Apache-2.0
# The CUDA library's sources: compiled by nvcc here, and by the C++ compiler against an emulation in tests/emulator.
set(FULGURITE_CUDA_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/backward_arrays.cu
  ${CMAKE_CURRENT_LIST_DIR}/backward_experts.cu
  ${CMAKE_CURRENT_LIST_DIR}/backward_lightning.cu
  ${CMAKE_CURRENT_LIST_DIR}/backward_linear.cu
  ${CMAKE_CURRENT_LIST_DIR}/backward_loss.cu
  ${CMAKE_CURRENT_LIST_DIR}/backward_rowwise.cu
  ${CMAKE_CURRENT_LIST_DIR}/backward_softmax.cu
  ${CMAKE_CURRENT_LIST_DIR}/cuda_device.cu
  ${CMAKE_CURRENT_LIST_DIR}/cuda_queue.cu
  ${CMAKE_CURRENT_LIST_DIR}/experts.cu
  ${CMAKE_CURRENT_LIST_DIR}/experts_cublas.cu
  ${CMAKE_CURRENT_LIST_DIR}/experts_grouped.cu
  ${CMAKE_CURRENT_LIST_DIR}/lightning.cu
  ${CMAKE_CURRENT_LIST_DIR}/lightning_prefill.cu
  ${CMAKE_CURRENT_LIST_DIR}/linear.cu
  ${CMAKE_CURRENT_LIST_DIR}/ops_cuda.cu
  ${CMAKE_CURRENT_LIST_DIR}/preselect.cu
  ${CMAKE_CURRENT_LIST_DIR}/rowwise.cu
  ${CMAKE_CURRENT_LIST_DIR}/softmax.cu
  ${CMAKE_CURRENT_LIST_DIR}/softmax_prefill.cu
  ${CMAKE_CURRENT_LIST_DIR}/training_table.cu)
