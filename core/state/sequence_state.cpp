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

const kernels::FloatArray& SequenceState::arrayOf(const StateArray& array) const {
    const auto layer = static_cast<std::size_t>(array.layer);
    if (array.kind == StateArray::Kind::Matrices) {
        return matrices_[layer];
    }
    const KvPage& page = *pages_[layer][array.page];
    return array.kind == StateArray::Kind::Keys ? page.keys : page.values;
}

std::vector<float> SequenceState::ownValues(const StateArray& array) const {
    return onDevice([&] { return arrayOf(array).values(); });
}

void SequenceState::assignOwn(const StateArray& array, const float* values) {
    onDevice([&] { const_cast<kernels::FloatArray&>(arrayOf(array)).assign(values); });
}

std::vector<float> SequenceState::values(const StateArray& array) const {
    std::vector<float> mine = ownValues(array);
    StateMirror* mirror = mirrored_.mirror();
    if (mirror == nullptr) {
        return mine;
    }
    std::vector<float> gathered = mirror->gather(mirrored_.number(), array, mine);
    const std::size_t part = mine.size();
    const std::size_t ranks = gathered.size() / std::max<std::size_t>(part, 1);
    std::vector<float> whole(shape_.whole().floatsOf(array));
    for (std::size_t rank = 0; rank < ranks; ++rank) { // key heads that several have come several times, alike
        std::copy_n(gathered.data() + rank * part, part, whole.data() + shape_.firstOf(array, rank, ranks));
    }
    return whole;
}

// A mirror's own rank is the first.
void SequenceState::assign(const StateArray& array, const std::vector<float>& whole) {
    if (StateMirror* mirror = mirrored_.mirror()) {
        mirror->scatter(mirrored_.number(), array, whole);
    }
    assignOwn(array, whole.data());
}

void SequenceState::skipTo(std::size_t position) {
    if (StateMirror* mirror = mirrored_.mirror()) {
        mirror->skipTo(mirrored_.number(), position);
    }
    reserve(position - position_);
    position_ = position;
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
