// SPDX-License-Identifier: GPL-3.0-or-later
// The conversation as a tree: every branch, what is held of it, and what it costs to go on from there.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/branch_layout.h"

#include <QWidget>

class QLabel;

namespace fulgurite {

class BranchMap : public QWidget {
    Q_OBJECT

  public:
    explicit BranchMap(const ThemeManager& themes, QWidget* parent = nullptr);

    void setNodes(const QList<BranchNode>& nodes); // keeps place and selection where ids stay
    std::int64_t selected() const;                 // 0: none
    void select(std::int64_t id);
    void fit();
    double zoom() const { return zoom_; }
    QString asText() const; // an indented outline
    QString asCsv() const;
    QRectF nodeRect(int index) const; // in the widget
    QSize minimumSizeHint() const override { return {160, 160}; }
    QSize sizeHint() const override;

  signals:
    void previewRequested(std::int64_t id); // selected by click or arrow
    void openRequested(std::int64_t id);
    void removeRequested(std::int64_t id);
    void renameRequested(std::int64_t id);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

  private:
    int nodeAt(QPointF point) const;
    void setSelected(int index, bool announce);
    void walk(int key);
    void reveal(int index);
    void zoomAt(QPointF point, double factor);
    void paintEdges(QPainter& painter) const;
    void paintNode(QPainter& painter, int index) const;
    QSizeF treeSize() const; // at zoom 1

    const ThemeManager& themes_;
    QList<BranchNode> nodes_;
    std::vector<BranchPlace> places_;
    int selected_ = -1;
    double zoom_ = 1;
    QPointF offset_; // of the tree's origin, in the widget
    bool fitted_ = true;
    QPointF drag_from_;
    bool dragging_ = false;
};

// The map with its heading and its legend, as it stands in the dock.
class BranchPanel : public QWidget {
    Q_OBJECT

  public:
    explicit BranchPanel(ThemeManager& themes, QWidget* parent = nullptr);
    BranchMap& map() { return *map_; }
    void setSummary(const QString& summary); // "5 snapshots · 1.37 of 8 GiB"

  private:
    BranchMap* map_;
    QLabel* summary_;
};

} // namespace fulgurite
