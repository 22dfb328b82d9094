// SPDX-License-Identifier: GPL-3.0-or-later
// What no engine has been asked yet: drafts, messages behind an answer, and what is done once an answer has ended.
#include "ui/conversation/conversation_controller.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <utility>

namespace fulgurite {

namespace {

constexpr const char* kQueueName = "queue";

// What an earlier version wrote is the text alone, and was typed in no conversation.
QJsonArray queueFrom(const std::string& value) {
    const QJsonArray entries = QJsonDocument::fromJson(QByteArray::fromStdString(value)).array();
    const bool ours = std::all_of(entries.begin(), entries.end(),
                                  [](const QJsonValue& each) { return each.toObject().contains("text"); });
    if (value.empty() || value == "[]" || (ours && !entries.isEmpty())) {
        return entries;
    }
    return {QJsonObject{{"conversation", QStringLiteral("0")}, {"text", QString::fromStdString(value)}}};
}

void keepQueue(Workspace& workspace, const QJsonArray& left, const QJsonArray& own) {
    QJsonArray all = left;
    for (const QJsonValue& each : own) {
        all.append(each);
    }
    if (all.isEmpty()) {
        workspace.removeValue(ValueKind::Setting, kQueueName);
    } else {
        workspace.setValue(ValueKind::Setting, kQueueName,
                           QJsonDocument(all).toJson(QJsonDocument::Compact).toStdString());
    }
}

} // namespace

// Of what waits in the file. Lives on the store's thread: jobs may come before the last run's has become drafts,
// and must not write over it; nor where it could not.
struct ConversationController::KeptQueue {
    const Workspace* of = nullptr;
    QJsonArray left; // of the last run
    QJsonArray own;

