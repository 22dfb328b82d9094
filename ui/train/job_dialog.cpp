// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/job_dialog.h"

#include "ui/base/theme_manager.h"
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

enum Column { kName, kState, kStarted, kMessage, kColumns };

} // namespace

JobDialog::JobDialog(ThemeManager& themes, TrainJobs& jobs, QWidget* parent)
    : QDialog(parent), jobs_(jobs), table_(new QTableWidget(0, kColumns)), log_(new QPlainTextEdit) {
    setWindowTitle(tr("Training jobs of the engine"));
    resize(themes.scaled(720), themes.scaled(520));
    auto* column = new QVBoxLayout(this);
    table_->setHorizontalHeaderLabels({tr("name"), tr("state"), tr("started"), tr("last said")});
    table_->horizontalHeader()->setStretchLastSection(true);
    table_->verticalHeader()->hide();
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setAccessibleName(tr("Jobs"));
    table_->setColumnWidth(kName, themes.scaled(200));
    column->addWidget(table_, 1);
    log_->setReadOnly(true);
    log_->setFont(themes.codeFont(11.5));
    log_->setAccessibleName(tr("What the job prints"));
    column->addWidget(log_, 1);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    const auto add = [&](const QString& text, JobStep step) {
        QPushButton* button = buttons->addButton(text, QDialogButtonBox::ActionRole);
        connect(button, &QPushButton::clicked, this, [this, step] { jobs_.steer(current(), step); });
        return button;
    };
    pause_ = add(tr("Pause"), JobStep::Pause);
    resume_ = add(tr("Resume"), JobStep::Resume);
    stop_ = add(tr("Stop"), JobStep::Stop);
    remove_ = add(tr("Remove"), JobStep::Remove);
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(table_, &QTableWidget::itemSelectionChanged, this, &JobDialog::showLog);
    connect(&jobs_, &TrainJobs::changed, this, &JobDialog::refresh);
    refresh();
    jobs_.refresh();
}

qint64 JobDialog::current() const {
    const QTableWidgetItem* item = table_->item(table_->currentRow(), kName);
    return item != nullptr ? item->data(Qt::UserRole).toLongLong() : 0;
}

void JobDialog::refresh() {
    const qint64 chosen = current();
    table_->setRowCount(static_cast<int>(jobs_.jobs().size()));
    int row = 0;
    int select = jobs_.jobs().empty() ? -1 : 0;
    for (const client::NodeJob& job : jobs_.jobs()) {
        auto* name = new QTableWidgetItem(QString::fromStdString(job.name));
        name->setData(Qt::UserRole, QVariant::fromValue<qint64>(job.id));
        table_->setItem(row, kName, name);
        table_->setItem(row, kState, new QTableWidgetItem(jobStateName(job.state)));
        table_->setItem(
            row, kStarted,
            new QTableWidgetItem(
                QDateTime::fromMSecsSinceEpoch(job.created_us / 1000).toString(QStringLiteral("d MMM HH:mm:ss"))));
        table_->setItem(row, kMessage, new QTableWidgetItem(QString::fromStdString(job.message)));
        select = job.id == chosen ? row : select;
        ++row;
    }
    table_->selectRow(select);
    showLog();
}

void JobDialog::showLog() {
    using client::NodeJobState;
    const qint64 id = current();
    const auto found = std::find_if(jobs_.jobs().begin(), jobs_.jobs().end(),
                                    [id](const client::NodeJob& job) { return job.id == id; });
    const bool any = found != jobs_.jobs().end();
    const NodeJobState state = any ? found->state : NodeJobState::Finished;
    pause_->setEnabled(any && state == NodeJobState::Running);
    resume_->setEnabled(
        any && (state == NodeJobState::Paused || state == NodeJobState::Stopped || state == NodeJobState::Failed));
    stop_->setEnabled(any && (state == NodeJobState::Running || state == NodeJobState::Paused));
    remove_->setEnabled(any && state != NodeJobState::Running && state != NodeJobState::Paused &&
                        state != NodeJobState::Stopping);
    if (!any) {
        log_->clear();
        return;
    }
    jobs_.log(id, [log = QPointer<QPlainTextEdit>(log_)](const QString& text) {
        if (log && log->toPlainText() != text) {
            log->setPlainText(text);
            log->verticalScrollBar()->setValue(log->verticalScrollBar()->maximum());
        }
    });
}

} // namespace fulgurite
