// SPDX-License-Identifier: Apache-2.0
// Sequence states on disk: safetensors with `state.L` F32 [heads, key dim, value dim] for each lightning layer L,
// `keys.L` and `values.L` F32 [tokens, kv heads, head dim] for each softmax layer, and the position as metadata.
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/state/sequence_state.h"

#include <boost/crc.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace fulgurite {

namespace {

constexpr const char* kFormat = "fulgurite.sequence_state";
constexpr const char* kVersion = "2"; // 2: with a checksum

std::string arrayName(const char* kind, std::size_t layer) {
    return fmt::format("{}.{}", kind, layer);
}

Shape matrixShape(const StateShape& shape) {
    return {shape.num_heads, shape.head_dim, shape.head_dim};
}

Shape rowsShape(const StateShape& shape, std::size_t tokens) {
    return {static_cast<std::int64_t>(tokens), shape.num_kv_heads, shape.head_dim};
}

using PageIndex = std::size_t (*)(const StateShape&, std::size_t head, std::size_t slot, std::size_t d);

// Calls copy(index in the page, index in the file's rows) for every element of `tokens` tokens.
template <class Copy>
void eachElement(const StateShape& shape, std::size_t tokens, PageIndex in_page, Copy copy) {
    std::size_t in_file = 0;
    for (std::size_t token = 0; token < tokens; ++token) {
        for (std::size_t head = 0; head < static_cast<std::size_t>(shape.num_kv_heads); ++head) {
            for (std::size_t d = 0; d < static_cast<std::size_t>(shape.head_dim); ++d) {
                copy(in_page(shape, head, token, d), in_file++);
            }
        }
    }
}

std::size_t tokensOfPage(std::size_t position, std::size_t page) {
    return std::min(kPageTokens, position - page * kPageTokens);
}

std::size_t readPosition(const SafetensorsFile& file) {
    const auto& metadata = file.header().metadata;
    const std::string path = file.path().string();
    const auto format = metadata.find("format");
    const auto version = metadata.find("version");
    if (format == metadata.end() || format->second != kFormat) {
        fail(ErrorKind::InvalidInput, "{}: not a saved sequence state (metadata format is {})", path,
             format == metadata.end() ? "missing" : "\"" + format->second + "\"");
    }
    if (version == metadata.end() || version->second != kVersion) {
        fail(ErrorKind::InvalidInput, "{}: saved by another version of the program (state version {}, expected {})",
             path, version == metadata.end() ? "missing" : version->second, kVersion);
    }
    const auto text = metadata.find("position");
    std::size_t position = 0;
    if (text != metadata.end()) {
        const char* end = text->second.data() + text->second.size();
        const auto [parsed, error] = std::from_chars(text->second.data(), end, position);
        if (error == std::errc() && parsed == end) {
            return position;
        }
    }
    fail(ErrorKind::Corrupt, "{}: metadata \"position\" is missing or no number", path);
}

TensorView expectArray(const SafetensorsFile& file, const std::string& name, const Shape& expected) {
    if (!file.contains(name)) {
        fail(ErrorKind::InvalidInput, "{}: array \"{}\" is missing; the state belongs to another model",
             file.path().string(), name);
    }
    TensorView view = file.tensor(name);
    if (view.dtype != DType::F32 || view.shape != expected) {
        fail(ErrorKind::InvalidInput,
             "{}: array \"{}\" is {} {}, this model needs F32 {}; the state belongs to another model",
             file.path().string(), name, nameOf(view.dtype), toString(view.shape), toString(expected));
    }
    return view;
}

// Over the data of all arrays, in the order in which they are saved.
class Checksum {
  public:
    void add(std::span<const std::byte> bytes) { crc_.process_bytes(bytes.data(), bytes.size()); }
    std::string text() const { return fmt::format("{:08x}", crc_.checksum()); }

  private:
    boost::crc_32_type crc_;
};

void checkSum(const SafetensorsFile& file, const StateShape& shape) {
    Checksum checksum;
    const auto add = [&](const char* kind, std::size_t layer) {
        const TensorView view = file.tensor(arrayName(kind, layer));
        checksum.add({view.data, view.bytes()});
    };
    for (std::size_t layer = 0; layer < shape.layers.size(); ++layer) {
        if (shape.layers[layer] == LayerKind::Lightning) {
            add("state", layer);
        } else {
            add("keys", layer);
            add("values", layer);
        }
    }
    const auto& metadata = file.header().metadata;
    const auto expected = metadata.find("crc32");
    if (expected == metadata.end() || expected->second != checksum.text()) {
        fail(ErrorKind::Corrupt,
             "{}: the saved state is damaged (its data has the checksum {}, {} was written); delete the file, the "
             "conversation is computed again",
             file.path().string(), checksum.text(), expected == metadata.end() ? "none" : expected->second);
    }
}

void checkNothingElse(const SafetensorsFile& file, const StateShape& shape) {
    std::size_t expected = 0;
    for (const LayerKind kind : shape.layers) {
        expected += kind == LayerKind::Lightning ? 1 : 2;
    }
    const std::size_t found = file.header().entries.size();
    if (found != expected) {
        fail(ErrorKind::InvalidInput,
             "{}: {} arrays, this model's state has {}; the state belongs to another model", file.path().string(),
             found, expected);
    }
}

} // namespace

