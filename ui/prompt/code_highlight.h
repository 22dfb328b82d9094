// SPDX-License-Identifier: GPL-3.0-or-later
// Colours source code well enough to read it: keywords, strings, numbers and comments of the usual languages. Works
// line by line in one pass; it never tries to understand the code.
#pragma once

#include "ui/base/theme.h"

#include <QString>

#include <vector>

namespace fulgurite {

struct HighlightSpan {
    int begin = 0;
    int end = 0;
    Role role = Role::Text;
};

// `code` may use QChar::LineSeparator or '\n' between lines. Unknown languages get strings and numbers only.
std::vector<HighlightSpan> highlightCode(const QString& code, const QString& language);

// "py" -> "Python"; the name as it came when unknown, "Text" when empty.
QString languageTitle(const QString& language);

} // namespace fulgurite
