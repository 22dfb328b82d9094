// SPDX-License-Identifier: Apache-2.0
// Pages that are full are shared between forks and never written again; the last, partly filled page belongs to one
// state alone. So no write can reach another state, on whatever thread that one lives.
#include "core/state/sequence_state.h"

#include "core/state/device_call.h"

#include <algorithm>
#include <utility>

namespace fulgurite {

namespace {

constexpr const char* kPages = "keys and values";
constexpr const char* kMatrices = "states of lightning layers";

std::size_t pagesFor(std::size_t tokens) {
    return (tokens + kPageTokens - 1) / kPageTokens;
}

// Room for kPageTokens tokens of one layer.
std::shared_ptr<KvPage> newPage(const StateShape& shape) {
    const std::size_t floats = kPageTokens * shape.rowFloats();
    return onDevice([&] {
        return std::make_shared<KvPage>(KvPage{kernels::FloatArray(floats, shape.device, kPages),
                                               kernels::FloatArray(floats, shape.device, kPages)});
    });
}

} // namespace

SequenceState::SequenceState(StateShape shape)
    : shape_(std::move(shape)),
      mirrored_(shape_.mirror),
      matrices_(shape_.layers.size()),
      pages_(shape_.layers.size()) {
    for (std::size_t layer = 0; layer < shape_.layers.size(); ++layer) {
        if (shape_.layers[layer] == LayerKind::Lightning) {
            matrices_[layer] =
                onDevice([&] { return kernels::FloatArray(shape_.matrixFloats(), shape_.device, kMatrices); });
        }
    }
}

SequenceState SequenceState::fork() const {
    SequenceState copy;
    copy.shape_ = shape_;
    copy.mirrored_ = mirrored_.fork();
    copy.position_ = position_;
    for (const kernels::FloatArray& matrix : matrices_) {
        copy.matrices_.push_back(onDevice([&] { return matrix.copy(kMatrices); }));
    }
    copy.pages_.resize(pages_.size());
    const std::size_t full = position_ / kPageTokens;
    const bool partial = position_ % kPageTokens != 0;
    for (std::size_t layer = 0; layer < pages_.size(); ++layer) {
        if (shape_.layers[layer] != LayerKind::Softmax) {
            continue;
        }
        const auto& from = pages_[layer];
        auto& to = copy.pages_[layer];
        to.reserve(full + 1);
        to.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(full));
        if (partial) {
            to.push_back(onDevice([&] {
                return std::make_shared<KvPage>(
                    KvPage{from[full]->keys.copy(kPages), from[full]->values.copy(kPages)});
            }));
        }
    }
    return copy;
}

std::size_t SequenceState::lightningBytes() const {
    return shape_.lightningBytes();
}

std::size_t SequenceState::kvBytes() const {
    std::size_t pages = 0;
    for (const auto& layer : pages_) {
        pages += layer.size();
    }
    return pages * shape_.pageBytes();
}

std::size_t SequenceState::exclusiveBytes() const {
    std::size_t pages = 0;
    for (const auto& layer : pages_) {
        pages += static_cast<std::size_t>(
            std::count_if(layer.begin(), layer.end(), [](const auto& page) { return page.use_count() == 1; }));
    }
    return lightningBytes() + pages * shape_.pageBytes();
}

std::span<float> SequenceState::lightning(int layer) {
    kernels::FloatArray& matrix = matrices_[static_cast<std::size_t>(layer)];
    return {matrix.data(), matrix.size()};
}

std::span<const float> SequenceState::lightning(int layer) const {
    const kernels::FloatArray& matrix = matrices_[static_cast<std::size_t>(layer)];
    return {matrix.data(), matrix.size()};
}

std::vector<float> SequenceState::lightningValues(int layer) const {
    std::vector<float> values = onDevice([&] { return matrices_[static_cast<std::size_t>(layer)].values(); });
    StateMirror* mirror = mirrored_.mirror();
    return mirror != nullptr ? mirror->lightning(mirrored_.number(), layer, values) : values;
}

void SequenceState::reserve(std::size_t count) {
    const std::size_t wanted = pagesFor(position_ + count);
    for (std::size_t layer = 0; layer < pages_.size(); ++layer) {
        while (shape_.layers[layer] == LayerKind::Softmax && pages_[layer].size() < wanted) {
            pages_[layer].push_back(newPage(shape_));
        }
    }
}

KvPage& SequenceState::page(int layer, std::size_t index) {
    return *pages_[static_cast<std::size_t>(layer)][index];
}

const KvPage& SequenceState::page(int layer, std::size_t index) const {
    return *pages_[static_cast<std::size_t>(layer)][index];
}

} // namespace fulgurite
