// SPDX-License-Identifier: Apache-2.0
// The token files of `score` and `inspect`: a JSON array of ids, so that no tokenizer is needed.
#pragma once

#include "core/base/types.h"

#include <string>

namespace fulgurite::app {

// Throws Error{InvalidInput | Io}, which names the file, unless it holds at least one id. Whether the model knows
// the ids is the model's to say.
TokenIds readTokenFile(const std::string& path);

} // namespace fulgurite::app
