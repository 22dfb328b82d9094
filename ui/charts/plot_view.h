// SPDX-License-Identifier: GPL-3.0-or-later
// The base of every chart and map: what part of the data is visible, and all that a person can do with any of them.
//
//   Pointer   wheel zooms at the pointer, dragging pans, double click fits; the value under it is shown beside it
//   Keyboard  arrows and Page keys walk (walk()), Shift+arrows pan, + and - zoom, F fits, T opens the table twin,
//             Ctrl+C copies the data, Ctrl+Shift+C the picture; the menu key opens the menu
//   Menu      the same, and saving as PNG, SVG and CSV
//
// A view derives from it, says what there is (setFullRange, setMargins), paints it (paintPlot) and tells values
// (valueAt, table). paintPlot() is cached: moving the pointer repaints paintMarks() alone. The selection is not
// kept here: views emit what was chosen, and whoever owns the selection can undo it.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/charts/table_twin.h"

#include <QPixmap>
#include <QRectF>
#include <QTimer>
#include <QWidget>

#include <optional>

class QMenu;

namespace fulgurite {

class PlotView : public QWidget {
    Q_OBJECT

  public:
    // `name` is the accessible name, and that of saved files.
    PlotView(ThemeManager& themes, const QString& name, QWidget* parent = nullptr);

    const QString& name() const { return name_; }
    // In the data's coordinates. Only what is zoomable ever differs from the full range.
    const QRectF& range() const { return range_; }
    const QRectF& fullRange() const { return full_; }
    bool fitted() const { return range_ == full_; }
    void setRange(const QRectF& range); // moved and cut to fit into the full range
    void fit() { setRange(full_); }
    void zoomAt(QPointF data, double factor); // factor > 1: closer; the point under the pointer stays there
    void panBy(QPointF data);

    // Of the widget: inside the margins.
    QRectF plotRect() const;
    QPointF toPixel(QPointF data) const;
    QPointF toData(QPointF pixel) const;

    virtual TableTwin table() const = 0;
    // Everything that is visible, without pointer and focus marks.
    QImage picture(qreal pixel_ratio = 2);
    QByteArray svg();

    // While something is computed: after 100 ms the old picture pales and a thin bar shows; `done` in 0..1 or
    // unset.
    void setBusy(bool busy, std::optional<double> done = {});
    bool busy() const { return busy_; }

  public slots:
    void copyPicture();
    void copyData();
    void savePicture(); // PNG or SVG, as the chosen name ends
    void saveData();
    void showTable();

  signals:
    void rangeChanged(const QRectF& range);
    // The data point under the pointer; unset when it left.
    void hovered(std::optional<QPointF> data);

  protected:
    // `zoomable`: the directions that wheel and keys act on; the other one always shows all. Keeps the visible part
    // where the full range stays the same.
    void setFullRange(const QRectF& full, Qt::Orientations zoomable = Qt::Horizontal | Qt::Vertical);
    void setMargins(const QMargins& at_100_percent); // grow with the text
    QMargins margins() const;
    void setLeastSpan(QSizeF span) { least_span_ = span; } // no closer than this many units
    // Values grow upwards, as in charts; maps grow downwards.
    void setYUp(bool up) { y_up_ = up; }
    // The data or its colours changed.
    void invalidatePlot();

    // Ground, data, axes, in widget coordinates; clips itself to plotRect() where it has to. Also paints pictures.
    virtual void paintPlot(QPainter& painter) = 0;
    // What changes often: selection, cross-hair. In pictures too, so that a saved map shows what was chosen.
    virtual void paintMarks(QPainter&) {}
    // What stands at a point: first line in bold. Empty: nothing to tell.
    virtual QString valueAt(QPointF) const { return {}; }
    virtual void clicked(QPointF, Qt::KeyboardModifiers) {}
    // Arrows, Page Up and Down, Home, End, Space, Return and letters. False: not taken.
    virtual bool walk(QKeyEvent*) { return false; }
    virtual void addToMenu(QMenu&) {}
    // Where the keyboard walks, for zooming with keys; unset: the middle.
    virtual std::optional<QPointF> walkPoint() const { return {}; }
    // Told to assistive technology after walking: the value there.
    void announce(const QString& value);

    // A box with text near `at` that stays inside the widget; lines are split at '\n', the first is bold.
    void paintReadout(QPainter& painter, QPointF at, const QString& text) const;

    ThemeManager& themes() const { return themes_; }
    std::optional<QPointF> pointer() const { return pointer_; } // in the widget, over the plot

    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    bool zoomKey(const QKeyEvent* event);
    void drag(QPointF to);
    void paintBusy(QPainter& painter) const;
    void paintAll(QPainter& painter);
    QPointF unitsPerPixel() const;
    QString suggestedFile(const char* suffix) const;

    ThemeManager& themes_;
    QString name_;
    QRectF full_{0, 0, 1, 1};
    QRectF range_{0, 0, 1, 1};
    Qt::Orientations zoomable_;
    QMargins margins_;
    QSizeF least_span_{1e-9, 1e-9};
    bool y_up_ = false;
    QPixmap cache_;
    bool stale_ = true;
    std::optional<QPointF> pointer_;
    std::optional<QPointF> pressed_;
    bool dragging_ = false;
    bool busy_ = false;
    bool busy_shown_ = false;
    std::optional<double> done_;
    QTimer busy_timer_;
};

} // namespace fulgurite
