// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/difference_panel.h"

#include "ui/base/csv.h"
#include "ui/base/theme_manager.h"
#include "ui/train/run_look.h"

#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr std::size_t kMostGroups = 6; // columns; a comparison of more is a table for another place
constexpr std::size_t kMostFields = 300;
constexpr std::size_t kFewRuns = 100; // are compared at once
constexpr qsizetype kMostValues = 3;  // of one cell

QString cellText(const QStringList& values) {
    if (values.isEmpty()) {
        return QStringLiteral("–");
    }
    const QString shown = values.mid(0, kMostValues).join(QStringLiteral(" / "));
    return values.size() > kMostValues ? shown + QStringLiteral(" / …") : shown;
}

QIcon markIcon(const Theme& theme, int look) {
    QPixmap mark(12, 12);
    mark.fill(Qt::transparent);
    QPainter painter(&mark);
    paintMark(painter, {6, 6}, 8, look, lookColor(theme, look));
    return mark;
}

} // namespace

DifferencePanel::DifferencePanel(ThemeManager& themes, RunBoard& board, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      board_(board),
      count_(new QLabel),
      table_(new QTableWidget),
      equal_(new QLabel) {
    setObjectName(QStringLiteral("differences"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* head = new QHBoxLayout;
    head->setContentsMargins(10, 6, 10, 4);
    auto* title = new QLabel(tr("What differs"));
    title->setProperty("tone", "heading");
    count_->setProperty("tone", "small");
    head->addWidget(title);
    head->addStretch(1);
    head->addWidget(count_);
    column->addLayout(head);
    table_->setAccessibleName(tr("Fields that differ between the drawn groups"));
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->verticalHeader()->hide();
    table_->setShowGrid(false);
    table_->setWordWrap(false);
    table_->setTabKeyNavigation(false);
    table_->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    column->addWidget(table_, 1);
    equal_->setProperty("tone", "small");
    equal_->setContentsMargins(10, 3, 10, 5);
    equal_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    column->addWidget(equal_);
    connect(table_, &QTableWidget::cellDoubleClicked, this, [this](int row, int) {
        emit groupWanted(differences_.differing[static_cast<std::size_t>(row)].field);
    });
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(table_, &QWidget::customContextMenuRequested, this, &DifferencePanel::openMenu);
    refresh_timer_.setSingleShot(true);
    refresh_timer_.setInterval(0);
    connect(&refresh_timer_, &QTimer::timeout, this, &DifferencePanel::refresh);
    connect(&board, &RunBoard::drawnChanged, this, [this] {
        if (board_.matching().size() > kFewRuns) {
            refresh_timer_.start();
        } else {
            refresh();
        }
    });
    connect(&themes, &ThemeManager::changed, this, [this] { fill(shown_); });
}

void DifferencePanel::refresh() {
    const RunBoard::GroupList drawn = board_.drawnGroups();
    const std::vector<RunGroup> groups(
        drawn->begin(), drawn->begin() + static_cast<std::ptrdiff_t>(std::min(drawn->size(), kMostGroups)));
    std::vector<std::vector<const RunInfo*>> runs;
    for (const RunGroup& group : groups) {
        runs.emplace_back();
        for (const qint64 id : group.runs) {
            if (const RunInfo* run = board_.feed().run(id)) {
                runs.back().push_back(run);
            }
        }
    }
    differences_ = configDifferences(runs);
    if (differences_.differing.size() > kMostFields) {
        differences_.differing.resize(kMostFields);
    }
    fill(groups);
}

void DifferencePanel::fill(const std::vector<RunGroup>& groups) {
    shown_ = groups;
    table_->clear();
    table_->setColumnCount(static_cast<int>(groups.size()) + 1);
    table_->setRowCount(static_cast<int>(differences_.differing.size()));
    table_->setHorizontalHeaderItem(0, new QTableWidgetItem(tr("field")));
    for (std::size_t g = 0; g < groups.size(); ++g) {
        auto* item = new QTableWidgetItem(markIcon(themes_.theme(), groups[g].look), groups[g].label);
        item->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
        table_->setHorizontalHeaderItem(static_cast<int>(g) + 1, item);
    }
    for (std::size_t row = 0; row < differences_.differing.size(); ++row) {
        const FieldDifference& difference = differences_.differing[row];
        auto* field = new QTableWidgetItem(difference.field.section(u'.', -1).replace(u'_', u' '));
        field->setToolTip(tr("%1\nDouble-click or Enter to group by it").arg(difference.field));
        field->setForeground(themes_.color(Role::Muted));
        table_->setItem(static_cast<int>(row), 0, field);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            auto* cell = new QTableWidgetItem(cellText(difference.values[g]));
            cell->setToolTip(difference.values[g].join(u'\n'));
            table_->setItem(static_cast<int>(row), static_cast<int>(g) + 1, cell);
        }
    }
    const int width =
        std::max(60, (table_->viewport()->width() - 96) / std::max(1, static_cast<int>(groups.size())));
    table_->setColumnWidth(0, 96);
    for (int g = 1; g < table_->columnCount(); ++g) {
        table_->setColumnWidth(g, width);
    }
    table_->verticalHeader()->setDefaultSectionSize(themes_.scaled(24));
    count_->setText(groups.size() < 2
                        ? tr("draw two groups to compare")
                        : tr("%1 of %2 fields").arg(differences_.differing.size()).arg(differences_.fields));
    equal_->setText(differences_.equal.isEmpty() || groups.size() < 2
                        ? QString()
                        : tr("Same in all: %1").arg(differences_.equal.join(QStringLiteral(", "))));
    equal_->setToolTip(differences_.equal.join(u'\n'));
}

void DifferencePanel::groupByCurrent() {
    const auto row = static_cast<std::size_t>(table_->currentRow());
    if (row < differences_.differing.size()) {
        emit groupWanted(differences_.differing[row].field);
    }
}

QList<QStringList> DifferencePanel::lines() const {
    QList<QStringList> lines{{tr("field")}};
    for (const RunGroup& group : shown_) {
        lines.front() << group.label;
    }
    for (const FieldDifference& difference : differences_.differing) {
        lines << QStringList{difference.field};
        for (const QStringList& values : difference.values) {
            lines.back() << values.join(QStringLiteral(" / "));
        }
    }
    return lines;
}

void DifferencePanel::openMenu(const QPoint& at) {
    QMenu menu(this);
    menu.setObjectName(QStringLiteral("differences-menu"));
    QAction* group = menu.addAction(tr("Group by this field\tEnter"), this, &DifferencePanel::groupByCurrent);
    group->setEnabled(table_->currentRow() >= 0);
    menu.addAction(themes_.icon(QStringLiteral("copy")), tr("Copy the table\tCtrl+C"), this,
                   &DifferencePanel::copy);
    menu.addAction(tr("Save as CSV…"), this, [this] {
        QString csv;
        for (const QStringList& line : lines()) {
            csv += csvLine(line);
        }
        saveCsv(this, QStringLiteral("differences.csv"), csv);
    });
    menu.exec(table_->viewport()->mapToGlobal(at));
}

void DifferencePanel::copy() {
    QStringList text;
    for (const QStringList& line : lines()) {
        text << line.join(u'\t');
    }
    QApplication::clipboard()->setText(text.join(u'\n'));
}

void DifferencePanel::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        copy();
    } else if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        groupByCurrent();
    } else {
        QWidget::keyPressEvent(event);
    }
}

} // namespace fulgurite
