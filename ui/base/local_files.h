// SPDX-License-Identifier: GPL-3.0-or-later
// What a drag or a paste brings from the file manager.
#pragma once

#include <QMimeData>
#include <QStringList>
#include <QUrl>

namespace fulgurite {

/// Paths of the files and folders on this machine, in order; addresses of other places are left out.
inline QStringList localFiles(const QMimeData* data) {
    QStringList files;
    for (const QUrl& url : data->urls()) {
        if (url.isLocalFile()) {
            files << url.toLocalFile();
        }
    }
    return files;
}

} // namespace fulgurite
