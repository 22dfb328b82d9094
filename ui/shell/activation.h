// SPDX-License-Identifier: GPL-3.0-or-later
// One window for each workspace: a second start asks the first one, over D-Bus, to come to the front.
#pragma once

#include <QObject>
#include <QString>
#include <QStringList>

namespace fulgurite {

class Activation : public QObject {
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.fulgurite.Window")

  public:
    // `workspace` empty: the person's own. Without a session bus nothing is offered and nothing is asked.
    explicit Activation(const QString& workspace, QObject* parent = nullptr);

    void offer();
    // True when another window has answered.
    bool askOther(const QString& path) const;

  public slots:
    Q_SCRIPTABLE void Raise(const QString& path) { emit raiseWanted(path); }

  signals:
    void raiseWanted(const QString& path);

  private:
    QString service_;
};

} // namespace fulgurite
