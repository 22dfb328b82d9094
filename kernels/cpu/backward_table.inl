// SPDX-License-Identifier: Apache-2.0
// The table of the gradient bodies above. Included once per instruction set, last.

namespace {

constexpr SimdBackwardKernels kBackwardTable{.panel_width = kPanel,
                                             .tile_rows = kCols,
                                             .pack_b = packB,
                                             .product_block = productBlock,
                                             .norm_rows = normRowsGrad,
                                             .silu = siluGrad,
                                             .swiglu = swigluGrad,
                                             .dot = dotOf,
                                             .lightning_head = lightningHeadGrad,
                                             .attention_queries = attentionQueriesGrad,
                                             .attention_keys = attentionKeysGrad,
                                             .log_sums = logSumsOf,
                                             .log_prob_row = logProbRow};

} // namespace
