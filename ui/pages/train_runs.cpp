// SPDX-License-Identifier: GPL-3.0-or-later
// What concerns single runs on the Train page: names, tags, notes, deleting, comparing, steering, alerts.
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/pages/train_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/train/alert_dialog.h"
#include "ui/train/chart_grid.h"
#include "ui/train/difference_panel.h"
#include "ui/train/remote_runs.h"
#include "ui/train/run_edits.h"
#include "ui/train/run_feed.h"
#include "ui/train/run_filter.h"
#include "ui/train/run_list.h"
#include "ui/train/series_picker.h"
#include "ui/train/train_jobs.h"

#include <QFileInfo>
#include <QInputDialog>
#include <QMenu>
#include <QTableWidget>

#include <algorithm>
#include <utility>

namespace fulgurite {

void TrainPage::activated() {
    if (const auto wish = context().handoff.takeRun()) {
        wish->run != 0 ? showRun(wish->run) : showCopy(wish->node, wish->uuid);
    }
}

// Of the engine's own file, which is read first where another is open.
void TrainPage::showRun(qint64 run) {
    if (feed_->file() != ownFile()) {
        openFile(ownFile());
    }
    if (feed_->run(run) != nullptr) {
        return board_->setCurrent(run);
    }
    connect(
        feed_, &RunFeed::runsChanged, this, [this, run] { board_->setCurrent(run); }, Qt::SingleShotConnection);
}

// Copies of another node's runs come into the own file while the node is followed, which begins here at the latest.
void TrainPage::showCopy(const QString& node, const QString& uuid) {
    awaited_copy_ = {node, uuid};
    if (!remote_->followed().contains(node)) {
        remote_->follow(node, true);
        context().notices.post({.id = "train-remote",
                                .severity = Severity::Info,
                                .text = tr("The runs of %1 are copied to this computer now, and kept up to date.")
                                            .arg(jobs_->nameOf(node)),
                                .details = {},
                                .actions = {{tr("Stop copying"), [this, node] { remote_->follow(node, false); }}},
                                .seconds = 15});
    }
    findCopy();
}

// Another file that is open was so when the wish came, and the own one was not there yet: opening one forgets it.
void TrainPage::findCopy() {
    if (awaited_copy_.uuid.isEmpty()) {
        return;
    }
    if (feed_->file() != ownFile()) {
        if (QFileInfo::exists(ownFile())) {
            // The list of the file that closes is empty and comes here too, before the other file is the open one.
            const auto wish = std::exchange(awaited_copy_, {});
            openFile(ownFile()); // runsChanged() follows
            awaited_copy_ = wish;
        }
        return;
    }
    const std::vector<RunInfo>& runs = *feed_->runs();
    const auto copy = std::ranges::find(runs, awaited_copy_.uuid, &RunInfo::uuid);
    if (copy != runs.end()) {
        awaited_copy_ = {};
        board_->setCurrent(copy->id);
    }
}

void TrainPage::renameRun(qint64 run) {
    const RunInfo* info = feed_->run(run);
    if (info == nullptr) {
        return;
    }
    bool accepted = false;
    const QString name =
        QInputDialog::getText(this, tr("Rename the run"), tr("Name"), QLineEdit::Normal, info->name, &accepted);
    if (accepted && !name.trimmed().isEmpty()) {
        edits_->rename(run, name.trimmed());
    }
}

void TrainPage::editTags(const std::vector<qint64>& runs) {
    if (runs.empty()) {
        return;
    }
    const RunInfo* first = feed_->run(runs.front());
    bool accepted = false;
    const QString text = QInputDialog::getText(
        this, runs.size() == 1 ? tr("Tags of the run") : tr("Tags of %1 runs").arg(runs.size()),
        tr("Tags, separated by commas"), QLineEdit::Normal,
        first != nullptr ? first->tags.join(QStringLiteral(", ")) : QString(), &accepted);
    if (!accepted) {
        return;
    }
    QStringList tags;
    for (const QString& tag : text.split(u',', Qt::SkipEmptyParts)) {
        if (!tag.trimmed().isEmpty()) {
            tags << tag.trimmed();
        }
    }
    edits_->setTags(runs, tags);
}

void TrainPage::editNotes(qint64 run) {
    const RunInfo* info = feed_->run(run);
    if (info == nullptr) {
        return;
    }
    bool accepted = false;
    const QString notes = QInputDialog::getMultiLineText(this, tr("Notes"), info->name, info->notes, &accepted);
    if (accepted) {
        edits_->setNotes(run, notes);
    }
}

void TrainPage::removeRuns(const std::vector<qint64>& runs) {
    const QString name =
        runs.size() == 1 && feed_->run(runs.front()) != nullptr ? feed_->run(runs.front())->name : QString();
    const QStringList busy = edits_->remove(runs);
    if (!busy.isEmpty()) {
        context().notices.post(
            {.id = "train-delete",
             .severity = Severity::Warning,
             .text = tr("%1 is being written and stays. Stop it first.").arg(busy.join(QStringLiteral(", ")))});
        return;
    }
    context().notices.post({.id = "train-delete",
                            .severity = Severity::Info,
                            .text = tr("%1 deleted. It goes from the file when the file is closed.")
                                        .arg(name.isEmpty() ? tr("%1 runs").arg(runs.size()) : name),
                            .details = {},
                            .actions = {{tr("Undo"), [this] { edits_->undo().undo(); }}},
                            .seconds = 10});
}

// The chosen runs alone, each by itself, with the table of what differs.
void TrainPage::compareRuns(const std::vector<qint64>& runs) {
    board_->setGroupField({});
    board_->setDrawn(board_->matching(), false);
    board_->setDrawn(runs, true);
    showGroupField();
    differences_->table().setFocus();
}

// Any field of any run's configuration; the menu over the list has those that tell runs apart.
void TrainPage::chooseGroupField() {
    SeriesPicker picker(
        context().themes, RunFilter::fieldNames(*feed_->runs()),
        {.title = tr("Group the runs by"), .field = tr("Part of a field's name"), .choose = tr("Group")}, this);
    if (picker.exec() == QDialog::Accepted && !picker.chosen().isEmpty()) {
        board_->setGroupField(picker.chosen());
        showGroupField();
    }
}

const PlacedJob* TrainPage::chosenJob() const {
    const RunInfo* run = list_->currentRun();
    return run != nullptr ? jobs_->jobOf(*run) : nullptr;
}

// Pauses what runs, and goes on with what was paused, stopped, or has failed.
void TrainPage::pauseOrResume() {
    if (const PlacedJob* job = chosenJob()) {
        jobs_->steer(*job, canSteer(job->job.state, JobStep::Pause) ? JobStep::Pause : JobStep::Resume);
    }
}

void TrainPage::stopRun() {
    if (const PlacedJob* job = chosenJob()) {
        jobs_->steer(*job, JobStep::Stop);
    }
}

// What is halted writes nothing, not even that it is.
void TrainPage::followJobs() {
    QSet<qint64> paused;
    for (const RunInfo& run : *feed_->runs()) {
        const PlacedJob* job = run.state == RunState::Running ? jobs_->jobOf(run) : nullptr;
        if (job != nullptr && job->job.state == client::NodeJobState::Paused) {
            paused.insert(run.id);
        }
    }
    board_->setPaused(paused);
    updateRunActions();
}

void TrainPage::updateRunActions() {
    const auto enable = [this](const char* id, bool enabled, const QString& reason) {
        context().actions.setEnabled(QLatin1String(id), enabled, reason);
    };
    const bool any = !list_->chosen().empty();
    const RunInfo* run = list_->currentRun();
    for (const char* id : {"train.tags", "train.delete"}) {
        enable(id, any, tr("No run is chosen in the list"));
    }
    enable("train.colour", list_->currentIndex().isValid(), tr("No run is chosen in the list"));
    for (const char* id : {"train.rename", "train.notes"}) {
        enable(id, run != nullptr, tr("No run is chosen in the list"));
    }
    enable("train.compare", list_->chosen().size() > 1, tr("Choose two runs or more in the list"));
    const PlacedJob* job = chosenJob();
    const QString none = tr("The run is no training job of this computer or of a connected node");
    enable("train.run_pause",
           job != nullptr &&
               (canSteer(job->job.state, JobStep::Pause) || canSteer(job->job.state, JobStep::Resume)),
           job == nullptr ? none : tr("The job is %1").arg(jobStateName(job->job.state)));
    enable("train.run_stop", job != nullptr && canSteer(job->job.state, JobStep::Stop),
           job == nullptr ? none : tr("The job is %1").arg(jobStateName(job->job.state)));
    enable("train.undo", edits_->undo().canUndo(), tr("Nothing to undo"));
    enable("train.redo", edits_->undo().canRedo(), tr("Nothing to redo"));
}

// What the list's menu has from the page.
void TrainPage::fillRunMenu(QMenu& menu) {
    menu.addSeparator();
    for (const char* id : {"train.compare", "train.group"}) {
        menu.addAction(context().actions.action(QLatin1String(id)));
    }
    if (chosenJob() != nullptr) {
        menu.addSeparator();
        for (const char* id : {"train.run_pause", "train.run_stop"}) {
            menu.addAction(context().actions.action(QLatin1String(id)));
        }
    }
}

void TrainPage::setAlerts(const std::vector<AlertRule>& rules) {
    alerts_ = rules;
    told_alerts_.clear();
    grid_->setAlerts(rules);
    const std::vector<qint64> drawn = board_->drawnRuns();
    checkAlerts(QSet<qint64>(drawn.begin(), drawn.end()));
}

void TrainPage::editAlerts() {
    AlertDialog dialog(context().themes, feed_->seriesNames(), alerts_, this);
    if (dialog.exec() == QDialog::Accepted) {
        setAlerts(dialog.rules());
    }
}

void TrainPage::checkAlerts(const QSet<qint64>& runs) {
    for (const AlertRule& rule : alerts_) {
        for (const qint64 id : runs) {
            const QString key = QStringLiteral("%1 %2").arg(id).arg(ruleText(rule));
            const RunInfo* run = feed_->run(id);
            const CurveRef curve = feed_->curve({id, rule.series});
            if (run == nullptr || curve == nullptr || told_alerts_.contains(key)) {
                continue;
            }
            if (const std::optional<Alert> alert = findAlert(rule, *curve)) {
                told_alerts_.insert(key);
                const qint64 step = alert->step;
                context().notices.post(
                    {.id = QStringLiteral("train-alert-") + key,
                     .severity = Severity::Warning,
                     .text = tr("%1: %2 from step %3 on").arg(run->name, ruleText(rule)).arg(step),
                     .details = {},
                     .actions = {{tr("Show"), [this, id, step] {
                                      board_->setCurrent(id);
                                      grid_->link().togglePin(static_cast<double>(step));
                                  }}}});
            }
        }
    }
}

} // namespace fulgurite
