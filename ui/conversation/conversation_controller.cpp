// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown, and the changes that need no engine.
#include "ui/conversation/conversation_controller.h"

#include <algorithm>
#include <utility>

namespace fulgurite {

namespace {

constexpr int kDraftMilliseconds = 300;
constexpr int kDraftAgainMilliseconds = 3000; // after the file could not take it
constexpr int kCountMilliseconds = 250;
constexpr int kSamplerMilliseconds = 600;
constexpr int kMapMilliseconds = 400;
constexpr int kContextMilliseconds = 100;

} // namespace

ConversationController::ConversationController(const QString& workspace_file, QObject* parent)
    : QObject(parent), store_(workspace_file), courier_(std::make_shared<Courier>(this)) {
    connect(&store_, &StoreThread::opened, this, &ConversationController::workspaceReady);
    connect(&store_, &StoreThread::openFailed, this, &ConversationController::workspaceFailed);
    connect(&store_, &StoreThread::failed, this, &ConversationController::failed);
    connect(&store_, &StoreThread::saved, this, [this] { emit saved(QDateTime::currentDateTime()); });
    connect(&store_, &StoreThread::caughtUp, this, [this] {
        settleLate();
        emit caughtUp();
    });
    connect(&store_, &StoreThread::gaveUp, this, &ConversationController::settleLate);
    const auto prepare = [this](QTimer& timer, int milliseconds, auto action) {
        timer.setSingleShot(true);
        timer.setInterval(milliseconds);
        connect(&timer, &QTimer::timeout, this, action);
    };
    prepare(draft_timer_, kDraftMilliseconds, [this] { saveDraft(); });
    prepare(draft_again_timer_, kDraftAgainMilliseconds, [this] { writeDrafts(); });
    prepare(sampler_timer_, kSamplerMilliseconds, [this] { saveSampler(); });
    prepare(count_timer_, kCountMilliseconds, [this] { countDraft(draft_); });
    resume_timer_.setSingleShot(true);
    connect(&resume_timer_, &QTimer::timeout, this, &ConversationController::resumeInterrupted);
    prepare(map_timer_, kMapMilliseconds, [this] { askMapCosts(); });
    prepare(context_timer_, kContextMilliseconds, [this] { updateContext(); });
}

ConversationController::~ConversationController() {
    courier_->close();
    if (run_) {
        run_->stream.reset();
        AnswerResult result = run_->result;
        result.reason = QStringLiteral("cut");
        result.completion_tokens = run_->new_tokens;
        store_.post([node = run_->turn.id, json = toJson(result).toStdString()](StoreSession& session) {
            session.finish(node, {NodeState::Cut, json, 0});
        });
    }
    if (draft_timer_.isActive() || !unsaved_drafts_.isEmpty()) {
        saveDraft();
    }
    if (!queue_.isEmpty()) {
        saveQueue();
    }
    settleSampler();
}

void ConversationController::workspaceReady(int recovered) {
    loaded_ = false;
    opened_ = true;
    restoreQueue();
    change([first = std::exchange(first_, 0)](StoreSession& session) -> std::optional<ConversationId> {
        const std::vector<Conversation> all = session.workspace().conversations().list(); // the latest first
        const auto shown =
            std::find_if(all.begin(), all.end(), [first](const Conversation& each) { return each.id == first; });
        if (all.empty()) {
            return std::nullopt;
        }
        return shown == all.end() ? all.front().id : shown->id;
    });
    loadPresets();
    emit workspaceOpened(recovered);
}

ConversationController::Update ConversationController::updateFor(StoreSession& session,
                                                                 std::optional<ConversationId> id, bool with_rows) {
    Update update;
    try {
        update.line = id ? buildLine(session, *id) : emptyLine(session);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound) {
            throw;
        }
        update.line = emptyLine(session); // an undone creation
    }
    if (with_rows) {
        update.rows = buildRows(session);
    }
    update.labels = fulgurite::undoLabels(session);
    return update;
}

