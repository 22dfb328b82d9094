// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for alerts as a table: series, comparison, value, how many steps.
#pragma once

#include "ui/train/alerts.h"

#include <QDialog>

class QTableWidget;

namespace fulgurite {

class ThemeManager;

class AlertDialog : public QDialog {
    Q_OBJECT

  public:
    AlertDialog(ThemeManager& themes, const QStringList& series, const std::vector<AlertRule>& rules,
                QWidget* parent);

    std::vector<AlertRule> rules() const;
    void add(const AlertRule& rule);

  private:
    QStringList series_;
    QTableWidget* table_;
};

} // namespace fulgurite
