// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/evaluation_panel.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/retrieve/evaluation_chart.h"
#include "ui/retrieve/head_worth_chart.h"

#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSignalBlocker>
#include <QStackedWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

constexpr int kTableWidth = 560;
enum EvaluationView { kWords, kMetric, kHeads };
const QString kHeadsChoice = QStringLiteral("without head"); // among the metrics; no metric is called so

} // namespace

EvaluationPanel::EvaluationPanel(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      model_(new EvaluationModel(themes, this)),
      chart_(new EvaluationChart(themes, *model_)),
      head_chart_(new HeadWorthChart(themes)),
      table_(new QTableView),
      foot_(new QLabel),
      offer_(new QLabel),
      stack_(new QStackedWidget),
      controls_(new QWidget),
      metrics_(new QComboBox),
      records_(new QComboBox),
      heads_(new QCheckBox(tr("leave heads out, too"))),
      run_(new QPushButton(tr("Run again"))),
      first_run_(new QPushButton(tr("Evaluate"))),
      progress_(new QLabel) {
    table_->setModel(model_);
    table_->setAccessibleName(tr("Evaluation at one number of aspects"));
    table_->setShowGrid(false);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(themes.scaled(metrics::kTableRow));
    table_->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->installEventFilter(this);
    foot_->setProperty("tone", "small");
    foot_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    foot_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    table_->setFixedWidth(themes.scaled(kTableWidth));
    auto* shown = new QWidget;
    auto* row = new QHBoxLayout(shown);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    row->addWidget(chart_, 1);
    row->addWidget(table_);
    auto* words = new QWidget;
    auto* centre = new QVBoxLayout(words);
    offer_->setProperty("tone", "muted");
    offer_->setWordWrap(true);
    offer_->setAlignment(Qt::AlignCenter);
    centre->addStretch(1);
    centre->addWidget(offer_);
    centre->addWidget(first_run_, 0, Qt::AlignHCenter);
    centre->addStretch(1);
    stack_->addWidget(words);
    stack_->addWidget(shown);
    stack_->addWidget(head_chart_);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(0);
    all->addWidget(stack_, 1);
    auto* bar = new QHBoxLayout;
    bar->setContentsMargins(8, 2, 8, 4);
    bar->addWidget(foot_, 1);
    bar->addWidget(records_);
    bar->addWidget(heads_);
    all->addLayout(bar);

    auto* line = new QHBoxLayout(controls_);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(6);
    progress_->setProperty("tone", "small");
    metrics_->setAccessibleName(tr("Metric"));
    records_->setAccessibleName(tr("Record"));
    heads_->setToolTip(tr("Also what each head is worth: every query ranked again without each head in turn"));
    for (QWidget* each :
         {static_cast<QWidget*>(progress_), static_cast<QWidget*>(metrics_), static_cast<QWidget*>(run_)}) {
        line->addWidget(each);
    }
    connect(metrics_, &QComboBox::currentIndexChanged, this, &EvaluationPanel::showView);
    connect(records_, &QComboBox::currentIndexChanged, this, &EvaluationPanel::showRecord);
    connect(chart_, &EvaluationChart::aspectsChosen, model_, &EvaluationModel::setAspects);
    connect(model_, &QAbstractItemModel::modelReset, this, &EvaluationPanel::describe);
    connect(table_, &QTableView::customContextMenuRequested, this, &EvaluationPanel::contextMenu);
    for (QPushButton* button : {run_, first_run_}) {
        connect(button, &QPushButton::clicked, this, [this] { running_ ? emit cancelWanted() : emit runWanted(); });
    }
    setEvaluations({}, {}, false);
}

void EvaluationPanel::setEvaluations(const std::vector<client::Evaluation>& evaluations, const QString& offer,
                                     bool possible) {
    const QString before = records_->currentText();
    const bool fresh =
        !evaluations.empty() && (evaluations_.empty() || evaluations.front().record != evaluations_.front().record);
    evaluations_ = evaluations;
    offer_->setText(offer);
    first_run_->setVisible(possible);
    run_->setEnabled(possible);
    {
        const QSignalBlocker quiet(records_);
        records_->clear();
        for (const client::Evaluation& each : evaluations_) {
            records_->addItem(QString::fromStdString(each.record));
        }
        // A new record comes first and is shown; otherwise the chosen one stays.
        records_->setCurrentIndex(records_->count() == 0 ? -1
                                  : fresh                ? 0
                                                         : std::max(0, records_->findText(before)));
    }
    records_->setVisible(records_->count() > 1);
    metrics_->setVisible(!evaluations_.empty());
    run_->setVisible(!evaluations_.empty());
    heads_->setVisible(possible);
    stack_->setCurrentIndex(evaluations_.empty() ? kWords : kMetric);
    showRecord(records_->currentIndex());
}

void EvaluationPanel::showRecord(int index) {
    if (index < 0 || index >= static_cast<int>(evaluations_.size())) {
        model_->setEvaluation(nullptr);
        head_chart_->setEvaluation(nullptr);
        return;
    }
    const auto evaluation = std::make_shared<client::Evaluation>(evaluations_[static_cast<std::size_t>(index)]);
    model_->setEvaluation(evaluation);
    head_chart_->setEvaluation(evaluation);
    showMetrics();
    showView();
}

// What heads are worth stands behind the metrics, where it was asked for.
void EvaluationPanel::showMetrics() {
    const bool heads = metrics_->currentData().toString() == kHeadsChoice;
    const QSignalBlocker quiet(metrics_);
    metrics_->clear();
    for (const std::string& metric : model_->evaluation()->metrics) {
        const QString id = QString::fromStdString(metric);
        metrics_->addItem(metricTitle(id), id);
    }
    if (!model_->evaluation()->without_head.empty()) {
        metrics_->addItem(tr("Without each head"), kHeadsChoice);
    }
    const int at = heads ? metrics_->findData(kHeadsChoice) : -1;
    metrics_->setCurrentIndex(at >= 0 ? at : metrics_->findData(model_->metric()));
}

void EvaluationPanel::showView() {
    if (evaluations_.empty()) {
        return;
    }
    const QString chosen = metrics_->currentData().toString();
    const bool heads = chosen == kHeadsChoice;
    stack_->setCurrentIndex(heads ? kHeads : kMetric);
    if (!heads && chosen != model_->metric()) {
        model_->setMetric(chosen);
    }
    describe();
}

void EvaluationPanel::showHeads() {
    if (const int at = metrics_->findData(kHeadsChoice); at >= 0) {
        metrics_->setCurrentIndex(at);
    }
}

bool EvaluationPanel::leavesHeadsOut() const {
    return heads_->isChecked();
}

void EvaluationPanel::setAspects(int aspects) {
    model_->setAspects(aspects);
}

void EvaluationPanel::setJob(const std::optional<client::RetrievalJob>& job) {
    running_ = job && job->kind == "evaluation" && job->live();
    progress_->setText(running_ ? tr("%1 of %2 queries").arg(job->done).arg(job->total) : QString());
    run_->setText(running_ ? tr("Cancel") : tr("Run again"));
    first_run_->setText(running_ ? tr("Cancel") : tr("Evaluate"));
}

void EvaluationPanel::describe() {
    const client::Evaluation* evaluation = model_->evaluation();
    if (evaluation == nullptr) {
        foot_->clear();
        return;
    }
    const QString record = QString::fromStdString(evaluation->record);
    foot_->setText(
        stack_->currentIndex() == kHeads
            ? tr("change of the weighted ratio under MRAG without the head, all queries · record %1").arg(record)
            : tr("paired by query, %1 queries · record %2 repeats these numbers")
                  .arg(model_->queries())
                  .arg(record));
    foot_->setToolTip(QString::fromStdString(evaluation->settings));
}

void EvaluationPanel::copyRecord() {
    if (const client::Evaluation* evaluation = model_->evaluation()) {
        QApplication::clipboard()->setText(QString::fromStdString(evaluation->record));
    }
}

void EvaluationPanel::contextMenu(const QPoint& at) {
    QMenu menu(this);
    menu.addAction(tr("Copy the record's id\tCtrl+C"), this, &EvaluationPanel::copyRecord);
    menu.addAction(tr("Copy the settings"), this, [this] {
        if (model_->evaluation() != nullptr) {
            QApplication::clipboard()->setText(QString::fromStdString(model_->evaluation()->settings));
        }
    });
    menu.addAction(themes_.icon(QStringLiteral("copy")), tr("Copy all numbers"), this,
                   [this] { QApplication::clipboard()->setText(twinAsTabs(model_->twin())); });
    menu.addAction(themes_.icon(QStringLiteral("export")), tr("Save all numbers as CSV…"), this,
                   [this] { saveTwin(this, model_->twin()); });
    menu.exec(table_->viewport()->mapToGlobal(at));
}

bool EvaluationPanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->matches(QKeySequence::Copy)) {
        copyRecord();
        return true;
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace fulgurite
