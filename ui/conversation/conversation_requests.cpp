// SPDX-License-Identifier: GPL-3.0-or-later
// What asks an engine: each makes room for the answer in the workspace, in one step that can be undone. Where it
// has to wait for the end of another answer, it goes by the settings of the moment in which it was wanted.
#include "ui/conversation/conversation_controller.h"

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
std::size_t tokensBeforeEnd(StoreSession& session, const Node& node) {
    TokenStore& tokens = session.workspace().tokens();
    std::size_t count = tokens.count(node.id);
    const AnswerResult result = answerResultFromJson(QByteArray::fromStdString(node.result));
    const bool ended =
        result.reason == QLatin1String("end_of_sentence") || result.reason == QLatin1String("stop_token");
    if (ended && count > 0 && tokens.read(node.id, count - 1, 1, TokenDetail::Summary).front().text.empty()) {
        --count;
    }
    return count;
}

} // namespace

void ConversationController::send(const QString& text) {
    if (text.trimmed().isEmpty()) {
        return;
    }
    draft_.clear();
    line_.draft.clear();
    draft_timer_.start();
    if (queues()) {
        if (line_.id == 0) { // another conversation may be shown when its turn comes
            changeNewLine([sampler = samplerToKeep()](NewLine& line) { line.sampler = sampler; });
        }
        queue_ << Queued{line_.id, text, target_};
        saveQueue();
        emit queueChanged();
        return;
    }
    sendNow(line_.id, text);
}

void ConversationController::sendNow(qint64 conversation, const QString& text,
                                     std::function<void(StoreSession&)> along) {
    const SamplerSettings sampler = line_.sampler;
    const std::uint64_t seed = seedFor(sampler);
    NewConversation as_shown;
    as_shown.raw = line_.raw;
    as_shown.system_prompt = line_.system_prompt.toStdString();
    as_shown.settings = samplerToKeep();
    auto job = [=, engine = abilities(), shown = line_.id, recommended = model_sampler_](StoreSession& session) {
        Workspace& workspace = session.workspace();
        ConversationStore& store = workspace.conversations();
        Prepared prepared;
        prepared.conversation = conversation;
        workspace.journal().asOneStep(kSendStep, conversation ? std::optional(conversation) : std::nullopt, [&] {
            if (conversation == 0) {
                NewConversation fresh = shown == 0 ? as_shown : newConversationAsKept(workspace);
                fresh.title = titleFrom(text).toStdString();
                prepared.conversation = store.create(fresh);
                prepared.created = true;
                handOverNewLine(workspace, prepared.conversation);
            }
            const Conversation about = store.conversation(prepared.conversation);
            const SamplerSettings used =
                conversation == shown ? sampler
                                      : samplerFromJson(QByteArray::fromStdString(about.settings), recommended);
            NewNode question;
            question.conversation = about.id;
            question.parent = about.head;
            question.role = about.raw ? MessageRole::Prompt : MessageRole::User;
            question.content = text.toStdString();
            const NodeId parent = store.append(question);
            const QByteArray record =
                requestRecord(used, seed, QString::fromStdString(about.system_prompt), engine);
            prepared.node = addAnswer(session, about.id, parent, engine, record, kSendStep);
            prepared.request = buildRequest(workspace, about.id, parent, used, seed, engine);
            if (along) {
                along(session);
            }
        });
        const ConversationId show = shown == conversation ? prepared.conversation : shown;
        prepared.update = updateFor(session, show ? std::optional(show) : std::nullopt, true);
        return prepared;
    };
    prepareRun(std::move(job), [this, conversation, text] {
        // What was to follow it comes back with it, so that the order stays.
        giveBack(conversation, QStringList(text) + takeQueued(conversation));
    });
}

