// SPDX-License-Identifier: GPL-3.0-or-later
// The service's name carries the workspace.
#include "ui/shell/activation.h"

#include <QCryptographicHash>
#include <QDBusConnection>
#include <QDBusMessage>

namespace fulgurite {
namespace {

const char* const kPath = "/org/fulgurite/Window";
const char* const kInterface = "org.fulgurite.Window";
constexpr int kAnswerMilliseconds = 2000;

QString serviceOf(const QString& workspace) {
    QString name = QStringLiteral("org.fulgurite.Fulgurite");
    if (!workspace.isEmpty()) {
        const QByteArray hash = QCryptographicHash::hash(workspace.toUtf8(), QCryptographicHash::Sha256);
        name += QStringLiteral(".w") + QString::fromLatin1(hash.toHex().left(16));
    }
    return name;
}

} // namespace

Activation::Activation(const QString& workspace, QObject* parent)
    : QObject(parent), service_(serviceOf(workspace)) {}

void Activation::offer() {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    bus.registerObject(QLatin1String(kPath), this, QDBusConnection::ExportScriptableSlots);
    bus.registerService(service_);
}

bool Activation::askOther(const QString& path) const {
    const QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return false;
    QDBusMessage call = QDBusMessage::createMethodCall(service_, QLatin1String(kPath), QLatin1String(kInterface),
                                                       QStringLiteral("Raise"));
    call << path;
    return bus.call(call, QDBus::Block, kAnswerMilliseconds).type() == QDBusMessage::ReplyMessage;
}

} // namespace fulgurite
