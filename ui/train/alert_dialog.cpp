// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/alert_dialog.h"

#include "ui/base/theme_manager.h"

#include <QComboBox>
#include <QCompleter>
#include <QDialogButtonBox>
#include <QDoubleValidator>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

enum AlertColumn { kSeries, kTest, kValue, kSteps, kAlertColumns };

constexpr int kMostStepsAsked = 100000;

} // namespace

AlertDialog::AlertDialog(ThemeManager& themes, const QStringList& series, const std::vector<AlertRule>& rules,
                         QWidget* parent)
    : QDialog(parent), series_(series), table_(new QTableWidget(0, kAlertColumns)) {
    setWindowTitle(tr("Alerts"));
    resize(themes.scaled(620), themes.scaled(320));
    auto* column = new QVBoxLayout(this);
    auto* text = new QLabel(
        tr("A rule that comes true for a drawn run gives a notice, once for each run, and a line in the chart."));
    text->setProperty("tone", "muted");
    text->setWordWrap(true);
    column->addWidget(text);
    table_->setHorizontalHeaderLabels({tr("series"), tr("is"), tr("value"), tr("for steps")});
    table_->horizontalHeader()->setSectionResizeMode(kSeries, QHeaderView::Stretch);
    table_->verticalHeader()->hide();
    table_->setAccessibleName(tr("Rules"));
    column->addWidget(table_, 1);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
    auto* more = buttons->addButton(tr("Add a rule"), QDialogButtonBox::ActionRole);
    auto* less = buttons->addButton(tr("Remove it"), QDialogButtonBox::ActionRole);
    column->addWidget(buttons);
    connect(more, &QPushButton::clicked, this, [this] {
        add({.series = series_.contains(QStringLiteral("train.grad_norm")) ? QStringLiteral("train.grad_norm")
                                                                           : series_.value(0),
             .test = AlertRule::Test::Above,
             .value = 10,
             .steps = 1});
    });
    connect(less, &QPushButton::clicked, this, [this] { table_->removeRow(table_->currentRow()); });
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    for (const AlertRule& rule : rules) {
        add(rule);
    }
}

void AlertDialog::add(const AlertRule& rule) {
    const int row = table_->rowCount();
    table_->insertRow(row);
    auto* series = new QLineEdit(rule.series);
    auto* completer = new QCompleter(series_, series);
    completer->setFilterMode(Qt::MatchContains);
    series->setCompleter(completer);
    series->setAccessibleName(tr("Series"));
    auto* test = new QComboBox;
    test->addItems({tr("below"), tr("above"), tr("not finite")});
    test->setCurrentIndex(static_cast<int>(rule.test));
    test->setAccessibleName(tr("Comparison"));
    auto* value = new QLineEdit(QString::number(rule.value, 'g', 8));
    value->setAccessibleName(tr("Value"));
    value->setValidator(new QDoubleValidator(value));
    auto* steps = new QSpinBox;
    steps->setRange(1, kMostStepsAsked);
    steps->setValue(rule.steps);
    steps->setAccessibleName(tr("Steps in a row"));
    table_->setCellWidget(row, kSeries, series);
    table_->setCellWidget(row, kTest, test);
    table_->setCellWidget(row, kValue, value);
    table_->setCellWidget(row, kSteps, steps);
    table_->setRowHeight(row, series->sizeHint().height() + 4);
    table_->setCurrentCell(row, kSeries);
}

std::vector<AlertRule> AlertDialog::rules() const {
    std::vector<AlertRule> rules;
    for (int row = 0; row < table_->rowCount(); ++row) {
        const auto* series = qobject_cast<QLineEdit*>(table_->cellWidget(row, kSeries));
        const auto* test = qobject_cast<QComboBox*>(table_->cellWidget(row, kTest));
        const auto* value = qobject_cast<QLineEdit*>(table_->cellWidget(row, kValue));
        const auto* steps = qobject_cast<QSpinBox*>(table_->cellWidget(row, kSteps));
        if (!series->text().trimmed().isEmpty()) {
            rules.push_back({.series = series->text().trimmed(),
                             .test = static_cast<AlertRule::Test>(test->currentIndex()),
                             .value = value->text().toDouble(),
                             .steps = steps->value()});
        }
    }
    return rules;
}

} // namespace fulgurite
