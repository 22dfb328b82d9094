// SPDX-License-Identifier: GPL-3.0-or-later
// Small pictures of a library's images: asked of the node when they are first painted, decoded on other threads,
// the most recently seen kept in memory.
#pragma once

#include "core/client/cascade_types.h"

#include <QCache>
#include <QObject>
#include <QPixmap>
#include <QSet>

#include <deque>

namespace fulgurite {

class CascadeSearch;

class ThumbnailStore : public QObject {
    Q_OBJECT

  public:
    explicit ThumbnailStore(CascadeSearch& search, QObject* parent = nullptr);

    // Null while it is on its way; arrived() tells. The pixmap is owned by the store and lives until control
    // returns to the event loop.
    const QPixmap* find(client::ImageId image);

  signals:
    void arrived(client::ImageId image);
    void cleared();

  private:
    void clear();
    void askNext();
    void take(client::ImageId image, const QImage& picture);

    CascadeSearch& search_;
    QCache<client::ImageId, QPixmap> cache_; // cost in KiB
    std::deque<client::ImageId> wanted_;     // the last asked first: what a person scrolled past can wait
    QSet<client::ImageId> known_;            // wanted, under way, or without a picture
    int under_way_ = 0;
    quint64 generation_ = 0; // of the library
};

} // namespace fulgurite
