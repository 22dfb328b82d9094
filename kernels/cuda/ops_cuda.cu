// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/ops_cuda.h"

namespace fulgurite::kernels::cuda {

namespace {

constexpr OpTable shared(const char* name) {
    OpTable table{};
    table.name = name;
    table.embed = embed;
    table.norm = norm;
    table.norm_gate = normGate;
    table.sum_squares = sumSquares;
    table.silu = silu;
    table.swiglu = swiglu;
    table.residual = residual;
    table.rope = rope;
    table.kv_store = kvStore;
    table.route = route;
    table.gather = gather;
    table.combine = combine;
    return table;
}

constexpr OpTable exactTable() {
    OpTable table = shared("cuda-exact");
    table.linear = linearExact;
    table.softmax_attention = softmaxExact;
    table.lightning_attention = lightningExact;
    table.experts = expertsExact;
    return table;
}

constexpr OpTable mixedTable() {
    OpTable table = shared("cuda");
    table.linear = linearMixed;
    table.softmax_attention = softmaxMixed;
    table.lightning_attention = lightningMixed;
    table.experts = expertsMixed;
    return table;
}

constexpr OpTable kExact = exactTable();
constexpr OpTable kMixed = mixedTable();

} // namespace

const OpTable& cudaOps(Precision precision) {
    return precision == Precision::Exact ? kExact : kMixed;
}

} // namespace fulgurite::kernels::cuda
