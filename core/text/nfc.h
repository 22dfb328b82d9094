// SPDX-License-Identifier: Apache-2.0
// Unicode normalisation forms C and D, in time linear in the text (but for sorting runs of marks).
#pragma once

#include <string>
#include <string_view>

namespace fulgurite {

// The NFC of `text`, which must be valid UTF-8. Returns `text` itself when nothing changes, else a view of
// `buffer`.
std::string_view toNfc(std::string_view text, std::string& buffer);

// The NFD of `text`, which must be valid UTF-8.
std::string toNfd(std::string_view text);

} // namespace fulgurite
