// SPDX-License-Identifier: GPL-3.0-or-later
// Answers: asking an engine, taking what it writes, and what waits behind it.
#include "ui/conversation/conversation_controller.h"

#include <QRandomGenerator>

#include <algorithm>
#include <utility>

namespace fulgurite {

namespace {

// An answer below `parent`, ready to be written into.
NodeId addAnswer(StoreSession& session, ConversationId conversation, const std::optional<NodeId>& parent,
                 const EngineAbilities& engine, const QByteArray& record, std::string_view label) {
    NewNode answer;
    answer.conversation = conversation;
    answer.parent = parent;
    answer.role = MessageRole::Assistant;
    answer.state = NodeState::Streaming;
    answer.model = engine.model.toStdString();
    answer.request = record.toStdString();
    return session.workspace().conversations().append(answer, label);
}

// An end of sentence closed the answer: going on means going on before it.
std::size_t dropEnd(StoreSession& session, const Node& node) {
    TokenStore& tokens = session.workspace().tokens();
    std::size_t count = tokens.count(node.id);
    const AnswerResult result = answerResultFromJson(QByteArray::fromStdString(node.result));
    const bool ended =
        result.reason == QLatin1String("end_of_sentence") || result.reason == QLatin1String("stop_token");
    if (ended && count > 0 && tokens.read(node.id, count - 1, 1, TokenDetail::Summary).front().text.empty()) {
        tokens.truncate(node.id, --count);
    }
    return count;
}

} // namespace

void ConversationController::setEngine(std::shared_ptr<client::EngineClient> engine,
                                       const client::EngineInfo& info) {
    engine_ = std::move(engine);
    info_ = info;
    emit runningChanged();
    updateContext();
    map_timer_.start();
    count_timer_.start();
    nextFromQueue();
}

void ConversationController::clearEngine() {
    if (!engine_) {
        return;
    }
    // Ends what runs with an error of its own, as the connection does.
    engine_.reset();
    load_ = {};
    emit runningChanged();
    updateContext();
}

void ConversationController::setLoad(const client::EngineLoad& load) {
    load_ = load;
    updateContext();
}

EngineAbilities ConversationController::abilities() const {
    return {QString::fromStdString(info_.model.id), info_.can("generate"), 20};
}

std::uint64_t ConversationController::seedFor(const SamplerSettings& settings) const {
    return settings.seed ? *settings.seed : QRandomGenerator::global()->generate();
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

void ConversationController::send(const QString& text) {
    if (text.trimmed().isEmpty()) {
        return;
    }
    draft_.clear();
    line_.draft.clear();
    draft_timer_.start();
    if (running() || !engine_ || !queue_.isEmpty()) {
        queue_ << Queued{line_.id, text};
        saveQueue();
        emit queueChanged();
        return;
    }
    sendNow(line_.id, text);
}

void ConversationController::sendNow(qint64 conversation, const QString& text) {
    const SamplerSettings sampler = line_.sampler;
    const std::uint64_t seed = seedFor(sampler);
    NewConversation fresh;
    fresh.title = titleFrom(text).toStdString();
    fresh.raw = line_.raw;
    fresh.system_prompt = line_.system_prompt.toStdString();
    fresh.settings = toJson(sampler).toStdString();
    prepareRun([=, engine = abilities(), shown = line_.id](StoreSession& session) {
        Workspace& workspace = session.workspace();
        ConversationStore& store = workspace.conversations();
        const SamplerSettings used =
            conversation != 0 && conversation != shown
                ? samplerFromJson(QByteArray::fromStdString(store.conversation(conversation).settings))
                : sampler;
        Prepared prepared;
        prepared.conversation = conversation;
        workspace.journal().asOneStep("Send", conversation ? std::optional(conversation) : std::nullopt, [&] {
            if (conversation == 0) {
                prepared.conversation = store.create(fresh);
            }
            const Conversation about = store.conversation(prepared.conversation);
            NewNode question;
            question.conversation = about.id;
            question.parent = about.head;
            question.role = about.raw ? MessageRole::Prompt : MessageRole::User;
            question.content = text.toStdString();
            const NodeId parent = store.append(question);
            const QByteArray record =
                requestRecord(used, seed, QString::fromStdString(about.system_prompt), engine);
            prepared.node = addAnswer(session, about.id, parent, engine, record, "Send");
            prepared.request = buildRequest(workspace, about.id, parent, used, seed, engine);
        });
        const ConversationId show = shown == conversation || shown == 0 ? prepared.conversation : shown;
        prepared.update = updateFor(session, show, true);
        return prepared;
    });
}

void ConversationController::regenerate(qint64 turn) {
    whenIdle([this, turn] {
        const SamplerSettings sampler = line_.sampler;
        const std::uint64_t seed = seedFor(sampler);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            ConversationStore& store = session.workspace().conversations();
            const Node node = store.node(turn);
            const auto parent = node.role == MessageRole::Assistant ? node.parent : std::optional<NodeId>(node.id);
            const Conversation about = store.conversation(node.conversation);
            Prepared prepared;
            prepared.conversation = about.id;
            prepared.node = addAnswer(
                session, about.id, parent, engine,
                requestRecord(sampler, seed, QString::fromStdString(about.system_prompt), engine), "Regenerate");
            prepared.request = buildRequest(session.workspace(), about.id, parent, sampler, seed, engine);
            prepared.update = updateFor(session, about.id, true);
            return prepared;
        });
    });
}

