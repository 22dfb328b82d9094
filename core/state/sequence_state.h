// SPDX-License-Identifier: Apache-2.0
// What a conversation has built up in the model: paged keys and values for the softmax layers, one matrix per head
// for the lightning layers, and the position. The only place that knows that keys can be shared and matrices
// cannot.
//
// A fork shares full pages of keys and values and copies the matrices and the last, partly filled page. Continuing
// from a fork, or from a saved and restored state, gives the bits that continuing the original would give. Not
// synchronised: one thread at a time for each state; forks of one state may live on different threads.
#pragma once

#include "core/checkpoint/model_config.h"
#include "kernels/float_array.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace fulgurite {

// One of the arrays that a state consists of: the matrices of a lightning layer, or the keys or values of one page
// of a softmax layer. Heads lie outermost in all of them.
struct StateArray {
    enum class Kind : std::uint8_t { Matrices, Keys, Values };
    Kind kind = Kind::Matrices;
    int layer = 0;
    std::size_t page = 0;
};

// Hears of the states of a model that is split over processes, whose other ranks have the other heads of each. From
// any thread.
class StateMirror {
  public:
    virtual ~StateMirror() = default;
    // The number of a new, empty state, or of a copy of another.
    virtual std::uint64_t begin() = 0;
    virtual std::uint64_t fork(std::uint64_t from) = 0;
    virtual void drop(std::uint64_t state) noexcept = 0;
    // The state is from now on as if `position` tokens had been absorbed.
    virtual void skipTo(std::uint64_t state, std::size_t position) = 0;
    // An array of every rank, in the order of ranks; `mine` is this rank's.
    virtual std::vector<float> gather(std::uint64_t state, const StateArray& array,
                                      const std::vector<float>& mine) = 0;
    // Gives every other rank its part of an array of all heads.
    virtual void scatter(std::uint64_t state, const StateArray& array, std::span<const float> whole) = 0;
};

// A state's number with its mirror, told when it goes.
class MirroredState {
  public:
    MirroredState() = default;
    explicit MirroredState(std::shared_ptr<StateMirror> mirror)
        : mirror_(std::move(mirror)), number_(mirror_ ? mirror_->begin() : 0) {}
    MirroredState(MirroredState&& other) noexcept
        : mirror_(std::exchange(other.mirror_, nullptr)), number_(other.number_) {}
    MirroredState& operator=(MirroredState&& other) noexcept {
        std::swap(mirror_, other.mirror_);
        std::swap(number_, other.number_);
        return *this;
    }
    MirroredState(const MirroredState&) = delete;
    MirroredState& operator=(const MirroredState&) = delete;
    ~MirroredState() {
        if (mirror_) {
            mirror_->drop(number_);
        }
    }

    MirroredState fork() const {
        MirroredState copy;
        if (mirror_) {
            copy.number_ = mirror_->fork(number_);
            copy.mirror_ = mirror_;
        }
        return copy;
    }
    std::uint64_t number() const { return number_; }
    StateMirror* mirror() const { return mirror_.get(); }

  private:
    std::shared_ptr<StateMirror> mirror_;
    std::uint64_t number_ = 0;
};

// The part of a configuration that decides the layout of a state.
struct StateShape {
    std::vector<LayerKind> layers;
    int num_heads = 0;
    int num_kv_heads = 0;
    int head_dim = 0;
    std::shared_ptr<kernels::Device> device = nullptr; // whose memory the arrays lie in; null: the host's
    std::shared_ptr<StateMirror> mirror = nullptr;     // null: all heads are here
    int all_heads = 0;                                 // of all ranks of a split model; 0: these are all
    int all_kv_heads = 0;

    static StateShape of(const ModelConfig& config);
    StateShape whole() const; // of all ranks, in the host's memory
    // Ranks one after the other that have the same key heads; `ranks` share the model.
    std::size_t ranksOfKvHeads(std::size_t ranks) const;
    std::size_t floatsOf(const StateArray& array) const;
    // Where the part of a rank begins in an array of whole().
    std::size_t firstOf(const StateArray& array, std::size_t rank, std::size_t ranks) const;
    std::size_t matrixFloats() const;              // of one lightning layer
    std::size_t rowFloats() const;                 // keys, or values, of one token in one softmax layer
    std::size_t pageBytes() const;                 // of one KvPage
    std::size_t lightningBytes() const;            // fixed, whatever the length
    std::size_t kvBytesPerToken() const;           // all softmax layers together
    std::size_t bytesAt(std::size_t tokens) const; // whole pages
    std::size_t tokensWithin(std::size_t bytes) const; // the most whose bytesAt() that is; any number without softmax layers
    bool operator==(const StateShape&) const = default;
};

