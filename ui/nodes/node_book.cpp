// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/node_book.h"

#include <QDateTime>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSaveFile>
#include <QUrl>
#include <QUuid>

#include <algorithm>

namespace fulgurite {

namespace {

NodeEntry localEntry() {
    NodeEntry entry;
    entry.id = kLocalNode;
    entry.name = NodeBook::tr("This computer");
    return entry;
}

QJsonObject objectOf(const NodeEntry& entry) {
    return {{"id", entry.id},        {"name", entry.name},   {"address", entry.address},
            {"ssh", entry.ssh_host}, {"model", entry.model}, {"fingerprint", entry.fingerprint}};
}

NodeEntry entryOf(const QJsonObject& object) {
    return {object["id"].toString(),  object["name"].toString(),  object["address"].toString(),
            object["ssh"].toString(), object["model"].toString(), object["fingerprint"].toString()};
}

} // namespace

NodeBook::NodeBook(const QString& file, QObject* parent) : QObject(parent), file_(file) {
    read();
    if (!find(kLocalNode))
        entries_.prepend(localEntry());
    if (!find(default_))
        default_ = kLocalNode;
}

void NodeBook::read() {
    QFile file(file_);
    if (!file.exists())
        return;
    const QByteArray bytes = file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    const QJsonDocument document = QJsonDocument::fromJson(bytes);
    if (!document.isObject() || !document["nodes"].isArray()) {
        const QString aside = file_ + QStringLiteral(".damaged-") +
                              QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-HHmmss"));
        file.close();
        const bool moved = QFile::rename(file_, aside);
        problem_ = tr("The list of nodes in %1 cannot be read. It was moved to %2; add your nodes again.")
                       .arg(file_, moved ? aside : file_);
        return;
    }
    for (const QJsonValue& each : document["nodes"].toArray()) {
        const NodeEntry entry = entryOf(each.toObject());
        if (!entry.id.isEmpty() && !find(entry.id))
            entries_ << entry;
    }
    default_ = document["default"].toString();
    for (const QJsonValue& each : document["removed"].toArray())
        removed_ids_ << each.toString();
}

void NodeBook::save() {
    write();
    emit changed();
}

void NodeBook::write() {
    QJsonArray nodes;
    for (const NodeEntry& each : std::as_const(entries_))
        nodes << objectOf(each);
    QSaveFile file(file_);
    const QByteArray bytes = QJsonDocument(QJsonObject{{"nodes", nodes},
                                                       {"default", default_},
                                                       {"removed", QJsonArray::fromStringList(removed_ids_)}})
                                 .toJson();
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.commit())
        emit failed(tr("The list of nodes cannot be written to %1: %2. It lasts until the window closes.")
                        .arg(file_, file.errorString()));
}

const NodeEntry* NodeBook::find(const QString& id) const {
    const auto at =
        std::find_if(entries_.begin(), entries_.end(), [&id](const NodeEntry& each) { return each.id == id; });
    return at == entries_.end() ? nullptr : &*at;
}

QString NodeBook::add(NodeEntry entry) {
    if (entry.id.isEmpty())
        entry.id = QUuid::createUuid().toString(QUuid::WithoutBraces);
    if (entry.name.isEmpty())
        entry.name = entry.tunnelled() ? entry.ssh_host : QUrl(entry.address).host();
    const QString wanted = entry.name;
    const auto taken = [this](const QString& name) {
        return std::any_of(entries_.begin(), entries_.end(),
                           [&name](const NodeEntry& each) { return each.name == name; });
    };
    for (int number = 2; taken(entry.name); ++number)
        entry.name = QStringLiteral("%1 %2").arg(wanted).arg(number);
    entries_ << entry;
    save();
    return entry.id;
}

void NodeBook::change(const NodeEntry& entry) {
    for (NodeEntry& each : entries_) {
        if (each.id == entry.id && each != entry) {
            each = entry;
            save();
            return;
        }
    }
}

void NodeBook::remove(const QString& id) {
    for (qsizetype i = 0; i < entries_.size(); ++i) {
        if (entries_[i].id != id || id == kLocalNode)
            continue;
        removed_ = Removed{entries_.takeAt(i), i, default_ == id};
        removed_ids_ << id;
        if (default_ == id)
            default_ = kLocalNode;
        save();
        return;
    }
}

QString NodeBook::undoRemove() {
    if (!removed_)
        return {};
    const Removed back = *std::exchange(removed_, {});
    removed_ids_.removeAll(back.entry.id);
    entries_.insert(std::min(back.index, entries_.size()), back.entry);
    if (back.was_default)
        default_ = back.entry.id;
    save();
    return back.entry.id;
}

void NodeBook::forget(const QString& id) {
    if (removed_ids_.removeAll(id) > 0)
        write();
}

void NodeBook::move(const QString& id, int by) {
    for (qsizetype i = 0; i < entries_.size(); ++i) {
        if (entries_[i].id != id)
            continue;
        const qsizetype to = std::clamp<qsizetype>(i + by, 0, entries_.size() - 1);
        if (to != i) {
            entries_.move(i, to);
            save();
        }
        return;
    }
}

void NodeBook::setDefault(const QString& id) {
    if (default_ != id && find(id)) {
        default_ = id;
        save();
    }
}

} // namespace fulgurite
