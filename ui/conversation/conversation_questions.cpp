// SPDX-License-Identifier: GPL-3.0-or-later
// Questions to the workspace and the engine: alternatives, costs, counts.
#include "ui/conversation/conversation_controller.h"

#include <algorithm>
#include <map>
#include <utility>

namespace fulgurite {

namespace {

// Beyond this a map's costs would mean sending megabytes to the engine for every change: the other nodes' are not
// known.
constexpr std::size_t kMapNodes = 64;
constexpr std::size_t kMapCharacters = 2'000'000;
// A snapshot is taken every so many tokens while decoding; fewer to replay means that it is held.
constexpr std::size_t kSnapshotInterval = 64;

struct MapQuestion {
    std::vector<NodeId> nodes;
    std::vector<client::GenerateRequest> requests; // one for each
};

// The end of the line that is shown, then the newest: the sequences that end with as many nodes as may be asked
// for.
MapQuestion nodeRequests(StoreSession& session, ConversationId id, const EngineAbilities& engine) {
    ConversationStore& store = session.workspace().conversations();
    std::vector<NodeOutline> outline = store.outline(id);
    std::map<NodeId, std::size_t> length;
    for (const NodeOutline& node : outline) {
        length[node.id] = node.length + (node.parent ? length[*node.parent] : 0);
    }
    const NodeId head = store.conversation(id).head.value_or(0);
    std::sort(outline.begin(), outline.end(), [head](const NodeOutline& a, const NodeOutline& b) {
        return std::pair(a.id == head, a.id) > std::pair(b.id == head, b.id);
    });
    MapQuestion question;
    std::size_t characters = 0;
    for (const NodeOutline& node : outline) {
        characters += length[node.id];
        if (question.nodes.size() == kMapNodes || characters > kMapCharacters) {
            break;
        }
        question.nodes.push_back(node.id);
        question.requests.push_back(wholeRequest(session.workspace(), node.id, engine));
    }
    return question;
}

} // namespace

void ConversationController::askTokenDetail(TokenRef token) {
    if (!token.valid()) {
        return;
    }
    struct Detail {
        QList<TokenView> views;
        QHash<int, QString> branches;
    };
    store_.ask<Detail>(
        this,
        [token](StoreSession& session) {
            session.flush();
            TokenStore& tokens = session.workspace().tokens();
            const auto index = static_cast<std::size_t>(token.index);
            Detail detail;
            for (const TokenInfo& each : tokens.read(token.turn, index, 1, TokenDetail::WithAlternatives)) {
                detail.views << tokenView(each, true);
            }
            const ConversationId id = session.workspace().conversations().node(token.turn).conversation;
            for (const NodeOutline& node : session.workspace().conversations().outline(id)) {
                if (node.source_node != token.turn || node.source_tokens != index) {
                    continue;
                }
                for (const TokenInfo& first : tokens.read(node.id, index, 1, TokenDetail::Summary)) {
                    const QString name = QString::fromStdString(node.name);
                    detail.branches.insert(first.id, name.isEmpty() ? tr("branch") : name);
                }
            }
            return detail;
        },
        [this, token](const Detail& detail) {
            if (!detail.views.isEmpty()) {
                emit tokenDetail(token, detail.views.first());
                emit tokenBranches(token, detail.branches);
            }
        });
}

void ConversationController::askTurnTokens(qint64 turn) {
    store_.ask<QList<TokenView>>(
        this,
        [turn](StoreSession& session) {
            session.flush();
            QList<TokenView> views;
            QString texts[2];
            TokenStore& store = session.workspace().tokens();
            for (const TokenInfo& each : store.read(turn, 0, store.count(turn), TokenDetail::WithAlternatives)) {
                TokenView view = tokenView(each, true);
                QString& text = texts[view.channel == TokenChannel::Thinking ? 1 : 0];
                view.offset = static_cast<int>(text.size());
                text += view.text;
                views << view;
            }
            return views;
        },
        [this, turn](const QList<TokenView>& views) { emit turnTokens(turn, views); });
}

void ConversationController::askReplay(TokenRef token) {
    store_.ask<client::GenerateRequest>(
        this,
        [token, engine = abilities()](StoreSession& session) {
            session.flush();
            Workspace& workspace = session.workspace();
            const Node node = workspace.conversations().node(token.turn);
            const SamplerSettings sampler = recordedSampler(node);
            return buildRequest(workspace, node.conversation, node.parent, sampler, sampler.seed.value_or(0),
                                engine, node.id, workspace.tokens().count(node.id));
        },
        [this, token](const client::GenerateRequest& request) { emit replayReady(token, request); });
}

void ConversationController::askTokenCost(TokenRef token) {
    if (!engine_ || !token.valid() || !info_.can("reentry")) {
        return;
    }
    store_.ask<std::optional<client::GenerateRequest>>(
        this,
        [token, engine = abilities()](StoreSession& session) -> std::optional<client::GenerateRequest> {
            session.flush();
            const Node node = session.workspace().conversations().node(token.turn);
            if (!idsFit(node, engine)) {
                return {}; // of another model: there is no way in
            }
            return buildRequest(session.workspace(), node.conversation, node.parent, {}, 0, engine, node.id,
                                static_cast<std::size_t>(token.index));
        },
        [this, token](const std::optional<client::GenerateRequest>& request) {
            if (!engine_ || !request) {
                return;
            }
            engine_->reentry({*request}, [this, courier = courier_,
                                          token](client::Outcome<std::vector<client::ReentryCost>> costs) {
                courier->post([this, token, costs] {
                    if (costs.ok() && !costs.value().empty()) {
                        const client::ReentryCost& cost = costs.value().front();
                        emit tokenCost(token, static_cast<int>(cost.tokens - cost.reused), cost.seconds);
                    }
                });
            });
        });
}

void ConversationController::askMapCosts() {
    if (!engine_ || running() || line_.id == 0 || !info_.can("reentry")) {
        return;
    }
    store_.ask<MapQuestion>(
        this,
        [id = line_.id, engine = abilities()](StoreSession& session) { return nodeRequests(session, id, engine); },
        [this, id = line_.id](const MapQuestion& question) {
            if (!engine_ || question.requests.empty()) {
                return;
            }
            engine_->reentry(question.requests,
                             [this, courier = courier_, id, nodes = question.nodes](
                                 const client::Outcome<std::vector<client::ReentryCost>>& costs) {
                                 courier->post([this, id, nodes, costs] { takeMapCosts(id, nodes, costs); });
                             });
        });
}

void ConversationController::takeMapCosts(qint64 id, const std::vector<NodeId>& nodes,
                                          const client::Outcome<std::vector<client::ReentryCost>>& costs) {
    if (!costs.ok() || id != line_.id || costs.value().size() != nodes.size()) {
        return;
    }
    for (BranchNode& node : line_.map) {
        const auto at = std::find(nodes.begin(), nodes.end(), node.id);
        if (at == nodes.end()) {
            continue;
        }
        const client::ReentryCost& cost = costs.value()[static_cast<std::size_t>(at - nodes.begin())];
        const std::size_t replay = cost.tokens - std::min(cost.tokens, cost.reused);
        node.reentry_tokens = static_cast<int>(replay);
        node.reentry_seconds = cost.seconds;
        node.snapshot_held = cost.reused > 0 && replay <= kSnapshotInterval;
        for (ConversationBranch& branch : line_.branches) {
            if (branch.turn == node.id) {
                branch.snapshot_held = node.snapshot_held;
            }
        }
    }
    emit mapChanged(line_.map);
}

void ConversationController::countDraft(const QString& text) {
    const quint64 question = ++draft_question_;
    if (!engine_ || text.isEmpty() || !info_.can("tokenize")) {
        draft_tokens_ = 0;
        emit draftCounted(0);
        updateContext();
        return;
    }
    engine_->tokenize(client::RawText{text.toStdString()}, false, false,
                      [this, courier = courier_, question](client::Outcome<client::Tokenization> result) {
                          courier->post([this, question, result] {
                              if (question != draft_question_ || !result.ok()) {
                                  return;
                              }
                              draft_tokens_ = static_cast<int>(result.value().count);
                              emit draftCounted(draft_tokens_);
                              updateContext();
                          });
                      });
}

void ConversationController::lookUpToken(const QString& text, double bias) {
    if (!engine_ || !info_.can("tokenize")) {
        emit tokenLookupFailed(tr("Only a running engine with a tokenizer knows the tokens."));
        return;
    }
    engine_->tokenize(
        client::RawText{text.toStdString()}, true, true,
        [this, courier = courier_, text, bias](client::Outcome<client::Tokenization> result) {
            courier->post([this, text, bias, result] {
                if (!result.ok()) {
                    emit tokenLookupFailed(QString::fromUtf8(result.error().what()));
                } else if (result.value().tokens.size() != 1) {
                    emit tokenLookupFailed(
                        tr("“%1” is %2 tokens; a bias is for one.").arg(text).arg(result.value().tokens.size()));
                } else {
                    emit tokenLookedUp(
                        LogitBias{result.value().tokens.front(), text, bias, abilities().model});
                }
            });
        });
}

void ConversationController::updateContext() {
    ContextState state;
    const auto kv_per_token = static_cast<qint64>(info_.kv_bytes_per_token);
    state.tokens = line_.context_tokens;
    if (run_ && run_->conversation == line_.id && run_->result.prompt_tokens > 0) {
        state.tokens = run_->result.prompt_tokens + run_->turn.tokens.size();
    }
    if (engine_) {
        state.limit = static_cast<qint64>(info_.model.max_positions);
        state.kv_bytes = state.tokens * kv_per_token;
        state.state_bytes = static_cast<qint64>(info_.state_bytes);
        state.memory_limit = static_cast<qint64>(load_.memory_limit > 0 ? load_.memory_limit : info_.memory_limit);
        // Snapshots give way to what runs, so only states count against the limit.
        state.free_bytes = std::max<qint64>(0, state.memory_limit - static_cast<qint64>(load_.state_bytes));
        state.needed_bytes = draft_tokens_ * kv_per_token;
    }
    emit contextChanged(state);
}

} // namespace fulgurite
