// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine train grad`: the gradient of a model over given tokens, for checks from outside.
#include "app/engine/device_option.h"
#include "app/engine/token_file.h"
#include "app/engine/train.h"
#include "core/checkpoint/safetensors.h"
#include "core/state/device_call.h"
#include "core/train/cross_entropy.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct GradOptions {
    std::string model;
    std::string tokens;
    std::string out;
    std::string device;
    std::size_t threads = 0;
};

void writeGradient(const GradOptions& options) {
    const TokenIds tokens = readTokenFile(options.tokens);
    TrainModel model = TrainModel::load(options.model);
    model.placeOn(deviceNamed(options.device));
    kernels::ThreadPool pool(options.threads);
    TrainPass pass(model, pool);
    auto sums = onDevice([&] { return kernels::FloatArray(model.layout().size(), model.device(), "gradients"); });
    const auto loss = static_cast<float>(nextTokenGradient(pass, tokens, sums));
    const std::vector<float> gradients = onDevice([&] { return sums.values(); });
    SafetensorsWriter writer(options.out);
    writer.declare("loss", DType::F32, {});
    for (const Parameter& parameter : model.layout().parameters()) {
        writer.declare(parameter.name, DType::F32, parameter.shape);
    }
    writer.append(std::as_bytes(std::span(&loss, 1)));
    for (const Parameter& parameter : model.layout().parameters()) {
        writer.append(std::as_bytes(std::span(gradients).subspan(parameter.offset, parameter.count)));
    }
    writer.finish();
    fmt::print("loss {:.6f} over {} tokens\n", loss, tokens.size() - 1);
}

} // namespace

void addTrainGrad(CLI::App& train) {
    auto options = std::make_shared<GradOptions>();
    CLI::App* command = train.add_subcommand("grad", "Write the gradient of the loss over given tokens");
    command->add_option("--model", options->model, "Checkpoint folder; needs no tokenizer")->required();
    command->add_option("--tokens", options->tokens, "JSON array of token ids, two or more")->required();
    command->add_option("--out", options->out, "Safetensors file to write")->required();
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    addDeviceOption(*command, options->device);
    command->footer(
        "The loss is the mean next-token cross-entropy, in nats, of one sequence: every token but the first, "
        "given\n"
        "those before it. Writes it as \"loss\" (F32, a scalar) and under the name of each tensor of the "
        "checkpoint\n"
        "the F32 gradient with respect to it.\n\n"
        "Example:\n  fulgurite-engine train grad --model DIR --tokens ids.json --out gradient.safetensors");
    command->callback([options] { writeGradient(*options); });
}

} // namespace fulgurite::app
