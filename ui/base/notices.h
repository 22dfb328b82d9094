// SPDX-License-Identifier: GPL-3.0-or-later
// What the program has to tell without a dialog. Errors stay until the person dismisses them.
#pragma once

#include <QList>
#include <QObject>
#include <QString>

#include <functional>

namespace fulgurite {

enum class Severity { Info, Warning, Error };

struct NoticeAction {
    QString title;
    std::function<void()> run;
    bool dismisses = true;
};

struct Notice {
    QString id; // a second notice of the same id takes the place of the first
    Severity severity = Severity::Info;
    QString text;    // what happened, to what, and what to do next
    QString details = {}; // shown on demand: the tail of a log
    QList<NoticeAction> actions = {};
    int seconds = 0; // Info only: goes by itself after this long; 0: stays
};

class Notices : public QObject {
    Q_OBJECT

  public:
    explicit Notices(QObject* parent = nullptr) : QObject(parent) {}

    void post(const Notice& notice);
    void dismiss(const QString& id);
    const QList<Notice>& all() const { return notices_; }

  signals:
    void changed();
    void posted(const fulgurite::Notice& notice);

  private:
    QList<Notice> notices_;
};

} // namespace fulgurite
