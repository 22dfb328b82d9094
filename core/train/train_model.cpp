// SPDX-License-Identifier: Apache-2.0
#include "core/train/train_model.h"

#include "core/base/error.h"
#include "core/model/weights.h"
#include "core/state/device_call.h"
#include "core/train/random.h"

#include <algorithm>

namespace fulgurite {

TrainModel::TrainModel(ModelConfig config, ParameterLayout layout)
    : config_(std::move(config)), layout_(std::move(layout)), weights_(layout_.size(), 0.0f) {
    for (int layer = 0; layer < config_.layerCount(); ++layer) {
        const bool lightning = config_.layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning;
        decay_rates_.push_back(lightning ? fulgurite::decayRates(config_, layer) : std::vector<float>{});
    }
    inv_freq_ = rotaryFrequencies(config_);
}

TrainModel TrainModel::load(const std::filesystem::path& folder) {
    const auto weights = loadWeights(folder);
    if (hasInt8Experts(*weights)) {
        fail(ErrorKind::Unsupported,
             "{}: its experts are int8, which can be run but not trained; train the checkpoint that it was "
             "converted "
             "from",
             folder.string());
    }
    TrainModel model(weights->config, ParameterLayout(weights->config, weights->checkpoint.get()));
    for (const Parameter& parameter : model.layout_.parameters()) {
        const auto values = toFloats(weights->checkpoint->tensors().find(parameter.name)->second);
        std::copy(values.begin(), values.end(),
                  model.weights_.begin() + static_cast<std::ptrdiff_t>(parameter.offset));
    }
    return model;
}

TrainModel TrainModel::random(const ModelConfig& config, std::uint64_t seed, double deviation) {
    TrainModel model(config, ParameterLayout(config));
    RandomStream random(seed);
    for (const Parameter& parameter : model.layout_.parameters()) {
        float* values = model.weights_.data() + parameter.offset;
        if (parameter.role == TensorRole::Norm) {
            std::fill_n(values, parameter.count, 1.0f);
        } else {
            std::generate_n(values, parameter.count,
                            [&] { return static_cast<float>(deviation * random.normal()); });
        }
    }
    return model;
}

void TrainModel::placeOn(std::shared_ptr<kernels::Device> device) {
    there_ = {};
    device_ = std::move(device);
    if (!device_) {
        return;
    }
    onDevice([&] {
        const auto copyOf = [&](const std::vector<float>& values) {
            kernels::FloatArray copy(values.size(), device_, "weights under training");
            copy.assign(values.data());
            return copy;
        };
        there_.weights = copyOf(weights_);
        there_.inv_freq = copyOf(inv_freq_);
        for (const std::vector<float>& rates : decay_rates_) {
            there_.decay_rates.push_back(copyOf(rates));
        }
    });
}

void TrainModel::fetch() {
    if (device_) {
        onDevice([&] { device_->copyOut(weights_.data(), there_.weights.data(), there_.weights.bytes()); });
    }
}

void TrainModel::send() {
    if (device_) {
        onDevice([&] { there_.weights.assign(weights_.data()); });
    }
}

} // namespace fulgurite
