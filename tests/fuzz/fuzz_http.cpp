// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a client sends: the HTTP reader, then the request fields of every endpoint. A refusal is an
// ApiError; anything else is a finding.
#include "core/base/error.h"
#include "core/node/chat_prompt.h"
#include "core/node/http_reader.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/sampling_fields.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace fulgurite;
using namespace fulgurite::node;

constexpr std::int64_t kVocabSize = 1000;

void tryBody(std::string_view body) {
    nlohmann::json document;
    try {
        document = parseBody(body);
    } catch (const ApiError&) {
        return;
    }
    try {
        ObjectReader reader(document, "");
        readCommonFields(reader, kVocabSize);
        readSampler(reader.object("sampler"), "sampler", kVocabSize);
        readStop(reader.object("stop_rules"), "stop_rules", kVocabSize);
        ModelFacts facts;
        facts.config.vocab_size = kVocabSize;
        const nlohmann::json* messages = reader.find("messages");
        const nlohmann::json* tools = reader.array("tools");
        const nlohmann::ordered_json ordered =
            tools == nullptr ? nlohmann::ordered_json() : nlohmann::ordered_json(*tools);
        readMessages(messages == nullptr ? nlohmann::json() : *messages, tools == nullptr ? nullptr : &ordered,
                     facts, true);
        reader.finish();
    } catch (const ApiError& error) {
        if (!isUtf8(dumpJson(error.body()))) {
            std::abort();
        }
    }
}

// All requests in `bytes`, given `step` bytes at a time.
void tryConnection(std::string_view bytes, std::size_t step) {
    HttpReader reader({4096, 4096});
    std::string waiting;
    while (!bytes.empty() || !waiting.empty()) {
        const std::string_view next = bytes.substr(0, step);
        bytes.remove_prefix(next.size());
        waiting += next;
        for (bool moved = true; moved;) {
            const std::size_t used = reader.feed(waiting);
            waiting.erase(0, used);
            moved = used > 0;
            if (reader.state() == HttpReader::State::HeadDone) {
                reader.acceptBody();
                moved = true;
            }
            if (reader.state() == HttpReader::State::Complete) {
                tryBody(reader.take().body);
                moved = true;
            }
            if (reader.state() == HttpReader::State::Failed) {
                return;
            }
        }
        if (bytes.empty()) {
            return;
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    tryConnection(bytes, 7);
    tryConnection(bytes, bytes.size() + 1);
    tryBody(bytes);
    return 0;
}
