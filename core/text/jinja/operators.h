// SPDX-License-Identifier: Apache-2.0
// Arithmetic, comparison and slicing of values.
#pragma once

#include "core/text/jinja/value.h"

namespace fulgurite::jinja {

// `op`: + - * / // % ** == != < <= > >= in, not in. Throws Problem for types and ranges that do not fit.
Value applyBinary(std::string_view op, const Value& left, const Value& right, Budget& budget);
Value negate(const Value& value);
// Absent parts are null.
Value slice(const Value& value, const Value* begin, const Value* end, const Value* step, Budget& budget);

} // namespace fulgurite::jinja
