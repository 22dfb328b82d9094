// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers, sizes and tokens as a person reads them.
#pragma once

#include <QString>

#include <cstdint>

namespace fulgurite {

// The token as one can read it: spaces as "␣", line breaks as "↵"; "(no text)" when it has none.
QString readableToken(const QString& text);
// "1,234,567" in the person's locale; "12.3 MiB"; "0.28" ...
QString grouped(std::int64_t value);
QString bytesText(std::int64_t bytes);
QString compactCount(std::int64_t value); // 5.2 K
QString secondsText(double seconds);      // "69 ms", "1.2 s", "3 min 20 s"

} // namespace fulgurite
