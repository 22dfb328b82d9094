// SPDX-License-Identifier: GPL-3.0-or-later
// What a person changes about runs, each to be undone: names, tags, notes, looks, and deleting. A deleted run goes
// from the list at once, and from its file when that is closed; until then it can come back.
#pragma once

#include <QObject>
#include <QSet>
#include <QStringList>
#include <QUndoStack>

#include <functional>
#include <vector>

namespace fulgurite {

class RunBoard;
class RunFeed;

class RunEdits : public QObject {
    Q_OBJECT

  public:
    RunEdits(RunFeed& feed, RunBoard& board, QObject* parent = nullptr);

    QUndoStack& undo() { return undo_; }

    void rename(qint64 run, const QString& name);
    void setTags(const std::vector<qint64>& runs, const QStringList& tags);
    void setNotes(qint64 run, const QString& notes);
    void setLook(const QString& group, int look);
    // Those that somebody is writing stay; their names come back.
    QStringList remove(const std::vector<qint64>& runs);
    // Takes what was deleted from the file, and forgets what could be undone. To be called before the file is
    // closed.
    void settle();

  signals:
    void removed(const QString& uuid); // for good

  private:
    void push(const QString& text, std::function<void()> redo, std::function<void()> undo);
    void hide(const std::vector<qint64>& runs, bool hidden);

    RunFeed& feed_;
    RunBoard& board_;
    QUndoStack undo_;
};

} // namespace fulgurite
