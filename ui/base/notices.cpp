// SPDX-License-Identifier: GPL-3.0-or-later
// The list of notices in force, newest first.
#include "ui/base/notices.h"

#include <QTimer>

namespace fulgurite {

void Notices::post(const Notice& notice) {
    notices_.removeIf([&notice](const Notice& old) { return old.id == notice.id; });
    notices_.prepend(notice);
    if (notice.severity == Severity::Info && notice.seconds > 0)
        QTimer::singleShot(notice.seconds * 1000, this, [this, id = notice.id] { dismiss(id); });
    emit posted(notice);
    emit changed();
}

void Notices::dismiss(const QString& id) {
    if (notices_.removeIf([&id](const Notice& notice) { return notice.id == id; }) > 0)
        emit changed();
}

} // namespace fulgurite