void ConversationController::continueAnswer(qint64 turn) {
    whenIdle([this, turn] {
        const SamplerSettings sampler = line_.sampler;
        const std::uint64_t seed = seedFor(sampler);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            ConversationStore& store = session.workspace().conversations();
            const Node node = store.node(turn);
            const Conversation about = store.conversation(node.conversation);
            Prepared prepared;
            prepared.conversation = about.id;
            prepared.node = turn;
            prepared.before = answerResultFromJson(QByteArray::fromStdString(node.result));
            const std::size_t kept = dropEnd(session, node);
            prepared.request =
                buildRequest(session.workspace(), about.id, node.parent, sampler, seed, engine, turn, kept);
            store.beginStreaming(
                turn,
                requestRecord(sampler, seed, QString::fromStdString(about.system_prompt), engine).toStdString());
            session.turnCache().remove(turn);
            prepared.update = updateFor(session, about.id, false);
            return prepared;
        });
    });
}

void ConversationController::edit(qint64 turn, const QString& text) {
    whenIdle([this, turn, text] {
        const auto at = std::find_if(line_.turns.begin(), line_.turns.end(),
                                     [turn](const Turn& each) { return each.id == turn; });
        if (at == line_.turns.end()) {
            return;
        }
        if (at->role == TurnRole::Assistant || !engine_) {
            // The model's words are changed and kept; nothing is asked.
            change([turn, utf8 = text.toStdString()](StoreSession& session) -> std::optional<ConversationId> {
                ConversationStore& store = session.workspace().conversations();
                const Node node = store.node(turn);
                NewNode edited;
                edited.conversation = node.conversation;
                edited.parent = node.parent;
                edited.role = node.role;
                edited.content = utf8;
                edited.model = node.model;
                store.append(edited, "Edit message");
                return node.conversation;
            });
            return;
        }
        const SamplerSettings sampler = line_.sampler;
        const std::uint64_t seed = seedFor(sampler);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            Workspace& workspace = session.workspace();
            ConversationStore& store = workspace.conversations();
            const Node node = store.node(turn);
            const Conversation about = store.conversation(node.conversation);
            Prepared prepared;
            prepared.conversation = about.id;
            workspace.journal().asOneStep("Edit message", about.id, [&] {
                NewNode edited;
                edited.conversation = about.id;
                edited.parent = node.parent;
                edited.role = node.role;
                edited.content = text.toStdString();
                const NodeId parent = store.append(edited);
                prepared.node = addAnswer(
                    session, about.id, parent, engine,
                    requestRecord(sampler, seed, QString::fromStdString(about.system_prompt), engine), "");
                prepared.request = buildRequest(workspace, about.id, parent, sampler, seed, engine);
            });
            prepared.update = updateFor(session, about.id, true);
            return prepared;
        });
    });
}

void ConversationController::branchFromToken(TokenRef token, const TokenChoice& choice) {
    if (!token.valid()) {
        return;
    }
    whenIdle([this, token, choice] {
        const SamplerSettings sampler = line_.sampler;
        const std::uint64_t seed = seedFor(sampler);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            Workspace& workspace = session.workspace();
            const Node node = workspace.conversations().node(token.turn);
            const auto kept = static_cast<std::size_t>(token.index);
            const std::vector<TokenInfo> replaced =
                workspace.tokens().read(node.id, kept, 1, TokenDetail::WithAlternatives);
            if (replaced.empty()) {
                fail(ErrorKind::NotFound, "message {} has no token {}", node.id, kept);
            }
            const Conversation about = workspace.conversations().conversation(node.conversation);
            const QByteArray record =
                requestRecord(sampler, seed, QString::fromStdString(about.system_prompt), engine);
            Prepared prepared;
            prepared.conversation = about.id;
            prepared.node = workspace.conversations().branchFromToken(
                node.id, kept, forcedToken(choice, replaced.front()), record.toStdString());
            prepared.request =
                buildRequest(workspace, about.id, node.parent, sampler, seed, engine, prepared.node, kept + 1);
            prepared.update = updateFor(session, about.id, true);
            return prepared;
        });
    });
}

