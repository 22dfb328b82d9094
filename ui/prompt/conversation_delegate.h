// SPDX-License-Identifier: GPL-3.0-or-later
// Paints the lines of the conversation list: headings, conversations in two lines, branches with their lanes.
#pragma once

#include "ui/base/theme_manager.h"

#include <QPointer>
#include <QStyledItemDelegate>

namespace fulgurite {

class ConversationModel;

class ConversationDelegate : public QStyledItemDelegate {
    Q_OBJECT

  public:
    ConversationDelegate(const ThemeManager& themes, const ConversationModel& model, QObject* parent);

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    // The field in which a title is changed, while there is one.
    QWidget* editor() const { return editor_; }
    QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;

  signals:
    void editorGone();

  private:
    void paintConversation(QPainter& painter, const QRect& rect, const QModelIndex& index) const;
    void paintBranch(QPainter& painter, const QRect& rect, const QModelIndex& index) const;
    void paintLanes(QPainter& painter, const QRect& rect, int row, int branch) const;

    const ThemeManager& themes_;
    const ConversationModel& model_;
    mutable QPointer<QWidget> editor_;
};

} // namespace fulgurite
