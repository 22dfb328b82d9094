// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/line_view.h"

#include "ui/conversation/new_line.h"
#include "ui/conversation/recipe_text.h"
#include "ui/conversation/request_builder.h"

#include <QDateTime>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <map>

namespace fulgurite {

namespace {

QString text(const std::string& utf8) {
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

QDateTime time(Milliseconds milliseconds) {
    return QDateTime::fromMSecsSinceEpoch(milliseconds);
}

TurnState stateOf(NodeState state) {
    switch (state) {
    case NodeState::Streaming:
        return TurnState::Streaming;
    case NodeState::Stopped:
    case NodeState::Cut:
        return TurnState::Cut;
    case NodeState::Complete:
        break;
    }
    return TurnState::Complete;
}

TokenChannel channelOf(StreamChannel channel) {
    switch (channel) {
    case StreamChannel::Thinking:
        return TokenChannel::Thinking;
    case StreamChannel::Marker:
        return TokenChannel::Marker;
    case StreamChannel::Answer:
        break;
    }
    return TokenChannel::Answer;
}

QList<TokenChoice> choices(const std::vector<Candidate>& candidates) {
    QList<TokenChoice> result;
    result.reserve(static_cast<qsizetype>(candidates.size()));
    for (const Candidate& each : candidates) {
        result << TokenChoice{each.id, each.logprob, text(each.text)};
    }
    return result;
}

// Why an answer ended, where it did not end by itself.
QString noteOf(const AnswerResult& result, NodeState state) {
    if (!result.error.isEmpty()) {
        return result.error;
    }
    if (state == NodeState::Stopped) {
        return QObject::tr("Stopped");
    }
    if (state == NodeState::Cut) {
        return QObject::tr(
            "Cut off: the window or the engine ended while it was written. Continue goes on from here.");
    }
    if (result.reason == QLatin1String("max_tokens")) {
        return QObject::tr("Reached the limit of %1 new tokens").arg(result.completion_tokens);
    }
    if (result.reason == QLatin1String("context_full")) {
        return QObject::tr("The context is full");
    }
    if (result.reason == QLatin1String("repetition")) {
        return QObject::tr("Ended by the repetition stop");
    }
    if (result.reason == QLatin1String("stop_string")) {
        return QObject::tr("Ended at the stop string “%1”").arg(result.stop_string);
    }
    return {};
}

void addTokens(StoreSession& session, const Node& node, Turn& turn) {
    TokenStore& store = session.workspace().tokens();
    const std::vector<TokenInfo> tokens = store.read(node.id, 0, store.count(node.id), TokenDetail::Summary);
    turn.tokens.reserve(static_cast<qsizetype>(tokens.size()));
    int thinking_tokens = 0;
    for (const TokenInfo& token : tokens) {
        TokenView view = tokenView(token, false);
        QString& channel = view.channel == TokenChannel::Thinking ? turn.thinking.text : turn.text;
        view.offset = static_cast<int>(channel.size());
        channel += view.text;
        thinking_tokens += view.channel == TokenChannel::Thinking ? 1 : 0;
        turn.tokens << view;
    }
    turn.thinking.tokens = thinking_tokens;
    turn.token_count = static_cast<int>(tokens.size());
}

Turn buildTurn(StoreSession& session, const Node& node) {
    Turn turn;
    turn.id = node.id;
    turn.role = node.role == MessageRole::Assistant ? TurnRole::Assistant
                : node.role == MessageRole::System  ? TurnRole::System
                                                    : TurnRole::User;
    turn.state = stateOf(node.state);
    turn.model = text(node.model);
    turn.created = time(node.created);
    if (node.role != MessageRole::Assistant) {
        turn.text = text(node.content);
        return turn;
    }
    addTokens(session, node, turn);
    if (node.state != NodeState::Streaming) {
        // An answer without tokens was edited or came from elsewhere.
        turn.text = text(node.content);
        turn.thinking.text = text(node.thinking);
    }
    const AnswerResult result = answerResultFromJson(QByteArray::fromStdString(node.result));
    turn.thinking.seconds = result.thinking_seconds;
    turn.thinking.finished = node.state != NodeState::Streaming || !turn.text.isEmpty();
    turn.position = result.prompt_tokens;
    turn.note = noteOf(result, node.state);
    if (result.decode_seconds > 0) {
        turn.tokens_per_second = result.completion_tokens / result.decode_seconds;
    }
    const QJsonObject request = QJsonDocument::fromJson(QByteArray::fromStdString(node.request)).object();
    if (request.contains("sampler")) {
        turn.sampler_summary =
            samplerSummary(samplerFromJson(QJsonDocument(request["sampler"].toObject()).toJson()));
    }
    const QString recipe = recipeSummary(recipeFromObject(request["intervention"].toObject()));
    if (!recipe.isEmpty()) {
        turn.sampler_summary = QStringLiteral("%1 · %2").arg(recipe, turn.sampler_summary);
    }
    return turn;
}

Turn cachedTurn(StoreSession& session, const Node& node) {
    if (node.state == NodeState::Streaming) {
        return buildTurn(session, node);
    }
    const auto found = session.turnCache().constFind(node.id);
    if (found != session.turnCache().constEnd()) {
        return *found;
    }
    return *session.turnCache().insert(node.id, buildTurn(session, node));
}

// Where a person's message stands in the context, from what the engine counted around it.
void placeTurns(QList<Turn>& turns) {
    int end = 0;
    for (qsizetype i = 0; i < turns.size(); ++i) {
        Turn& turn = turns[i];
        if (turn.role == TurnRole::Assistant) {
            end = turn.position + turn.token_count;
            continue;
        }
        turn.position = end;
        if (i + 1 < turns.size() && turns[i + 1].position > end) {
            turn.token_count = turns[i + 1].position - end;
        }
    }
}

std::map<std::optional<NodeId>, std::vector<NodeId>> childrenOf(const std::vector<NodeOutline>& outline) {
    std::map<std::optional<NodeId>, std::vector<NodeId>> result;
    for (const NodeOutline& node : outline) {
        result[node.parent].push_back(node.id);
    }
    return result;
}

QString labelOf(const NodeOutline& node) {
    if (!node.name.empty()) {
        return text(node.name);
    }
    const QString beginning = titleFrom(text(node.beginning), 40);
    return beginning.isEmpty() ? QObject::tr("(empty)") : beginning;
}

// Tokens of the turns of a line, by their ids: a tree of thousands is not to be searched for each of them.
QHash<qint64, int> tokensOnLine(const QList<Turn>& line) {
    QHash<qint64, int> result;
    result.reserve(line.size());
    for (const Turn& turn : line) {
        result.insert(turn.id, turn.token_count);
    }
    return result;
}

// Nodes at which lines part, under the conversation that is open.
QList<ConversationBranch> branchesOf(const std::vector<NodeOutline>& outline, const QHash<qint64, int>& line) {
    const auto children = childrenOf(outline);
    std::map<NodeId, int> row_of; // nearest branch at or above a node
    QList<ConversationBranch> result;
    for (const NodeOutline& node : outline) {
        const int above = node.parent && row_of.contains(*node.parent) ? row_of[*node.parent] : -1;
        if (children.at(node.parent).size() < 2) {
            row_of[node.id] = above;
            continue;
        }
        ConversationBranch branch;
        branch.turn = node.id;
        branch.parent = above;
        branch.label = labelOf(node);
        branch.tokens = static_cast<int>(node.tokens);
        branch.current = line.contains(node.id);
        row_of[node.id] = static_cast<int>(result.size());
        result << branch;
    }
    return result;
}

QList<BranchNode> mapOf(const std::vector<NodeOutline>& outline, const QHash<qint64, int>& line, qint64 last) {
    QList<BranchNode> result;
    for (const NodeOutline& node : outline) {
        BranchNode entry;
        entry.id = node.id;
        entry.parent = node.parent.value_or(0);
        entry.label = labelOf(node);
        // A person's message has a length only by the answer after it.
        entry.tokens = std::max(static_cast<int>(node.tokens), line.value(node.id));
        entry.on_path = line.contains(node.id);
        entry.current = node.id == last;
        entry.tooltip = text(node.beginning);
        result << entry;
    }
    return result;
}

ConversationRow rowOf(const Conversation& conversation) {
    ConversationRow row;
    row.id = conversation.id;
    row.title = text(conversation.title);
    row.model = text(conversation.model);
    row.tokens = static_cast<int>(conversation.tokens);
    row.updated = time(conversation.updated);
    row.folder = text(conversation.folder);
    row.starred = conversation.starred;
    for (const std::string& tag : conversation.tags) {
        row.tags << text(tag);
    }
    return row;
}

void takeSampler(LineView& line, const std::string& settings) {
    line.sampler = samplerFromJson(QByteArray::fromStdString(settings));
    line.sampler_chosen = settings != kNoSampler;
}

} // namespace

LineView buildLine(StoreSession& session, ConversationId id) {
    ConversationStore& store = session.workspace().conversations();
    session.flush();
    const Conversation conversation = store.conversation(id);
    const std::vector<NodeOutline> outline = store.outline(id);
    const auto children = childrenOf(outline);
    LineView line;
    line.id = id;
    line.title = text(conversation.title);
    line.folder = text(conversation.folder);
    line.starred = conversation.starred;
    line.raw = conversation.raw;
    line.system_prompt = text(conversation.system_prompt);
    takeSampler(line, conversation.settings);
    line.draft = text(session.workspace().draft(id));
    line.node = text(session.workspace().value(ValueKind::Setting, nodeValueName(id)).value_or(""));
    line.context_tokens = static_cast<int>(conversation.tokens);
    for (const Node& node : store.path(id)) {
        Turn turn = cachedTurn(session, node);
        const std::vector<NodeId>& siblings = children.at(node.parent);
        turn.sibling_count = static_cast<int>(siblings.size());
        turn.sibling_index =
            static_cast<int>(std::find(siblings.begin(), siblings.end(), node.id) - siblings.begin());
        line.turns << turn;
    }
    placeTurns(line.turns);
    const QHash<qint64, int> on_line = tokensOnLine(line.turns);
    line.map = mapOf(outline, on_line, line.turns.isEmpty() ? 0 : line.turns.last().id);
    line.branches = branchesOf(outline, on_line);
    return line;
}

LineView emptyLine(StoreSession& session) {
    LineView line;
    line.draft = text(session.workspace().draft(0));
    line.node = text(session.workspace().value(ValueKind::Setting, nodeValueName(0)).value_or(""));
    const NewConversation kept = newConversationAsKept(session.workspace());
    line.raw = kept.raw;
    line.system_prompt = text(kept.system_prompt);
    takeSampler(line, kept.settings);
    return line;
}

QList<ConversationRow> buildRows(StoreSession& session) {
    QList<ConversationRow> rows;
    for (const Conversation& conversation : session.workspace().conversations().list()) {
        rows << rowOf(conversation);
    }
    return rows;
}

QList<ConversationRow> searchRows(StoreSession& session, const QString& query) {
    QList<ConversationRow> rows;
    QHash<qint64, int> row_of;
    for (const SearchHit& hit : session.workspace().index().search(query.toStdString())) {
        if (row_of.contains(hit.conversation)) {
            continue; // the best line stands first
        }
        ConversationRow row = rowOf(session.workspace().conversations().conversation(hit.conversation));
        if (hit.node && !hit.matches.empty()) {
            const auto [begin, end] = hit.matches.front();
            row.match_turn = *hit.node;
            row.match = text(hit.line);
            row.match_start = static_cast<int>(text(hit.line.substr(0, begin)).size());
            row.match_length = static_cast<int>(text(hit.line.substr(begin, end - begin)).size());
        }
        row_of.insert(hit.conversation, static_cast<int>(rows.size()));
        rows << row;
    }
    return rows;
}

UndoLabels undoLabels(StoreSession& session) {
    UndoJournal& journal = session.workspace().journal();
    return {text(journal.undoLabel().value_or("")), text(journal.redoLabel().value_or(""))};
}

TokenView tokenView(const TokenInfo& token, bool with_alternatives) {
    TokenView view;
    view.id = token.id;
    view.channel = channelOf(token.channel);
    if (view.channel != TokenChannel::Marker) {
        view.text = text(token.text);
    }
    view.logprob = token.logprob;
    view.logprob_after = token.logprob_after;
    view.rank = token.rank;
    view.entropy = token.entropy;
    view.kept = token.kept;
    view.kept_mass = token.kept_mass;
    view.forced = token.forced;
    view.scored = token.rank > 0;
    if (with_alternatives) {
        view.before = choices(token.before);
        view.after = choices(token.after);
    }
    return view;
}

TokenInfo forcedToken(const TokenChoice& choice, const TokenInfo& replaced) {
    TokenInfo token = replaced;
    token.id = choice.id;
    // A part of a character is shown as U+FFFD; the token that completes it brings the whole one.
    QString whole = choice.text;
    while (whole.endsWith(QChar::ReplacementCharacter)) {
        whole.chop(1);
    }
    token.text = whole.toStdString();
    const QString bare = choice.text.trimmed();
    if (bare == QLatin1String("<think>") || bare == QLatin1String("</think>")) {
        token.channel = StreamChannel::Marker;
    } else if (replaced.channel == StreamChannel::Marker) {
        // In place of the mark that would have ended it, thinking goes on.
        token.channel =
            replaced.text.find("</") != std::string::npos ? StreamChannel::Thinking : StreamChannel::Answer;
    }
    token.forced = true;
    token.logprob = choice.logprob;
    token.logprob_after = 0;
    token.rank = 1;
    for (const Candidate& each : replaced.before) {
        token.rank += each.logprob > choice.logprob && each.id != choice.id ? 1 : 0;
    }
    for (const Candidate& each : replaced.after) {
        if (each.id == choice.id) {
            token.logprob_after = each.logprob;
        }
    }
    return token;
}

QString titleFrom(const QString& message, int length) {
    QString line = message.trimmed().section(QLatin1Char('\n'), 0, 0).simplified();
    if (line.size() > length) {
        const qsizetype space = line.lastIndexOf(QLatin1Char(' '), length - 1);
        line = line.left(space > length / 2 ? space : length - 1) + QChar(0x2026);
    }
    return line;
}

QByteArray toJson(const AnswerResult& result) {
    return QJsonDocument(QJsonObject{{"reason", result.reason},
                                     {"stop_string", result.stop_string},
                                     {"error", result.error},
                                     {"prompt_tokens", result.prompt_tokens},
                                     {"reused_tokens", result.reused_tokens},
                                     {"completion_tokens", result.completion_tokens},
                                     {"queue_seconds", result.queue_seconds},
                                     {"prefill_seconds", result.prefill_seconds},
                                     {"decode_seconds", result.decode_seconds},
                                     {"thinking_seconds", result.thinking_seconds}})
        .toJson(QJsonDocument::Compact);
}

AnswerResult answerResultFromJson(const QByteArray& json) {
    const QJsonObject object = QJsonDocument::fromJson(json).object();
    AnswerResult result;
    result.reason = object["reason"].toString();
    result.stop_string = object["stop_string"].toString();
    result.error = object["error"].toString();
    result.prompt_tokens = object["prompt_tokens"].toInt();
    result.reused_tokens = object["reused_tokens"].toInt();
    result.completion_tokens = object["completion_tokens"].toInt();
    result.queue_seconds = object["queue_seconds"].toDouble();
    result.prefill_seconds = object["prefill_seconds"].toDouble();
    result.decode_seconds = object["decode_seconds"].toDouble();
    result.thinking_seconds = object["thinking_seconds"].toDouble();
    return result;
}

} // namespace fulgurite