// Tokens per page of keys and values.
inline constexpr std::size_t kPageTokens = 64;

// Keys and values of one softmax layer for up to kPageTokens tokens, F32. Keys lie with the token index fastest, so
// that one query meets a page with full vectors: keys [num_kv_heads, head_dim, kPageTokens], values [num_kv_heads,
// kPageTokens, head_dim].
struct KvPage {
    kernels::FloatArray keys;
    kernels::FloatArray values;
};

// Where element `d` of key head `head` lies in a page for the token in `slot`.
inline std::size_t keyIndex(const StateShape& shape, std::size_t head, std::size_t slot, std::size_t d) {
    return (head * static_cast<std::size_t>(shape.head_dim) + d) * kPageTokens + slot;
}
inline std::size_t valueIndex(const StateShape& shape, std::size_t head, std::size_t slot, std::size_t d) {
    return (head * kPageTokens + slot) * static_cast<std::size_t>(shape.head_dim) + d;
}

class SequenceState {
  public:
    explicit SequenceState(StateShape shape);
    SequenceState(SequenceState&&) noexcept = default;
    SequenceState& operator=(SequenceState&&) noexcept = default;
    SequenceState(const SequenceState&) = delete; // say fork()
    SequenceState& operator=(const SequenceState&) = delete;

    SequenceState fork() const;

    const StateShape& shape() const { return shape_; }
    // Tokens absorbed so far; the next token's position.
    std::size_t position() const { return position_; }

    // Bytes of the matrices, and of the pages of keys and values (shared or not).
    std::size_t lightningBytes() const;
    std::size_t kvBytes() const;
    std::size_t bytes() const { return lightningBytes() + kvBytes(); }
    // Bytes of pages that no other state holds, plus the matrices: what dropping this state would free.
    std::size_t exclusiveBytes() const;

    // A safetensors file with every array and the position. `restore` checks it against `shape` and throws
    // Error{Corrupt | InvalidInput}. Where other processes have some of the heads, their parts are fetched and
    // sent: a file does not tell how a model was split.
    void save(const std::filesystem::path& path) const;
    static SequenceState restore(const std::filesystem::path& path, const StateShape& shape);
    // The position of a saved state, without taking memory for it.
    static std::size_t savedPosition(const std::filesystem::path& path);

    // The matrices of a lightning layer, F32 [num_heads, head_dim (key), head_dim (value)]. For the model: in the
    // memory of the shape's device.
    std::span<float> lightning(int layer);
    std::span<const float> lightning(int layer) const;
    // A copy for the host, of all heads wherever they are, in the layout of shape().whole().
    std::vector<float> values(const StateArray& array) const;
    std::vector<float> lightningValues(int layer) const { return values({StateArray::Kind::Matrices, layer}); }
    // Of the heads that are here.
    std::vector<float> ownValues(const StateArray& array) const;
    void assignOwn(const StateArray& array, const float* values);

    // For the model: makes room for `count` more tokens in every softmax layer.
    void reserve(std::size_t count);
    // Pages of a softmax layer, enough for position() plus what was reserved.
    // Write rows from position() on only: earlier pages may be shared.
    KvPage& page(int layer, std::size_t index);
    const KvPage& page(int layer, std::size_t index) const;
    // The forward pass has written `count` tokens.
    void advance(std::size_t count) { position_ += count; }
    // As if tokens up to `position` had been absorbed, on all ranks: keys and values that were not there are zero.
    void skipTo(std::size_t position);
    // What the shape's mirror calls this state.
    std::uint64_t number() const { return mirrored_.number(); }

  private:
    const kernels::FloatArray& arrayOf(const StateArray& array) const;
    void assign(const StateArray& array, const std::vector<float>& whole);
    void eachPiece(const std::function<void(std::span<const std::byte>)>& take) const;

    SequenceState() = default;

    StateShape shape_;
    MirroredState mirrored_;
    std::size_t position_ = 0;
    std::vector<kernels::FloatArray> matrices_;               // one per layer, empty for softmax layers
    std::vector<std::vector<std::shared_ptr<KvPage>>> pages_; // one per layer, empty for lightning layers
};

} // namespace fulgurite
