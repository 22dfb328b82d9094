// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/named_layouts.h"

#include <QFile>
#include <QJsonDocument>
#include <QSaveFile>

#include <utility>

namespace fulgurite {

NamedLayouts::NamedLayouts(QString file, int version) : file_(std::move(file)), version_(version) {
    QFile stored(file_);
    if (!stored.open(QIODevice::ReadOnly)) {
        return;
    }
    const QJsonObject root = QJsonDocument::fromJson(stored.readAll()).object();
    if (root[QStringLiteral("version")].toInt() == version_) {
        layouts_ = root[QStringLiteral("layouts")].toObject();
    }
}

QStringList NamedLayouts::names() const {
    return layouts_.keys();
}

QJsonObject NamedLayouts::layout(const QString& name) const {
    return layouts_[name].toObject();
}

bool NamedLayouts::save(const QString& name, const QJsonObject& layout) {
    QJsonObject changed = layouts_;
    changed[name] = layout;
    return write(changed);
}

bool NamedLayouts::remove(const QString& name) {
    QJsonObject changed = layouts_;
    changed.remove(name);
    return write(changed);
}

bool NamedLayouts::write(const QJsonObject& layouts) {
    QSaveFile file(file_);
    if (!file.open(QIODevice::WriteOnly)) {
        return false;
    }
    file.write(QJsonDocument(QJsonObject{{"version", version_}, {"layouts", layouts}}).toJson());
    if (!file.commit()) {
        return false;
    }
    layouts_ = layouts;
    return true;
}

} // namespace fulgurite
