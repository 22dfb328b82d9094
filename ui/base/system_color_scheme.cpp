// SPDX-License-Identifier: GPL-3.0-or-later
// org.freedesktop.portal.Settings, key org.freedesktop.appearance color-scheme: 1 dark, 2 light, 0 no preference.
#include "ui/base/system_color_scheme.h"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDBusVariant>
#include <QGuiApplication>
#include <QPalette>
#include <QVariant>

namespace fulgurite {
namespace {

const QString kService = QStringLiteral("org.freedesktop.portal.Desktop");
const QString kPath = QStringLiteral("/org/freedesktop/portal/desktop");
const QString kInterface = QStringLiteral("org.freedesktop.portal.Settings");
const QString kArea = QStringLiteral("org.freedesktop.appearance");
const QString kKey = QStringLiteral("color-scheme");

} // namespace

SystemColorScheme::SystemColorScheme(QObject* parent) : QObject(parent) {
    const QPalette palette = QGuiApplication::palette();
    dark_ = palette.color(QPalette::Window).lightness() < palette.color(QPalette::WindowText).lightness();
    if (qEnvironmentVariableIsEmpty("DBUS_SESSION_BUS_ADDRESS") && qEnvironmentVariableIsEmpty("XDG_RUNTIME_DIR"))
        return;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    bus.connect(kService, kPath, kInterface, QStringLiteral("SettingChanged"), this,
                SLOT(settingChanged(QString, QString, QDBusVariant)));
    QDBusMessage call = QDBusMessage::createMethodCall(kService, kPath, kInterface, QStringLiteral("Read"));
    call << kArea << kKey;
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(call, 2000), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this](QDBusPendingCallWatcher* done) {
        const QDBusPendingReply<QDBusVariant> reply = *done;
        if (reply.isValid())
            take(reply.value().variant());
        done->deleteLater();
    });
}

void SystemColorScheme::settingChanged(const QString& area, const QString& key, const QDBusVariant& value) {
    if (area == kArea && key == kKey)
        take(value.variant());
}

void SystemColorScheme::take(const QVariant& value) {
    // `Read` wraps the value in a second variant; the signal does not.
    const QVariant inner = value.canConvert<QDBusVariant>() ? qvariant_cast<QDBusVariant>(value).variant() : value;
    const uint scheme = inner.toUInt();
    if (scheme == 0 || (scheme == 1) == dark_)
        return;
    dark_ = scheme == 1;
    emit changed();
}

} // namespace fulgurite
