// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/embedder.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"

#include <algorithm>

namespace fulgurite::retrieval {

const char* nameOf(HeadPlace place) {
    return place == HeadPlace::Projection ? "projection" : "core";
}

const char* nameOf(Pooling pooling) {
    switch (pooling) {
    case Pooling::Last:
        return "last";
    case Pooling::Cls:
        return "cls";
    case Pooling::Mean:
        break;
    }
    return "mean";
}

HeadPlace headPlaceOf(std::string_view name) {
    for (const HeadPlace place : {HeadPlace::Projection, HeadPlace::Core}) {
        if (name == nameOf(place)) {
            return place;
        }
    }
    fail(ErrorKind::InvalidInput, "there is no place '{}' to read heads at; it is projection or core", name);
}

Pooling poolingOf(std::string_view name) {
    for (const Pooling pooling : {Pooling::Last, Pooling::Cls, Pooling::Mean}) {
        if (name == nameOf(pooling)) {
            return pooling;
        }
    }
    fail(ErrorKind::InvalidInput, "there is no pooling '{}'; it is last, cls or mean", name);
}

std::vector<int> chosenLayers(const EmbedderOptions& options, int layer_count) {
    if (options.layers.empty()) {
        return {layer_count - 1};
    }
    std::vector<int> layers;
    for (const int asked : options.layers) {
        const int layer = asked < 0 ? layer_count + asked : asked;
        if (layer < 0 || layer >= layer_count) {
            fail(ErrorKind::InvalidInput, "layer {} does not exist; the model has {}, numbered from 0", asked,
                 layer_count);
        }
        if (std::find(layers.begin(), layers.end(), layer) != layers.end()) {
            fail(ErrorKind::InvalidInput, "layer {} is named twice", asked);
        }
        layers.push_back(layer);
    }
    return layers;
}

namespace {

bool isBert(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / "config.json";
    const ConfigReader config = ConfigReader::parse(readTextFile(path), path.string());
    return config.text("model_type", "") == "bert" ||
           (config.has("architectures") && config.firstOf("architectures") == "BertModel");
}

} // namespace

std::unique_ptr<Embedder> openEmbedder(const std::filesystem::path& folder, const EmbedderOptions& options,
                                       kernels::ThreadPool& pool) {
    if (isBert(folder)) {
        return bertEmbedder(folder, options, pool);
    }
    return hybridEmbedder(HybridModel::load(folder), Tokenizer::load(folder),
                          folder.lexically_normal().filename().string(), options, probe::ownTurn(pool, 512));
}

} // namespace fulgurite::retrieval