void ConversationController::prepareRun(PreparingJob job) {
    if (!engine_) {
        emit failed(tr("No engine is ready. Start it, or wait until the model has loaded."));
        return;
    }
    starting_ = true;
    emit runningChanged();
    store_.ask<Prepared>(
        this, std::move(job), [this](const Prepared& prepared) { launch(prepared); },
        [this] {
            starting_ = false;
            emit runningChanged();
        });
}

void ConversationController::launch(const Prepared& prepared) {
    starting_ = false;
    run_ = std::make_unique<Run>();
    run_->conversation = prepared.conversation;
    run_->before = prepared.before;
    run_->turn.id = prepared.node;
    for (const Turn& turn : prepared.update.line.turns) {
        if (turn.id == prepared.node) {
            run_->turn = turn;
        }
    }
    run_->turn.state = TurnState::Streaming;
    for (Queued& each : queue_) {
        if (each.conversation == 0) {
            each.conversation = prepared.conversation; // what was typed while it came into being
        }
    }
    apply(prepared.update);
    run_->stream = std::make_unique<AnswerStream>();
    AnswerStream* stream = run_->stream.get();
    connect(stream, &AnswerStream::started, this, [this](const client::StreamStart& start) {
        run_->result.prompt_tokens =
            static_cast<int>(start.prompt_tokens) - static_cast<int>(run_->turn.tokens.size());
        run_->turn.position = run_->result.prompt_tokens;
        updateContext();
    });
    connect(stream, &AnswerStream::prefilled, this, &ConversationController::takePrefill);
    connect(stream, &AnswerStream::tokensArrived, this, &ConversationController::takeTokens);
    connect(stream, &AnswerStream::ended, this, &ConversationController::endRun);
    emit runningChanged();
    if (!engine_) {
        endRun({}, Error(ErrorKind::Unavailable, tr("The engine ended before it could answer").toStdString()));
        return;
    }
    stream->start(*engine_, prepared.request);
    if (std::exchange(stop_at_launch_, false) || !deferred_.empty()) {
        run_->stop_asked = true;
        stream->cancel();
    }
}

void ConversationController::takePrefill(const client::StreamPrefill& prefill) {
    PrefillState& state = run_->prefill;
    state.active = prefill.done < prefill.total;
    state.reused = static_cast<qint64>(prefill.reused);
    state.done = static_cast<qint64>(prefill.done);
    state.total = static_cast<qint64>(prefill.total);
    state.tokens_per_second = prefill.tokens_per_second;
    run_->result.reused_tokens = static_cast<int>(prefill.reused);
    if (run_->conversation == line_.id) {
        emit prefillChanged(state);
    }
}

void ConversationController::takeTokens(const std::vector<TokenInfo>& tokens) {
    Turn& turn = run_->turn;
    if (run_->new_tokens == 0) {
        run_->since_first_token.start();
        if (std::exchange(run_->prefill.active, false) && run_->conversation == line_.id) {
            emit prefillChanged(run_->prefill);
        }
    }
    const bool thought = !turn.thinking.text.isEmpty();
    bool thinking = false;
    QList<TokenView> views;
    views.reserve(static_cast<qsizetype>(tokens.size()));
    for (const TokenInfo& token : tokens) {
        TokenView view = tokenView(token, false);
        thinking = view.channel == TokenChannel::Thinking;
        QString& text = thinking ? turn.thinking.text : turn.text;
        view.offset = static_cast<int>(text.size());
        text += view.text;
        turn.thinking.tokens += thinking ? 1 : 0;
        views << view;
    }
    turn.tokens << views;
    run_->new_tokens += static_cast<int>(views.size());
    turn.token_count = static_cast<int>(turn.tokens.size());
    if (!turn.thinking.text.isEmpty() && !run_->thinking.isValid() && run_->result.thinking_seconds == 0) {
        run_->thinking.start();
    }
    store_.post([node = turn.id, tokens](StoreSession& session) { session.append(node, tokens); });
    const bool shown = run_->conversation == line_.id;
    if (shown) {
        emit tokensAppended(turn.id, views);
    }
    const bool just_began = !thought && !turn.thinking.text.isEmpty();
    const bool just_ended = run_->thinking.isValid() && !thinking && !turn.thinking.finished;
    if (just_began) {
        turn.thinking.finished = !thinking;
    }
    if (just_ended) {
        run_->result.thinking_seconds =
            run_->before.thinking_seconds + static_cast<double>(run_->thinking.elapsed()) / 1000.0;
        turn.thinking.seconds = run_->result.thinking_seconds;
        turn.thinking.finished = true;
    }
    if (shown && (just_began || just_ended)) {
        emit turnChanged(turn);
    }
    if (!context_timer_.isActive()) {
        context_timer_.start();
    }
}

