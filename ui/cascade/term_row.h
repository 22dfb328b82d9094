// SPDX-License-Identifier: GPL-3.0-or-later
// The terms of a search as chips: weight first, a minus and the colour of less for negative ones. The wheel and the
// arrow keys change a weight by 0.1, Delete takes the term out.
#pragma once

#include "core/client/cascade_types.h"

#include <QFrame>

#include <vector>

class QHBoxLayout;
class QLabel;
class QLineEdit;

namespace fulgurite {

class CascadeSearch;
class TermChip;
class ThemeManager;

class TermRow : public QFrame {
    Q_OBJECT

  public:
    TermRow(ThemeManager& themes, CascadeSearch& search, QWidget* parent = nullptr);

    QStringList chipTexts() const;
    QLineEdit& field() { return *field_; }

  private:
    void showTerms();
    void showTotals();
    void addTyped();
    void setWeight(std::size_t term, double weight);
    void remove(std::size_t term);

    ThemeManager& themes_;
    CascadeSearch& search_;
    QHBoxLayout* chips_row_;
    std::vector<TermChip*> chips_;
    QLineEdit* field_;
    QLabel* totals_;
};

// "a dog", "-cat", "+0.5 on grass": a weight in front is optional. Empty text: nothing to add.
client::CascadeTerm parseTerm(const QString& typed);

} // namespace fulgurite
