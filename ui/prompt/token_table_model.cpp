// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/token_table_model.h"

#include "ui/base/csv.h"
#include "ui/base/format.h"
#include "ui/prompt/tint.h"

#include <QLocale>

#include <array>

namespace fulgurite {
namespace {

QString channelName(TokenChannel channel) {
    return channel == TokenChannel::Answer     ? QStringLiteral("answer")
           : channel == TokenChannel::Thinking ? QStringLiteral("thinking")
                                               : QStringLiteral("marker");
}

double number(const TokenView& token, int row, int position, int column) {
    switch (column) {
    case TokenTableModel::kPlace:
        return position + row;
    case TokenTableModel::kId:
        return token.id;
    case TokenTableModel::kProbability:
        return probability(token.logprob);
    case TokenTableModel::kSurprise:
        return surpriseBits(token);
    case TokenTableModel::kRank:
        return token.rank;
    case TokenTableModel::kEntropy:
        return bits(token.entropy);
    case TokenTableModel::kAfter:
        return probability(token.logprob_after);
    case TokenTableModel::kKept:
        return token.kept;
    case TokenTableModel::kMass:
        return token.kept_mass;
    default:
        return 0;
    }
}

bool isWords(int column) {
    return column == TokenTableModel::kText || column == TokenTableModel::kChannel;
}

bool isCount(int column) {
    return column == TokenTableModel::kPlace || column == TokenTableModel::kId ||
           column == TokenTableModel::kRank || column == TokenTableModel::kKept;
}

} // namespace

void TokenTableModel::setTurn(const Turn& turn) {
    beginResetModel();
    turn_ = turn;
    endResetModel();
}

int TokenTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(turn_.tokens.size());
}

int TokenTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(kColumns);
}

QVariant TokenTableModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const TokenView& token = turn_.tokens[index.row()];
    const int column = index.column();
    if (role == Qt::TextAlignmentRole) {
        return QVariant(Qt::AlignVCenter | (isWords(column) ? Qt::AlignLeft : Qt::AlignRight));
    }
    if (role == kSortRole) {
        return column == kText      ? QVariant(token.text)
               : column == kChannel ? QVariant(channelName(token.channel))
                                    : QVariant(number(token, index.row(), turn_.position, column));
    }
    if (role == Qt::ToolTipRole && column == kText) {
        return token.forced ? tr("Put there by the thinking budget, not sampled") : token.text;
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    if (column == kText) {
        return readableToken(token.text);
    }
    if (column == kChannel) {
        return token.channel == TokenChannel::Answer     ? tr("answer")
               : token.channel == TokenChannel::Thinking ? tr("thinking")
                                                         : tr("marker");
    }
    if (!token.scored && column != kPlace && column != kId) {
        return QStringLiteral("–");
    }
    const double value = number(token, index.row(), turn_.position, column);
    return isCount(column) ? grouped(static_cast<std::int64_t>(value))
                           : QLocale().toString(value, 'f', column == kProbability || column == kAfter ? 4 : 3);
}

QVariant TokenTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= kColumns) {
        return {};
    }
    static const std::array<std::pair<const char*, const char*>, kColumns> kNames{
        {{QT_TR_NOOP("at"), QT_TR_NOOP("Place in the context")},
         {QT_TR_NOOP("token"), QT_TR_NOOP("Text; ␣ is a space, ↵ a line break")},
         {QT_TR_NOOP("id"), QT_TR_NOOP("Number in the vocabulary")},
         {QT_TR_NOOP("part"), QT_TR_NOOP("Thinking, answer, or the mark between them")},
         {QT_TR_NOOP("p"), QT_TR_NOOP("Probability before the samplers")},
         {QT_TR_NOOP("bits"), QT_TR_NOOP("Surprise: -log2 p")},
         {QT_TR_NOOP("rank"), QT_TR_NOOP("1: it was the most likely")},
         {QT_TR_NOOP("entropy"), QT_TR_NOOP("Of the distribution before the samplers, in bits")},
         {QT_TR_NOOP("p after"), QT_TR_NOOP("Probability after the samplers")},
         {QT_TR_NOOP("kept"), QT_TR_NOOP("Tokens that the samplers left to choose from")},
         {QT_TR_NOOP("mass"), QT_TR_NOOP("Probability of those, before the cut")}}};
    const auto& [name, help] = kNames[static_cast<std::size_t>(section)];
    if (role == Qt::TextAlignmentRole) {
        return QVariant(Qt::AlignVCenter | (isWords(section) ? Qt::AlignLeft : Qt::AlignRight));
    }
    return role == Qt::DisplayRole ? QVariant(tr(name)) : role == Qt::ToolTipRole ? QVariant(tr(help)) : QVariant();
}

QString TokenTableModel::field(int row, int column) const {
    const TokenView& token = turn_.tokens[row];
    if (column == kText) {
        return token.text;
    }
    if (column == kChannel) {
        return channelName(token.channel);
    }
    if (!token.scored && column != kPlace && column != kId) {
        return {};
    }
    return csvNumber(number(token, row, turn_.position, column));
}

QString TokenTableModel::csv(const QList<int>& rows) const {
    QString text =
        csvLine({QStringLiteral("position"), QStringLiteral("token"), QStringLiteral("id"),
                 QStringLiteral("channel"), QStringLiteral("probability"), QStringLiteral("surprise_bits"),
                 QStringLiteral("rank"), QStringLiteral("entropy_bits"), QStringLiteral("probability_after"),
                 QStringLiteral("kept"), QStringLiteral("kept_mass")});
    const auto line = [&](int row) {
        QStringList fields;
        for (int column = 0; column < kColumns; ++column) {
            fields += field(row, column);
        }
        text += csvLine(fields);
    };
    if (rows.isEmpty()) {
        for (int row = 0; row < rowCount(); ++row) {
            line(row);
        }
    }
    for (const int row : rows) {
        line(row);
    }
    return text;
}

} // namespace fulgurite
