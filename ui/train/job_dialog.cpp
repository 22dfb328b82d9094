// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/job_dialog.h"

#include "ui/base/theme_manager.h"
#include "ui/charts/table_twin.h"
#include "ui/train/train_jobs.h"

#include <QDateTime>
#include <QDialogButtonBox>
#include <QHeaderView>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

enum JobColumn { kName, kPlace, kState, kStarted, kMessage, kJobColumns };

} // namespace

JobDialog::JobDialog(ThemeManager& themes, TrainJobs& jobs, QWidget* parent)
    : QDialog(parent), jobs_(jobs), table_(new QTableWidget(0, kJobColumns)), log_(new QPlainTextEdit) {
    setWindowTitle(tr("Training jobs"));
    resize(themes.scaled(720), themes.scaled(520));
    auto* column = new QVBoxLayout(this);
    table_->setHorizontalHeaderLabels({tr("name"), tr("on"), tr("state"), tr("started"), tr("last said")});
    table_->horizontalHeader()->setStretchLastSection(true);
    table_->verticalHeader()->hide();
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setAccessibleName(tr("Jobs"));
    offerTwin(table_);
    table_->setColumnWidth(kName, themes.scaled(200));
    column->addWidget(table_, 1);
    log_->setReadOnly(true);
    log_->setFont(themes.codeFont(11.5));
    log_->setAccessibleName(tr("What the job prints"));
    column->addWidget(log_, 1);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    const auto add = [&](const QString& text, JobStep step) {
        QPushButton* button = buttons->addButton(text, QDialogButtonBox::ActionRole);
        connect(button, &QPushButton::clicked, this, [this, step] {
            if (const PlacedJob* job = current()) {
                jobs_.steer(*job, step);
            }
        });
        return button;
    };
    pause_ = add(tr("Pause"), JobStep::Pause);
    resume_ = add(tr("Resume"), JobStep::Resume);
    stop_ = add(tr("Stop"), JobStep::Stop);
    kill_ = add(tr("Stop now"), JobStep::Kill);
    kill_->setToolTip(tr("Without waiting for the end of its step: what it has learnt since its last checkpoint is lost"));
    remove_ = add(tr("Remove"), JobStep::Remove);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(table_, &QTableWidget::itemSelectionChanged, this, &JobDialog::showLog);
    connect(&jobs_, &TrainJobs::changed, this, &JobDialog::refresh);
    refresh();
    jobs_.refresh();
}

// The rows are as the jobs were when they were filled in; what is chosen is found by its marks.
const PlacedJob* JobDialog::current() const {
    const QTableWidgetItem* item = table_->item(table_->currentRow(), kName);
    if (item == nullptr) {
        return nullptr;
    }
    const auto found = std::ranges::find_if(jobs_.jobs(), [&](const PlacedJob& placed) {
        return placed.job.id == item->data(Qt::UserRole).toLongLong() &&
               placed.node == item->data(Qt::UserRole + 1).toString();
    });
    return found == jobs_.jobs().end() ? nullptr : &*found;
}

void JobDialog::refresh() {
    const PlacedJob* chosen = current();
    table_->setRowCount(static_cast<int>(jobs_.jobs().size()));
    int row = 0;
    int select = jobs_.jobs().empty() ? -1 : 0;
    for (const PlacedJob& placed : jobs_.jobs()) {
        const client::NodeJob& job = placed.job;
        auto* name = new QTableWidgetItem(QString::fromStdString(job.name));
        name->setData(Qt::UserRole, QVariant::fromValue<qint64>(job.id));
        name->setData(Qt::UserRole + 1, placed.node);
        table_->setItem(row, kPlace, new QTableWidgetItem(jobs_.nameOf(placed.node)));
        table_->setItem(row, kState, new QTableWidgetItem(jobStateName(job.state)));
        table_->setItem(
            row, kStarted,
            new QTableWidgetItem(
                QDateTime::fromMSecsSinceEpoch(job.created_us / 1000).toString(QStringLiteral("d MMM HH:mm:ss"))));
        const QString said =
            job.kill_us ? tr("ends with its step, at the latest at %1")
                              .arg(QDateTime::fromMSecsSinceEpoch(*job.kill_us / 1000).toString("HH:mm:ss"))
                        : QString::fromStdString(job.message);
        table_->setItem(row, kMessage, new QTableWidgetItem(said));
        select = &placed == chosen ? row : select;
        table_->setItem(row, kName, name);
        ++row;
    }
    table_->selectRow(select);
    showLog();
}

void JobDialog::showLog() {
    const PlacedJob* job = current();
    for (const auto& [button, step] : {std::pair(pause_, JobStep::Pause),
                                       {resume_, JobStep::Resume},
                                       {stop_, JobStep::Stop},
                                       {kill_, JobStep::Kill},
                                       {remove_, JobStep::Remove}}) {
        button->setEnabled(job != nullptr && canSteer(job->job.state, step));
    }
    if (job == nullptr) {
        log_->clear();
        return;
    }
    jobs_.log(*job, [log = QPointer<QPlainTextEdit>(log_)](const QString& text) {
        if (log && log->toPlainText() != text) {
            log->setPlainText(text);
            log->verticalScrollBar()->setValue(log->verticalScrollBar()->maximum());
        }
    });
}

} // namespace fulgurite
