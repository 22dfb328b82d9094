// SPDX-License-Identifier: GPL-3.0-or-later
// What no engine has been asked yet: drafts, messages behind an answer, and what is done once an answer has ended.
#include "ui/conversation/conversation_controller.h"

#include <algorithm>
#include <utility>

namespace fulgurite {

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
    const auto goes_first = [this](const Queued& each) { return goesTo(each.node) && !heldBack(each.conversation); };
    return running() || !engine_ || !goesTo(target_) || heldBack(line_.id) ||
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
    if (running() || !engine_ || unsettled_) {
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
    saveQueue();
    emit queueChanged();
    sendNow(sent.conversation, sent.text);
}

// Out of the queue, in its order: what waits in this conversation, or in all of them.
QStringList ConversationController::takeQueued(std::optional<qint64> conversation) {
    QStringList texts;
    QList<Queued> others;
    for (const Queued& each : std::exchange(queue_, {})) {
        if (!conversation || each.conversation == *conversation) {
            texts << each.text;
        } else {
            others << each;
        }
    }
    queue_ = others;
    if (!texts.isEmpty()) {
        saveQueue();
        emit queueChanged();
    }
    return texts;
}

void ConversationController::saveQueue() {
    QStringList texts;
    for (const Queued& each : queue_) {
        texts << each.text;
    }
    store_.post([text = texts.join(QLatin1String("\n\n")).toStdString()](StoreSession& session) {
        if (text.empty()) {
            session.workspace().removeValue(ValueKind::Setting, "queue");
        } else {
            session.workspace().setValue(ValueKind::Setting, "queue", text);
        }
    });
}

void ConversationController::stop() {
    const QStringList waiting = takeQueued({});
    if (!waiting.isEmpty()) {
        emit draftRestored(waiting.join(QLatin1String("\n\n")));
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
        if (goesTo(node)) {
            request();
        } else {
            emit failed(tr("Another conversation was opened, whose node is another one, before the answer could be "
                           "asked for. Ask again where it belongs."));
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
