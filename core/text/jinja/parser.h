// SPDX-License-Identifier: Apache-2.0
// Recursive descent over the tokens of a template, with limits on nesting.
#pragma once

#include "core/text/jinja/lexer.h"
#include "core/text/jinja/syntax.h"

namespace fulgurite::jinja {

// Throws Error{Corrupt} for what is no template and Error{Unsupported} for what this program leaves out, both with
// the place.
Statements parseTemplate(const Source& source);

} // namespace fulgurite::jinja
