// SPDX-License-Identifier: GPL-3.0-or-later
// The rankings side by side, with lines between the columns where a document changes its rank. Stands in a scroll
// area: it is as high as its longest column. An opened hit shows in it how it came to its place (HitDetail).
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/retrieve/hit_painter.h"
#include "ui/retrieve/rank_layout.h"

namespace fulgurite {

class HitDetail;

class RankColumns : public PlotView {
    Q_OBJECT

  public:
    RankColumns(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    const RankLayout& layout() const { return layout_; }
    HitDetail& detail() { return *detail_; }
    TableTwin table() const override;
    QSize minimumSizeHint() const override;
    QSize sizeHint() const override { return minimumSizeHint(); }

  signals:
    void layoutChanged();
    void rowWanted(const QRect& rect); // to be scrolled into sight
    void citeWanted(std::int32_t document);
    void openWanted(std::int32_t document); // its whole text
    void addToMenuWanted(QMenu& menu);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent*) override {}
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool event(QEvent* event) override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;

  private:
    void rebuild();
    void paintRows(QPainter& painter, int column, const QRectF& clip) const;
    void paintProblem(QPainter& painter, int column, const QString& text) const;
    void paintLines(QPainter& painter, int gap) const; // between two columns
    void paintStub(QPainter& painter, QPointF from, bool leftwards, int rank, bool named) const;
    HitLook lookOf(int column, std::int32_t document) const;
    void choose(const RankPlace& place);
    std::optional<RankPlace> current() const;
    QString describe(const RankPlace& place) const;

    RetrieveSession& session_;
    HitPainter painter_;
    RankLayout layout_;
    HitDetail* detail_;
};

// "Rank 2 of MRAG: Mary Celeste, 7.34. ..." for tips and assistive technology.
QString hitText(const RetrieveSession& session, int column, int place);

} // namespace fulgurite
