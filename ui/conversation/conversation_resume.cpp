// SPDX-License-Identifier: GPL-3.0-or-later
// An answer whose node was lost while it was written goes on when the node is back: nothing twice, nothing lost.
// The engine's draws depend on logits, seed and position alone, so that what follows the tokens that arrived is
// what would have followed them.
#include "ui/conversation/conversation_controller.h"

#include <algorithm>

namespace fulgurite {

namespace {

constexpr int kIdleResumeMilliseconds = 2500;
constexpr int kMostIdleResumes = 3;
constexpr int kMostToldResumes = 30; // where the server says when to come back
constexpr double kLongestWaitSeconds = 600;

// Text that may begin a stop string is held back by the engine, and these penalties count the tokens that one
// generation drew: with either, only the whole answer again is the same answer.
bool goesOnExactly(const SamplerSettings& settings) {
    return settings.stop_strings.isEmpty() && settings.presence_penalty == 0 && settings.frequency_penalty == 0;
}

} // namespace

// What the server itself says about the request is no interruption. That it has no place now is none for a new
// message either, whose sender is there to decide; an answer that goes on comes back when it was told to.
void ConversationController::noteInterruption(const Run& run, const std::optional<Error>& error,
                                              const std::optional<client::Refusal>& refusal) {
    resume_milliseconds_ = 0;
    if (!error || (error->kind() != ErrorKind::Unavailable && error->kind() != ErrorKind::Io &&
                   error->kind() != ErrorKind::Cancelled)) {
        return;
    }
    if (refusal) {
        const bool may_wait = refusal->status >= 500 || (refusal->status == 429 && run.resumed);
        if (!may_wait || refusal->retry_seconds > kLongestWaitSeconds) {
            return;
        }
        resume_milliseconds_ = static_cast<int>(refusal->retry_seconds * 1000);
    }
    interrupted_ = Interrupted{.conversation = run.conversation,
                               .turn = run.turn.id,
                               .title = titleOf(run.conversation),
                               .node = run.node,
                               .model = run.turn.model,
                               .tokens = static_cast<int>(run.turn.tokens.size()),
                               .why = QString::fromUtf8(error->what())};
    emit interruptedChanged();
}

// Another conversation than the one that an answer is for may be shown.
QString ConversationController::titleOf(qint64 conversation) const {
    const auto row = std::find_if(all_rows_.begin(), all_rows_.end(),
                                  [conversation](const ConversationRow& each) { return each.id == conversation; });
    return row == all_rows_.end() ? line_.title : row->title;
}

// Its node may never have been gone: the stream alone was cut, and goes on at once. One that ends before its first
// token gets a little time: it may be that nobody has noticed yet that the node is gone.
void ConversationController::afterInterruption(bool wrote) {
    idle_resumes_ = wrote ? 0 : idle_resumes_ + 1;
    if (!interrupted_ || !engine_ || interrupted_->node != node_) {
        return;
    }
    const int most = resume_milliseconds_ > 0 ? kMostToldResumes : kMostIdleResumes;
    if (!info_.can("resume") || idle_resumes_ > most) {
        forgetInterrupted(); // what waits follows (endRun)
    } else if (wrote && resume_milliseconds_ == 0) {
        resumeInterrupted();
    } else {
        resume_timer_.start(std::max(kIdleResumeMilliseconds, resume_milliseconds_));
        emit interruptedChanged();
    }
}

std::optional<ConversationController::ResumeWait> ConversationController::resumeWait() const {
    if (!interrupted_ || !engine_ || interrupted_->node != node_ || !resume_timer_.isActive()) {
        return std::nullopt;
    }
    return ResumeWait{.left = std::max(1, (resume_timer_.remainingTime() + 999) / 1000),
                      .of = (resume_timer_.interval() + 999) / 1000,
                      .tries = idle_resumes_,
                      .why = interrupted_->why};
}

void ConversationController::resumeNow() {
    resumeInterrupted();
}

bool ConversationController::heldBack(qint64 conversation) const {
    return interrupted_ && interrupted_->conversation == conversation && interrupted_->node == node_;
}

void ConversationController::moveInterrupted(const QString& node) {
    if (interrupted_) {
        resume_timer_.stop(); // as the other node had wanted it
        interrupted_->node = node;
        emit interruptedChanged();
        resumeInterrupted();
    }
}

void ConversationController::withWholeText(std::function<void(const client::GenerateRequest&)> use) {
    if (!engine_ || line_.id == 0 || line_.turns.isEmpty()) {
        return;
    }
    store_.ask<client::GenerateRequest>(
        this,
        [last = line_.turns.last().id, engine = abilities()](StoreSession& session) {
            return wholeRequest(session.workspace(), last, engine);
        },
        [this, use = std::move(use)](const client::GenerateRequest& request) {
            if (engine_) {
                use(request);
            }
        });
}

void ConversationController::askReentry() {
    withWholeText([this](const client::GenerateRequest& request) {
        engine_->reentry({request}, [this, courier = courier_](
                                        const client::Outcome<std::vector<client::ReentryCost>>& costs) {
            courier->post([this, costs] {
                if (costs.ok() && !costs.value().empty()) {
                    const client::ReentryCost& cost = costs.value().front();
                    emit reentryTold(static_cast<int>(cost.tokens), static_cast<int>(cost.reused), cost.seconds);
                } else {
                    emit reentryTold(0, 0, 0);
                }
            });
        });
    });
}

void ConversationController::forgetInterrupted() {
    resume_timer_.stop();
    if (interrupted_) {
        interrupted_.reset();
        emit interruptedChanged();
    }
}

void ConversationController::giveUpInterrupted() {
    forgetInterrupted();
    nextFromQueue();
}

void ConversationController::resumeInterrupted() {
    if (!interrupted_ || !engine_ || interrupted_->node != node_ || running()) {
        return;
    }
    const Interrupted cut = *interrupted_;
    forgetInterrupted();
    if (!info_.can("resume")) {
        emit failed(
            tr("The node is back, but it cannot go on inside an answer. What had arrived of \"%1\" is kept; "
               "regenerate the answer for a new one.")
                .arg(cut.title));
    } else if (!cut.model.isEmpty() && cut.model != QString::fromStdString(info_.model.id)) {
        emit failed(
            tr("The node is back with another model: %1 in place of %2. What had arrived of \"%3\" is kept.")
                .arg(QString::fromStdString(info_.model.id), cut.model, cut.title));
    } else {
        resumeAnswer(cut.turn);
    }
    nextFromQueue(); // where nothing goes on
}

void ConversationController::catchUp(const std::vector<TokenInfo>& tokens) {
    if (run_->diverged) {
        return; // on its way to the end
    }
    std::vector<TokenInfo>& held = run_->held;
    const QList<TokenView>& old = run_->turn.tokens;
    for (const TokenInfo& token : tokens) {
        const auto place = run_->given + static_cast<qsizetype>(held.size());
        if (place < old.size() && old[place].id != token.id) {
            run_->diverged = true; // other weights under the same name, or a machine that rounds differently
            run_->stream->cancel();
            return;
        }
        held.push_back(token);
    }
    if (run_->given + static_cast<qsizetype>(held.size()) > old.size()) {
        overtake();
    }
}

void ConversationController::overtake() {
    run_->catching_up = false;
    if (run_->given == 0) {
        run_->before = {}; // its times were those of the first attempt
    }
    Turn& turn = run_->turn;
    turn.tokens.resize(run_->given);
    turn.text.clear();
    turn.thinking = {};
    for (const TokenView& view : turn.tokens) {
        const bool thinking = view.channel == TokenChannel::Thinking;
        (thinking ? turn.thinking.text : turn.text) += view.text;
        turn.thinking.tokens += thinking ? 1 : 0;
    }
    const std::vector<TokenInfo> tokens = std::exchange(run_->held, {});
    store_.post([node = turn.id, given = static_cast<std::size_t>(run_->given), tokens](StoreSession& session) {
        session.replace(node, given, tokens);
    });
    addTokens(tokens, true);
}

// `seed`: where the answer's own was not kept.
ConversationController::Prepared ConversationController::prepareResume(StoreSession& session, qint64 turn,
                                                                       std::uint64_t seed,
                                                                       const EngineAbilities& engine,
                                                                       qint64 shown) {
    session.flush();
    ConversationStore& store = session.workspace().conversations();
    TokenStore& tokens = session.workspace().tokens();
    const Node node = store.node(turn);
    SamplerSettings settings = recordedSampler(node);
    Prepared prepared;
    prepared.conversation = node.conversation;
    prepared.node = turn;
    prepared.before = answerResultFromJson(QByteArray::fromStdString(node.result));
    std::size_t kept = tokens.count(turn);
    prepared.had = static_cast<int>(kept);
    if (!goesOnExactly(settings)) {
        kept = 0;
    } else if (settings.max_tokens > 0) {
        // The last of all that were asked for may have arrived without the word that it was the last.
        kept = std::min(kept, static_cast<std::size_t>(settings.max_tokens) - 1);
        settings.max_tokens -= static_cast<int>(kept);
    }
    prepared.kept = static_cast<int>(kept);
    prepared.request = buildRequest(session.workspace(), node.conversation, node.parent, settings,
                                    settings.seed.value_or(seed), engine, turn, kept);
    store.beginStreaming(turn, node.request);
    session.turnCache().remove(turn);
    for (const Turn& each : buildLine(session, node.conversation).turns) {
        if (each.id == turn) {
            prepared.turn = each;
        }
    }
    prepared.update = updateFor(session, shown ? std::optional<ConversationId>(shown) : std::nullopt, false);
    return prepared;
}

void ConversationController::resumeAnswer(qint64 turn) {
    whenIdle([this, turn] {
        const std::uint64_t seed = seedFor(line_.sampler);
        prepareRun([=, engine = abilities(), shown = line_.id](StoreSession& session) {
            return prepareResume(session, turn, seed, engine, shown);
        });
    });
}

} // namespace fulgurite
