// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/vector_segment.h"

#include "core/base/error.h"
#include "core/probe/content_hash.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace fulgurite::retrieval {

namespace {

DType storedType(VectorType type) {
    switch (type) {
    case VectorType::F16:
        return DType::F16;
    case VectorType::Int8:
        return DType::I8;
    case VectorType::F32:
        break;
    }
    return DType::F32;
}

// One array of the file, as bytes.
struct Array {
    std::string name;
    DType dtype = DType::F32;
    Shape shape;
    std::vector<std::byte> bytes;
};

template <class T>
void appendBytes(std::vector<std::byte>& out, const T& value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof(value));
}

// units: [rows, heads, width], turned into [heads, rows, width] of the stored type.
void appendUnits(const Space& space, std::span<const float> units, std::size_t rows, Array& array, Array& scales) {
    std::vector<std::int8_t> small(space.width);
    array.bytes.reserve(units.size() * sizeOf(array.dtype));
    for (std::size_t head = 0; head < space.heads; ++head) {
        for (std::size_t row = 0; row < rows; ++row) {
            const auto vector = units.subspan((row * space.heads + head) * space.width, space.width);
            if (array.dtype == DType::F32) {
                const auto bytes = std::as_bytes(vector);
                array.bytes.insert(array.bytes.end(), bytes.begin(), bytes.end());
            } else if (array.dtype == DType::F16) {
                std::for_each(vector.begin(), vector.end(),
                              [&](float x) { appendBytes(array.bytes, floatToF16(x)); });
            } else {
                appendBytes(scales.bytes, kernels::quantizeRow(vector.data(), space.width, small.data()));
                const auto bytes = std::as_bytes(std::span(small));
                array.bytes.insert(array.bytes.end(), bytes.begin(), bytes.end());
            }
        }
    }
}

void appendNorms(const Space& space, std::span<const float> norms, std::size_t rows, Array& array) {
    for (std::size_t head = 0; head < space.heads; ++head) {
        for (std::size_t row = 0; row < rows; ++row) {
            appendBytes(array.bytes, norms[row * space.heads + head]);
        }
    }
}

} // namespace

const char* nameOf(VectorType type) {
    switch (type) {
    case VectorType::F16:
        return "f16";
    case VectorType::Int8:
        return "int8";
    case VectorType::F32:
        break;
    }
    return "f32";
}

VectorType vectorTypeOf(std::string_view name) {
    for (const VectorType type : {VectorType::F32, VectorType::F16, VectorType::Int8}) {
        if (name == nameOf(type)) {
            return type;
        }
    }
    fail(ErrorKind::InvalidInput, "there is no vector type '{}'; it is f32, f16 or int8", name);
}

std::string headSpace(int layer) {
    return fmt::format("heads.{}", layer);
}

std::vector<Space> spacesOf(const EmbedderInfo& embedder) {
    std::vector<Space> spaces{{"standard", 1, embedder.width}};
    if (embedder.width % embedder.heads == 0) {
        spaces.push_back({"split", embedder.heads, embedder.width / embedder.heads});
    }
    for (const int layer : embedder.layers) {
        spaces.push_back({headSpace(layer), embedder.heads, embedder.head_dim});
    }
    return spaces;
}

UnitVectors unitVectors(const Space& space, const EmbedderInfo& embedder, const TextVectors& vectors) {
    const std::vector<float>* source = &vectors.standard;
    for (std::size_t i = 0; i < embedder.layers.size(); ++i) {
        if (space.name == headSpace(embedder.layers[i])) {
            source = &vectors.heads[i];
        }
    }
    UnitVectors result{std::vector<float>(space.floats()), std::vector<float>(space.heads)};
    for (std::size_t head = 0; head < space.heads; ++head) {
        result.norms[head] =
            toUnit(std::span(*source).subspan(head * space.width, space.width), &result.units[head * space.width]);
    }
    return result;
}

SegmentBuilder::SegmentBuilder(std::vector<Space> spaces, VectorType type)
    : spaces_(std::move(spaces)), type_(type), units_(spaces_.size()), norms_(spaces_.size()) {}

void SegmentBuilder::add(std::span<const UnitVectors> vectors) {
    for (std::size_t i = 0; i < spaces_.size(); ++i) {
        units_[i].insert(units_[i].end(), vectors[i].units.begin(), vectors[i].units.end());
        norms_[i].insert(norms_[i].end(), vectors[i].norms.begin(), vectors[i].norms.end());
    }
    ++rows_;
}

