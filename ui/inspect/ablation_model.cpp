// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/ablation_model.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"

#include <QFont>

#include <cmath>
#include <limits>

namespace fulgurite {

namespace {

constexpr double kShown = 1e-3; // nats: the last digit that is shown

// Number of an original token in what was judged; the first token of all text has no prediction.
std::optional<std::size_t> judgedIndex(const AblationResult& result, int i) {
    const std::size_t position = result.first + static_cast<std::size_t>(i);
    if (i < 0 || position < result.judged.first || position - result.judged.first >= result.judged.size()) {
        return {};
    }
    return position - result.judged.first;
}

float judgedValue(const AblationResult& result, int i, const std::vector<float>& values) {
    const auto index = judgedIndex(result, i);
    return index ? values[*index] : std::numeric_limits<float>::quiet_NaN();
}

QString tokenText(const std::string& bytes) {
    return QString::fromUtf8(bytes.data(), static_cast<qsizetype>(bytes.size()));
}

QString bestText(const AblationResult& result, std::size_t index) {
    const capture::TokenComparison& judged = result.judged;
    const auto text = [](const std::vector<std::string>& texts, const std::vector<TokenId>& ids, std::size_t i) {
        return i < texts.size() ? readableToken(tokenText(texts[i])) : QStringLiteral("#%1").arg(ids[i]);
    };
    const QString before = text(judged.best_text, judged.best, index);
    return judged.best[index] == judged.best_changed[index]
               ? before
               : QStringLiteral("%1 → %2").arg(before, text(judged.best_changed_text, judged.best_changed, index));
}

// A number, or nothing where it is not defined.
QVariant number(float value) {
    return std::isfinite(value) ? QVariant(static_cast<double>(value)) : QVariant();
}

QVariant cellOf(const AblationResult& result, int row, int column) {
    const AlignedTokens& pair = result.rows[static_cast<std::size_t>(row)];
    const int i = pair.original;
    switch (column) {
    case AblationModel::kPosition:
        return i < 0 ? QVariant() : QVariant(static_cast<qulonglong>(result.first + static_cast<std::size_t>(i)));
    case AblationModel::kOriginal:
        return i < 0 ? QVariant() : tokenText(result.original[static_cast<std::size_t>(i)].text);
    case AblationModel::kLogprob:
        return number(result.logprob(i));
    case AblationModel::kChangedLogprob:
        return number(result.changedLogprob(i));
    case AblationModel::kDelta:
        return number(result.changedLogprob(i) - result.logprob(i));
    case AblationModel::kKl:
        return number(result.kl(i));
    case AblationModel::kBest: {
        const auto index = judgedIndex(result, i);
        return index ? QVariant(bestText(result, *index)) : QVariant();
    }
    case AblationModel::kRegenerated:
        return pair.changed < 0 ? QVariant()
                                : tokenText(result.changed[static_cast<std::size_t>(pair.changed)].text);
    default:
        return {};
    }
}

} // namespace

float AblationResult::logprob(int i) const {
    return judgedValue(*this, i, judged.logprob);
}

float AblationResult::changedLogprob(int i) const {
    return judgedValue(*this, i, judged.changed);
}

float AblationResult::kl(int i) const {
    return judgedValue(*this, i, judged.kl);
}

void AblationResult::align() {
    std::vector<int> a;
    std::vector<int> b;
    a.reserve(original.size());
    b.reserve(changed.size());
    for (const capture::CapturedToken& token : original) {
        a.push_back(token.id);
    }
    for (const TokenInfo& token : changed) {
        b.push_back(token.id);
    }
    rows = alignTokens(a, b);
}

void AblationModel::setResult(std::shared_ptr<const AblationResult> result) {
    beginResetModel();
    result_ = std::move(result);
    endResetModel();
}

std::optional<std::size_t> AblationModel::positionOf(int row) const {
    if (!result_ || row < 0 || row >= rowCount() || result_->rows[static_cast<std::size_t>(row)].original < 0) {
        return {};
    }
    return result_->first + static_cast<std::size_t>(result_->rows[static_cast<std::size_t>(row)].original);
}

int AblationModel::rowOfPosition(std::size_t position) const {
    for (int row = 0; row < rowCount(); ++row) {
        if (positionOf(row) == position) {
            return row;
        }
    }
    return -1;
}

int AblationModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() || !result_ ? 0 : static_cast<int>(result_->rows.size());
}

