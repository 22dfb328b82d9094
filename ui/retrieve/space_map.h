// SPDX-License-Identifier: GPL-3.0-or-later
// A collection seen in one space, a head's or that of the standard vector: every document a point, the query a
// cross, relevant documents by letter. Dragging brushes a rectangle, Alt+dragging draws a lasso, Esc clears; the
// middle button pans. What is brushed lights up in every view of the session.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/charts/plot_view.h"
#include "ui/retrieve/retrieve_session.h"

#include <QImage>
#include <QPolygonF>

#include <memory>

namespace fulgurite {

class SpaceMap : public PlotView {
    Q_OBJECT

  public:
    SpaceMap(ThemeManager& themes, RetrieveSession& session, const QString& name, QWidget* parent = nullptr);

    void setProjection(std::shared_ptr<const client::Projection> projection); // null: nothing yet
    const client::Projection* projection() const { return projection_.get(); }
    TableTwin table() const override;
    QSize sizeHint() const override { return {165, 180}; }
    QSize minimumSizeHint() const override { return {120, 120}; }

    // The points inside, in the data's coordinates; by lasso only visible ones, to the pixel.
    Brush inRectangle(const QRectF& rect) const;
    Brush inLasso(const QPolygonF& lasso) const;

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;
    std::optional<QPointF> walkPoint() const override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    std::size_t points() const { return projection_ ? projection_->x.size() : 0; }
    QPointF point(std::size_t document) const;
    void paintPoints(QImage& image, const QColor& color, bool brushed) const;
    void renderBrush();
    std::int32_t nearest(QPointF data, double pixels) const; // -1: none as near
    void select(std::int32_t document);

    RetrieveSession& session_;
    std::shared_ptr<const client::Projection> projection_;
    QTimer brush_timer_; // renders it in an event of its own: two maps of 100,000 points are no one piece of work
    QImage brushed_;     // the brushed points, above the others
    std::optional<QPointF> from_; // of a brush that is being drawn, in the widget
    QPolygonF path_;
    bool lasso_ = false;
};

} // namespace fulgurite
