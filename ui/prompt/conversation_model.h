// SPDX-License-Identifier: GPL-3.0-or-later
// The conversations as one flat list of lines: headings of folders, conversations, and the branches of the open
// one.
#pragma once

#include "ui/prompt/transcript_types.h"

#include <QAbstractListModel>
#include <QSet>

#include <vector>

namespace fulgurite {

class ConversationModel : public QAbstractListModel {
    Q_OBJECT

  public:
    enum class Kind { Folder, Conversation, Branch };
    enum Roles { kKindRole = Qt::UserRole, kIdRole };

    struct Line {
        Kind kind = Kind::Conversation;
        int row = -1;    // in rows()
        int branch = -1; // in its branches
        QString folder;
        int count = 0; // conversations in the folder
    };

    using QAbstractListModel::QAbstractListModel;

    void setRows(const QList<ConversationRow>& rows);
    const QList<ConversationRow>& rows() const { return rows_; }
    const Line& line(int index) const { return lines_[static_cast<std::size_t>(index)]; }
    const ConversationRow& conversation(const Line& line) const { return rows_[line.row]; }
    const ConversationBranch& branch(const Line& line) const { return rows_[line.row].branches[line.branch]; }
    // Lanes of the open conversation's branches: which column each stands in.
    const std::vector<int>& lanes() const { return lanes_; }
    int laneCount() const { return lane_count_; }
    bool collapsed(const QString& folder) const { return collapsed_.contains(folder); }
    void setCollapsed(const QString& folder, bool collapsed);
    bool unfolded(const ConversationRow& row) const { return row.open && !folded_.contains(row.id); }
    void setUnfolded(std::int64_t conversation, bool unfolded);
    int indexOf(std::int64_t conversation) const; // line; -1: none

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;

  signals:
    void renamed(std::int64_t conversation, const QString& title);

  private:
    void rebuild();
    static std::vector<int> laneOf(const QList<ConversationBranch>& branches, int& count);

    QList<ConversationRow> rows_;
    std::vector<Line> lines_;
    std::vector<int> lanes_;
    int lane_count_ = 0;
    QSet<QString> collapsed_;
    QSet<std::int64_t> folded_;
};

// "14:07" today, "Fri" within a week, "2 Nov" this year, else the date.
QString shortTime(const QDateTime& time, const QDateTime& now);

} // namespace fulgurite
