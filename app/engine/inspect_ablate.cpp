// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect ablate`: the logits of a forward pass with heads, experts or layers taken out.
#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/inspect.h"
#include "app/engine/intervention_options.h"
#include "app/engine/token_file.h"
#include "core/checkpoint/safetensors.h"
#include "core/model/hybrid_model.h"

#include <algorithm>
#include <memory>

namespace fulgurite::app {

namespace {

struct AblateOptions {
    std::string model;
    std::string device;
    std::string tokens;
    std::string out;
    InterventionOptions intervention;
    std::size_t chunk = 256;
    std::size_t threads = 0;
};

void ablate(const AblateOptions& options) {
    const TokenIds tokens = readTokenFile(options.tokens);
    const Intervention intervention = options.intervention.forText(tokens.size(), tokens.size());
    const auto model = loadModelOn(findModel(options.model), options.device);
    checkIntervention(intervention, model->config());
    SafetensorsWriter writer(options.out);
    writer.declare("logits", DType::F32, {static_cast<std::int64_t>(tokens.size()), model->config().vocab_size});
    kernels::ThreadPool pool(options.threads);
    Workspace workspace;
    SequenceState state = model->newState();
    std::vector<float> logits;
    for (std::size_t begin = 0; begin < tokens.size(); begin += options.chunk) {
        const std::size_t count = std::min(options.chunk, tokens.size() - begin);
        SequenceChunk chunk{&state, std::span(tokens).subspan(begin, count), LogitsWanted::All, &intervention};
        logits.clear();
        model->forward({&chunk, 1}, pool, workspace, logits);
        writer.append(std::as_bytes(std::span(logits)));
    }
    writer.finish();
}

} // namespace

void addInspectAblate(CLI::App& inspect) {
    auto options = std::make_shared<AblateOptions>();
    CLI::App* command =
        inspect.add_subcommand("ablate", "Write the logits with heads, experts or layers taken out");
    command->add_option("--model", options->model, "Checkpoint folder; the included model unless given");
    addDeviceOption(*command, options->device);
    command->add_option("--tokens", options->tokens, "JSON array of token ids")->required();
    command->add_option("--out", options->out, "Safetensors file to write: logits F32 [n, vocab]")->required();
    options->intervention.addTo(*command);
    command->add_option("--chunk", options->chunk, "Tokens per prefill chunk")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->footer(std::string(InterventionOptions::kFooter) +
                    "\nExample:\n"
                    "  fulgurite-engine inspect ablate --model ember --tokens ids.json --heads 7:0,7:3 --out "
                    "logits.safetensors");
    command->callback([options] { ablate(*options); });
}

} // namespace fulgurite::app
