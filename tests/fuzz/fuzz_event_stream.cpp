// SPDX-License-Identifier: Apache-2.0
// Any bytes as a node's event stream: the same events however it is cut, and each read or refused.
#include "core/base/error.h"
#include "core/client/engine_json.h"
#include "core/client/openai_json.h"
#include "core/client/sse_parser.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace fulgurite;
using namespace fulgurite::client;

std::vector<std::string> eventsOf(std::string_view bytes, std::size_t step) {
    std::vector<std::string> events;
    SseParser parser;
    for (std::size_t at = 0; at < bytes.size(); at += step)
        parser.push(bytes.substr(at, step), [&](const SseEvent& event) {
            events.push_back(event.name + '\0' + event.data + '\0' + event.id);
        });
    return events;
}

template <class Read>
void attempt(Read read, const std::string& data) {
    try {
        read(data, "fuzz");
    } catch (const Error&) {
        // Refused, as it should be.
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> whole = eventsOf(bytes, size + 1);
    for (const std::size_t step : {1, 3, 7})
        if (eventsOf(bytes, step) != whole)
            std::abort();
    SseParser parser;
    parser.push(bytes, [](const SseEvent& event) {
        attempt(readTokens, event.data);
        attempt(readPrefill, event.data);
        attempt(readDone, event.data);
        attempt(readOpenAiChunk, event.data);
        readError(0, event.data, "fuzz");
    });
    return 0;
}
