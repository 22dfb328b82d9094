// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect map`: the token x token map of a head as an array.
#include "app/engine/inspect.h"
#include "core/checkpoint/safetensors.h"
#include "core/probe/capture/capture_file.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct MapOptions {
    std::string capture;
    std::string out;
    int layer = 0;
    int head = 0;
    std::optional<std::size_t> first_row;
    std::optional<std::size_t> rows;
    std::optional<std::size_t> first_col;
    std::optional<std::size_t> cols;
    std::size_t side = 512;
};

void writeMap(const MapOptions& options) {
    const auto file = capture::CaptureFile::open(options.capture);
    const std::size_t tokens = file->info().tokens;
    capture::TileRequest request;
    request.first_row = options.first_row.value_or(0);
    request.rows = options.rows.value_or(tokens - std::min(tokens, request.first_row));
    request.first_col = options.first_col.value_or(0);
    request.cols = options.cols.value_or(tokens - std::min(tokens, request.first_col));
    request.max_cells_a_side = options.side;
    const capture::AttentionTile tile = file->tile({options.layer, options.head}, request);
    SafetensorsWriter writer(options.out);
    writer.declare("cells", DType::F32,
                   {static_cast<std::int64_t>(tile.rows), static_cast<std::int64_t>(tile.cols)});
    writer.setMetadata("first_row", std::to_string(tile.first_row));
    writer.setMetadata("first_col", std::to_string(tile.first_col));
    writer.setMetadata("pool", std::to_string(tile.pool));
    writer.append(std::as_bytes(std::span(tile.cells)));
    writer.finish();
    fmt::print("{} x {} cells of {} x {} tokens; largest magnitude {:.4g}\n", tile.rows, tile.cols, tile.pool,
               tile.pool, tile.max_abs);
}

} // namespace

void addInspectMap(CLI::App& inspect) {
    auto options = std::make_shared<MapOptions>();
    CLI::App* command = inspect.add_subcommand("map", "Token x token map of a head of a capture");
    command->add_option("--capture", options->capture, "Capture file (inspect capture)")->required();
    command->add_option("--layer", options->layer, "Layer, from 0")->required();
    command->add_option("--head", options->head, "Head of the layer, from 0")->required();
    command->add_option("--first-row", options->first_row, "First token that looks back; 0 unless given");
    command->add_option("--rows", options->rows, "How many; all unless given");
    command->add_option("--first-col", options->first_col, "First token that is looked at; 0 unless given");
    command->add_option("--cols", options->cols, "How many; all unless given");
    command->add_option("--side", options->side, "Cells a side at most")
        ->check(CLI::Range(1, 1 << 14))
        ->capture_default_str();
    command->add_option("--out", options->out, "Safetensors file to write")->required();
    command->footer(
        "Writes cells F32 [rows, cols]: under each cell of pool x pool tokens the weight of largest magnitude, "
        "sign\n"
        "kept; NaN beyond the causal edge.\n\n"
        "Example:\n  fulgurite-engine inspect map --capture q.fcap --layer 7 --head 2 --out map.safetensors");
    command->callback([options] { writeMap(*options); });
}

} // namespace fulgurite::app
