// SPDX-License-Identifier: GPL-3.0-or-later
// How far reading the prompt has come: hatched what a snapshot saved, solid what was computed, and how long the
// rest takes. Hidden while nothing is read.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QFrame>

class QLabel;
class QPushButton;

namespace fulgurite {

class PrefillBar : public QWidget {
    Q_OBJECT

  public:
    explicit PrefillBar(const ThemeManager& themes, QWidget* parent);
    void setState(const PrefillState& state);

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    const ThemeManager& themes_;
    PrefillState state_;
};

class PrefillStrip : public QFrame {
    Q_OBJECT

  public:
    explicit PrefillStrip(ThemeManager& themes, QWidget* parent = nullptr);
    void setState(const PrefillState& state);
    const PrefillState& state() const { return state_; }

  signals:
    void cancelRequested();
    void continueRequested(std::int64_t turn); // after its prefill was cancelled

  private:
    ThemeManager& themes_;
    QLabel* title_;
    QLabel* details_;
    QPushButton* button_;
    PrefillBar* bar_;
    PrefillState state_;
};

} // namespace fulgurite
