// SPDX-License-Identifier: GPL-3.0-or-later
// Lays widgets out like words: from left to right, and on to the next line when one is full.
#pragma once

#include <QLayout>
#include <QList>

namespace fulgurite {

class FlowLayout : public QLayout {
  public:
    explicit FlowLayout(QWidget* parent, int gap = 6);
    ~FlowLayout() override;

    void addItem(QLayoutItem* item) override;
    int count() const override { return static_cast<int>(items_.size()); }
    QLayoutItem* itemAt(int index) const override { return items_.value(index); }
    QLayoutItem* takeAt(int index) override;
    Qt::Orientations expandingDirections() const override { return {}; }
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    void setGeometry(const QRect& rect) override;
    QSize sizeHint() const override { return minimumSize(); }
    QSize minimumSize() const override;

  private:
    int arrange(const QRect& rect, bool apply) const; // returns the height

    int gap_;
    QList<QLayoutItem*> items_;
};

} // namespace fulgurite
