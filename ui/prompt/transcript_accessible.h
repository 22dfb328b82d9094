// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript for assistive technology: a list of turns, each with its text and the actions that stand under it.
#pragma once

#include <QAccessibleWidget>

#include <vector>

namespace fulgurite {

class TranscriptView;

class TranscriptAccessible : public QAccessibleWidget {
  public:
    explicit TranscriptAccessible(TranscriptView* view);
    ~TranscriptAccessible() override;

    // Makes every TranscriptView describe itself this way. Called by the view; once is enough.
    static void install();

    int childCount() const override;
    QAccessibleInterface* child(int index) const override;
    int indexOfChild(const QAccessibleInterface* child) const override;
    QAccessibleInterface* childAt(int x, int y) const override;

  private:
    TranscriptView* view() const;

    mutable std::vector<QAccessible::Id> turns_; // made when asked for
};

// One turn. Stays valid while the view lives; a turn that is gone has no text.
class TurnAccessible : public QAccessibleInterface,
                       public QAccessibleTextInterface,
                       public QAccessibleActionInterface {
  public:
    TurnAccessible(TranscriptView* view, int index) : view_(view), index_(index) {}

    int index() const { return index_; }

    bool isValid() const override;
    QObject* object() const override { return nullptr; }
    QAccessibleInterface* parent() const override;
    QAccessibleInterface* child(int) const override { return nullptr; }
    QAccessibleInterface* childAt(int, int) const override { return nullptr; }
    int childCount() const override { return 0; }
    int indexOfChild(const QAccessibleInterface*) const override { return -1; }
    QString text(QAccessible::Text kind) const override;
    void setText(QAccessible::Text, const QString&) override {}
    QRect rect() const override;
    QAccessible::Role role() const override { return QAccessible::ListItem; }
    QAccessible::State state() const override;
    void* interface_cast(QAccessible::InterfaceType type) override;

    void selection(int, int* start, int* end) const override { *start = *end = 0; }
    int selectionCount() const override { return 0; }
    void addSelection(int, int) override {}
    void removeSelection(int) override {}
    void setSelection(int, int, int) override {}
    int cursorPosition() const override { return 0; }
    void setCursorPosition(int) override {}
    QString text(int start, int end) const override;
    int characterCount() const override;
    QRect characterRect(int offset) const override;
    int offsetAtPoint(const QPoint& point) const override;
    void scrollToSubstring(int start, int end) override;
    QString attributes(int offset, int* start, int* end) const override;

    QStringList actionNames() const override;
    void doAction(const QString& name) override;
    QStringList keyBindingsForAction(const QString&) const override { return {}; }

  private:
    QString whole() const;

    TranscriptView* view_;
    int index_;
};

} // namespace fulgurite
