// SPDX-License-Identifier: Apache-2.0
// Strings that match a pattern, as they are written in JSON.
#pragma once

#include "core/grammar/json_rules.h"

#include <string_view>

namespace fulgurite::grammar {

// With its quotes. Throws as parsePattern().
Fragment matchingString(GrammarBuilder& builder, JsonRules& json, std::string_view pattern);

// The pattern of a `format`, or nothing when the format is not known here.
std::string_view patternOfFormat(std::string_view format);

} // namespace fulgurite::grammar
