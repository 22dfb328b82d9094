// SPDX-License-Identifier: Apache-2.0
// Any bytes as a capture file and as each view on the wire: refused with Error, or every view of it can be taken.
#include "core/base/error.h"
#include "core/probe/capture/capture_file.h"
#include "core/probe/capture/view_codec.h"

#include <cstring>

namespace {

using namespace fulgurite;
using namespace fulgurite::capture;

template <class Action>
void accepting(const Action& action) {
    try {
        action();
    } catch (const Error&) {
        // Refused with a message: the other allowed outcome.
    }
}

void lookAt(const CaptureFile& capture) {
    const std::size_t last = capture.info().tokens - 1;
    const std::size_t few = std::min<std::size_t>(capture.info().tokens, 64);
    accepting([&] { encode(capture.tokens(0, capture.info().tokens)); });
    accepting([&] { capture.routing(0, capture.info().tokens); });
    accepting([&] { capture.routingSummary(); });
    accepting([&] { capture.lens(last); });
    accepting([&] { capture.heads(last); });
    for (const int layer : capture.info().attention_layers) {
        const HeadRef head{layer, capture.info().config.num_heads - 1};
        accepting([&] { capture.row(head, last); });
        accepting([&] { capture.tile(head, {.rows = few, .cols = few, .max_cells_a_side = 5}); });
    }
    accepting([&] { decodeInfo(encode(capture.info()), "fuzz"); });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A mapped file lies aligned; the fuzzer's bytes need not.
    std::vector<std::uint64_t> aligned((size + 7) / 8);
    if (size > 0) {
        std::memcpy(aligned.data(), data, size);
    }
    const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(aligned.data()), size);
    accepting([&] { lookAt(*CaptureFile::view(bytes, "fuzz")); });
    accepting([&] { decodeTokens(bytes, "fuzz"); });
    accepting([&] { decodeRow(bytes, "fuzz"); });
    accepting([&] { decodeTile(bytes, "fuzz"); });
    accepting([&] { decodeTiles(bytes, "fuzz"); });
    accepting([&] { decodeHeads(bytes, "fuzz"); });
    accepting([&] { decodeRouting(bytes, "fuzz"); });
    accepting([&] { decodeRoutingSummary(bytes, "fuzz"); });
    accepting([&] { decodeLens(bytes, "fuzz"); });
    return 0;
}
