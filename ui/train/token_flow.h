// SPDX-License-Identifier: GPL-3.0-or-later
// An answer as a flow of tokens, each filled by its importance ratio (or another number), capped ones marked with
// what their weight became: "9.4 → 5".
#pragma once

#include "ui/train/rollout_data.h"

#include <QWidget>

namespace fulgurite {

class ThemeManager;

enum class TokenColor { Ratio, LogProbability, Entropy };

// Fill of a token: for ratios diverging over the logarithm, centre 1, the ends at `cap` and 1 / cap; else one hue.
QColor tokenFill(const ThemeManager& themes, const AnswerToken& token, TokenColor by, double cap);

class TokenFlow : public QWidget {
    Q_OBJECT

  public:
    explicit TokenFlow(ThemeManager& themes, QWidget* parent = nullptr);

    void setAnswer(const std::vector<AnswerToken>& tokens, double cap);
    void setColor(TokenColor by);
    int current() const { return current_; } // -1: none
    void setCurrent(int token);
    void nextCapped();
    const std::vector<AnswerToken>& tokens() const { return tokens_; }
    QRect tokenRect(int token) const;

    int heightForWidth(int width) const override;
    bool hasHeightForWidth() const override { return true; }
    QSize sizeHint() const override { return {400, heightForWidth(400)}; }

  signals:
    void currentChanged(int token);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    bool event(QEvent* event) override;

  private:
    int arrange(int width, std::vector<QRectF>* boxes) const;
    int tokenAt(QPointF at) const;
    QString tokenText(int token) const;

    ThemeManager& themes_;
    std::vector<AnswerToken> tokens_;
    std::vector<QRectF> boxes_;
    double cap_ = 5;
    TokenColor by_ = TokenColor::Ratio;
    int current_ = -1;
};

} // namespace fulgurite
