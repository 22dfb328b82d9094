// SPDX-License-Identifier: Apache-2.0
#include "core/model/placement.h"

#include "core/state/device_call.h"

#include <cmath>
#include <map>
#include <set>
#include <span>

namespace fulgurite {

namespace {

constexpr std::size_t kAlignment = 256; // of every array: operations read sixteen bytes at once

// Lays arrays out one behind the other, and remembers where each comes from. Addresses are offsets until the memory
// is there.
class Layout {
  public:
    std::size_t add(kernels::Upload upload) {
        const std::size_t offset = reserve(upload.row_bytes * upload.rows);
        upload.target = reinterpret_cast<void*>(offset); // NOLINT: becomes an address in place()
        uploads_.push_back(upload);
        return offset;
    }
    // Room that nothing is copied to.
    std::size_t reserve(std::size_t bytes) {
        const std::size_t offset = bytes_;
        bytes_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
        return offset;
    }
    std::size_t bytes() const { return bytes_; }
    std::span<const kernels::Upload> place(std::byte* memory) {
        for (kernels::Upload& upload : uploads_) {
            upload.target = memory + reinterpret_cast<std::size_t>(upload.target);
        }
        return uploads_;
    }

  private:
    std::vector<kernels::Upload> uploads_;
    std::size_t bytes_ = 0;
};

template <class Each>
void eachMatrix(ModelWeights& weights, Each each) {
    each(weights.embedding);
    each(weights.head);
    for (LayerWeights& layer : weights.layers) {
        if (layer.kind == LayerKind::Lightning) {
            each(layer.lightning.qkv);
            each(layer.lightning.gate);
            each(layer.lightning.out);
        } else {
            each(layer.softmax.q);
            each(layer.softmax.k);
            each(layer.softmax.v);
            each(layer.softmax.out);
        }
        each(layer.router);
        for (ExpertWeights& expert : layer.experts) {
            each(expert.gate);
            each(expert.up);
            each(expert.down);
        }
    }
}

template <class Each>
void eachVector(const ModelWeights& weights, Each each) {
    each(weights.final_norm);
    each(weights.inv_freq);
    for (const LayerWeights& layer : weights.layers) {
        each(layer.input_norm);
        each(layer.mlp_norm);
        if (layer.kind == LayerKind::Lightning) {
            each(layer.lightning.norm);
            each(layer.lightning.decay_rates);
        }
    }
}

// A copy that names the same memory.
ModelWeights viewOf(const ModelWeights& weights) {
    ModelWeights view;
    view.config = weights.config;
    view.embedding = weights.embedding;
    view.head = weights.head;
    view.final_norm = weights.final_norm;
    view.inv_freq = weights.inv_freq;
    view.inner_norm_eps = weights.inner_norm_eps;
    view.layers = weights.layers;
    view.reserved = weights.reserved;
    return view;
}

// Float32 projections ask for float32 throughout.
kernels::Precision precisionOf(const ModelWeights& weights) {
    if (weights.layers.empty()) {
        return kernels::Precision::Exact;
    }
    const LayerWeights& first = weights.layers.front();
    const DType type = first.kind == LayerKind::Lightning ? first.lightning.qkv.dtype : first.softmax.q.dtype;
    return type == DType::F32 ? kernels::Precision::Exact : kernels::Precision::Mixed;
}

// Matrices that no file has are made where they lie, at random, of a size that keeps activations near one.
class RandomMatrices {
  public:
    explicit RandomMatrices(kernels::Device& device) : device_(device) {}

    void make(const kernels::WeightMatrix& placed) {
        const float scale = std::sqrt(3.0f / static_cast<float>(placed.cols)); // of an even distribution
        fill(placed.data, placed.dtype, placed.rows * placed.cols, scale);
        if (placed.scales != nullptr) {
            fill(placed.scales, DType::F32, placed.rows, scale / 127.0f);
        }
    }

  private:
    void fill(const void* target, DType type, std::size_t count, float scale) {
        if (made_.insert(target).second) { // tied matrices once
            device_.randomise(const_cast<void*>(target), type, count, scale, made_.size());
        }
    }

    kernels::Device& device_;
    std::set<const void*> made_;
};

} // namespace

Placement::Placement(std::shared_ptr<kernels::Device> device, const ModelWeights& weights,
                     const std::function<void(std::size_t, std::size_t)>& progress)
    : device_(std::move(device)),
      ops_(device_->ops(precisionOf(weights))),
      exact_(device_->ops(kernels::Precision::Exact)),
      weights_(viewOf(weights)) {
    Layout layout;
    std::map<const void*, std::size_t> placed; // tied matrices once
    std::vector<std::pair<const void**, std::size_t>> addresses;
    const bool made = weights_.reserved != nullptr;
    const auto add = [&](const void*& address, kernels::Upload upload) {
        const auto [found, fresh] = placed.try_emplace(address, 0);
        if (fresh) {
            found->second = made ? layout.reserve(upload.row_bytes * upload.rows) : layout.add(upload);
        }
        addresses.emplace_back(&address, found->second);
    };
    eachMatrix(weights_, [&](kernels::WeightMatrix& w) {
        const std::size_t size = sizeOf(w.dtype);
        add(w.data, {w.data, w.cols * size, w.rows, w.rowStride() * size, nullptr});
        w.stride = 0;
        if (w.scales != nullptr) {
            const std::size_t bytes = w.rows * sizeof(float);
            add(w.scales, {w.scales, bytes, 1, bytes, nullptr});
        }
    });
    std::vector<std::pair<const float*, std::size_t>> vectors;
    eachVector(weights_, [&](const std::vector<float>& v) {
        const std::size_t bytes = v.size() * sizeof(float);
        vectors.emplace_back(v.data(), layout.add({v.data(), bytes, 1, bytes, nullptr}));
    });
    onDevice([&] {
        memory_ = static_cast<std::byte*>(device_->allocate(layout.bytes() + tableBytes(), "the weights"));
        device_->upload(layout.place(memory_), [&](std::size_t done) {
            if (progress) {
                progress(done, layout.bytes());
            }
        });
        for (const auto& [address, offset] : addresses) {
            *address = memory_ + offset;
        }
        for (const auto& [host, offset] : vectors) {
            vectors_.emplace(host, reinterpret_cast<const float*>(memory_ + offset));
        }
        if (made) {
            RandomMatrices random(*device_);
            eachMatrix(weights_, [&](const kernels::WeightMatrix& w) { random.make(w); });
        }
        placeTables(memory_ + layout.bytes());
    });
}

std::size_t Placement::tableBytes() const {
    std::size_t bytes = 0;
    for (const LayerWeights& layer : weights_.layers) {
        bytes += layer.experts.size() * sizeof(kernels::ExpertMatrices) + kAlignment;
    }
    return bytes;
}

void Placement::placeTables(std::byte* next) {
    for (const LayerWeights& layer : weights_.layers) {
        std::vector<kernels::ExpertMatrices> table;
        for (const ExpertWeights& expert : layer.experts) {
            table.push_back({expert.gate, expert.up, expert.down});
        }
        const std::size_t bytes = table.size() * sizeof(table[0]);
        if (bytes > 0) {
            device_->copyIn(next, table.data(), bytes);
        }
        experts_.push_back(reinterpret_cast<const kernels::ExpertMatrices*>(next));
        next += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }
}

Placement::~Placement() {
    device_->release(memory_);
}

} // namespace fulgurite
