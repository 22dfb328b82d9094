// SPDX-License-Identifier: GPL-3.0-or-later
// Conversations made up for tests of the Prompt page's widgets: text cut into tokens with seeded, invented
// probabilities. Never part of the product.
#pragma once

#include "ui/prompt/transcript_types.h"

namespace fulgurite::samples {

// Cuts text into word-like tokens with alternatives; deterministic for a seed.
QList<TokenView> tokenize(const QString& text, TokenChannel channel, quint32 seed, int alternatives = 20);

Turn userTurn(std::int64_t id, const QString& text);
Turn answerTurn(std::int64_t id, const QString& thinking, const QString& answer, quint32 seed);
QString markdownAnswer(); // every kind of block
QString longMarkdown(int tokens);
// A person's and the model's turns with about that many tokens together.
QList<Turn> conversation(int tokens, int tokens_per_answer);
QList<Turn> showcase();
QList<BranchNode> branches(int nodes = 7);
QList<ConversationRow> conversations();

} // namespace fulgurite::samples
