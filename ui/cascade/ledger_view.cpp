// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/ledger_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/stage_colors.h"
#include "ui/cascade/stage_head.h"
#include "ui/charts/line_plot.h"
#include "ui/inspect/segments.h"

#include <QDateTime>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QScrollArea>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kRandomPoints = 60;
constexpr int kRow = 22;

QTableWidget* makeTable(const ThemeManager& themes, const QString& name, const QStringList& columns) {
    auto* table = new QTableWidget(0, static_cast<int>(columns.size()));
    table->setAccessibleName(name);
    table->setHorizontalHeaderLabels(columns);
    table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    table->horizontalHeaderItem(0)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignRight | Qt::AlignVCenter);
    table->verticalHeader()->hide();
    table->verticalHeader()->setDefaultSectionSize(themes.scaled(kRow));
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    table->setShowGrid(false);
    return table;
}

void setCell(QTableWidget* table, int row, int column, const QString& text) {
    auto* item = new QTableWidgetItem(text);
    item->setTextAlignment((column == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    table->setItem(row, column, item);
}

void fitHeight(const ThemeManager& themes, QTableWidget* table) {
    table->setFixedHeight(table->horizontalHeader()->sizeHint().height() + table->rowCount() * themes.scaled(kRow) +
                          2);
}

// What one image costs a stage, as measured; 0 while nothing was encoded.
double perImage(const client::LedgerStage& stage, bool flops) {
    const double cost = flops ? stage.cost.flops : stage.cost.seconds;
    return stage.encoded == 0 ? 0 : cost / static_cast<double>(stage.encoded);
}

QString factorText(double factor) {
    return QLocale().toString(factor, 'f', factor < 9.95 ? 2 : 1) + QStringLiteral("×");
}

} // namespace

LedgerView::LedgerView(ThemeManager& themes, CascadeSearch& search)
    : Card(themes, tr("Ledger")), themes_(themes), search_(search) {
    const auto [units, unit] = makeSegments({tr("time"), tr("FLOPs")}, tr("Cost in"));
    unit_ = unit;
    addHeaderWidget(units);
    auto* body = new QWidget;
    body->setProperty("scrollBody", true);
    auto* rows = new QVBoxLayout(body);
    rows->setContentsMargins(10, 8, 10, 8);
    rows->setSpacing(6);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(12);
    for (int i = 0; i < 4; ++i) {
        figures_[i] = new QLabel;
        QFont font = themes.uiFont(18, QFont::DemiBold);
        figures_[i]->setFont(font);
        captions_[i] = new QLabel;
        captions_[i]->setProperty("tone", "small");
        captions_[i]->setWordWrap(true);
        grid->addWidget(figures_[i], i / 2 * 2, i % 2);
        grid->addWidget(captions_[i], i / 2 * 2 + 1, i % 2, Qt::AlignTop);
    }
    figures_[0]->setProperty("tone", "accent");
    rows->addLayout(grid);
    costs_ = new LinePlot(themes, tr("Lifetime encoding cost"));
    costs_->setMinimumHeight(themes.scaled(170));
    touched_ = new LinePlot(themes, tr("Fraction touched over queries"));
    touched_->setMinimumHeight(themes.scaled(150));
    touched_->setValueText([](double value) {
        return QLocale().toString(value * 100, 'f', value < 0.0995 ? 1 : 0) + QStringLiteral(" %");
    });
    for (auto [title, plot] :
         {std::pair{tr("Lifetime encoding cost"), costs_}, {tr("Fraction touched f(q)"), touched_}}) {
        auto* heading = new QLabel(title);
        heading->setProperty("tone", "strong");
        rows->addWidget(heading);
        rows->addWidget(plot, 1);
    }
    stages_ = makeTable(themes, tr("Totals of each stage"),
                        {tr("so far"), tr("encoded"), tr("time"), tr("FLOPs"), tr("share")});
    query_ = makeTable(themes, tr("This query"), {tr("this query"), tr("cold"), tr("now"), tr("warm")});
    rows->addWidget(stages_);
    rows->addWidget(query_);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(body);
    setContent(scroll);
    showMessage(tr("Every encoding and every search is entered here, from the first one on."));
    connect(unit_, &QButtonGroup::idClicked, this, &LedgerView::showLedger);
    connect(&search_, &CascadeSearch::ledgerChanged, this, &LedgerView::showLedger);
    connect(&search_, &CascadeSearch::answerChanged, this, &LedgerView::showQuery);
}

bool LedgerView::inFlops() const {
    return unit_->checkedId() == 1;
}

QString LedgerView::costText(double value) const {
    return inFlops() ? flopsText(value) : secondsText(value);
}

QString LedgerView::figure(int which) const {
    return figures_[which]->text();
}

void LedgerView::showLedger() {
    if (!search_.ledger())
        return;
    const client::CascadeLedger& ledger = *search_.ledger();
    const QString since =
        QLocale().toString(QDateTime::fromSecsSinceEpoch(ledger.since).date(), QLocale::ShortFormat);
    setNote(ledger.queries == 1
                ? tr("one query since %1").arg(since)
                : tr("%1 queries since %2").arg(grouped(static_cast<qint64>(ledger.queries)), since));
    showFigures();
    showCosts();
    showTouched();
    showStages();
    showQuery();
    showContent();
}

void LedgerView::showFigures() {
    const client::CascadeLedger& ledger = *search_.ledger();
    const bool any = ledger.queries > 0;
    figures_[0]->setText(any ? factorText(inFlops() ? ledger.factor.flops : ledger.factor.seconds)
                             : QStringLiteral("–"));
    captions_[0]->setText(tr("lifetime factor F, measured"));
    figures_[1]->setText(any ? factorText(inFlops() ? ledger.closed.flops : ledger.closed.seconds)
                             : QStringLiteral("–"));
    captions_[1]->setText(tr("closed form at f = %1").arg(QLocale().toString(ledger.fraction, 'f', 3)));
    figures_[2]->setText(QLocale().toString(ledger.fraction * 100, 'f', 1) + QStringLiteral(" %"));
    captions_[2]->setText(tr("of the library touched, f(q)"));
    figures_[3]->setText(ledger.break_even ? QStringLiteral("≈ ") + grouped(static_cast<qint64>(*ledger.break_even))
                                           : QStringLiteral("–"));
    captions_[3]->setText(
        ledger.break_even
            ? tr("break-even query, if queries are %1").arg(QString::fromStdString(ledger.break_even_fit))
            : tr("break-even query: none in sight"));
    captions_[0]->setToolTip(
        tr("Cost of encoding every image with the last encoder, over what the cascade has cost so far"));
    captions_[1]->setToolTip(
        tr("F = t_r / (t_s + f (t_1 + … + t_r)), with the measured cost of an image at each stage"));
}

// Measured, and what random queries would have cost: f(q) = 1 − (1 − m/n)^q at each stage.
void LedgerView::showCosts() {
    const client::CascadeLedger& ledger = *search_.ledger();
    const bool flops = inFlops();
    costs_->setAxes(tr("query"), flops ? tr("operations") : tr("seconds"), true);
    costs_->setValueText([this](double value) { return costText(value); });
    std::vector<PlotLine> lines;
    PlotLine measured{tr("measured"),
                      [](const ThemeManager& themes) { return themes.color(Role::Stage2); },
                      {},
                      {},
                      Qt::SolidLine,
                      2.4};
    for (const client::LedgerPoint& point : ledger.curve)
        measured.points.emplace_back(std::max<double>(1, static_cast<double>(point.query)),
                                     flops ? point.cost.flops : point.cost.seconds);
    const auto& stages = search_.question().stages;
    PlotLine random{tr("if queries were random"),
                    [](const ThemeManager& themes) { return themes.color(Role::Muted); },
                    {},
                    {},
                    Qt::DotLine,
                    1.4};
    const double images = static_cast<double>(std::max<std::size_t>(ledger.images, 1));
    const double last = std::max(10.0, 10.0 * static_cast<double>(std::max<std::size_t>(ledger.queries, 1)));
    for (int i = 0; i <= kRandomPoints && stages.size() == ledger.stages.size(); ++i) {
        const double query = std::pow(last, static_cast<double>(i) / kRandomPoints);
        double cost = 0;
        for (std::size_t s = 0; s < stages.size(); ++s) {
            const double kept = s == 0 ? images : static_cast<double>(stages[s - 1].keep.value_or(ledger.images));
            const double share = s == 0 ? 1 : 1 - std::pow(1 - std::min(1.0, kept / images), query);
            cost += share * images * perImage(ledger.stages[s], flops);
        }
        random.points.emplace_back(query, cost);
    }
    lines.push_back(std::move(random));
    lines.push_back(std::move(measured));
    const double everything = flops ? ledger.everything.flops : ledger.everything.seconds;
    costs_->setData(std::move(lines), {{everything, tr("encode everything: %1").arg(costText(everything))}});
    costs_->setSpot(ledger.break_even ? std::optional(QPointF(*ledger.break_even, everything)) : std::nullopt,
                    tr("break-even"));
}

void LedgerView::showTouched() {
    const client::CascadeLedger& ledger = *search_.ledger();
    touched_->setAxes(tr("query"), tr("fraction of the library"), true);
    std::vector<PlotLine> lines;
    const std::size_t stages = ledger.stages.size();
    for (std::size_t s = 1; s < stages; ++s) {
        PlotLine line{QString::fromStdString(ledger.stages[s].encoder),
                      [s, stages](const ThemeManager& themes) { return stageColor(themes, s, stages); },
                      {}};
        // A point holds the stages after the first.
        for (const client::LedgerPoint& point : ledger.curve) {
            if (s - 1 < point.touched.size())
                line.points.emplace_back(std::max<double>(1, static_cast<double>(point.query)),
                                         point.touched[s - 1]);
        }
        lines.push_back(std::move(line));
    }
    touched_->setData(std::move(lines));
}

void LedgerView::showStages() {
    const client::CascadeLedger& ledger = *search_.ledger();
    stages_->setRowCount(static_cast<int>(ledger.stages.size()));
    for (std::size_t s = 0; s < ledger.stages.size(); ++s) {
        const client::LedgerStage& stage = ledger.stages[s];
        const int row = static_cast<int>(s);
        setCell(stages_, row, 0, QString::fromStdString(stage.encoder));
        setCell(stages_, row, 1, grouped(static_cast<qint64>(stage.encoded)));
        setCell(stages_, row, 2, secondsText(stage.cost.seconds));
        setCell(stages_, row, 3, flopsText(stage.cost.flops));
        setCell(stages_, row, 4, QLocale().toString(stage.share * 100, 'f', 0) + QStringLiteral(" %"));
    }
    fitHeight(themes_, stages_);
}

void LedgerView::showQuery() {
    const auto& answer = search_.answer();
    query_->setVisible(answer != nullptr);
    if (!answer)
        return;
    double encoding = 0;
    double cold_encoding = 0;
    for (std::size_t s = 0; s < answer->stages.size(); ++s) {
        encoding += answer->stages[s].encode_seconds;
        cold_encoding += s == 0 ? 0 : answer->stages[s].cold_seconds;
    }
    const double search = std::max(0.0, answer->seconds - encoding);
    query_->setRowCount(3);
    const QStringList names{tr("text and search"), tr("image encoding"), tr("total")};
    const double figures[3][3] = {
        {std::max(0.0, answer->cold_seconds - cold_encoding), search, answer->warm_seconds},
        {cold_encoding, encoding, 0},
        {answer->cold_seconds, answer->seconds, answer->warm_seconds}};
    for (int row = 0; row < 3; ++row) {
        setCell(query_, row, 0, names[row]);
        for (int column = 0; column < 3; ++column)
            setCell(query_, row, column + 1, secondsText(figures[row][column]));
    }
    fitHeight(themes_, query_);
}

} // namespace fulgurite
