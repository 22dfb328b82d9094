// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/evaluation_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/chain_button.h"
#include "ui/charts/line_plot.h"
#include "ui/charts/table_twin.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

#include <array>

namespace fulgurite {
namespace {

constexpr std::array<int, 3> kAt{1, 5, 10};

QString percent(double share) {
    return QLocale().toString(share * 100, 'f', 1);
}

QString recallText(const client::RecallRow& row, int k) {
    const auto found = row.recall.find(k);
    if (found == row.recall.end())
        return {};
    const client::Band& band = found->second;
    return QStringLiteral("%1 ±%2").arg(percent(band.mean), percent((band.high - band.low) / 2));
}

TableTwin tableOf(const client::RecallReport& evaluation) {
    TableTwin twin;
    twin.title = EvaluationView::tr("Evaluation; lifetime against every image by %1")
                     .arg(QString::fromStdString(evaluation.reference));
    twin.columns = {EvaluationView::tr("variant")};
    for (const int k : kAt)
        twin.columns << EvaluationView::tr("R@%1, %").arg(k);
    twin.columns << EvaluationView::tr("lifetime") << EvaluationView::tr("cold query")
                 << EvaluationView::tr("ingest");
    twin.rows = static_cast<int>(evaluation.rows.size());
    twin.cell = [rows = evaluation.rows](int row, int column) -> QVariant {
        const client::RecallRow& each = rows[static_cast<std::size_t>(row)];
        switch (column) {
        case 0:
            return each.stages.size() > 1 ? chainText(each.stages) : QString::fromStdString(each.variant);
        case 4:
            return QLocale().toString(each.factor, 'f', 2) + QStringLiteral("×");
        case 5:
            return secondsText(each.cold_seconds);
        case 6:
            return secondsText(each.ingest_seconds);
        default:
            return recallText(each, kAt[static_cast<std::size_t>(column - 1)]);
        }
    };
    return twin;
}

} // namespace

EvaluationView::EvaluationView(ThemeManager& themes, CascadeSearch& search) : themes_(themes), search_(search) {
    captions_ = new QSpinBox;
    captions_->setRange(10, 1'000'000);
    captions_->setValue(300);
    captions_->setSingleStep(100);
    captions_->setAccessibleName(tr("Captions to ask"));
    captions_->setPrefix(tr("at most "));
    captions_->setSuffix(tr(" captions"));
    run_ = new QPushButton(tr("Evaluate"));
    run_->setToolTip(
        tr("Asks every caption of the library's captions.jsonl through each part of the chain. Images that a "
           "stage has not seen yet are encoded and kept."));
    bar_ = new QProgressBar;
    bar_->setRange(0, 0);
    bar_->setTextVisible(false);
    bar_->setMaximumWidth(120);
    bar_->setAccessibleName(tr("Evaluating"));
    note_ = new QLabel;
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    table_ = new QTableView;
    table_->setAccessibleName(tr("Recall of each variant"));
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(themes.scaled(24));
    table_->setShowGrid(false);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    front_ = new LinePlot(themes, tr("Recall over lifetime factor"));
    front_->setAxes(tr("lifetime factor"), tr("Recall@1, %"), false);
    front_->setMinimumWidth(themes.scaled(220));
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(captions_);
    buttons->addWidget(run_);
    buttons->addWidget(bar_);
    buttons->addWidget(note_, 1);
    for (const auto& [icon, name] :
         {std::pair{"copy", tr("Copy the table")}, {"export", tr("Save the table as CSV")}}) {
        auto* button = new QToolButton;
        button->setIcon(themes.icon(QLatin1String(icon)));
        button->setToolTip(name);
        button->setAccessibleName(name);
        buttons->addWidget(button);
        const bool copies = QLatin1String(icon) == QLatin1String("copy");
        connect(button, &QToolButton::clicked, this, [this, copies] {
            if (evaluation_)
                copies ? copyTwin(tableOf(*evaluation_)) : saveTwin(this, tableOf(*evaluation_));
        });
    }
    auto* sides = new QHBoxLayout;
    sides->addWidget(table_, 5);
    sides->addWidget(front_, 2);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(8, 6, 8, 6);
    rows->addLayout(buttons);
    rows->addLayout(sides, 1);
    connect(run_, &QPushButton::clicked, this, [this] {
        if (call_) {
            call_->cancel();
        } else {
            run();
        }
    });
    connect(&search_, &CascadeSearch::libraryChanged, this, [this] {
        ++asked_;
        call_.reset();
        evaluation_.reset();
        showEvaluation();
        showState();
    });
    connect(&search_, &CascadeSearch::availabilityChanged, this, &EvaluationView::showState);
    showEvaluation();
    showState();
}

void EvaluationView::showState() {
    run_->setText(call_ ? tr("Cancel") : tr("Evaluate"));
    run_->setEnabled(call_ || (search_.client() && search_.library()));
    bar_->setVisible(call_ != nullptr);
}

void EvaluationView::run() {
    if (!search_.client() || !search_.library() || call_)
        return;
    client::RecallRequest request;
    request.stages = search_.question().stages;
    request.limit = static_cast<std::size_t>(captions_->value());
    call_ = search_.client()->evaluate(
        search_.library()->id, request,
        search_.onWindow<client::RecallReport>([this, mine = ++asked_](const auto& outcome) {
            if (mine != asked_)
                return;
            call_.reset();
            if (outcome.ok()) {
                evaluation_ = outcome.value();
                showEvaluation();
            } else if (outcome.error().kind() != ErrorKind::Cancelled) {
                note_->setText(QString::fromUtf8(outcome.error().what()));
            }
            showState();
            emit finished();
        }));
    showState();
}

void EvaluationView::showEvaluation() {
    table_->setVisible(evaluation_.has_value());
    front_->setVisible(evaluation_ && !evaluation_->front.empty());
    if (!evaluation_) {
        note_->setText(
            tr("Recall is measured on images whose captions stand in a captions.jsonl of the library's folder."));
        return;
    }
    note_->setText(tr("%1 captions, each looked for among all images; ± is half of the 95 % interval. Lifetime: "
                      "every image by %2 over the row, at f = 0.1.")
                       .arg(grouped(static_cast<qint64>(evaluation_->captions)),
                            QString::fromStdString(evaluation_->reference)));
    delete table_->model();
    table_->setModel(new TableTwinModel(tableOf(*evaluation_), table_));
    table_->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents); // a narrow page scrolls
    PlotLine cuts{
        tr("other cuts"), [](const ThemeManager& themes) { return themes.color(Role::Faint); }, {}, {}, Qt::NoPen};
    for (const client::FrontPoint& point : evaluation_->front)
        cuts.points.emplace_back(point.factor, point.recall1 * 100);
    std::sort(cuts.points.begin(), cuts.points.end(), [](QPointF a, QPointF b) { return a.x() < b.x(); });
    PlotLine variants{tr("the table's rows"),
                      [](const ThemeManager& themes) { return themes.color(Role::Stage2); },
                      {},
                      {},
                      Qt::NoPen};
    for (const client::RecallRow& row : evaluation_->rows) {
        if (const auto found = row.recall.find(1); found != row.recall.end())
            variants.points.emplace_back(row.factor, found->second.mean * 100);
    }
    std::sort(variants.points.begin(), variants.points.end(), [](QPointF a, QPointF b) { return a.x() < b.x(); });
    front_->setData({std::move(cuts), std::move(variants)});
}

} // namespace fulgurite
