// SPDX-License-Identifier: Apache-2.0
// What a generation reports, in the JSON that event streams and `run --json` share.
#pragma once

#include "core/base/token_json.h"
#include "core/generate/request.h"

#include <functional>
#include <string>
#include <string_view>

namespace fulgurite {

const char* nameOf(FinishReason reason); // "end_of_sentence", "stop_token", ...

// `bytesOf`: a token's spelling, for the alternatives; it need not be valid UTF-8.
TokenInfo tokenInfo(const TokenRecord& record, std::string text, StreamChannel channel,
                    const std::function<std::string_view(TokenId)>& bytesOf);

nlohmann::json prefillToJson(const PrefillProgress& progress);
nlohmann::json summaryToJson(const GenerationSummary& summary, const std::string& rest);

} // namespace fulgurite
