// SPDX-License-Identifier: GPL-3.0-or-later
// The row over the transcript: title, branch, which number tints the text, its legend, next uncertain token.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QFrame>

#include <array>

class QHBoxLayout;
class QLabel;
class QPushButton;
class QToolButton;

namespace fulgurite {

// The ramp of the tint in force, with its ends named.
class TintLegend : public QWidget {
    Q_OBJECT

  public:
    explicit TintLegend(const ThemeManager& themes, QWidget* parent);
    void setMode(TintMode mode);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    const ThemeManager& themes_;
    TintMode mode_ = TintMode::Off;
};

class TranscriptHeader : public QFrame {
    Q_OBJECT

  public:
    explicit TranscriptHeader(ThemeManager& themes, QWidget* parent = nullptr);

    void setTitle(const QString& title, const QString& branch); // what is empty is not shown
    void setTint(TintMode mode);
    TintMode tint() const { return tint_; }
    // For the page's own buttons (show and hide the side columns), at either end.
    void addLeading(QWidget* widget);
    void addTrailing(QWidget* widget);

  signals:
    void tintChanged(fulgurite::TintMode mode);
    void nextUncertainRequested();
    void renameRequested();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void elide();

    ThemeManager& themes_;
    QHBoxLayout* row_;
    QLabel* title_;
    QLabel* branch_;
    std::array<QPushButton*, 4> modes_{};
    TintLegend* legend_;
    QToolButton* next_;
    TintMode tint_ = TintMode::Off;
    QString full_title_;
    int leading_ = 0;
};

} // namespace fulgurite
