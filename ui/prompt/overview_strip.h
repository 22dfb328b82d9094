// SPDX-License-Identifier: GPL-3.0-or-later
// The whole conversation in 14 pixels beside the transcript: where the model was surprised, what the person wrote,
// and which part is visible. Dragging it scrolls.
#pragma once

#include "ui/prompt/transcript_types.h"

#include <QImage>
#include <QWidget>

#include <vector>

namespace fulgurite {

class ThemeManager;
class TranscriptDocument;

class OverviewStrip : public QWidget {
    Q_OBJECT

  public:
    OverviewStrip(const ThemeManager& themes, TranscriptDocument& document, QWidget* parent);

    void setTint(TintMode mode);
    void setView(int top, int height); // of the document, in its pixels
    void invalidate();                 // the document changed
    QSize sizeHint() const override { return {14, 100}; }

    // What one row of the strip stands for; -1 where nothing does. For tests.
    struct Row {
        double strength = -1; // mean of the tint of its tokens
        bool person = false;
    };
    const std::vector<Row>& rows();

  signals:
    void scrollRequested(int top);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;

  private:
    void scrollTo(int y);
    void fill();

    const ThemeManager& themes_;
    TranscriptDocument& document_;
    TintMode mode_ = TintMode::Surprise;
    int view_top_ = 0;
    int view_height_ = 0;
    bool stale_ = true;
    std::vector<Row> rows_;
};

} // namespace fulgurite
