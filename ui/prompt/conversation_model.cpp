// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/conversation_model.h"

#include "ui/base/format.h"

#include <QLocale>

#include <algorithm>

namespace fulgurite {

QString shortTime(const QDateTime& time, const QDateTime& now) {
    const QLocale locale;
    const qint64 days = time.date().daysTo(now.date());
    if (days == 0) {
        return locale.toString(time.time(), QStringLiteral("HH:mm"));
    }
    if (days > 0 && days < 7) {
        return locale.dayName(time.date().dayOfWeek(), QLocale::ShortFormat);
    }
    return time.date().year() == now.date().year() ? locale.toString(time.date(), QStringLiteral("d MMM"))
                                                   : locale.toString(time.date(), QLocale::ShortFormat);
}

void ConversationModel::setRows(const QList<ConversationRow>& rows) {
    beginResetModel();
    rows_ = rows;
    rebuild();
    endResetModel();
}

void ConversationModel::setCollapsed(const QString& folder, bool collapsed) {
    if (collapsed == collapsed_.contains(folder)) {
        return;
    }
    beginResetModel();
    if (collapsed) {
        collapsed_.insert(folder);
    } else {
        collapsed_.remove(folder);
    }
    rebuild();
    endResetModel();
}

void ConversationModel::setUnfolded(std::int64_t conversation, bool unfolded) {
    if (unfolded != folded_.contains(conversation)) {
        return;
    }
    beginResetModel();
    if (unfolded) {
        folded_.remove(conversation);
    } else {
        folded_.insert(conversation);
    }
    rebuild();
    endResetModel();
}

// The first child goes on in its parent's lane; every other one opens the next free lane, as a track map does.
std::vector<int> ConversationModel::laneOf(const QList<ConversationBranch>& branches, int& count) {
    std::vector<int> lanes(static_cast<std::size_t>(branches.size()), 0);
    std::vector<bool> continued(lanes.size(), false);
    bool first_root = true;
    count = branches.isEmpty() ? 0 : 1;
    for (int i = 0; i < branches.size(); ++i) {
        const int parent = branches[i].parent < i ? branches[i].parent : -1;
        if (parent < 0) {
            lanes[static_cast<std::size_t>(i)] = first_root ? 0 : count++;
            first_root = false;
        } else if (!continued[static_cast<std::size_t>(parent)]) {
            continued[static_cast<std::size_t>(parent)] = true;
            lanes[static_cast<std::size_t>(i)] = lanes[static_cast<std::size_t>(parent)];
        } else {
            lanes[static_cast<std::size_t>(i)] = count++;
        }
    }
    return lanes;
}

void ConversationModel::rebuild() {
    lines_.clear();
    lanes_.clear();
    lane_count_ = 0;
    const auto addConversation = [&](int row) {
        lines_.push_back({Kind::Conversation, row, -1, rows_[row].folder, 0});
        if (unfolded(rows_[row])) {
            lanes_ = laneOf(rows_[row].branches, lane_count_);
            for (int branch = 0; branch < rows_[row].branches.size(); ++branch) {
                lines_.push_back({Kind::Branch, row, branch, rows_[row].folder, 0});
            }
        }
    };
    // Folders in the order of their latest conversation; those without a folder stand first, without a heading.
    QStringList folders;
    QHash<QString, int> counts;
    for (const ConversationRow& row : rows_) {
        if (!row.folder.isEmpty() && !folders.contains(row.folder)) {
            folders += row.folder;
        }
        ++counts[row.folder];
    }
    for (int row = 0; row < rows_.size(); ++row) {
        if (rows_[row].folder.isEmpty()) {
            addConversation(row);
        }
    }
    for (const QString& folder : folders) {
        lines_.push_back({Kind::Folder, -1, -1, folder, counts.value(folder)});
        for (int row = 0; row < rows_.size() && !collapsed_.contains(folder); ++row) {
            if (rows_[row].folder == folder) {
                addConversation(row);
            }
        }
    }
}

int ConversationModel::indexOf(std::int64_t conversation) const {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (lines_[i].kind == Kind::Conversation && rows_[lines_[i].row].id == conversation) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

int ConversationModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(lines_.size());
}

QVariant ConversationModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid)) {
        return {};
    }
    const Line& at = line(index.row());
    if (role == kKindRole) {
        return static_cast<int>(at.kind);
    }
    if (at.kind == Kind::Folder) {
        return role == Qt::DisplayRole ? QVariant(at.folder)
               : role == Qt::AccessibleTextRole
                   ? QVariant(tr("Folder %1, %2 conversations").arg(at.folder).arg(at.count))
                   : QVariant();
    }
    const ConversationRow& row = conversation(at);
    if (role == kIdRole) {
        return QVariant::fromValue(static_cast<qlonglong>(row.id));
    }
    if (at.kind == Kind::Branch) {
        const ConversationBranch& value = branch(at);
        if (role == Qt::AccessibleTextRole) {
            return tr("Branch %1, %2 tokens, %3")
                .arg(value.label, grouped(value.tokens), value.snapshot_held ? tr("snapshot held") : tr("evicted"));
        }
        return role == Qt::DisplayRole || role == Qt::ToolTipRole ? QVariant(value.label) : QVariant();
    }
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return row.title;
    case Qt::ToolTipRole:
        return row.match.isEmpty() ? row.title : row.title + u'\n' + row.match;
    case Qt::AccessibleTextRole:
        return tr("%1, %2, %3 tokens%4")
            .arg(row.title, row.model, grouped(row.tokens), row.starred ? tr(", starred") : QString());
    default:
        return {};
    }
}

Qt::ItemFlags ConversationModel::flags(const QModelIndex& index) const {
    Qt::ItemFlags flags = QAbstractListModel::flags(index);
    if (index.isValid() && line(index.row()).kind == Kind::Conversation) {
        flags |= Qt::ItemIsEditable;
    }
    return flags;
}

bool ConversationModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    const QString title = value.toString().simplified();
    if (!index.isValid() || role != Qt::EditRole || title.isEmpty() ||
        line(index.row()).kind != Kind::Conversation) {
        return false;
    }
    ConversationRow& row = rows_[line(index.row()).row];
    if (row.title != title) {
        row.title = title;
        emit dataChanged(index, index);
        emit renamed(row.id, title);
    }
    return true;
}

} // namespace fulgurite