void ConversationController::change(Job job, bool with_rows, std::function<void()> then,
                                    std::function<void()> otherwise) {
    settleSampler();
    store_.ask<Update>(
        this,
        [job = std::move(job), with_rows](StoreSession& session) {
            return updateFor(session, job(session), with_rows);
        },
        [this, then = std::move(then)](const Update& update) {
            apply(update);
            if (then) {
                then();
            }
        },
        std::move(otherwise));
}

void ConversationController::apply(const Update& update) {
    // What has been typed and set belongs to the conversation that is being left.
    if (update.line.id != line_.id) {
        if (draft_timer_.isActive()) {
            saveDraft();
        }
        settleSampler();
    }
    const bool another = update.line.id != line_.id || !std::exchange(loaded_, true);
    const LineView before = std::exchange(line_, update.line);
    if (another) {
        line_.draft = unsaved_drafts_.value(line_.id, line_.draft);
        draft_ = line_.draft;
    } else {
        line_.draft = before.draft;
        if (sampler_timer_.isActive() || line_.id == 0) {
            line_.sampler = before.sampler; // newer than what the store knew
            line_.sampler_chosen = before.sampler_chosen;
        }
        if (line_.id == 0) {
            line_.raw = before.raw;
            line_.system_prompt = before.system_prompt;
        }
    }
    if (!line_.sampler_chosen) {
        line_.sampler = model_sampler_;
    }
    addMissingTokens(line_);
    emit lineChanged();
    emit mapChanged(line_.map);
    applyRows(update);
    map_timer_.start();
    updateContext();
}

// Another one may have been opened meanwhile; what that looks like is on its way.
void ConversationController::applyWhereShown(const Update& update) {
    if (update.line.id == line_.id) {
        apply(update);
    } else {
        applyRows(update);
    }
}

void ConversationController::applyRows(const Update& update) {
    if (update.rows) {
        all_rows_ = *update.rows;
        if (query_.isEmpty()) {
            rows_ = all_rows_;
            emit rowsChanged();
        } else {
            search(query_);
        }
    }
    setUndoLabels(update.labels);
}

void ConversationController::setUndoLabels(const UndoLabels& labels) {
    if (labels.undo != undo_labels_.undo || labels.redo != undo_labels_.redo) {
        undo_labels_ = labels;
        emit undoChanged();
    }
}

// Tokens that came while the store was reading the line.
void ConversationController::addMissingTokens(LineView& line) const {
    if (!run_ || run_->conversation != line.id) {
        return;
    }
    for (Turn& turn : line.turns) {
        if (turn.id == run_->turn.id) {
            const int index = turn.sibling_index;
            const int count = turn.sibling_count;
            const int position = turn.position;
            turn = run_->turn;
            turn.sibling_index = index;
            turn.sibling_count = count;
            turn.position = std::max(position, turn.position);
        }
    }
}

void ConversationController::open(qint64 id) {
    change([id](StoreSession&) { return std::optional<ConversationId>(id); }, false);
}

void ConversationController::openFirst(qint64 id) {
    if (opened_) {
        open(id);
    } else {
        first_ = id;
    }
}

void ConversationController::newConversation() {
    change([](StoreSession&) { return std::optional<ConversationId>(); }, false);
}

void ConversationController::openLatest() {
    if (!rows_.isEmpty()) {
        open(rows_.first().id);
    }
}

void ConversationController::search(const QString& query) {
    query_ = query.trimmed();
    const quint64 question = ++search_question_;
    store_.ask<QList<ConversationRow>>(
        this,
        [text = query_](StoreSession& session) {
            return text.isEmpty() ? buildRows(session) : searchRows(session, text);
        },
        [this, question](const QList<ConversationRow>& rows) {
            if (question == search_question_) { // the latest question wins
                rows_ = rows;
                if (query_.isEmpty()) {
                    all_rows_ = rows;
                }
                emit rowsChanged();
            }
        });
}

