// SPDX-License-Identifier: GPL-3.0-or-later
#include "prompt_samples.h"

#include <QRandomGenerator>

#include <algorithm>
#include <cmath>

namespace fulgurite::samples {
namespace {

const QStringList& words() {
    static const QStringList kWords =
        QStringLiteral(" exceeds overflows is cannot explodes blows becomes leaves holds"
                       " falls stays grows shrinks turns keeps makes takes gives runs"
                       " ends begins")
            .split(u' ', Qt::SkipEmptyParts);
    return kWords;
}

QList<TokenChoice> alternativesOf(int id, const QString& text, float logprob, int count, QRandomGenerator& random) {
    QList<TokenChoice> choices{{id, logprob, text}};
    float left = std::log(std::max(1.0f - std::exp(logprob), 1e-4f)) - 0.5f;
    for (int i = 1; i < count; ++i) {
        const auto word = static_cast<qsizetype>(random.bounded(static_cast<quint32>(words().size())));
        choices.push_back({id + i * 17, left, u' ' + words()[word]});
        left -= 0.15f + static_cast<float>(random.generateDouble());
    }
    std::sort(choices.begin(), choices.end(), [](const auto& a, const auto& b) { return a.logprob > b.logprob; });
    return choices;
}

} // namespace

QList<TokenView> tokenize(const QString& text, TokenChannel channel, quint32 seed, int alternatives) {
    QRandomGenerator random(seed);
    QList<TokenView> tokens;
    int begin = 0;
    const auto flush = [&](int end) {
        if (end <= begin) {
            return;
        }
        TokenView token;
        token.id = 100 + static_cast<int>(random.bounded(50000u));
        token.text = text.mid(begin, end - begin);
        token.offset = begin;
        token.channel = channel;
        const double draw = random.generateDouble();
        token.logprob = static_cast<float>(-std::pow(draw, 7) * 6.5 - draw * 0.05);
        token.entropy = static_cast<float>(std::pow(random.generateDouble(), 3) * 3);
        token.rank = draw > 0.8 ? 2 : 1;
        token.logprob_after = token.logprob * 0.9f;
        token.kept = 5;
        token.kept_mass = 0.963f;
        if (alternatives > 0) {
            token.before = alternativesOf(token.id, token.text, token.logprob, alternatives, random);
            for (const TokenChoice& choice : token.before.mid(0, token.kept)) {
                token.after.push_back({choice.id, choice.logprob * 0.95f, choice.text});
            }
        }
        tokens.push_back(token);
        begin = end;
    };
    for (int i = 1; i < text.size(); ++i) {
        const QChar before = text[i - 1];
        const QChar now = text[i];
        const bool pair = now.isLowSurrogate();
        const bool starts_word = now == u' ' && before != u' ';
        const bool kind_changes =
            now != u' ' && before != u' ' && now.isLetterOrNumber() != before.isLetterOrNumber();
        if (!pair && (starts_word || kind_changes || i - begin >= 6)) {
            flush(i);
        }
    }
    flush(static_cast<int>(text.size()));
    return tokens;
}

Turn userTurn(std::int64_t id, const QString& text) {
    Turn turn;
    turn.id = id;
    turn.role = TurnRole::User;
    turn.text = text;
    turn.token_count = static_cast<int>(text.size()) / 4 + 1;
    turn.created = QDateTime(QDate(2026, 3, 2), QTime(13, 58));
    return turn;
}

Turn answerTurn(std::int64_t id, const QString& thinking, const QString& answer, quint32 seed) {
    Turn turn;
    turn.id = id;
    turn.role = TurnRole::Assistant;
    turn.text = answer;
    turn.model = QStringLiteral("ember");
    turn.sampler_summary = QStringLiteral("T 1.00 · top-p 0.95 · seed 7");
    turn.thinking.text = thinking;
    turn.tokens = tokenize(thinking, TokenChannel::Thinking, seed + 1);
    turn.thinking.tokens = static_cast<int>(turn.tokens.size());
    turn.thinking.seconds = 9.2;
    turn.tokens += tokenize(answer, TokenChannel::Answer, seed);
    turn.token_count = static_cast<int>(turn.tokens.size());
    turn.tokens_per_second = 139;
    return turn;
}

QString markdownAnswer() {
    return QStringLiteral(
        "**The decay is divided out of the keys, and the quotient has no bound.** Writing `λ^(i-j)` as `λ^i · "
        "λ^(-j)` "
        "makes a block one matrix product, but with `s = 0.917` the factor at `j = 255` is *e^234*, which "
        "overflows "
        "fp32, whose largest value is about `e^88.7`. Three changes:\n\n"
        "1. Never form `λ^(-j)` on its own.\n2. Mask the lag `i - j`, so all entries are ≤ 1.\n"
        "3. Carry `S` across sub-blocks of 64 tokens.\n\n"
        "```python\ndef block_scan(q, k, v, S, s, B=64):   # one head\n    i    = np.arange(B)\n"
        "    lag  = i[:, None] - i\n    mask = np.where(lag >= 0, np.exp(-s * abs(lag)), 0)\n"
        "    for t in range(0, len(q), B):\n        a, b, c = q[t:t+B], k[t:t+B], v[t:t+B]\n"
        "        yield (a @ b.T * mask) @ c + \"up\" * 1.5\n```\n\n"
        "With B = 64 the largest exponent anywhere is 0.917 × 63 ≈ 57.8, and here it is only ever used with a "
        "minus "
        "sign.\n\n"
        "| block | largest exponent | fits fp32 |\n|:------|-----------------:|:---------:|\n| 64 | 57.8 | yes |\n"
        "| 128 | 116.5 | no |\n\n"
        "> Nothing is lost: the masked form is exact.\n\n"
        "- first\n- second, with [a link](https://example.org/)\n  - nested\n");
}

QString longMarkdown(int tokens) {
    QString text;
    int section = 0;
    while (text.size() < tokens * 4) {
        text += QStringLiteral("## Part %1\n\n").arg(++section) + markdownAnswer() + u'\n';
        text +=
            QStringLiteral("A paragraph of plain words that goes on for a while, so that it breaks into lines. ")
                .repeated(6);
        text += QStringLiteral("\n\n");
    }
    return text;
}

QList<Turn> conversation(int tokens, int tokens_per_answer) {
    QList<Turn> turns;
    std::int64_t id = 1;
    for (int made = 0; made < tokens; made += tokens_per_answer) {
        turns += userTurn(id, QStringLiteral("Question number %1, asked in one line.").arg(id / 2));
        ++id;
        const QString text = longMarkdown(tokens_per_answer);
        Turn answer = answerTurn(id, {}, {}, static_cast<quint32>(id));
        answer.text = text;
        answer.tokens = tokenize(text, TokenChannel::Answer, static_cast<quint32>(id), 0);
        answer.token_count = static_cast<int>(answer.tokens.size());
        turns += answer;
        ++id;
    }
    return turns;
}

QList<Turn> showcase() {
    QList<Turn> turns;
    turns +=
        userTurn(1, QStringLiteral("Why does my prefill give infinities when I fold λ^(-j) into the keys?\nShow a "
                                   "form of the scan that stays finite."));
    Turn answer =
        answerTurn(2,
                   QStringLiteral("First find where the negative power enters, then bound the exponent. The "
                                  "keys are divided by the decay, so the quotient grows without limit.\n\n")
                       .repeated(6),
                   markdownAnswer(), 7);
    answer.sibling_count = 3;
    answer.sibling_index = 0;
    turns += answer;
    turns +=
        userTurn(3, QStringLiteral("Here is the trace of the failing step. Which launch writes the first inf?"));
    Turn cut = answerTurn(4, {}, QStringLiteral("The first one that divides: launch 3 writes it at"), 9);
    cut.state = TurnState::Cut;
    cut.note = QStringLiteral("Stopped by you after 12 tokens.");
    turns += cut;
    return turns;
}

QList<BranchNode> branches(int nodes) {
    QList<BranchNode> result;
    const auto add = [&](std::int64_t id, std::int64_t parent, const char* label, int tokens, bool path, bool held,
                         int replay, double seconds) {
        BranchNode node;
        node.id = id;
        node.parent = parent;
        node.label = QString::fromUtf8(label);
        node.tokens = tokens;
        node.on_path = path;
        node.snapshot_held = held;
        node.reentry_tokens = replay;
        node.reentry_seconds = seconds;
        result += node;
    };
    add(1, 0, "system", 38, true, true, 0, 0.001);
    add(2, 1, "Q1", 5200, true, true, 0, 0.002);
    add(3, 2, "A", 7200, true, true, 0, 0.002);
    add(4, 2, "B", 6900, false, true, 0, 0.002);
    add(5, 2, "C · T 0.6", 6900, false, false, 410, 0.3);
    add(6, 3, "Q2", 25615, true, true, 0, 1.2);
    add(7, 4, "Q2′", 25300, false, false, 18000, 3.1);
    result[5].current = true;
    result[5].progress = 0.61;
    QRandomGenerator random(3);
    for (int id = 8; id <= nodes; ++id) {
        const auto parent = 1 + static_cast<std::int64_t>(random.bounded(static_cast<quint32>(id - 1)));
        add(id, parent, "node", 100 * id, false, id % 3 == 0, id % 3 == 0 ? 0 : id, 0.01 * id);
    }
    return result;
}

QList<ConversationRow> conversations() {
    QList<ConversationRow> rows;
    const auto add = [&](std::int64_t id, const char* title, const char* folder, int tokens, int days) {
        ConversationRow row;
        row.id = id;
        row.title = QString::fromUtf8(title);
        row.folder = QString::fromUtf8(folder);
        row.model = QStringLiteral("ember");
        row.tokens = tokens;
        row.updated = QDateTime::currentDateTime().addDays(-days);
        rows += row;
    };
    add(1, "Overflow in the blockwise scan", "Kernels", 25615, 0);
    add(2, "Inner norm: 1e-6 or 1e-5?", "Kernels", 3114, 2);
    add(3, "fp32 head, sampled vs. scored", "Kernels", 41902, 4);
    add(4, "Planted fact, north cabinet", "Long recall", 4118, 5);
    add(5, "Three keys, pick the second", "Long recall", 412006, 30);
    add(6, "Scratch", "", 133, 60);
    rows[0].open = true;
    rows[0].branches = {{10, -1, QStringLiteral("Q1 folding into the keys"), 5200, true, false},
                        {11, 0, QStringLiteral("A · as published"), 7200, true, false},
                        {12, 1, QStringLiteral("Q2 trace of step 4812"), 25615, true, true},
                        {13, 0, QStringLiteral("B · from “ cannot”"), 6900, true, false},
                        {14, 3, QStringLiteral("Q2′ with LASP notes"), 25300, false, false},
                        {15, 0, QStringLiteral("C · T 0.6"), 6300, false, false}};
    rows[1].starred = true;
    rows[3].tags = {QStringLiteral("recall")};
    return rows;
}

} // namespace fulgurite::samples
