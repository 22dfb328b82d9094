// SPDX-License-Identifier: GPL-3.0-or-later
// What the cards of one node show.
#include "ui/base/card.h"
#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/charts/line_plot.h"
#include "ui/nodes/job_curves.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_text.h"
#include "ui/nodes/node_view.h"
#include "ui/train/train_jobs.h"

#include <QComboBox>
#include <QDateTime>
#include <QGridLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollBar>
#include <QStandardItemModel>
#include <QTableView>

namespace fulgurite {

namespace {

// A shorter time has its axis in seconds: the ticks are whole numbers.
constexpr double kSecondsOnAxis = 300;

constexpr double kNearLimit = 0.92;

QString ofText(std::uint64_t used, std::uint64_t total) {
    return NodeView::tr("%1 of %2")
        .arg(bytesText(static_cast<std::int64_t>(used)), bytesText(static_cast<std::int64_t>(total)));
}

bool atLeast(const std::string& level, int wanted) {
    return wanted == 0 || level == "error" || (wanted == 1 && level == "warning");
}

} // namespace

void NodeView::addBar(const QString& name, double used, double total, const QString& words, bool near_limit) {
    if (bars_used_ == bar_rows_.size()) {
        const int row = static_cast<int>(bars_used_);
        bar_rows_.push_back({new QLabel, new QProgressBar, new QLabel});
        const Bar& made = bar_rows_.back();
        made.name->setProperty("tone", "small");
        made.bar->setRange(0, 1000);
        made.bar->setTextVisible(false);
        made.value->setWordWrap(true);
        bars_->addWidget(made.name, row, 0, Qt::AlignTop);
        bars_->addWidget(made.bar, row, 1, Qt::AlignVCenter);
        bars_->addWidget(made.value, row, 2);
    }
    const Bar& row = bar_rows_[bars_used_++];
    row.name->setText(name);
    row.value->setText(near_limit ? QStringLiteral("▲ ") + words : words);
    row.bar->setVisible(total > 0);
    row.bar->setValue(total > 0 ? static_cast<int>(1000 * std::min(1.0, used / total)) : 0);
    row.bar->setAccessibleName(QStringLiteral("%1: %2").arg(name, words));
    row.name->show();
    row.value->show();
}

void NodeView::showMachine() {
    bars_used_ = 0;
    const NodeLink& link = hub_.link(id_);
    const auto& report = watch_->report();
    if (!report) {
        const bool foreign = link.state() == LinkState::Ready && link.facts().kind != client::ServerKind::Fulgurite;
        return machine_->showMessage(foreign ? tr("%1 does not tell about its machine.").arg(serverText(link))
                                     : !watch_->reportProblem().isEmpty() ? watch_->reportProblem()
                                     : link.state() == LinkState::Ready   ? tr("Asking...")
                                                                          : tr("Not connected."));
    }
    machine_->showContent();
    const auto used = report->memory_total - std::min(report->memory_total, report->memory_available);
    addBar(tr("processor"), report->load, static_cast<double>(report->cores),
           tr("load %1 on %n core(s)", nullptr, static_cast<int>(report->cores)).arg(report->load, 0, 'f', 2),
           false);
    addBar(tr("memory"), static_cast<double>(used), static_cast<double>(report->memory_total),
           ofText(used, report->memory_total),
           static_cast<double>(used) > kNearLimit * static_cast<double>(report->memory_total));
    addBar(tr("of this engine"), static_cast<double>(report->process_bytes),
           static_cast<double>(report->memory_total), bytesText(static_cast<std::int64_t>(report->process_bytes)),
           false);
    if (link.load()) {
        const client::EngineLoad& load = *link.load();
        const std::uint64_t kept = load.state_bytes + load.snapshot_bytes;
        addBar(tr("states"), static_cast<double>(kept), static_cast<double>(load.memory_limit),
               ofText(kept, load.memory_limit),
               static_cast<double>(kept) > kNearLimit * static_cast<double>(load.memory_limit));
        addBar(tr("queue"), 0, 0,
               tr("%1 answering, %2 waiting · %3 snapshots")
                   .arg(load.active)
                   .arg(load.queued)
                   .arg(load.snapshot_count),
               false);
    }
    const QString model = report->model_id.empty() ? text(report->model_state) : text(report->model_id);
    addBar(tr("model"), 0, 0,
           report->weight_bytes > 0
               ? QStringLiteral("%1, %2").arg(model, bytesText(static_cast<std::int64_t>(report->weight_bytes)))
           : report->model_message.empty() ? model
                                           : QStringLiteral("%1: %2").arg(model, text(report->model_message)),
           report->model_state == "failed");
    for (const client::GpuState& gpu : report->gpus)
        addBar(text(gpu.name), static_cast<double>(gpu.memory_used), static_cast<double>(gpu.memory_total),
               tr("%1 · %2 % · %3 °C · %4 W")
                   .arg(ofText(gpu.memory_used, gpu.memory_total))
                   .arg(gpu.utilisation, 0, 'f', 0)
                   .arg(gpu.temperature, 0, 'f', 0)
                   .arg(gpu.watts, 0, 'f', 0),
               static_cast<double>(gpu.memory_used) > kNearLimit * static_cast<double>(gpu.memory_total));
    if (report->gpus.empty())
        addBar(tr("GPU"), 0, 0, text(report->gpu_problem), false);
    for (std::size_t i = bars_used_; i < bar_rows_.size(); ++i)
        for (QWidget* each :
             std::initializer_list<QWidget*>{bar_rows_[i].name, bar_rows_[i].bar, bar_rows_[i].value})
            each->hide();
}

void NodeView::showRate() {
    const NodeActivity& activity = hub_.activity(id_);
    rate_card_->setNote(rateText(activity));
    if (activity.points.size() < 2) {
        const bool foreign = hub_.link(id_).state() == LinkState::Ready && !hub_.link(id_).load();
        return rate_card_->showMessage(foreign ? tr("This server does not count its tokens.")
                                               : tr("Nothing measured yet."));
    }
    rate_card_->showContent();
    PlotLine line;
    line.name = tr("tok/s");
    line.color = [](const ThemeManager& themes) { return themes.color(Role::Accent); };
    const double now = activity.points.back().x();
    const bool in_minutes = now - activity.points.front().x() > kSecondsOnAxis;
    for (const QPointF& point : activity.points)
        line.points.emplace_back((point.x() - now) / (in_minutes ? 60 : 1), point.y());
    rate_->setAxes(in_minutes ? tr("minutes") : tr("seconds"), tr("tok/s"), false);
    rate_->setData({line});
}

struct NodeView::JobRow {
    QString texts[3]; // what, state, since or left
    QString message;  // on the state
    Role role = Role::Muted;
};

// Asked every two seconds: rows change where they stand, so that the selection, the place that one has scrolled to
// and a screen reader's stay.
void NodeView::showJobs() {
    const NodeLink& link = hub_.link(id_);
    if (watch_->collectionWork().empty()) {
        const bool cannot = link.info() && !link.info()->can("jobs");
        const QString message = cannot                             ? link.whyNot("jobs")
                                : !watch_->jobsProblem().isEmpty() ? watch_->jobsProblem()
                                : watch_->jobs().empty()           ? tr("No training or evaluation runs here.")
                                                                   : QString();
        if (!message.isEmpty()) {
            job_rows_->setRowCount(0);
            return jobs_card_->showMessage(message);
        }
    }
    jobs_card_->showContent();
    if (job_rows_->columnCount() == 0)
        job_rows_->setHorizontalHeaderLabels({tr("job"), tr("state"), tr("since")});
    const std::vector<JobRow> rows = jobRows();
    const int count = static_cast<int>(rows.size());
    if (job_rows_->rowCount() > count)
        job_rows_->removeRows(count, job_rows_->rowCount() - count);
    bool grew = false;
    for (int row = 0; row < count; ++row) {
        const JobRow& wanted = rows[static_cast<std::size_t>(row)];
        if (row == job_rows_->rowCount())
            job_rows_->appendRow({cell({}), cell({}), cell({})});
        for (int column = 0; column < 3; ++column) {
            QStandardItem* const item = job_rows_->item(row, column);
            const QString& words = wanted.texts[column];
            grew = grew || item->text() != words;
            item->setText(words); // tells nobody where nothing changes
            item->setToolTip(column == 1 && !wanted.message.isEmpty() ? wanted.message : words);
        }
        job_rows_->item(row, 1)->setForeground(themes_.color(wanted.role));
    }
    if (grew)
        jobs_->resizeColumnsToContents();
}

// What works through a collection tells how far it is instead of a curve.
std::vector<NodeView::JobRow> NodeView::jobRows() const {
    std::vector<JobRow> rows;
    for (const NodeWatch::CollectionWork& each : watch_->collectionWork()) {
        const bool evaluates = each.job.kind == "evaluation";
        const QString what =
            (evaluates ? tr("evaluation of %1") : tr("documents into %1")).arg(text(each.collection));
        QString state = tr("%1, %2 of %3")
                            .arg(text(each.job.state), grouped(static_cast<qint64>(each.job.done)),
                                 grouped(static_cast<qint64>(each.job.total)));
        const QString left =
            each.job.seconds_left > 0 ? tr("%1 left").arg(secondsText(each.job.seconds_left)) : QString();
        rows.push_back(
            {{what, state, left}, text(each.job.message), each.job.state == "running" ? Role::Good : Role::Muted});
    }
    if (!watch_->jobsProblem().isEmpty())
        rows.push_back(
            {{tr("training and evaluations"), watch_->jobsProblem(), {}}, watch_->jobsProblem(), Role::Warn});
    for (const client::NodeJob& job : watch_->jobs()) {
        const QDateTime since = QDateTime::fromMSecsSinceEpoch(job.created_us / 1000);
        rows.push_back({{text(job.name.empty() ? job.kind : job.name), jobStateName(job.state),
                         since.toString(QStringLiteral("dd.MM. HH:mm"))},
                        text(job.message),
                        job.state == client::NodeJobState::Running  ? Role::Good
                        : job.state == client::NodeJobState::Failed ? Role::Bad
                                                                    : Role::Muted});
    }
    return rows;
}

void NodeView::showCurves() {
    curves_->show(watch_->curves().curves(), watch_->curves().problem(), hub_.remote(id_) != nullptr);
}

void NodeView::addLog(const std::vector<client::NodeLogLine>& lines) {
    log_card_->showContent();
    QScrollBar* bar = log_->verticalScrollBar();
    for (const client::NodeLogLine& line : lines) {
        lines_.push_back(line);
        if (!atLeast(line.level, level_->currentIndex()))
            continue;
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(line.time_us / 1000);
        const QChar sign = line.level == "error" ? u'E' : line.level == "warning" ? u'W' : u'I';
        log_->appendPlainText(
            QStringLiteral("%1 %2 %3").arg(time.toString(QStringLiteral("HH:mm:ss")), sign, text(line.text)));
    }
    if (follow_->isChecked())
        bar->setValue(bar->maximum());
}

} // namespace fulgurite
