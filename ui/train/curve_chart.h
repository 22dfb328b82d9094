// SPDX-License-Identifier: GPL-3.0-or-later
// One chart of the grid. Curves are drawn into a picture on another thread; the window's thread shows that picture,
// moved and stretched while a closer one is on its way, and draws axes, header and cursor itself.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/train/chart_link.h"
#include "ui/train/chart_scene.h"
#include "ui/train/scene_painter.h"

namespace fulgurite {

class CurveChart : public PlotView {
    Q_OBJECT

  public:
    CurveChart(ThemeManager& themes, ChartLink& link, const ChartSpec& spec, QWidget* parent = nullptr);
    ~CurveChart() override;

    const ChartSpec& spec() const { return spec_; }
    void setScene(SceneRef scene);
    const SceneRef& scene() const { return scene_; }
    void setLarge(bool large);
    bool large() const { return large_; }
    // All drawing is done and shows the present range.
    bool settled() const { return !drawing_ && !redraw_ && !draw_timer_.isActive(); }
    const SceneRef& pictured() const { return pictured_; } // what is on the screen from the next painting on
    // The run of the curve nearest to a place in the widget, within a few pixels; 0: none.
    qint64 runAt(QPointF pixel) const;

    TableTwin table() const override;

  signals:
    void enlargeWanted();
    void runClicked(qint64 run, Qt::KeyboardModifiers modifiers);
    // A place on a curve was double-clicked, or chosen with O: its completions are wanted.
    void rolloutsWanted(qint64 run, double x);
    void missingClicked();
    void menuWanted(QMenu& menu); // whoever owns the chart adds to it
    void drawn();

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    std::optional<QPointF> walkPoint() const override;
    void addToMenu(QMenu& menu) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

  private:
    static constexpr std::size_t kMostNamed = 9; // groups in a header, a readout or a description

    void followLink();
    void applyRange();
    void tellRange();
    void draw(); // soon
    void drawNow();
    void arrange(); // margins
    SceneLook look() const;
    QRectF pictureRect() const; // where the picture's own range lies now
    void paintHeader(QPainter& painter) const;
    void paintAxes(QPainter& painter) const;
    void paintEndLabels(QPainter& painter) const;
    void paintMissing(QPainter& painter) const;
    void paintCursorAt(QPainter& painter, double x, bool solid, bool named) const;
    void paintPins(QPainter& painter) const;
    void step(int places);
    QString rowText(const SceneRow& row, double x) const;
    static QString valueText(double value);
    double shown(double axis_value) const; // undoes the logarithm of the vertical axis
    std::vector<double> heightTicks(double low, double high) const; // of that axis, between places on it
    qint64 nearest(QPointF pixel, double within) const;

    ChartLink& link_;
    ChartSpec spec_;
    SceneRef scene_ = std::make_shared<const Scene>();
    SceneRef pictured_ = scene_;
    ScenePicture picture_;
    QTimer draw_timer_; // a new scene and the range that it brings are drawn once
    bool large_ = false;
    bool applying_ = false; // the range comes from the link
    bool drawing_ = false;
    bool redraw_ = false;
};

} // namespace fulgurite
