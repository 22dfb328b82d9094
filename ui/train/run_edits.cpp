// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_edits.h"

#include "ui/train/run_board.h"

#include <QUndoCommand>

#include <exception>
#include <utility>

namespace fulgurite {
namespace {

class Change : public QUndoCommand {
  public:
    Change(const QString& text, std::function<void()> redo, std::function<void()> undo)
        : QUndoCommand(text), redo_(std::move(redo)), undo_(std::move(undo)) {}

    void redo() override { redo_(); }
    void undo() override { undo_(); }

  private:
    std::function<void()> redo_;
    std::function<void()> undo_;
};

std::vector<std::string> wordsOf(const QStringList& tags) {
    std::vector<std::string> words;
    for (const QString& tag : tags) {
        words.push_back(tag.toStdString());
    }
    return words;
}

} // namespace

RunEdits::RunEdits(RunFeed& feed, RunBoard& board, QObject* parent) : QObject(parent), feed_(feed), board_(board) {}

void RunEdits::push(const QString& text, std::function<void()> redo, std::function<void()> undo) {
    undo_.push(new Change(text, std::move(redo), std::move(undo)));
}

void RunEdits::rename(qint64 run, const QString& name) {
    const RunInfo* info = feed_.run(run);
    if (info == nullptr || info->name == name) {
        return;
    }
    const auto to = [this, run](const QString& text) {
        return [this, run, text = text.toStdString()] {
            feed_.edit([run, text](RunEditor& editor) { editor.setName(run, text); });
        };
    };
    push(tr("renaming a run"), to(name), to(info->name));
}

void RunEdits::setTags(const std::vector<qint64>& runs, const QStringList& tags) {
    using Tags = std::vector<std::pair<qint64, std::vector<std::string>>>;
    Tags before;
    Tags after;
    for (const qint64 run : runs) {
        if (const RunInfo* info = feed_.run(run)) {
            before.emplace_back(run, wordsOf(info->tags));
            after.emplace_back(run, wordsOf(tags));
        }
    }
    const auto to = [this](const Tags& wanted) {
        return [this, wanted] {
            feed_.edit([wanted](RunEditor& editor) {
                for (const auto& [run, words] : wanted) {
                    editor.setTags(run, words);
                }
            });
        };
    };
    if (before != after) {
        push(tr("changing tags"), to(after), to(before));
    }
}

void RunEdits::setNotes(qint64 run, const QString& notes) {
    const RunInfo* info = feed_.run(run);
    if (info == nullptr || info->notes == notes) {
        return;
    }
    const auto to = [this, run](const QString& text) {
        return [this, run, text = text.toStdString()] {
            feed_.edit([run, text](RunEditor& editor) { editor.setNotes(run, text); });
        };
    };
    push(tr("changing notes"), to(notes), to(info->notes));
}

void RunEdits::setLook(const QString& group, int look) {
    const std::optional<int> before = board_.chosenLook(group);
    push(
        tr("choosing a colour"), [this, group, look] { board_.setLook(group, look); },
        [this, group, before] { board_.setLook(group, before); });
}

QStringList RunEdits::remove(const std::vector<qint64>& runs) {
    QStringList busy;
    std::vector<qint64> gone;
    for (const qint64 run : runs) {
        const RunInfo* info = feed_.run(run);
        if (info != nullptr && info->state == RunState::Running) {
            busy << info->name;
        } else if (info != nullptr) {
            gone.push_back(run);
        }
    }
    if (!gone.empty()) {
        push(
            gone.size() == 1 ? tr("deleting a run") : tr("deleting %1 runs").arg(gone.size()),
            [this, gone] { hide(gone, true); }, [this, gone] { hide(gone, false); });
    }
    return busy;
}

void RunEdits::hide(const std::vector<qint64>& runs, bool hidden) {
    QSet<qint64> removed = board_.removed();
    for (const qint64 run : runs) {
        if (hidden) {
            removed.insert(run);
        } else {
            removed.remove(run);
        }
    }
    board_.setRemoved(removed);
}

void RunEdits::settle() {
    const QSet<qint64> removed = board_.removed();
    undo_.clear();
    if (removed.isEmpty()) {
        return;
    }
    for (const qint64 run : removed) {
        if (const RunInfo* info = feed_.run(run)) {
            emit this->removed(info->uuid);
        }
    }
    feed_.edit([removed](RunEditor& editor) {
        std::exception_ptr trouble; // of one run; the others go all the same
        for (const qint64 run : removed) {
            try {
                editor.remove(run);
            } catch (const Error&) {
                trouble = std::current_exception();
            }
        }
        if (trouble) {
            std::rethrow_exception(trouble);
        }
    });
    board_.setRemoved({});
}

} // namespace fulgurite