void ConversationController::regenerate(qint64 turn) {
    askWhenIdle([this, turn, sampler = line_.sampler] {
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

void ConversationController::regenerateUnder(qint64 turn, const InterventionRecipe& recipe) {
    askWhenIdle([=, this, shown = line_.sampler] {
        const std::uint64_t fallback_seed = seedFor(shown);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            Workspace& workspace = session.workspace();
            ConversationStore& store = workspace.conversations();
            const Node node = store.node(turn);
            const Conversation about = store.conversation(node.conversation);
            const SamplerSettings sampler = recordedSampler(node);
            const std::uint64_t seed = sampler.seed.value_or(fallback_seed);
            const QByteArray record =
                requestRecord(sampler, seed, QString::fromStdString(about.system_prompt), engine, recipe);
            Prepared prepared;
            prepared.conversation = about.id;
            prepared.node = addAnswer(session, about.id, node.parent, engine, record, "Regenerate ablated");
            prepared.request = buildRequest(workspace, about.id, node.parent, sampler, seed, engine, prepared.node);
            prepared.update = updateFor(session, about.id, true);
            return prepared;
        });
    });
}

void ConversationController::continueAnswer(qint64 turn) {
    if (interrupted_ && interrupted_->turn == turn) {
        forgetInterrupted();
    }
    askWhenIdle([this, turn, sampler = line_.sampler] {
        const std::uint64_t seed = seedFor(sampler);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            ConversationStore& store = session.workspace().conversations();
            const Node node = store.node(turn);
            requireToGoOn(node, engine);
            if (node.tokens == 0 && !node.content.empty()) {
                fail(ErrorKind::Unsupported, "This answer was edited or came from elsewhere, so that there are no "
                                             "tokens to go on from. Regenerate it for a new one.");
            }
            if (node.state == NodeState::Cut && node.model == engine.model.toStdString()) {
                return prepareResume(session, turn, seed, engine, node.conversation);
            }
            const Conversation about = store.conversation(node.conversation);
            Prepared prepared;
            prepared.conversation = about.id;
            prepared.before = answerResultFromJson(QByteArray::fromStdString(node.result));
            const std::size_t kept = tokensBeforeEnd(session, node);
            const QByteArray record = requestRecord(sampler, seed, QString::fromStdString(about.system_prompt),
                                                    engine, recordedIntervention(node));
            prepared.node = store.continueFrom(turn, kept, record.toStdString());
            prepared.request = buildRequest(session.workspace(), about.id, node.parent, sampler, seed, engine,
                                            prepared.node, kept);
            prepared.update = updateFor(session, about.id, false);
            return prepared;
        });
    });
}

void ConversationController::edit(qint64 turn, const QString& text) {
    whenIdle([this, turn, text] {
        const auto at = std::find_if(line_.turns.begin(), line_.turns.end(),
                                     [turn](const Turn& each) { return each.id == turn; });
        const auto refused = [this, turn, text] { emit editRefused(turn, text); };
        if (at == line_.turns.end()) {
            emit failed(tr("The edit was not made, because something else was opened before the answer that was "
                           "being written had ended. Its text is there again where the message is shown."));
            return refused();
        }
        if (at->role == TurnRole::Assistant || !engine_ || !goesTo(target_)) {
            return editOnly(turn, text, refused);
        }
        const SamplerSettings sampler = line_.sampler;
        const std::uint64_t seed = seedFor(sampler);
        auto job = [=, engine = abilities()](StoreSession& session) {
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
        };
        prepareRun(std::move(job), refused);
    });
}

// The model's words are changed and kept; or there is none to ask.
void ConversationController::editOnly(qint64 turn, const QString& text, std::function<void()> otherwise) {
    const auto job = [turn, utf8 = text.toStdString()](StoreSession& session) -> std::optional<ConversationId> {
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
    };
    change(job, true, {}, std::move(otherwise));
}

void ConversationController::branchFromToken(TokenRef token, const TokenChoice& choice) {
    if (!token.valid()) {
        return;
    }
    askWhenIdle([this, token, choice, sampler = line_.sampler] {
        const std::uint64_t seed = seedFor(sampler);
        prepareRun([=, engine = abilities()](StoreSession& session) {
            Workspace& workspace = session.workspace();
            const Node node = workspace.conversations().node(token.turn);
            requireToGoOn(node, engine);
            const auto kept = static_cast<std::size_t>(token.index);
            const std::vector<TokenInfo> replaced =
                workspace.tokens().read(node.id, kept, 1, TokenDetail::WithAlternatives);
            if (replaced.empty()) {
                fail(ErrorKind::NotFound, "message {} has no token {}", node.id, kept);
            }
            const Conversation about = workspace.conversations().conversation(node.conversation);
            const QByteArray record = requestRecord(sampler, seed, QString::fromStdString(about.system_prompt),
                                                    engine, recordedIntervention(node));
            Prepared prepared;
            prepared.conversation = about.id;
            prepared.text_before = 0;
            for (const TokenInfo& each : workspace.tokens().read(node.id, 0, kept, TokenDetail::Summary)) {
                *prepared.text_before += each.text.size();
            }
            prepared.node = workspace.conversations().branchFromToken(
                node.id, kept, forcedToken(choice, replaced.front()), record.toStdString());
            prepared.request =
                buildRequest(workspace, about.id, node.parent, sampler, seed, engine, prepared.node, kept + 1);
            prepared.update = updateFor(session, about.id, true);
            return prepared;
        });
    });
}

} // namespace fulgurite
