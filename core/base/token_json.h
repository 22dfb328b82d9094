// SPDX-License-Identifier: Apache-2.0
// One generated token as JSON, the same in event streams, in the output of `run --json` and in exported
// conversations. A logarithm of zero is null.
#pragma once

#include "core/base/json_field.h"
#include "core/base/token_info.h"

namespace fulgurite {

const char* nameOf(StreamChannel channel); // "answer", "thinking" or "marker"

nlohmann::json tokenToJson(const TokenInfo& token);
// Throws the field's own error when something is missing or of the wrong type.
TokenInfo tokenFromJson(const JsonField& field);

} // namespace fulgurite
