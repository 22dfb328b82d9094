// SPDX-License-Identifier: Apache-2.0
// The protocol's JSON to and from engine_types.h. Reading is strict: what is missing or of the wrong type is an
// Error{InvalidInput} that names server and field; what is unknown is passed over.
#pragma once

#include "core/client/engine_types.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <string_view>

namespace fulgurite::client {

std::string generateBody(const GenerateRequest& request);
std::string tokenizeBody(const Prompt& prompt, bool special, bool pieces);
std::string reentryBody(const std::vector<GenerateRequest>& sequences);
// The fields that say what is to be run.
void putPrompt(nlohmann::json& body, const Prompt& prompt, const TokenIds& continue_tokens);

// `where` begins every message.
nlohmann::json parseAnswer(std::string_view text, const std::string& where);
EngineInfo readInfo(std::string_view body, const std::string& where);
EngineLoad readLoad(std::string_view body, const std::string& where);
Health readHealth(std::string_view body, const std::string& where);
Tokenization readTokenization(std::string_view body, const std::string& where);
std::vector<ReentryCost> readReentry(std::string_view body, const std::string& where);
StreamStart readStart(std::string_view data, const std::string& where);
StreamPrefill readPrefill(std::string_view data, const std::string& where);
std::vector<TokenInfo> readTokens(std::string_view data, const std::string& where);
StreamDone readDone(std::string_view data, const std::string& where);
// `headers` in lower case. `status` may also be that of no refusal.
Refusal refusalOf(int status, const std::map<std::string, std::string>& headers);
// An answer with an HTTP status of 400 or more, or an error event (status 0). Never throws.
Error readError(int status, std::string_view body, const std::string& where);

} // namespace fulgurite::client