// What the eye should find: tokens without a partner, and another token at the top.
bool AblationModel::differs(int row, int column) const {
    const AlignedTokens& pair = result_->rows[static_cast<std::size_t>(row)];
    if (column == kOriginal || column == kRegenerated) {
        return !pair.both() && !result_->changed.empty();
    }
    const auto judged = column == kBest ? judgedIndex(*result_, pair.original) : std::nullopt;
    return judged && result_->judged.best[*judged] != result_->judged.best_changed[*judged];
}

QVariant AblationModel::alignmentOf(int column) {
    const bool text = column == kOriginal || column == kRegenerated || column == kBest;
    return QVariant::fromValue(Qt::Alignment(text ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
}

QVariant AblationModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || !result_) {
        return {};
    }
    const int column = index.column();
    if (role == Qt::TextAlignmentRole) {
        return alignmentOf(column);
    }
    if (role == Qt::FontRole && differs(index.row(), column)) {
        QFont bold;
        bold.setBold(true);
        return bold;
    }
    if (role != Qt::DisplayRole && role != Qt::AccessibleTextRole) {
        return {};
    }
    const QVariant value = cellOf(*result_, index.row(), column);
    if (!value.isValid()) {
        return role == Qt::AccessibleTextRole ? tr("none") : QString();
    }
    switch (column) {
    case kOriginal:
    case kRegenerated:
        return readableToken(value.toString());
    case kDelta:
        return std::abs(value.toDouble()) < kShown / 2 ? QStringLiteral("0") : signedText(value.toDouble());
    case kLogprob:
    case kChangedLogprob:
    case kKl:
        // Adding zero takes the sign off a zero.
        return tickText(std::round(value.toDouble() / kShown) * kShown + 0.0, kShown);
    default:
        return value;
    }
}

QVariant AblationModel::headerData(int section, Qt::Orientation orientation, int role) const {
    static const char* const kTitles[] = {QT_TR_NOOP("Token"),     QT_TR_NOOP("As it is"),   QT_TR_NOOP("log p"),
                                          QT_TR_NOOP("ablated"),   QT_TR_NOOP("Δ log p"),    QT_TR_NOOP("KL"),
                                          QT_TR_NOOP("Best next"), QT_TR_NOOP("Regenerated")};
    static const char* const kTips[] = {
        QT_TR_NOOP("Position in the text"),
        QT_TR_NOOP("The answer that was given"),
        QT_TR_NOOP("Log-probability of that token (nats), the model as it is"),
        QT_TR_NOOP("The same token after the same text, under the intervention"),
        QT_TR_NOOP("What the intervention changed; below zero: the token became less likely"),
        QT_TR_NOOP("KL divergence of the next-token distributions in nats: as it is, against the intervention"),
        QT_TR_NOOP("The most likely token here; two where the intervention changes it"),
        QT_TR_NOOP(
            "The answer under the intervention, with the same seed, aligned by the longest common subsequence")};
    if (orientation != Qt::Horizontal) {
        return {};
    }
    return role == Qt::DisplayRole         ? QVariant(tr(kTitles[section]))
           : role == Qt::ToolTipRole       ? QVariant(tr(kTips[section]))
           : role == Qt::TextAlignmentRole ? alignmentOf(section)
                                           : QVariant();
}

TableTwin AblationModel::twin() const {
    TableTwin twin;
    twin.title = tr("Ablation, token by token");
    twin.columns = {QStringLiteral("position"), QStringLiteral("token"),
                    QStringLiteral("logprob"),  QStringLiteral("logprob_ablated"),
                    QStringLiteral("delta"),    QStringLiteral("kl"),
                    QStringLiteral("best"),     QStringLiteral("regenerated")};
    twin.rows = rowCount();
    twin.cell = [result = result_](int row, int column) { return cellOf(*result, row, column); };
    return twin;
}

} // namespace fulgurite
