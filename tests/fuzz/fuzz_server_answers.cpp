// SPDX-License-Identifier: Apache-2.0
// What a server that nobody here wrote may answer when it is probed, and what it says when it refuses: read or
// refused, with words for a person.
#include "core/base/error.h"
#include "core/client/engine_json.h"
#include "core/client/probe_answers.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace fulgurite;
using namespace fulgurite::client;

constexpr std::array<int, 12> kStatuses{200, 0, 400, 401, 403, 404, 405, 413, 422, 429, 500, 503};

template <class Read>
void attempt(Read read) {
    try {
        read();
    } catch (const Error&) {
        // Refused, as it should be.
    }
}

void require(bool holds) {
    if (!holds)
        std::abort();
}

} // namespace

// The first byte chooses the status, the first line behind it is the Server header, the rest the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t line = std::min(text.find('\n'), text.size());
    ProbeAnswer answer;
    answer.status = kStatuses[data[0] % kStatuses.size()];
    answer.server = text.substr(0, line);
    answer.body = text.substr(std::min(line + 1, text.size()));

    speaksFulgurite(answer);
    kindOfTitle(answer, answer.server);
    kindOfOwner(answer.server);
    std::string version;
    readBuild(answer, version);
    readVersion(answer);
    hasCompletion(answer);
    hasEmbedding(answer);
    attempt([&] { readModelList(answer, "fuzz"); });
    attempt([&] { readChatFinding(answer, "fuzz"); });
    attempt([&] { readInfo(answer.body, "fuzz"); });
    const std::string told = readError(answer.status, answer.body, "fuzz").what();
    require(told.size() > std::string("fuzz: ").size());
    return 0;
}
