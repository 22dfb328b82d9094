// SPDX-License-Identifier: GPL-3.0-or-later
// A node whose certificate nobody here vouches for: what it shows, for the person to compare and accept once, or,
// where another one was accepted, both of them and a clear no.
#pragma once

#include <QFrame>
#include <QPointer>

class QLabel;
class QPushButton;

namespace fulgurite {

class RemoteLink;
class ThemeManager;

class CertificateNotice : public QFrame {
    Q_OBJECT

  public:
    explicit CertificateNotice(ThemeManager& themes, QWidget* parent = nullptr);

    // Shows itself while that link was refused for its certificate. Null: this computer.
    void watch(RemoteLink* link, const QString& name);

  signals:
    void accepted(const QString& fingerprint);

  private:
    void refresh();

    ThemeManager& themes_;
    QPointer<RemoteLink> link_;
    QString name_;
    QLabel* title_;
    QLabel* text_;
    QLabel* digits_;
    QPushButton* trust_;
};

// "9f86d081 884c7d65 ...": 64 digits as two people read them to each other.
QString spelledFingerprint(const QString& fingerprint);

} // namespace fulgurite
