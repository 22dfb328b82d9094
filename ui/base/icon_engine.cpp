// SPDX-License-Identifier: GPL-3.0-or-later
// Recolours `currentColor` of an SVG and keeps the pixmaps in Qt's own cache.
#include "ui/base/icon_engine.h"

#include "ui/base/theme_manager.h"

#include <QFile>
#include <QHash>
#include <QPainter>
#include <QPixmapCache>
#include <QSvgRenderer>

namespace fulgurite {
namespace {

QByteArray svgSource(const QString& name) {
    static QHash<QString, QByteArray> sources; // a few dozen files of a few hundred bytes; GUI thread only
    auto found = sources.constFind(name);
    if (found == sources.constEnd()) {
        QFile file(QStringLiteral(":/fulgurite/icons/%1.svg").arg(name));
        if (!file.open(QIODevice::ReadOnly))
            qWarning("icon %s: no such file in resources/icons", qUtf8Printable(name));
        found = sources.insert(name, file.readAll());
    }
    return *found;
}

} // namespace

IconEngine::IconEngine(const ThemeManager& themes, const QString& name, Role role)
    : themes_(&themes), name_(name), role_(role) {}

void IconEngine::paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) {
    const double ratio = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
    QPixmap picture = pixmap(rect.size() * ratio, mode, state);
    picture.setDevicePixelRatio(ratio);
    painter->drawPixmap(rect, picture);
}

QPixmap IconEngine::pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) {
    if (!themes_ || size.isEmpty())
        return {};
    const bool active = state == QIcon::On && role_ == Role::Muted;
    QColor color = themes_->color(active ? Role::Text : role_);
    if (mode == QIcon::Disabled)
        color = themes_->color(Role::Faint);
    const QString key =
        QStringLiteral("fulgurite-%1-%2-%3x%4").arg(name_, color.name()).arg(size.width()).arg(size.height());
    QPixmap picture;
    if (QPixmapCache::find(key, &picture))
        return picture;
    QSvgRenderer renderer(QByteArray(svgSource(name_)).replace("currentColor", color.name().toLatin1()));
    picture = QPixmap(size);
    picture.fill(Qt::transparent);
    QPainter painter(&picture);
    renderer.setAspectRatioMode(Qt::KeepAspectRatio);
    renderer.render(&painter);
    painter.end();
    QPixmapCache::insert(key, picture);
    return picture;
}

QIconEngine* IconEngine::clone() const {
    return new IconEngine(*this);
}

QString IconEngine::key() const {
    return QStringLiteral("fulgurite");
}

} // namespace fulgurite
