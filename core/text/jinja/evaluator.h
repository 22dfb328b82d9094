// SPDX-License-Identifier: Apache-2.0
// Runs a parsed template.
#pragma once

#include "core/text/jinja/lexer.h"
#include "core/text/jinja/syntax.h"

#include <string>
#include <utility>
#include <vector>

namespace fulgurite::jinja {

using Variables = std::vector<std::pair<std::string, Value>>;

// Throws Error{InvalidInput} with the place when the template raises, meets a value that it cannot use, or exceeds
// a limit.
std::string render(const Source& source, const Statements& statements, Variables variables, Budget& budget);

} // namespace fulgurite::jinja