// Hands over the file's data in order, piece by piece.
void SequenceState::eachPiece(const std::function<void(std::span<const std::byte>)>& take) const {
    const StateShape whole = shape_.whole();
    std::vector<float> rows(kPageTokens * whole.rowFloats());
    const auto takeRows = [&](std::size_t layer, StateArray::Kind kind, PageIndex index) {
        for (std::size_t page = 0; page * kPageTokens < position_; ++page) {
            const std::vector<float> source = values({kind, static_cast<int>(layer), page});
            const std::size_t tokens = tokensOfPage(position_, page);
            eachElement(whole, tokens, index,
                        [&](std::size_t in_page, std::size_t in_file) { rows[in_file] = source[in_page]; });
            take(std::as_bytes(std::span(rows.data(), tokens * whole.rowFloats())));
        }
    };
    for (std::size_t layer = 0; layer < whole.layers.size(); ++layer) {
        if (whole.layers[layer] == LayerKind::Lightning) {
            const std::vector<float> matrix = lightningValues(static_cast<int>(layer));
            take(std::as_bytes(std::span(matrix)));
        } else {
            takeRows(layer, StateArray::Kind::Keys, keyIndex);
            takeRows(layer, StateArray::Kind::Values, valueIndex);
        }
    }
}

void SequenceState::save(const std::filesystem::path& path) const {
    const StateShape whole = shape_.whole();
    Checksum checksum;
    eachPiece([&](std::span<const std::byte> piece) { checksum.add(piece); });
    SafetensorsWriter writer(path);
    writer.setMetadata("format", kFormat);
    writer.setMetadata("version", kVersion);
    writer.setMetadata("position", std::to_string(position_));
    writer.setMetadata("crc32", checksum.text());
    for (std::size_t layer = 0; layer < whole.layers.size(); ++layer) {
        if (whole.layers[layer] == LayerKind::Lightning) {
            writer.declare(arrayName("state", layer), DType::F32, matrixShape(whole));
        } else {
            writer.declare(arrayName("keys", layer), DType::F32, rowsShape(whole, position_));
            writer.declare(arrayName("values", layer), DType::F32, rowsShape(whole, position_));
        }
    }
    eachPiece([&](std::span<const std::byte> piece) { writer.append(piece); });
    writer.finish();
}

std::size_t SequenceState::savedPosition(const std::filesystem::path& path) {
    return readPosition(SafetensorsFile(path));
}

SequenceState SequenceState::restore(const std::filesystem::path& path, const StateShape& shape) {
    const StateShape whole = shape.whole();
    const SafetensorsFile file(path);
    const std::size_t position = readPosition(file);
    checkNothingElse(file, whole);
    // Shapes are checked against the file before the position, which it also states, decides on any allocation.
    for (std::size_t layer = 0; layer < whole.layers.size(); ++layer) {
        if (whole.layers[layer] == LayerKind::Lightning) {
            expectArray(file, arrayName("state", layer), matrixShape(whole));
        } else {
            expectArray(file, arrayName("keys", layer), rowsShape(whole, position));
            expectArray(file, arrayName("values", layer), rowsShape(whole, position));
        }
    }
    checkSum(file, whole);
    SequenceState state(shape);
    state.skipTo(position);
    const auto readRows = [&](std::size_t layer, const char* kind, StateArray::Kind which, PageIndex index) {
        const std::byte* source = file.tensor(arrayName(kind, layer)).data;
        for (std::size_t page = 0; page * kPageTokens < position; ++page) {
            std::vector<float> target(kPageTokens * whole.rowFloats());
            const std::byte* first = source + page * kPageTokens * whole.rowFloats() * sizeof(float);
            eachElement(whole, tokensOfPage(position, page), index, [&](std::size_t in_page, std::size_t in_file) {
                std::memcpy(&target[in_page], first + in_file * sizeof(float), sizeof(float));
            });
            state.assign({which, static_cast<int>(layer), page}, target);
        }
    };
    for (std::size_t layer = 0; layer < whole.layers.size(); ++layer) {
        if (whole.layers[layer] == LayerKind::Lightning) {
            state.assign({StateArray::Kind::Matrices, static_cast<int>(layer)},
                         toFloats(file.tensor(arrayName("state", layer))));
        } else {
            readRows(layer, "keys", StateArray::Kind::Keys, keyIndex);
            readRows(layer, "values", StateArray::Kind::Values, valueIndex);
        }
    }
    return state;
}

} // namespace fulgurite
