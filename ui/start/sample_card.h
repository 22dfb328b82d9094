// SPDX-License-Identifier: GPL-3.0-or-later
// A button that offers a sample prompt: what it is about, the prompt, and what to look at afterwards.
#pragma once

#include "ui/start/samples.h"

#include <QAbstractButton>

namespace fulgurite {

class ThemeManager;

class SampleCard : public QAbstractButton {
    Q_OBJECT

  public:
    SampleCard(ThemeManager& themes, const SamplePrompt& sample, int number, QWidget* parent = nullptr);

    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    ThemeManager& themes_;
    SamplePrompt sample_;
    int number_;
};

} // namespace fulgurite
