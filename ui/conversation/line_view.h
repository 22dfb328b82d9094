// SPDX-License-Identifier: GPL-3.0-or-later
// What the page shows of the workspace, made on the store's thread and handed over as values.
#pragma once

#include "ui/conversation/store_thread.h"
#include "ui/prompt/transcript_types.h"

#include <optional>

namespace fulgurite {

// One conversation along its head.
struct LineView {
    qint64 id = 0; // 0: the conversation that does not exist yet
    QString title;
    QString folder;
    bool starred = false;
    bool raw = false;
    QString system_prompt;
    SamplerSettings sampler;
    bool sampler_chosen = false; // by a person; else the model's own recommendation holds
    QString draft;
    QString node; // that answers; empty: the default one
    int context_tokens = 0;
    QList<Turn> turns;
    QList<BranchNode> map;
    QList<ConversationBranch> branches;
};

struct UndoLabels {
    QString undo; // empty: nothing to undo
    QString redo;
};

// How an answer ended, as its node's `result` keeps it.
struct AnswerResult {
    QString reason;
    QString stop_string;
    QString error;
    int prompt_tokens = 0;
    int reused_tokens = 0;
    int completion_tokens = 0;
    double queue_seconds = 0;
    double prefill_seconds = 0;
    double decode_seconds = 0;
    double thinking_seconds = 0;
};

QByteArray toJson(const AnswerResult& result);
AnswerResult answerResultFromJson(const QByteArray& json);

LineView buildLine(StoreSession& session, ConversationId id);
LineView emptyLine(StoreSession& session);
QList<ConversationRow> buildRows(StoreSession& session);
// The rows that `query` finds, each with the line it found.
QList<ConversationRow> searchRows(StoreSession& session, const QString& query);
UndoLabels undoLabels(StoreSession& session);

TokenView tokenView(const TokenInfo& token, bool with_alternatives);
// A branch's first token: the alternative in place of `replaced`.
TokenInfo forcedToken(const TokenChoice& choice, const TokenInfo& replaced);
// The beginning of a message as a title: one line, at most `length` characters.
QString titleFrom(const QString& text, int length = 60);

} // namespace fulgurite
