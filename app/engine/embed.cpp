// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine embed`: the lines of a file as standard and head vectors.
#include "app/engine/command.h"
#include "app/engine/default_model.h"
#include "app/engine/embedder_options.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/safetensors.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

using retrieval::TextVectors;

struct EmbedOptions {
    EmbedderChoice embedder;
    std::string text;
    std::string out;
};

std::vector<std::string> linesOf(const std::string& path) {
    const std::string content = readTextFile(path);
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < content.size();) {
        const std::size_t end = std::min(content.find('\n', begin), content.size());
        lines.push_back(content.substr(begin, end - begin));
        if (lines.back().ends_with('\r')) {
            lines.back().pop_back();
        }
        begin = end + 1;
    }
    if (lines.empty()) {
        fail(ErrorKind::InvalidInput, "{}: the file is empty", path);
    }
    return lines;
}

// One layer's heads are called `heads`, several `heads.LAYER`.
std::string headsName(const retrieval::EmbedderInfo& info, std::size_t i) {
    return info.layers.size() == 1 ? "heads" : fmt::format("heads.{}", info.layers[i]);
}

void write(const std::string& path, const retrieval::EmbedderInfo& info, const std::vector<TextVectors>& vectors) {
    const auto n = static_cast<std::int64_t>(vectors.size());
    SafetensorsWriter writer(path);
    writer.declare("standard", DType::F32, {n, static_cast<std::int64_t>(info.width)});
    for (std::size_t i = 0; i < info.layers.size(); ++i) {
        writer.declare(headsName(info, i), DType::F32,
                       {n, static_cast<std::int64_t>(info.heads), static_cast<std::int64_t>(info.head_dim)});
    }
    writer.setMetadata("model", info.name);
    writer.setMetadata("place", nameOf(info.place));
    writer.setMetadata("pooling", nameOf(info.pooling));
    for (const TextVectors& text : vectors) {
        writer.append(std::as_bytes(std::span(text.standard)));
    }
    for (std::size_t i = 0; i < info.layers.size(); ++i) {
        for (const TextVectors& text : vectors) {
            writer.append(std::as_bytes(std::span(text.heads[i])));
        }
    }
    writer.finish();
}

void embed(const EmbedOptions& options) {
    kernels::ThreadPool pool(options.embedder.threads);
    const auto embedder = openEmbedder(findModel(options.embedder.model), embedderOptions(options.embedder), pool);
    const std::vector<std::string> lines = linesOf(options.text);
    const std::vector<TextVectors> vectors = embedder->embed(lines);
    write(options.out, embedder->info(), vectors);
    std::size_t cut = 0;
    for (const TextVectors& text : vectors) {
        cut += text.used < text.tokens ? 1 : 0;
    }
    const retrieval::EmbedderInfo& info = embedder->info();
    fmt::print(stderr, "{} texts: standard {} numbers, {} heads of {}, pooling {}\n", vectors.size(), info.width,
               info.heads, info.head_dim, nameOf(info.pooling));
    if (cut > 0) {
        fmt::print(stderr, "{} texts are longer than {} tokens and were cut there\n", cut, info.max_tokens);
    }
}

} // namespace

void addEmbed(CLI::App& app) {
    auto options = std::make_shared<EmbedOptions>();
    CLI::App* command = app.add_subcommand("embed", "Write the lines of a text as standard and head vectors");
    addEmbedderOptions(*command, options->embedder);
    command->add_option("--text", options->text, "UTF-8 file, one text a line")->required();
    command->add_option("--out", options->out, "Safetensors file to write")->required();
    command->footer("Writes standard F32 [n, width] and heads F32 [n, heads, head_dim], what a layer's output "
                    "projection takes in,\n"
                    "never normalised; with several layers heads.LAYER for each. A language model gives the last "
                    "token after its\n"
                    "final norm, an encoder its pooled vector at length 1. No end token is added.\n\n"
                    "Example:\n  fulgurite-engine embed --model ember --text lines.txt --out vectors.safetensors");
    command->callback([options] { embed(*options); });
}

} // namespace fulgurite::app
