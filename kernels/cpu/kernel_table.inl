// SPDX-License-Identifier: Apache-2.0
// The table of the bodies above. Included once per instruction set, last.

namespace {

constexpr SimdKernels kTable{.name = Simd::kName,
                             .panel_width = kPanel,
                             .dot_rows = dotRows,
                             .pack_x = packX,
                             .gemm_block = gemmBlock,
                             .convert_row = convertRow,
                             .norm_rows = normRows,
                             .sum_squares = sumOfSquares,
                             .silu = siluRange,
                             .swiglu = swigluRange,
                             .residual = residualRange,
                             .add_scaled = addScaledRange,
                             .lightning_head = lightningHead,
                             .attention_tile = attentionTile};

} // namespace
