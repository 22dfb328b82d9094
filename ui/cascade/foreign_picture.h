// SPDX-License-Identifier: GPL-3.0-or-later
// A picture from outside the library as a term of a search: its bytes as they are, or made smaller where they are
// large or of a format that the engine does not read. No encoder looks at more than a few hundred pixels.
#pragma once

#include <QByteArray>
#include <QImage>
#include <QString>

namespace fulgurite {

// Empty for a file that cannot be read; `problem` says why. From any thread.
QByteArray foreignPicture(const QString& file, QString* problem);
QByteArray foreignPicture(const QImage& picture);

} // namespace fulgurite