void ConversationController::showTurn(qint64 turn) {
    showTurnThen(turn, {});
}

void ConversationController::showTurnThen(qint64 turn, std::function<void()> then) {
    change(
        [turn](StoreSession& session) -> std::optional<ConversationId> {
            ConversationStore& store = session.workspace().conversations();
            store.select(store.leafOf(turn));
            return store.node(turn).conversation;
        },
        false, std::move(then));
}

void ConversationController::branchAfter(qint64 turn) {
    change(
        [turn](StoreSession& session) -> std::optional<ConversationId> {
            session.workspace().conversations().select(turn);
            return session.workspace().conversations().node(turn).conversation;
        },
        false);
}

void ConversationController::switchSibling(qint64 turn, int step) {
    change(
        [turn, step](StoreSession& session) -> std::optional<ConversationId> {
            ConversationStore& store = session.workspace().conversations();
            const std::vector<NodeId> siblings = store.siblings(turn);
            const auto at = std::find(siblings.begin(), siblings.end(), turn) - siblings.begin() + step;
            if (at >= 0 && at < static_cast<std::ptrdiff_t>(siblings.size())) {
                store.select(store.leafOf(siblings[static_cast<std::size_t>(at)]));
            }
            return store.node(turn).conversation;
        },
        false);
}

void ConversationController::removeBranch(qint64 turn) {
    giveBack(line_.id, takeQueued(line_.id)); // it may be about what goes
    whenIdle([this, turn] {
        change([turn](StoreSession& session) -> std::optional<ConversationId> {
            ConversationStore& store = session.workspace().conversations();
            const ConversationId id = store.node(turn).conversation;
            store.removeBranch(turn);
            return id;
        });
    });
}

void ConversationController::nameBranch(qint64 turn, const QString& name) {
    change([turn, name = name.toStdString()](StoreSession& session) -> std::optional<ConversationId> {
        session.workspace().conversations().nameBranch(turn, name);
        return session.workspace().conversations().node(turn).conversation;
    });
}

void ConversationController::rename(qint64 id, const QString& title) {
    change([id, shown = line_.id, title = title.toStdString()](StoreSession& session) {
        session.workspace().conversations().rename(id, title);
        return shown ? std::optional<ConversationId>(shown) : std::nullopt;
    });
}

void ConversationController::setStarred(qint64 id, bool starred) {
    change([id, shown = line_.id, starred](StoreSession& session) {
        session.workspace().conversations().setStarred(id, starred);
        return shown ? std::optional<ConversationId>(shown) : std::nullopt;
    });
}

void ConversationController::setFolder(qint64 id, const QString& folder) {
    change([id, shown = line_.id, folder = folder.toStdString()](StoreSession& session) {
        session.workspace().conversations().setFolder(id, folder);
        return shown ? std::optional<ConversationId>(shown) : std::nullopt;
    });
}

void ConversationController::setTags(qint64 id, const QStringList& tags) {
    std::vector<std::string> list;
    for (const QString& tag : tags) {
        list.push_back(tag.simplified().toStdString());
    }
    change([id, shown = line_.id, list](StoreSession& session) {
        session.workspace().conversations().setTags(id, list);
        return shown ? std::optional<ConversationId>(shown) : std::nullopt;
    });
}

void ConversationController::remove(qint64 id) {
    const auto removal = [this, id] {
        change([id, shown = line_.id](StoreSession& session) -> std::optional<ConversationId> {
            ConversationStore& store = session.workspace().conversations();
            store.remove(id);
            if (shown != id) {
                return shown ? std::optional<ConversationId>(shown) : std::nullopt;
            }
            const std::vector<Conversation> latest = store.list(1);
            return latest.empty() ? std::nullopt : std::optional(latest.front().id);
        });
    };
    giveBack(id, takeQueued(id));
    if (run_ && run_->conversation == id) {
        whenIdle(removal);
    } else {
        removal();
    }
}

} // namespace fulgurite
