// SPDX-License-Identifier: GPL-3.0-or-later
// Ranking: start of words first, then recent use, then the shorter title.
#include "ui/shell/palette_model.h"

#include "ui/base/key_caps.h"
#include "ui/shell/command_match.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace fulgurite {

PaletteModel::PaletteModel(const ActionRegistry& actions, QObject* parent)
    : QAbstractListModel(parent), actions_(actions) {}

int PaletteModel::total() const {
    return static_cast<int>(actions_.ids().size());
}

QList<PaletteModel::Row> PaletteModel::actionRows(const QString& query) const {
    QList<Row> rows;
    for (const QString& id : actions_.ids()) {
        const ActionSpec& spec = actions_.spec(id);
        const QAction* action = actions_.action(id);
        if (id == QStringLiteral("view.palette") || !action)
            continue;
        std::optional<CommandMatch> match = matchCommand(query, action->text());
        if (!match) {
            // Found by another word only: below every match in a title, and no letters to light up.
            match = matchCommand(query, spec.keywords);
            if (!match || match->score < 6)
                continue;
            match = CommandMatch{.score = match->score - 100, .positions = {}};
        }
        const bool enabled = action->isEnabled();
        rows << Row{.id = id,
                    .title = action->text(),
                    .note = enabled || actions_.reason(id).isEmpty() ? spec.category : actions_.reason(id),
                    .icon = spec.icon,
                    .keys = keyNames(action->shortcut()),
                    .positions = match->positions,
                    .enabled = enabled,
                    .score = match->score,
                    .recency = actions_.recency(id),
                    .run = {}};
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        auto rank = [](const Row& row) {
            const int recency = row.recency < 0 ? 1 << 20 : row.recency;
            // Scores within a letter's worth count as equal, so that recent use decides between them.
            return std::tuple(!row.enabled, -std::round(row.score / 5), recency, row.title.size());
        };
        return rank(a) < rank(b);
    });
    return rows;
}

void PaletteModel::setQuery(const QString& query) {
    beginResetModel();
    rows_.clear();
    const QList<PaletteSource>& sources = actions_.paletteSources();
    const auto source = std::find_if(sources.cbegin(), sources.cend(), [&query](const PaletteSource& candidate) {
        return query.startsWith(candidate.prefix);
    });
    if (source == sources.cend()) {
        rows_ = actionRows(query.trimmed());
    } else {
        for (const PaletteItem& item : source->find(query.mid(1).trimmed()))
            rows_ << Row{.id = {},
                         .title = item.title,
                         .note = item.note,
                         .icon = item.icon,
                         .keys = {},
                         .positions =
                             matchCommand(query.mid(1).trimmed(), item.title).value_or(CommandMatch{}).positions,
                         .enabled = true,
                         .score = 0,
                         .recency = -1,
                         .run = item.run};
    }
    endResetModel();
}

int PaletteModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant PaletteModel::data(const QModelIndex& index, int role) const {
    const Row& row = rows_.at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return row.title;
    case Qt::AccessibleTextRole:
        return QStringLiteral("%1, %2%3, %4")
            .arg(row.title, row.enabled ? QString() : QStringLiteral("not available: "), row.note,
                 row.keys.join(QLatin1Char('+')));
    case NoteRole:
        return row.note;
    case KeysRole:
        return row.keys;
    case PositionsRole:
        return QVariant::fromValue(row.positions);
    case EnabledRole:
        return row.enabled;
    case IconRole:
        return row.icon;
    case IdRole:
        return row.id;
    default:
        return {};
    }
}

Qt::ItemFlags PaletteModel::flags(const QModelIndex&) const {
    return Qt::ItemIsEnabled | Qt::ItemIsSelectable; // disabled ones too: their reason can be read
}

} // namespace fulgurite