void ConversationController::stop() {
    QStringList waiting;
    for (const Queued& each : std::exchange(queue_, {})) {
        waiting << each.text;
    }
    if (!waiting.isEmpty()) {
        saveQueue();
        emit queueChanged();
        emit draftRestored(waiting.join(QLatin1String("\n\n")));
    }
    if (run_) {
        run_->stop_asked = true;
        run_->stream->cancel();
    } else {
        stop_at_launch_ = starting_;
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

void ConversationController::endRun(const std::optional<client::StreamDone>& done,
                                    const std::optional<Error>& error) {
    const std::unique_ptr<Run> run = std::move(run_);
    run->stream.release()->deleteLater(); // it is what called
    AnswerResult& result = run->result;
    NodeFinish finish;
    std::string rest;
    if (done) {
        result.reason = QString::fromStdString(done->reason);
        result.stop_string = QString::fromStdString(done->stop_string);
        result.reused_tokens = static_cast<int>(done->reused_tokens);
        result.queue_seconds = done->queue_seconds;
        result.prefill_seconds = done->prefill_seconds;
        result.decode_seconds = done->decode_seconds;
        finish.state = done->reason == "cancelled" ? NodeState::Stopped : NodeState::Complete;
        rest = done->rest;
    } else {
        const bool stopped = error && error->kind() == ErrorKind::Cancelled && run->stop_asked;
        finish.state = stopped ? NodeState::Stopped : NodeState::Cut;
        result.reason = stopped ? QStringLiteral("cancelled") : QStringLiteral("cut");
        if (!stopped && error) {
            result.error = error->kind() == ErrorKind::Cancelled
                               ? tr("The engine ended before the answer did. What arrived is kept.")
                               : QString::fromUtf8(error->what());
        }
        if (run->since_first_token.isValid()) {
            result.decode_seconds = static_cast<double>(run->since_first_token.elapsed()) / 1000.0;
        }
    }
    result.completion_tokens = run->new_tokens;
    if (result.thinking_seconds == 0) {
        result.thinking_seconds = run->before.thinking_seconds;
        if (run->thinking.isValid()) {
            result.thinking_seconds += static_cast<double>(run->thinking.elapsed()) / 1000.0;
        }
    }
    finish.result = toJson(result).toStdString();
    finish.context_tokens = static_cast<std::size_t>(std::max(0, result.prompt_tokens)) +
                            static_cast<std::size_t>(run->turn.tokens.size());
    if (run->conversation == line_.id) {
        // Nothing came: the strip says what prefill kept and offers to go on.
        run->prefill.cancelled =
            run->new_tokens == 0 && run->prefill.total > 0 && finish.state != NodeState::Complete;
        run->prefill.active = false;
        emit prefillChanged(run->prefill);
    }
    starting_ = true; // until the store has it: what waits must find it finished
    store_.ask<Update>(
        this,
        [node = run->turn.id, finish, rest, shown = line_.id](StoreSession& session) {
            session.finish(node, finish, rest);
            return updateFor(session, shown ? std::optional<ConversationId>(shown) : std::nullopt, true);
        },
        [this](const Update& update) {
            starting_ = false;
            // Another one may have been opened meanwhile; that answer is on its way.
            if (update.line.id == line_.id) {
                apply(update);
            } else if (update.rows) {
                rows_ = *update.rows;
                emit rowsChanged();
            }
            emit runningChanged();
            // A later one stops what an earlier one began.
            for (const std::function<void()>& action : std::exchange(deferred_, {})) {
                whenIdle(action);
            }
            nextFromQueue();
        },
        [this] {
            starting_ = false;
            emit runningChanged();
        });
}

void ConversationController::nextFromQueue() {
    if (queue_.isEmpty() || running() || !engine_) {
        return;
    }
    const Queued next = queue_.takeFirst();
    saveQueue();
    emit queueChanged();
    sendNow(next.conversation, next.text);
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

} // namespace fulgurite
