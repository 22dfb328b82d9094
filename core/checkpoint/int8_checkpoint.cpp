// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/int8_checkpoint.h"

#include "core/base/error.h"
#include "core/checkpoint/int8_rows.h"
#include "core/checkpoint/shard_writer.h"

#include <algorithm>

namespace fulgurite {

namespace {

namespace fs = std::filesystem;

// What becomes one item of the new checkpoint: a tensor as it is, or a matrix to quantise.
struct Piece {
    std::string name;
    TensorView view;
    bool quantize = false;
};

bool isExpertMatrix(const std::string& name, const TensorView& view) {
    const std::size_t experts = name.find(".experts.");
    return experts != std::string::npos && view.shape.size() == 2 &&
           (name.ends_with(".w1.weight") || name.ends_with(".w2.weight") || name.ends_with(".w3.weight"));
}

// Rows [first, first + rows) of expert `index` of a fused [experts, all_rows, cols] tensor.
TensorView partOf(const TensorView& fused, std::int64_t index, std::int64_t first, std::int64_t rows) {
    const std::int64_t offset = (index * fused.shape[1] + first) * fused.shape[2];
    return {
        fused.dtype, {rows, fused.shape[2]}, fused.data + static_cast<std::size_t>(offset) * sizeOf(fused.dtype)};
}

// The experts of a fused tensor under their published names; false when it is none.
bool takeFused(const std::string& name, const TensorView& view, std::vector<Piece>& pieces) {
    const bool gate_up = name.ends_with(".experts.gate_up_proj");
    if (view.shape.size() != 3 || (!gate_up && !name.ends_with(".experts.down_proj"))) {
        return false;
    }
    const std::string prefix = name.substr(0, name.rfind('.') + 1);
    for (std::int64_t e = 0; e < view.shape[0]; ++e) {
        const std::string expert = prefix + std::to_string(e);
        if (gate_up) {
            const std::int64_t half = view.shape[1] / 2;
            pieces.push_back({expert + ".w1.weight", partOf(view, e, 0, half), true});
            pieces.push_back({expert + ".w3.weight", partOf(view, e, half, half), true});
        } else {
            pieces.push_back({expert + ".w2.weight", partOf(view, e, 0, view.shape[1]), true});
        }
    }
    return true;
}

std::vector<Piece> piecesOf(const Checkpoint& source) {
    std::vector<Piece> pieces;
    for (const auto& [name, view] : source.tensors()) {
        if (!takeFused(name, view, pieces)) {
            pieces.push_back({name, view, isExpertMatrix(name, view)});
        }
    }
    const auto first =
        std::find_if(pieces.begin(), pieces.end(), [](const Piece& piece) { return piece.quantize; });
    if (first == pieces.end()) {
        fail(ErrorKind::InvalidInput, "{}: has no experts to convert", source.folder().string());
    }
    for (const Piece& piece : pieces) {
        if (piece.quantize && piece.view.dtype == DType::I8) {
            fail(ErrorKind::InvalidInput, "{}: its experts are int8 already ({})", source.folder().string(),
                 piece.name);
        }
    }
    return pieces;
}

ShardItem itemOf(const Piece& piece) {
    if (!piece.quantize) {
        return {{{piece.name, piece.view.dtype, piece.view.shape}}};
    }
    return {{{piece.name, DType::I8, piece.view.shape},
             {scaleName(piece.name), DType::F32, {piece.view.shape.front()}}}};
}

class Int8Checkpoint {
  public:
    Int8Checkpoint(const Checkpoint& source, const Int8CheckpointOptions& options)
        : source_(source), options_(options), pieces_(piecesOf(source)) {}

    Int8CheckpointReport write(const fs::path& folder) {
        std::vector<ShardItem> items;
        for (const Piece& piece : pieces_) {
            items.push_back(itemOf(piece));
            report_.bytes += items.back().bytes();
        }
        writeShards(folder, items, options_.max_shard_bytes, [&](std::size_t item, SafetensorsWriter& writer) {
            if (pieces_[item].quantize) {
                quantize(pieces_[item], writer);
            } else {
                copy(pieces_[item].view, writer);
            }
        });
        return report_;
    }

  private:
    static constexpr std::size_t kPiece = std::size_t{1} << 20;

    void quantize(const Piece& piece, SafetensorsWriter& writer) {
        const auto cols = static_cast<std::size_t>(piece.view.shape[1]);
        const std::size_t row_bytes = cols * sizeOf(piece.view.dtype);
        std::vector<std::int8_t> integers; // of whole rows, written together
        std::vector<float> scales;
        for (std::int64_t row = 0; row < piece.view.shape[0]; ++row) {
            const TensorView view{piece.view.dtype,
                                  {piece.view.shape[1]},
                                  piece.view.data + static_cast<std::size_t>(row) * row_bytes};
            integers.resize(integers.size() + cols);
            const auto scale = quantizeRow(toFloats(view), std::span(integers).last(cols));
            if (!scale) {
                fail(ErrorKind::InvalidInput, "{}: {}: row {} has a weight that is not finite",
                     source_.folder().string(), piece.name, row);
            }
            scales.push_back(*scale);
            if (integers.size() >= kPiece || row + 1 == piece.view.shape[0]) {
                writer.append(std::as_bytes(std::span(integers)));
                advance(integers.size());
                integers.clear();
            }
        }
        writer.append(std::as_bytes(std::span(scales)));
        advance(scales.size() * sizeof(float));
        ++report_.matrices;
    }

    void copy(const TensorView& view, SafetensorsWriter& writer) {
        std::span<const std::byte> rest(view.data, view.bytes());
        while (!rest.empty()) {
            const auto part = rest.first(std::min(rest.size(), kPiece));
            writer.append(part);
            advance(part.size());
            rest = rest.subspan(part.size());
        }
    }

    void advance(std::size_t bytes) {
        done_ += bytes;
        if (options_.progress && !options_.progress(done_, report_.bytes)) {
            fail(ErrorKind::Cancelled, "stopped after {} of {} bytes", done_, report_.bytes);
        }
    }

    const Checkpoint& source_;
    const Int8CheckpointOptions& options_;
    std::vector<Piece> pieces_;
    Int8CheckpointReport report_;
    std::uint64_t done_ = 0;
};

// Everything beside the weights, in whatever container they are.
void copyCompanions(const fs::path& from, const fs::path& to) {
    for (const auto& entry : fs::directory_iterator(from)) {
        const std::string name = entry.path().filename().string();
        const std::string extension = entry.path().extension().string();
        const bool weights = extension == ".safetensors" || name.ends_with(".safetensors.index.json") ||
                             extension == ".bin" || extension == ".pt" || extension == ".pth" ||
                             extension == ".gguf" || extension == ".partial";
        if (entry.is_regular_file() && !weights) {
            fs::copy_file(entry.path(), to / name);
        }
    }
}

} // namespace

Int8CheckpointReport writeInt8Checkpoint(const Checkpoint& source, const fs::path& folder,
                                         const Int8CheckpointOptions& options) {
    const Int8CheckpointReport report = Int8Checkpoint(source, options).write(folder);
    try {
        copyCompanions(source.folder(), folder);
    } catch (const fs::filesystem_error& error) {
        fail(ErrorKind::Io, "{}", error.what());
    }
    return report;
}

} // namespace fulgurite