    void look(Workspace& workspace) {
        if (of != &workspace) {
            own = {};
            left = queueFrom(workspace.value(ValueKind::Setting, kQueueName).value_or(""));
            of = &workspace;
        }
    }
};

QString textBefore(const QString& text, const QString& typed) {
    return typed.isEmpty() ? text : text + QLatin1String("\n\n") + typed;
}

void ConversationController::setDraft(const QString& text) {
    if (text == draft_) {
        return;
    }
    draft_ = text;
    line_.draft = text;
    draft_timer_.start();
    count_timer_.start();
}

void ConversationController::saveDraft() {
    draft_timer_.stop();
    unsaved_drafts_[line_.id] = draft_;
    writeDrafts();
}

// All that the file does not have: one that it refused belongs to a conversation that may have been left since.
void ConversationController::writeDrafts() {
    draft_again_timer_.stop();
    store_.ask<QString>(
        this,
        [drafts = unsaved_drafts_](StoreSession& session) {
            try {
                for (auto each = drafts.constBegin(); each != drafts.constEnd(); ++each) {
                    session.workspace().setDraft(each.key(), each.value().toStdString());
                }
                return QString();
            } catch (const Error& error) {
                return QString::fromUtf8(error.what());
            }
        },
        [this, drafts = unsaved_drafts_](const QString& problem) {
            const bool told = std::exchange(draft_refused_, !problem.isEmpty());
            if (draft_refused_) {
                draft_again_timer_.start();
                if (!told) {
                    emit failed(problem);
                }
                return;
            }
            for (auto saved = drafts.constBegin(); saved != drafts.constEnd(); ++saved) {
                const auto known = unsaved_drafts_.constFind(saved.key());
                if (known != unsaved_drafts_.constEnd() && *known == *saved) { // else it was typed on meanwhile
                    unsaved_drafts_.remove(saved.key());
                }
            }
        });
}

// Typed behind the message that brings the conversation into being, which another one is shown by now.
void ConversationController::takeDraftAlong(qint64 conversation) {
    if (unsaved_drafts_.contains(0)) {
        unsaved_drafts_.insert(conversation, unsaved_drafts_.take(0));
    }
    store_.post([conversation](StoreSession& session) {
        session.workspace().setDraft(conversation, session.workspace().draft(0));
        session.workspace().setDraft(0, {});
    });
}

QStringList ConversationController::queue() const {
    QStringList result;
    for (const Queued& each : queue_) {
        if (each.conversation == line_.id) {
            result << each.text;
        }
    }
    return result;
}

bool ConversationController::queues() const {
    const auto goes_first = [this](const Queued& each) {
        return goesTo(each.node) && !heldBack(each.conversation);
    };
    // Undo and redo, under way or put off, give back what comes to the conversation that they are about.
    const bool changes = steps_under_way_ > 0 || !deferred_.empty();
    return running() || changes || !engine_ || !goesTo(target_) || heldBack(line_.id) ||
           std::any_of(queue_.begin(), queue_.end(), goes_first);
}

void ConversationController::setTarget(const QString& node) {
    target_ = node;
    for (Queued& each : queue_) {
        if (each.conversation == line_.id) {
            each.node = node; // it goes along, to where a person sees it go
        }
    }
    nextFromQueue();
}

bool ConversationController::goesTo(const QString& node) const {
    return node.isEmpty() || node_.isEmpty() || node == node_;
}

void ConversationController::nextFromQueue() {
    if (running() || !engine_ || unsettled_ || steps_under_way_ > 0 || !deferred_.empty()) {
        return;
    }
    const auto next = std::find_if(queue_.begin(), queue_.end(), [this](const Queued& each) {
        return goesTo(each.node) && !heldBack(each.conversation);
    });
    if (next == queue_.end()) {
        return;
    }
    const Queued sent = *next;
    queue_.erase(next);
    emit queueChanged();
    sendNow(sent.conversation, sent.text, queueWriter());
}

// Out of the queue, in its order. The file keeps them in it until giveBack() has put them elsewhere.
QStringList ConversationController::takeQueued(qint64 conversation) {
    QStringList texts;
    QList<Queued> others;
    for (const Queued& each : std::exchange(queue_, {})) {
        if (each.conversation == conversation) {
            texts << each.text;
        } else {
            others << each;
        }
    }
    queue_ = others;
    if (!texts.isEmpty()) {
        emit queueChanged();
    }
    return texts;
}

// Before what is typed in the conversation, shown or not.
void ConversationController::giveBack(qint64 conversation, const QStringList& texts) {
    if (texts.isEmpty()) {
        return;
    }
    const QString text = texts.join(QLatin1String("\n\n"));
    if (conversation == line_.id) {
        emit draftRestored(text);
        saveDraft();
        saveQueue();
        return;
    }
    const auto known = unsaved_drafts_.constFind(conversation);
    const std::optional<QString> newer = known == unsaved_drafts_.constEnd() ? std::nullopt : std::optional(*known);
    struct Draft {
        QString text;
        bool kept = false;
    };
    store_.ask<Draft>(
        this,
        [conversation, text, newer, write_queue = queueWriter()](StoreSession& session) {
            Draft draft;
            draft.text =
                textBefore(text, newer ? *newer : QString::fromStdString(session.workspace().draft(conversation)));
            try {
                Transaction transaction(session.workspace().database());
                session.workspace().setDraft(conversation, draft.text.toStdString());
                write_queue(session);
                transaction.commit();
                draft.kept = true;
            } catch (const Error&) { // tried again, and told, as with every draft
            }
            return draft;
        },
        [this, conversation, text, newer](const Draft& draft) {
            if (conversation == line_.id) {
                emit draftRestored(text); // opened meanwhile, as it was before
            } else if (newer || !draft.kept) {
                unsaved_drafts_.insert(conversation, draft.text);
                writeDrafts();
                saveQueue();
            }
        });
}

// Writes what waits now, within a job that does more: cut off in between, nothing would be lost.
std::function<void(StoreSession&)> ConversationController::queueWriter() {
    if (!kept_queue_) {
        kept_queue_ = std::make_shared<KeptQueue>();
    }
    QJsonArray entries;
    for (const Queued& each : queue_) {
        entries.append(QJsonObject{{"conversation", QString::number(each.conversation)}, {"text", each.text}});
    }
    return [entries, kept = kept_queue_](StoreSession& session) {
        kept->look(session.workspace());
        keepQueue(session.workspace(), kept->left, entries);
        kept->own = entries;
    };
}

void ConversationController::saveQueue() {
    store_.post(queueWriter());
}

// What waited when the last run ended.
void ConversationController::restoreQueue() {
    if (!kept_queue_) {
        kept_queue_ = std::make_shared<KeptQueue>();
    }
    store_.post([kept = kept_queue_](StoreSession& session) {
        Workspace& workspace = session.workspace();
        kept->look(workspace);
        const QJsonArray& entries = kept->left;
        Transaction transaction(workspace.database());
        for (qsizetype i = entries.size() - 1; i >= 0; --i) { // the first one stands before the others
            const QJsonObject entry = entries[i].toObject();
            const qint64 id = entry["conversation"].toString().toLongLong();
            const QString typed = QString::fromStdString(workspace.draft(id));
            workspace.setDraft(id, textBefore(entry["text"].toString(), typed).toStdString());
        }
        keepQueue(workspace, {}, kept->own);
        transaction.commit();
        kept->left = {};
    });
}

void ConversationController::stop() {
    while (!queue_.isEmpty()) {
        const qint64 conversation = queue_.first().conversation;
        giveBack(conversation, takeQueued(conversation));
    }
    if (run_) {
        run_->stop_asked = true;
        run_->stream->cancel();
    } else if (starting_) {
        stop_at_launch_ = true;
    } else {
        forgetInterrupted();
    }
}

// The file was asked to keep the end of an answer. Who stopped meanwhile meant that answer, which may go on by
// itself; or else what was to come after it.
void ConversationController::endHandedOver() {
    starting_ = false;
    if (deferred_.empty() && std::exchange(stop_at_launch_, false)) {
        forgetInterrupted();
    }
}

void ConversationController::whenIdle(std::function<void()> action) {
    if (!running()) {
        action();
        return;
    }
    deferred_.push_back(std::move(action));
    if (run_) {
        run_->stop_asked = true;
        run_->stream->cancel();
    }
}

void ConversationController::askWhenIdle(std::function<void()> request) {
    whenIdle([this, node = target_, request = std::move(request)] {
        if (!engine_ || goesTo(node)) { // that there is none is told where it would be asked
            request();
        } else {
            emit failed(tr("The answer was not asked for, because the node that it was meant for is not the one in "
                           "use: another conversation was opened, or this one was moved, or its node is not ready "
                           "yet. Ask again once that node is."));
        }
    });
}

// A later one stops what an earlier one began.
void ConversationController::runDeferred() {
    for (const std::function<void()>& action : std::exchange(deferred_, {})) {
        whenIdle(action);
    }
}

// The file has the end of an answer, or never will: what waited for that comes now.
void ConversationController::settled(bool wrote) {
    unsettled_.reset();
    emit runningChanged();
    runDeferred();
    afterInterruption(wrote);
    nextFromQueue();
}

void ConversationController::settleLate() {
    saveQueue();
    if (line_.id != 0) {
        open(line_.id); // as the file has it now
    }
    if (unsettled_) {
        settled(*unsettled_);
    }
}

} // namespace fulgurite
