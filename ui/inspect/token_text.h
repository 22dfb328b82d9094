// SPDX-License-Identifier: GPL-3.0-or-later
// The text of a capture as running lines of tokens: ground by what the query takes from each of them, underline by
// how much of it decay leaves, flags where the selected head's reach falls to 50, 10 and 1 %.
#pragma once

#include "core/probe/capture/decay.h"
#include "ui/charts/plot_view.h"
#include "ui/inspect/selection.h"

#include <memory>
#include <vector>

namespace fulgurite {

class CapturedTexts;

class TokenText : public PlotView {
    Q_OBJECT

  public:
    TokenText(ThemeManager& themes, Selection& selection, CapturedTexts& texts, QWidget* parent = nullptr);

    void setTokens(std::size_t count);
    // What the selected head's query takes from each token; null: not known (yet).
    void setRow(std::shared_ptr<const capture::AttentionRow> row);
    // Of the selected head, per token; 0: it does not decay.
    void setRate(double rate);
    // Brings a token into the visible lines.
    void reveal(std::size_t token);
    // First and last visible token.
    std::pair<std::size_t, std::size_t> visible() const;
    std::optional<std::size_t> tokenAt(QPointF point) const;
    QRectF tokenRect(std::size_t token) const; // in the widget; empty when it is not laid out
    void goTo();                               // asks for a position
    TableTwin table() const override;
    QSize sizeHint() const override { return {800, 84}; }

  signals:
    void visibleChanged();

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers modifiers) override;
    bool walk(QKeyEvent* event) override;
    void addToMenu(QMenu& menu) override;
    void resizeEvent(QResizeEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;

  private:
    struct Piece {
        std::size_t token = 0;
        QString text;
        double x = 0;
        double width = 0;
        int line = 0;
        int flag = 0;        // per cent of the reach that ends before this token; 0: none
        bool marker = false; // of the chat format: a small frame with its name
    };

    void layOut();
    void relayout(std::size_t anchor);
    void placeScroll(std::size_t token);
    double lineHeight() const;
    int flagBefore(std::size_t token) const;
    QString flagText(int percent) const;
    const Piece* pieceOf(std::size_t token) const;
    QColor groundOf(std::size_t token) const;
    QString tokenValue(std::size_t token) const;
    void paintPiece(QPainter& painter, const Piece& piece, double top) const;
    void step(bool query, std::ptrdiff_t by);

    Selection& selection_;
    CapturedTexts& texts_;
    std::size_t tokens_ = 0;
    std::shared_ptr<const capture::AttentionRow> row_;
    float row_max_ = 0; // largest |weight| of the row
    double rate_ = 0;
    std::size_t first_ = 0; // of the tokens that are laid out
    std::vector<Piece> pieces_;
    int lines_ = 0;
    double scroll_ = 0;               // pixels above the first visible line
    std::optional<std::size_t> kept_; // stays in sight while texts arrive; nothing once the person has scrolled
    bool stale_layout_ = true;
    std::size_t anchor_ = 0;
};

} // namespace fulgurite
