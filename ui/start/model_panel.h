// SPDX-License-Identifier: GPL-3.0-or-later
// What the model in force is: size, kinds of layers, and its own held-out scores where it brings some.
#pragma once

#include "ui/start/model_facts.h"

#include <QFrame>

class QLabel;
class QPushButton;
class QVBoxLayout;

namespace fulgurite {

class ThemeManager;

class ModelPanel : public QFrame {
    Q_OBJECT

  public:
    explicit ModelPanel(ThemeManager& themes, QWidget* parent = nullptr);

    // `included`: the one that comes with the program.
    void show(const ModelFacts& facts, bool included);

  private:
    ThemeManager& themes_;
    QLabel* flame_;
    QLabel* name_;
    QLabel* origin_;
    QLabel* summary_;
    QWidget* layers_;
    QLabel* layers_text_;
    QVBoxLayout* scores_;
    QLabel* limits_;
    QPushButton* card_;
    QString card_path_;
};

} // namespace fulgurite
