// SPDX-License-Identifier: GPL-3.0-or-later
// Whether the desktop asks for dark or light: the settings portal where there is one, else the platform's palette.
#pragma once

#include <QObject>

class QDBusVariant;

namespace fulgurite {

class SystemColorScheme : public QObject {
    Q_OBJECT

  public:
    // Must be made before the application's own palette is set. Asks the portal without waiting for it.
    explicit SystemColorScheme(QObject* parent = nullptr);

    bool dark() const { return dark_; }

  signals:
    void changed();

  private slots:
    void settingChanged(const QString& area, const QString& key, const QDBusVariant& value);

  private:
    void take(const QVariant& value);

    bool dark_ = true;
};

} // namespace fulgurite
