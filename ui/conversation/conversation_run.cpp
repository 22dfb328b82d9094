// SPDX-License-Identifier: GPL-3.0-or-later
// One answer while it is written.
#include "ui/conversation/conversation_controller.h"

#include <QRandomGenerator>

#include <algorithm>
#include <utility>

namespace fulgurite {

void ConversationController::setEngine(std::shared_ptr<client::EngineClient> engine, const client::EngineInfo& info,
                                       const QString& node) {
    engine_ = std::move(engine);
    info_ = info;
    node_ = node;
    model_sampler_ = recommendedSettings(info.model.sampling);
    if (!line_.sampler_chosen) {
        line_.sampler = model_sampler_;
    }
    emit modelSamplerChanged();
    emit runningChanged();
    updateContext();
    map_timer_.start();
    count_timer_.start();
    resumeInterrupted();
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

void ConversationController::prepareRun(PreparingJob job, std::function<void()> otherwise) {
    if (!engine_) {
        emit failed(tr("No engine is ready. Start it, or wait until the model has loaded."));
        return;
    }
    settleSampler();
    starting_ = true;
    emit runningChanged();
    store_.ask<Prepared>(
        this,
        [job = std::move(job)](StoreSession& session) {
            session.flush(); // what the file could not take until now belongs to what is asked
            return job(session);
        },
        // Another conversation with another node may be shown by then.
        [this, engine = std::weak_ptr(engine_), node = node_](const Prepared& prepared) {
            launch(prepared, engine, node);
        },
        [this, otherwise = std::move(otherwise)] {
            starting_ = false;
            stop_at_launch_ = false; // nothing is launched
            emit runningChanged();
            if (otherwise) {
                otherwise();
            }
            runDeferred();
            nextFromQueue();
        });
}

void ConversationController::launch(const Prepared& prepared, const std::weak_ptr<client::EngineClient>& engine,
                                    const QString& node) {
    starting_ = false;
    run_ = std::make_unique<Run>();
    run_->conversation = prepared.conversation;
    run_->node = node;
    run_->before = prepared.before;
    run_->result.prompt_tokens = prepared.before.prompt_tokens; // until the engine counts anew
    run_->from_answer = !prepared.request.intervention.empty() && prepared.request.intervention.from_answer;
    run_->turn = prepared.turn;
    run_->turn.id = prepared.node;
    for (const Turn& turn : prepared.update.line.turns) {
        if (turn.id == prepared.node) {
            run_->turn = turn;
        }
    }
    run_->turn.state = TurnState::Streaming;
    run_->text_before = prepared.text_before;
    run_->resumed = prepared.kept >= 0;
    run_->given = run_->resumed ? prepared.kept : static_cast<int>(run_->turn.tokens.size());
    run_->catching_up = run_->given < run_->turn.tokens.size();
    showLaunch(prepared);
    run_->title = titleOf(run_->conversation);
    run_->stream = std::make_unique<AnswerStream>();
    AnswerStream* stream = run_->stream.get();
    connect(stream, &AnswerStream::started, this, [this, had = prepared.had](const client::StreamStart& start) {
        if (run_->resumed && had > 0) {
            emit resumed(run_->title, run_->given, had);
        }
        run_->result.prompt_tokens = static_cast<int>(start.prompt_tokens) - run_->given;
        run_->turn.position = run_->result.prompt_tokens;
        settleLastText(start);
        if (run_->result.prompt_tokens > 0) {
            store_.post([node = run_->turn.id,
                         prompt = static_cast<std::size_t>(run_->result.prompt_tokens)](StoreSession& session) {
                session.workspace().conversations().notePrompt(node, prompt);
            });
        }
        if (run_->from_answer && start.prompt_tokens > 0) {
            store_.post([node = run_->turn.id, position = start.prompt_tokens - 1](StoreSession& session) {
                ConversationStore& store = session.workspace().conversations();
                const QByteArray record = QByteArray::fromStdString(store.node(node).request);
                store.beginStreaming(node, withInterventionFrom(record, position).toStdString());
            });
        }
        updateContext();
    });
    connect(stream, &AnswerStream::prefilled, this, &ConversationController::takePrefill);
    connect(stream, &AnswerStream::tokensArrived, this, &ConversationController::takeTokens);
    connect(stream, &AnswerStream::ended, this, &ConversationController::endRun);
    emit runningChanged();
    const std::shared_ptr<client::EngineClient> asked = engine.lock();
    if (!asked) {
        endRun({}, Error(ErrorKind::Unavailable, tr("The engine ended before it could answer").toStdString()));
        return;
    }
    stream->start(*asked, prepared.request);
    if (std::exchange(stop_at_launch_, false) || !deferred_.empty()) {
        run_->stop_asked = true;
        stream->cancel();
    }
}

// Whatever is looked at stays in sight: another conversation than the one that is answered may be open.
void ConversationController::showLaunch(const Prepared& prepared) {
    Update update = prepared.update;
    const bool becomes_shown = prepared.created && line_.id == 0 && update.line.id == prepared.conversation;
    if (prepared.created) {
        for (Queued& each : queue_) {
            if (each.conversation == 0) {
                each.conversation = prepared.conversation; // what was typed while it came into being
            }
        }
        emit created(prepared.conversation);
    }
    if (!becomes_shown) {
        if (prepared.created && line_.id != 0) {
            takeDraftAlong(prepared.conversation);
        }
        applyWhereShown(update);
        return;
    }
    // What is being typed goes along into the conversation that came into being.
    draft_timer_.stop();
    unsaved_drafts_.remove(0);
    update.line.draft = draft_;
    const LineView set = line_;
    apply(update);
    store_.post([](StoreSession& session) {
        session.workspace().setDraft(0, {});
        session.workspace().removeValue(ValueKind::Setting, nodeValueName(0));
        keepNewLine(session.workspace(), {});
    });
    draft_timer_.start();
    // So does what was set between the message and this.
    setSampler(set.sampler);
    setSystemPrompt(set.system_prompt);
    setRaw(set.raw);
    setNode(set.node);
}

// A token that a person chose is known by what its list showed: a part of a character looks like no character, and
// what a stop string held back before it belongs to it too. The engine knows what text stands there now.
void ConversationController::settleLastText(const client::StreamStart& start) {
    Turn& turn = run_->turn;
    if (!run_->text_before || !start.text_bytes || turn.tokens.isEmpty()) {
        return;
    }
    const std::size_t before = *run_->text_before;
    const std::size_t length = *start.text_bytes - std::min(*start.text_bytes, before);
    TokenView& last = turn.tokens.last();
    const bool marker = last.channel == TokenChannel::Marker;
    const std::string text = start.text_end.substr(start.text_end.size() - std::min(start.text_end.size(), length));
    const QString shown = marker ? QString() : QString::fromStdString(text);
    if (length > start.text_end.size() || marker || shown == last.text || !shown.endsWith(last.text)) {
        return; // it is what it seemed, or nobody can tell
    }
    QString& channel = last.channel == TokenChannel::Thinking ? turn.thinking.text : turn.text;
    channel.chop(last.text.size());
    channel += shown;
    last.text = shown;
    store_.post([node = turn.id, text](StoreSession& session) { session.setLastText(node, text); });
    if (run_->conversation == line_.id) {
        emit turnChanged(turn);
    }
}

void ConversationController::takePrefill(const client::StreamPrefill& prefill) {
    PrefillState& state = run_->prefill;
    state.turn = run_->turn.id;
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
    if (!run_->since_first_token.isValid()) {
        run_->since_first_token.start();
        if (std::exchange(run_->prefill.active, false) && run_->conversation == line_.id) {
            emit prefillChanged(run_->prefill);
        }
    }
    if (run_->catching_up) {
        catchUp(tokens);
        return;
    }
    store_.post([node = run_->turn.id, tokens](StoreSession& session) { session.append(node, tokens); });
    addTokens(tokens, false);
}

// `all_anew`: the turn has lost tokens too.
void ConversationController::addTokens(const std::vector<TokenInfo>& tokens, bool all_anew) {
    Turn& turn = run_->turn;
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
    const bool shown = run_->conversation == line_.id;
    if (shown && !all_anew) {
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
    if (shown && (just_began || just_ended || all_anew)) {
        emit turnChanged(turn);
    }
    if (!context_timer_.isActive()) {
        context_timer_.start();
    }
}

void ConversationController::endRun(const std::optional<client::StreamDone>& done,
                                    const std::optional<Error>& error) {
    if (run_->catching_up && done && done->reason != "cancelled") {
        if (run_->given + static_cast<int>(run_->held.size()) >= run_->turn.tokens.size()) {
            overtake();
        } else {
            run_->diverged = true;
        }
    }
    const std::unique_ptr<Run> run = std::move(run_);
    const std::optional<client::Refusal> refusal = run->stream->refusal();
    run->stream.release()->deleteLater(); // it is what called
    AnswerResult& result = run->result;
    NodeFinish finish;
    std::string rest;
    bool stopped = false;
    if (run->diverged) {
        finish.state = NodeState::Cut;
        result.reason = QStringLiteral("cut");
        result.error = tr("Written again, the answer came out differently. What had arrived is kept; regenerate it "
                          "for a new one.");
    } else if (done) {
        result.reason = QString::fromStdString(done->reason);
        result.stop_string = QString::fromStdString(done->stop_string);
        result.reused_tokens = static_cast<int>(done->reused_tokens);
        result.queue_seconds = done->queue_seconds;
        result.prefill_seconds = done->prefill_seconds;
        result.decode_seconds = done->decode_seconds;
        stopped = done->reason == "cancelled";
        finish.state = stopped ? NodeState::Stopped : NodeState::Complete;
        rest = run->catching_up ? std::string() : done->rest; // behind the old tokens it would be wrong
    } else {
        stopped = error && error->kind() == ErrorKind::Cancelled && run->stop_asked;
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
    if (stopped && run->catching_up) {
        finish.state = NodeState::Cut; // as it was: Continue writes it again
        result.reason = QStringLiteral("cut");
    }
    if (finish.state == NodeState::Cut && !run->diverged && !stopped) {
        noteInterruption(*run, error, refusal);
    }
    result.completion_tokens = run->catching_up ? run->before.completion_tokens : run->new_tokens;
    int thinking_tokens = 0;
    for (qsizetype i = run->turn.tokens.size() - run->new_tokens; i < run->turn.tokens.size(); ++i) {
        thinking_tokens += run->turn.tokens[i].channel == TokenChannel::Thinking ? 1 : 0;
    }
    // Of the engine's own time: tokens arrive here in bundles, too coarse for a short thought.
    const double share = run->new_tokens > 0 ? static_cast<double>(thinking_tokens) / run->new_tokens : 0;
    result.thinking_seconds = run->before.thinking_seconds + result.decode_seconds * share;
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
    const bool wrote = run->new_tokens > 0;
    const auto kept = std::make_shared<bool>(false); // where what comes after fails, the end is in the file
    store_.ask<Update>(
        this,
        [node = run->turn.id, finish, rest, kept, shown = line_.id](StoreSession& session) {
            session.finish(node, finish, rest);
            *kept = true;
            return updateFor(session, shown ? std::optional<ConversationId>(shown) : std::nullopt, true);
        },
        [this, wrote](const Update& update) {
            endHandedOver();
            applyWhereShown(update);
            settled(wrote);
        },
        [this, wrote, kept, turn = run->turn, result, state = finish.state, rest]() mutable {
            endHandedOver();
            const bool only_thought = turn.text.isEmpty() && !turn.thinking.text.isEmpty();
            (only_thought ? turn.thinking.text : turn.text) += QString::fromStdString(rest);
            showEnd(turn, result, state, *kept);
            if (*kept) {
                return settled(wrote);
            }
            unsettled_ = wrote;
            emit runningChanged();
        });
}

// As the file would have it. Where it does not have it yet, it is tried again (StoreSession::finish()).
void ConversationController::showEnd(const Turn& turn, const AnswerResult& result, NodeState state, bool kept) {
    for (Turn& each : line_.turns) {
        if (each.id == turn.id) {
            each = turn;
            each.state = state == NodeState::Cut ? TurnState::Cut : TurnState::Complete;
            each.note = result.error;
            if (!kept) {
                each.note =
                    result.error.isEmpty() ? tr("not saved yet") : tr("%1 Not saved yet.").arg(result.error);
            }
            emit turnChanged(each);
        }
    }
}

} // namespace fulgurite
