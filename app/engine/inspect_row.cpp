// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect row`: what one token takes from every token before it through one head.
#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/inspect.h"
#include "app/engine/token_file.h"
#include "core/checkpoint/safetensors.h"
#include "core/model/hybrid_model.h"
#include "core/probe/row_probe.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct RowOptions {
    std::string model;
    std::string device;
    std::string tokens;
    std::string out;
    int layer = 0;
    int head = 0;
    std::size_t position = 0;
    std::size_t threads = 0;
};

void writeRow(const RowOptions& options) {
    const TokenIds tokens = readTokenFile(options.tokens);
    const auto model = loadModelOn(findModel(options.model), options.device);
    kernels::ThreadPool pool(options.threads);
    const capture::AttentionRow row =
        probe::probeRow(*model, tokens, {options.layer, options.head}, options.position, pool);
    SafetensorsWriter writer(options.out);
    writer.declare("weight", DType::F32, {static_cast<std::int64_t>(row.weight.size())});
    writer.declare("output", DType::F32, {static_cast<std::int64_t>(row.output.size())});
    writer.append(std::as_bytes(std::span(row.weight)));
    writer.append(std::as_bytes(std::span(row.output)));
    writer.finish();
    fmt::print("{} head {} of layer {}, token {}: weights times values are the head's output to {:.1e} of its "
               "largest element\n",
               row.kind == LayerKind::Lightning ? "lightning" : "softmax", options.head, options.layer,
               options.position, row.error);
}

} // namespace

void addInspectRow(CLI::App& inspect) {
    auto options = std::make_shared<RowOptions>();
    CLI::App* command = inspect.add_subcommand("row", "What one token takes from each token before it");
    command->add_option("--model", options->model, "Checkpoint folder; the included model unless given");
    addDeviceOption(*command, options->device);
    command->add_option("--tokens", options->tokens, "JSON array of token ids")->required();
    command->add_option("--layer", options->layer, "Layer, from 0")->required();
    command->add_option("--head", options->head, "Head of the layer, from 0")->required();
    command->add_option("--position", options->position, "The token that looks back, from 0")->required();
    command->add_option("--out", options->out, "Safetensors file to write")->required();
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->footer(
        "Writes weight F32 [position + 1], the head's coefficient on each source token's value (lightning: "
        "signed,\n"
        "before norm and gate; softmax: the probability), and output F32 [head dim], the head's output before "
        "norm,\n"
        "gate and output projection.\n\n"
        "Example:\n  fulgurite-engine inspect row --model ember --tokens ids.json --layer 3 --head 1 --position 99 "
        "--out row.safetensors");
    command->callback([options] { writeRow(*options); });
}

} // namespace fulgurite::app
