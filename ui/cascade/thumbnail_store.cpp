// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/thumbnail_store.h"

#include "ui/cascade/cascade_search.h"

#include <QCoreApplication>
#include <QImage>
#include <QPointer>
#include <QThreadPool>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kCacheKiB = 96 * 1024;
constexpr int kSide = 192; // twice the largest that is painted, for dense screens
constexpr int kUnderWay = 12;
constexpr std::size_t kMostWanted = 400; // more than a screen shows

} // namespace

ThumbnailStore::ThumbnailStore(CascadeSearch& search, QObject* parent)
    : QObject(parent), search_(search), cache_(kCacheKiB) {
    connect(&search_, &CascadeSearch::libraryChanged, this, &ThumbnailStore::clear);
    connect(&search_, &CascadeSearch::availabilityChanged, this, &ThumbnailStore::clear);
}

void ThumbnailStore::clear() {
    ++generation_;
    cache_.clear();
    wanted_.clear();
    known_.clear();
    under_way_ = 0;
    emit cleared();
}

const QPixmap* ThumbnailStore::find(client::ImageId image) {
    if (const QPixmap* pixmap = cache_.object(image))
        return pixmap;
    if (!known_.contains(image)) {
        known_.insert(image);
        wanted_.push_front(image);
        if (wanted_.size() > kMostWanted) {
            known_.remove(wanted_.back());
            wanted_.pop_back();
        }
        askNext();
    }
    return nullptr;
}

void ThumbnailStore::askNext() {
    client::CascadeClient* client = search_.client();
    const client::ImageLibrary* library = search_.library();
    while (client && library && under_way_ < kUnderWay && !wanted_.empty()) {
        const client::ImageId image = wanted_.front();
        wanted_.pop_front();
        ++under_way_;
        client->thumbnail(library->id, image, kSide,
                          search_.onWindow<std::string>([this, image, mine = generation_](const auto& outcome) {
                              if (mine != generation_)
                                  return;
                              if (!outcome.ok()) { // stays known: no picture is no reason to ask without end
                                  --under_way_;
                                  askNext();
                                  return;
                              }
                              QThreadPool::globalInstance()->start(
                                  [self = QPointer<ThumbnailStore>(this), image, mine,
                                   bytes = QByteArray::fromStdString(outcome.value())] {
                                      QImage picture = QImage::fromData(bytes);
                                      QMetaObject::invokeMethod(
                                          QCoreApplication::instance(),
                                          [self, image, mine, picture = std::move(picture)] {
                                              if (self && self->generation_ == mine)
                                                  self->take(image, picture);
                                          },
                                          Qt::QueuedConnection);
                                  });
                          }));
    }
}

void ThumbnailStore::take(client::ImageId image, const QImage& picture) {
    --under_way_;
    if (!picture.isNull()) {
        cache_.insert(image, new QPixmap(QPixmap::fromImage(picture)),
                      std::max(1, static_cast<int>(picture.sizeInBytes() / 1024)));
        known_.remove(image);
        emit arrived(image);
    }
    askNext();
}

} // namespace fulgurite
