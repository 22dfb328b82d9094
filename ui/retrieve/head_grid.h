// SPDX-License-Identifier: GPL-3.0-or-later
// The heads of the chosen layer as toggles: shade is the score, struck through is off, a ring names the heads that
// the opened hit hangs on. A click toggles, dragging paints, Alt+click solos; arrows walk, Space toggles.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/charts/plot_view.h"
#include "ui/retrieve/retrieve_session.h"

namespace fulgurite {

class HeadGrid : public PlotView {
    Q_OBJECT

  public:
    HeadGrid(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    void setStatistics(std::shared_ptr<const client::HeadStatistics> statistics); // null: not known
    // Heads that the opened explanation names, ringed in that colour.
    void setNamed(const std::vector<std::size_t>& heads, const QColor& color);
    TableTwin table() const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override { mousePressEvent(event); }

  private:
    void reset();
    int heads() const { return static_cast<int>(session_.heads().size()); }
    int columns() const;
    int rows() const;
    int headAt(QPointF data) const; // -1: none
    QRectF cell(int head) const;
    double score(int head) const; // 0..1 of the highest

    RetrieveSession& session_;
    std::shared_ptr<const client::HeadStatistics> statistics_;
    std::vector<std::size_t> named_;
    QColor ring_;
    std::optional<bool> stroke_; // what dragging paints
};

// "0.94 for ships, standard 0.71"; empty: no labels.
QString separationText(const client::HeadStatistics& statistics, int head);

} // namespace fulgurite
