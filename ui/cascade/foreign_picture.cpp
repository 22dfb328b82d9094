// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/foreign_picture.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QFile>
#include <QImageReader>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr qint64 kMostBytes = qint64{2} << 20;
constexpr qint64 kMostUnread = qint64{16} << 20; // what the engine takes
constexpr int kMostSide = 1024;
constexpr int kQuality = 95;

// By the first bytes: this program's own image library may lack a format that the engine reads.
bool isReadAsItIs(QByteArrayView start) {
    return start.startsWith("\xff\xd8\xff") || start.startsWith("\x89PNG\r\n\x1a\n") ||
           (start.startsWith("RIFF") && start.sliced(std::min<qsizetype>(8, start.size())).startsWith("WEBP"));
}

} // namespace

QByteArray foreignPicture(const QImage& picture) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    const bool large = std::max(picture.width(), picture.height()) > kMostSide;
    const QImage small =
        large ? picture.scaled(kMostSide, kMostSide, Qt::KeepAspectRatio, Qt::SmoothTransformation) : picture;
    small.convertToFormat(QImage::Format_RGB32).save(&buffer, "JPEG", kQuality);
    return bytes;
}

QByteArray foreignPicture(const QString& file, QString* problem) {
    QImageReader reader(file);
    reader.setDecideFormatFromContent(true);
    reader.setAutoTransform(true);
    QFile bytes(file);
    const bool as_it_is = bytes.open(QIODevice::ReadOnly) && isReadAsItIs(bytes.peek(12));
    if (as_it_is && bytes.size() <= kMostBytes)
        return bytes.readAll();
    const QImage picture = reader.read();
    if (picture.isNull() && as_it_is && bytes.size() <= kMostUnread)
        return bytes.readAll();
    if (picture.isNull()) {
        *problem = QCoreApplication::translate("ForeignPicture", "%1 cannot be read as a picture: %2")
                       .arg(file, reader.errorString());
        return {};
    }
    return foreignPicture(picture);
}

} // namespace fulgurite