std::string SegmentBuilder::write(const std::filesystem::path& folder) const {
    std::vector<Array> arrays;
    std::string hashes;
    const auto rows = static_cast<std::int64_t>(rows_);
    for (std::size_t i = 0; i < spaces_.size(); ++i) {
        const Space& space = spaces_[i];
        const auto heads = static_cast<std::int64_t>(space.heads);
        Array units{space.name, storedType(type_), {heads, rows, static_cast<std::int64_t>(space.width)}, {}};
        Array norms{space.name + ".norms", DType::F32, {heads, rows}, {}};
        Array scales{space.name + ".scales", DType::F32, {heads, rows}, {}};
        appendUnits(space, units_[i], rows_, units, scales);
        appendNorms(space, norms_[i], rows_, norms);
        arrays.push_back(std::move(norms)); // float arrays first, so that both stay aligned
        if (type_ == VectorType::Int8) {
            arrays.push_back(std::move(scales));
        }
        arrays.push_back(std::move(units));
    }
    // Arrays of wide elements before those of narrow ones: every array then starts at a multiple of its element.
    std::stable_sort(arrays.begin(), arrays.end(),
                     [](const Array& a, const Array& b) { return sizeOf(a.dtype) > sizeOf(b.dtype); });
    for (const Array& array : arrays) {
        const std::string_view bytes(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
        hashes += fmt::format("{} {} {} {}\n", array.name, fulgurite::nameOf(array.dtype), toString(array.shape),
                              probe::sha256(bytes));
    }
    const std::string name = probe::sha256(hashes).substr(0, 32) + ".safetensors";
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored)) {
        return name;
    }
    SafetensorsWriter writer(folder / name);
    for (const Array& array : arrays) {
        writer.declare(array.name, array.dtype, array.shape);
    }
    for (const Array& array : arrays) {
        writer.append(array.bytes);
    }
    writer.finish();
    return name;
}

SegmentFile::SegmentFile(const std::filesystem::path& path, std::span<const Space> spaces, std::size_t rows)
    : file_(path), rows_(rows) {
    const auto count = static_cast<std::int64_t>(rows);
    for (const Space& space : spaces) {
        const auto heads = static_cast<std::int64_t>(space.heads);
        const auto require = [&](const std::string& name, const Shape& shape) {
            const TensorView view = file_.tensor(name);
            if (view.shape != shape) {
                fail(ErrorKind::Corrupt, "{}: {} is {}, expected {}", path.string(), name, toString(view.shape),
                     toString(shape));
            }
            return view;
        };
        const auto floats = [&](const std::string& name) {
            const TensorView view = require(name, {heads, count});
            if (view.dtype != DType::F32 || reinterpret_cast<std::uintptr_t>(view.data) % alignof(float) != 0) {
                fail(ErrorKind::Corrupt, "{}: {} is not aligned F32", path.string(), name);
            }
            return reinterpret_cast<const float*>(view.data);
        };
        Mapped mapped;
        mapped.units = require(space.name, {heads, count, static_cast<std::int64_t>(space.width)});
        mapped.norms = floats(space.name + ".norms");
        if (mapped.units.dtype == DType::I8) {
            mapped.scales = floats(space.name + ".scales");
        } else if (mapped.units.dtype != DType::F32 && mapped.units.dtype != DType::F16) {
            fail(ErrorKind::Corrupt, "{}: {} is {}, expected F32, F16 or I8", path.string(), space.name,
                 fulgurite::nameOf(mapped.units.dtype));
        }
        spaces_.emplace(space.name, mapped);
    }
}

const SegmentFile::Mapped& SegmentFile::mapped(const Space& space) const {
    return spaces_.find(space.name)->second;
}

kernels::VectorRows SegmentFile::head(const Space& space, std::size_t head) const {
    const Mapped& from = mapped(space);
    return {from.units.data + head * rows_ * space.width * sizeOf(from.units.dtype),
            from.units.dtype,
            from.scales == nullptr ? nullptr : from.scales + head * rows_,
            rows_,
            space.width,
            space.width};
}

UnitVectors SegmentFile::read(const Space& space, std::size_t row) const {
    const Mapped& from = mapped(space);
    UnitVectors result{std::vector<float>(space.floats()), std::vector<float>(space.heads)};
    for (std::size_t head = 0; head < space.heads; ++head) {
        const std::size_t at = head * rows_ + row;
        result.norms[head] = from.norms[at];
        float* out = &result.units[head * space.width];
        const std::byte* data = from.units.data + at * space.width * sizeOf(from.units.dtype);
        if (from.units.dtype == DType::I8) {
            const auto* small = reinterpret_cast<const std::int8_t*>(data);
            std::transform(small, small + space.width, out,
                           [scale = from.scales[at]](std::int8_t x) { return scale * static_cast<float>(x); });
        } else {
            const std::vector<float> floats =
                toFloats({from.units.dtype, {static_cast<std::int64_t>(space.width)}, data});
            std::copy(floats.begin(), floats.end(), out);
        }
    }
    return result;
}

} // namespace fulgurite::retrieval
