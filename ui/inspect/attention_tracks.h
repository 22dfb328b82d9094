// SPDX-License-Identifier: GPL-3.0-or-later
// One row of implied attention as tracks over the tokens it comes from, with one line through all of them.
#pragma once

#include "ui/charts/plot_view.h"
#include "ui/inspect/track_painter.h"

#include <memory>

namespace fulgurite {

class CapturedTexts;

class AttentionTracks : public PlotView {
    Q_OBJECT

  public:
    AttentionTracks(ThemeManager& themes, CapturedTexts& texts, QWidget* parent = nullptr);

    // The text that the axis covers; shows its end at three pixels a token.
    void setTokens(std::size_t count);
    // Null: the row is not there yet; the old one stays, pale, until it is.
    void setRow(std::shared_ptr<const TrackData> row);
    void setSource(std::optional<std::size_t> token);
    // The token that the pointer is at in another view on the same axis.
    void setPointedToken(std::optional<std::size_t> token);
    // Three pixels a token, the query at the right edge.
    void showUsual();

    const TrackData* row() const { return row_.get(); }
    double pixelsPerToken() const { return plotRect().width() / range().width(); }
    double gain() const { return gain_; }
    TableTwin table() const override;
    QSize sizeHint() const override;

  signals:
    void sourceChosen(std::size_t token, bool walking);
    void queryChosen(std::size_t token);

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    void clicked(QPointF at, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;
    std::optional<QPointF> walkPoint() const override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    TrackScene scene() const;
    std::optional<std::size_t> cursor() const;
    void setGain(double gain);
    void reveal(std::size_t token);

    CapturedTexts& texts_;
    std::size_t tokens_ = 0;
    std::shared_ptr<const TrackData> row_;
    std::optional<std::size_t> source_;
    std::optional<std::size_t> pointed_;
    double gain_ = 1;
    double last_width_ = 0; // of the plot, in pixels
};

} // namespace fulgurite
