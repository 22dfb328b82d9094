// SPDX-License-Identifier: Apache-2.0
#include "app/engine/embedder_options.h"

namespace fulgurite::app {

void addEmbedderOptions(CLI::App& command, EmbedderChoice& choice) {
    const char* group = "Embedder";
    command
        .add_option(
            "-m,--model", choice.model,
            "Folder of a language model or a BERT-type encoder (default: FULGURITE_MODEL, or the model that "
            "comes with the program)")
        ->group(group);
    command
        .add_option("--layer", choice.layers,
                    "Layers whose heads are read, from 0; -1 is the last, which is the default")
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option(
            "--place", choice.place,
            "projection: what the output projection takes in; core: before a lightning layer's norm and gate")
        ->check(CLI::IsMember({"projection", "core"}))
        ->capture_default_str()
        ->group(group);
    command.add_option("--pooling", choice.pooling, "last, cls or mean (default: the model's own)")
        ->check(CLI::IsMember({"last", "cls", "mean"}))
        ->group(group);
    command.add_option("--max-tokens", choice.max_tokens, "Cut longer texts there; 0 is the model's own limit")
        ->group(group);
    command.add_option("--threads", choice.threads, "Threads that compute; 0 is one per core")->group(group);
}

retrieval::EmbedderOptions embedderOptions(const EmbedderChoice& choice) {
    retrieval::EmbedderOptions options;
    options.layers = choice.layers;
    options.place = retrieval::headPlaceOf(choice.place);
    if (!choice.pooling.empty()) {
        options.pooling = retrieval::poolingOf(choice.pooling);
    }
    options.max_tokens = choice.max_tokens;
    return options;
}

} // namespace fulgurite::app
