// SPDX-License-Identifier: GPL-3.0-or-later
// One token of an answer: probabilities, ratio, advantage, and the weight that each rule would give it.
#pragma once

#include "ui/train/rollout_data.h"

#include <QWidget>

class QLabel;

namespace fulgurite {

class ThemeManager;

class TokenInspector : public QWidget {
    Q_OBJECT

  public:
    explicit TokenInspector(ThemeManager& themes, QWidget* parent = nullptr);

    // `token` may be null: nothing is chosen.
    void show(const AnswerToken* token, int number, double advantage, const RuleSettings& settings);
    QString text() const { return text_; } // as it is copied

  private:
    ThemeManager& themes_;
    QLabel* title_;
    QLabel* facts_;
    QLabel* rules_;
    QString text_;
};

} // namespace fulgurite
