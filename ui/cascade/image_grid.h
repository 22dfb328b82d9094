// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures in rows: only those in sight are asked for and painted, so that a hundred thousand scroll like a
// hundred. What a cell looks like is up to its painter; the plain one is the thumbnail with a line of text.
#pragma once

#include "core/client/cascade_types.h"

#include <QAbstractScrollArea>

#include <functional>
#include <optional>
#include <vector>

namespace fulgurite {

class ThemeManager;
class ThumbnailStore;

struct GridCell {
    client::ImageId image = 0; // 0: not known yet
    QString text;              // below the picture
    QString description;       // for tool tips and assistive technology
    bool pale = false;         // fell: dulled
};

// Asked for what is in sight alone.
struct GridContent {
    int count = 0;
    std::function<GridCell(int index)> cell;
    std::function<int(client::ImageId image)> find; // -1: not here, or not known to be
};

class ImageGrid : public QAbstractScrollArea {
    Q_OBJECT

  public:
    using CellPainter = std::function<void(QPainter&, const QRectF&, int index, bool selected)>;

    ImageGrid(ThemeManager& themes, ThumbnailStore& thumbnails, const QString& name, QWidget* parent = nullptr);

    void setContent(GridContent content);       // the current cell stays where its image is still here
    void setCells(std::vector<GridCell> cells); // the same, of a few
    int count() const { return content_.count; }
    GridCell cellAt(int index) const { return content_.cell(index); }
    // Of a cell, at 100 %. `painter` unset: thumbnail and text. `one_row`: scrolls sideways.
    void setCellSize(QSize size, CellPainter painter = {}, bool one_row = false);
    void setCurrent(std::optional<client::ImageId> image); // scrolls to it
    int current() const { return current_; }               // -1: none
    void paintThumbnail(QPainter& painter, const QRectF& box, client::ImageId image, bool pale) const;

  signals:
    void chosen(client::ImageId image);                       // it became the current one
    void opened(client::ImageId image);                       // Enter, double click
    void keyPressed(QKeyEvent* event, client::ImageId image); // a letter on the current one

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool viewportEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;

  private:
    QSize cell() const;
    int columns() const;
    QRect cellRect(int index) const; // of the viewport
    int indexAt(QPoint at) const;
    void fitScrollBars();
    void moveTo(int index);
    void paintPlain(QPainter& painter, const QRectF& box, int index, bool selected) const;

    ThemeManager& themes_;
    ThumbnailStore& thumbnails_;
    GridContent content_;
    QSize cell_{84, 96};
    CellPainter painter_;
    bool one_row_ = false;
    int current_ = -1;
};

} // namespace fulgurite
