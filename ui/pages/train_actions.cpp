// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that can be done on the Train page as a whole, for the menus, the palette and the keyboard.
#include "ui/base/notices.h"
#include "ui/base/paths.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/local_engine.h"
#include "ui/nodes/node_book.h"
#include "ui/pages/train_page.h"
#include "ui/shell/action_registry.h"
#include "ui/train/chart_grid.h"
#include "ui/train/filter_field.h"
#include "ui/train/import_process.h"
#include "ui/train/job_dialog.h"
#include "ui/train/new_run_dialog.h"
#include "ui/train/remote_runs.h"
#include "ui/train/rollout_panel.h"
#include "ui/train/run_edits.h"
#include "ui/train/run_list.h"
#include "ui/train/series_picker.h"
#include "ui/train/train_header.h"
#include "ui/train/train_jobs.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>

#include <algorithm>
#include <functional>

namespace fulgurite {
namespace {

constexpr qsizetype kMostGroupFields = 40; // in the menu; its last entry reaches the others

} // namespace

void TrainPage::addAction(const char* id, const QString& title, const char* icon, const char* keys,
                          const QString& keywords, std::function<void()> run) {
    context().actions.add({.id = QLatin1String(id),
                           .title = title,
                           .category = QStringLiteral("Train"),
                           .icon = QLatin1String(icon),
                           .shortcut = QKeySequence(QLatin1String(keys), QKeySequence::PortableText),
                           .page = this->id(),
                           .keywords = keywords},
                          this, std::move(run));
}

// What concerns the runs that are chosen in the list; there each has a key of one letter.
void TrainPage::registerRunActions() {
    const auto add = std::bind_front(&TrainPage::addAction, this);
    add("train.rename", tr("Rename the run…"), "edit", "", tr("name"), [this] {
        if (const RunInfo* run = list_->currentRun()) {
            renameRun(run->id);
        }
    });
    add("train.tags", tr("Tags of the chosen runs…"), "star", "", tr("label"),
        [this] { editTags(list_->chosen()); });
    add("train.notes", tr("Notes on the run…"), "title", "", tr("comment"), [this] {
        if (const RunInfo* run = list_->currentRun()) {
            editNotes(run->id);
        }
    });
    add("train.colour", tr("Colour and mark of the run…"), "star", "", tr("color look"),
        [this] { list_->chooseLook(); });
    add("train.compare", tr("Compare the chosen runs"), "table", "", tr("difference configuration diff"),
        [this] { compareRuns(list_->chosen()); });
    add("train.group", tr("Group by any field…"), "branch", "", tr("seeds mean band configuration"),
        [this] { chooseGroupField(); });
    add("train.run_pause", tr("Pause the run, or go on with it"), "stop", "", tr("job resume"),
        [this] { pauseOrResume(); });
    add("train.run_stop", tr("Stop the run"), "stop", "", tr("job end"), [this] { stopRun(); });
    add("train.delete", tr("Delete the chosen runs"), "trash", "", tr("remove"),
        [this] { removeRuns(list_->chosen()); });
    add("train.undo", tr("Undo the last change of runs"), "undo", "Ctrl+Z", tr("delete rename tags"),
        [this] { edits_->undo().undo(); });
    add("train.redo", tr("Redo the last change of runs"), "redo", "Ctrl+Shift+Z", QString(),
        [this] { edits_->undo().redo(); });
}

void TrainPage::registerActions() {
    const auto add = std::bind_front(&TrainPage::addAction, this);
    const auto change = [this](auto edit) {
        return [this, edit] {
            ChartSettings settings = board_->settings();
            edit(settings);
            board_->setSettings(settings);
        };
    };
    add("train.open", tr("Open a runs file…"), "folder-open", "Ctrl+Shift+O", tr("database sqlite"),
        [this] { chooseFile(); });
    add("train.import", tr("Import logs…"), "import", "Ctrl+I", tr("jsonl tensorboard csv trainer_state"),
        [this] { chooseImport(false); });
    add("train.import_folder", tr("Import a folder of logs…"), "folder", "", tr("tensorboard checkpoints"),
        [this] { chooseImport(true); });
    add("train.sample", tr("Open the sample runs"), "star", "", tr("example demo"), [this] { openSample(); });
    add("train.new", tr("New run…"), "plus", "", tr("start train pretrain sft rl cispo"), [this] { newRun(); });
    add("train.jobs", tr("Training jobs…"), "engine", "Ctrl+J", tr("pause resume stop start run"),
        [this] { JobDialog(context().themes, *jobs_, this).exec(); });
    add("train.filter", tr("Filter runs"), "filter", "Ctrl+F", tr("search expression"), [this] {
        filter_->setFocus();
        filter_->selectAll();
    });
    add("train.chart", tr("Add a chart…"), "plus", "Ctrl+Shift+N", tr("series metric tag"), [this] { addChart(); });
    add("train.enlarge", tr("Enlarge the chart, or show all again"), "window", "", tr("full one"), [this] {
        CurveChart* chart = grid_->current();
        grid_->enlarge(grid_->enlarged().isEmpty() && chart != nullptr ? chart->spec().id : QString());
    });
    add("train.fit", tr("Show the whole runs"), "fit", "", tr("zoom out reset"), [this] { grid_->link().fit(); });
    add("train.pause", tr("Freeze what is shown, or go on"), "stop", "Ctrl+Space", tr("pause live tail"),
        [this] { feed_->setPaused(!feed_->paused()); });
    add("train.rollouts", tr("Show or hide rollouts"), "table", "F6", tr("completions tokens samples"),
        [this] { rollouts_->parentWidget()->setVisible(!rollouts_->parentWidget()->isVisible()); });
    add("train.rollouts_here", tr("Read what was written at the cursor"), "prompt", "",
        tr("completions tokens step"), [this] {
            const std::vector<qint64> runs = board_->drawnRuns();
            const qint64 run = board_->current() != 0 ? board_->current() : runs.empty() ? 0 : runs.front();
            const RunInfo* info = feed_->run(run);
            if (info != nullptr) {
                const auto cursor = grid_->link().cursor();
                openRollouts(run, cursor ? std::llround(grid_->link().place(*cursor)) : info->last_step);
            }
        });
    add("train.alerts", tr("Alerts…"), "warning", "", tr("rule watch threshold nan"), [this] { editAlerts(); });
    add("train.members", tr("Show or hide the runs of groups"), "branch", "", tr("seeds thin lines"),
        change([](ChartSettings& settings) { settings.members = !settings.members; }));
    add("train.paper", tr("Show or hide figures of the paper"), "file", "", tr("minimax m1 overlay cispo"),
        change([](ChartSettings& settings) { settings.paper = !settings.paper; }));
    add("train.log_x", tr("Logarithmic horizontal axis"), "table", "", tr("log x"),
        change([](ChartSettings& settings) { settings.log_x = !settings.log_x; }));
    add("train.log_y", tr("Logarithmic vertical axes"), "table", "", tr("log y"),
        change([](ChartSettings& settings) { settings.log_y = !settings.log_y; }));
    add("train.axis", tr("Next horizontal axis: step, tokens, elapsed, clock"), "next", "Ctrl+Shift+X",
        tr("x wall time relative"), change([](ChartSettings& settings) {
            settings.x = static_cast<XAxis>((static_cast<int>(settings.x) + 1) % 4);
        }));
    add("train.band", tr("Next band: min to max, deviation, none"), "next", "", tr("std range"),
        change([](ChartSettings& settings) {
            settings.band = static_cast<BandKind>((static_cast<int>(settings.band) + 1) % 3);
        }));
    add("train.smoothing", tr("Next smoothing: off, EMA, time EMA, median"), "next", "", tr("smooth"),
        change([](ChartSettings& settings) {
            settings.smoothing.kind = static_cast<Smoothing>((static_cast<int>(settings.smoothing.kind) + 1) % 4);
        }));
    add("train.draw_all", tr("Draw all runs that pass the filter"), "check", "", QString(),
        [this] { board_->setDrawn(board_->matching(), true); });
    add("train.draw_selected", tr("Draw only the selected runs"), "check", "", QString(), [this] {
        const std::vector<qint64> chosen = list_->chosen();
        board_->setDrawn(board_->matching(), false);
        board_->setDrawn(chosen, true);
    });
    registerRunActions();
    auto* import_menu = new QMenu(header_);
    import_menu->addAction(context().actions.action(QStringLiteral("train.import")));
    import_menu->addAction(context().actions.action(QStringLiteral("train.import_folder")));
    header_->setImportMenu(import_menu);
    context().actions.setEnabled(QStringLiteral("train.sample"), !sampleFile().isEmpty(),
                                 tr("No sample runs are installed"));
    updateActions();
}

// What another node trains is followed, so that it comes into the list.
void TrainPage::newRun() {
    NewRunDialog dialog(context().themes, *jobs_, LocalEngine::findProgram(), context().engine.modelFolder(), this);
    if (dialog.exec() != QDialog::Accepted) {
        return;
    }
    if (dialog.node() != kLocalNode) {
        remote_->follow(dialog.node(), true);
    }
    if (feed_->file() != ownFile() && (dialog.node() == kLocalNode || QFileInfo::exists(ownFile()))) {
        openFile(ownFile()); // where the new run reports
    }
}

void TrainPage::updateActions() {
    const bool any = !feed_->runs()->empty();
    const QString none = tr("No runs are open");
    header_->setNewRunEnabled(jobs_->available(), tr("The engine does not run"));
    for (const char* id : {"train.new", "train.jobs"}) {
        context().actions.setEnabled(QLatin1String(id), jobs_->available(), tr("The engine does not run"));
    }
    context().actions.setEnabled(QStringLiteral("train.group"), any, none);
    for (const char* id :
         {"train.filter", "train.chart", "train.enlarge", "train.fit", "train.pause", "train.rollouts",
          "train.rollouts_here", "train.alerts", "train.draw_all", "train.draw_selected"}) {
        context().actions.setEnabled(QLatin1String(id), any, none);
    }
}

void TrainPage::fillFileMenu() {
    file_menu_->clear();
    for (const char* id : {"train.open", "train.import", "train.import_folder", "train.sample"}) {
        file_menu_->addAction(context().actions.action(QLatin1String(id)));
    }
    if (!recent_.isEmpty()) {
        file_menu_->addSeparator();
    }
    for (const QString& file : std::as_const(recent_)) {
        QAction* action = file_menu_->addAction(QFileInfo(file).fileName(), this, [this, file] { openFile(file); });
        action->setToolTip(file);
        action->setCheckable(true);
        action->setChecked(file == feed_->file());
        action->setEnabled(QFileInfo::exists(file));
    }
    const QStringList logs = import_->followed();
    if (!logs.isEmpty()) {
        file_menu_->addSection(tr("Logs that are followed"));
    }
    for (const QString& path : logs) {
        QAction* action = file_menu_->addAction(tr("Stop following %1").arg(QFileInfo(path).fileName()), this,
                                                [this, path] { import_->stop(path); });
        action->setToolTip(path);
    }
    const std::vector<RemoteRuns::Node> nodes = remote_->nodes();
    if (!nodes.empty()) {
        file_menu_->addSection(tr("Runs of other nodes, copied into your file"));
    }
    for (const RemoteRuns::Node& node : nodes) {
        QAction* action = file_menu_->addAction(tr("Follow the runs of %1").arg(node.name), this,
                                                [this, node] { remote_->follow(node.id, !node.followed); });
        action->setCheckable(true);
        action->setChecked(node.followed);
        action->setToolTip(node.problem);
    }
    file_menu_->addSeparator();
    file_menu_->addAction(context().actions.action(QStringLiteral("train.alerts")));
}

// Fields that tell runs apart come first.
void TrainPage::fillGroupMenu() {
    group_menu_->clear();
    const auto add = [this](const QString& title, const QString& field) {
        QAction* action = group_menu_->addAction(title, this, [this, field] {
            board_->setGroupField(field);
            showGroupField();
        });
        action->setCheckable(true);
        action->setChecked(board_->groupField() == field);
    };
    add(tr("Every run by itself"), {});
    group_menu_->addSeparator();
    for (const char* field : {"algo", "project", "status", "name"}) {
        add(QLatin1String(field), QLatin1String(field));
    }
    group_menu_->addSeparator();
    std::vector<const RunInfo*> runs;
    for (const qint64 id : board_->matching()) {
        runs.push_back(feed_->run(id));
    }
    for (const QString& field : differingFields(runs).mid(0, kMostGroupFields)) {
        add(field, field);
    }
    group_menu_->addSeparator();
    group_menu_->addAction(context().actions.action(QStringLiteral("train.group")));
}

QString TrainPage::ownFile() const {
    return context().paths.data + QStringLiteral("/engine/runs.fulgurite");
}

QString TrainPage::sampleFile() const {
    return findResource(QStringLiteral("runs/sample.fulgurite"));
}

// A copy: the installed one may lie where nothing can be written, which SQLite needs even for reading.
void TrainPage::openSample() {
    // One for each version of the sample: what somebody named or tagged in an older one is theirs.
    const QFileInfo installed(sampleFile());
    const QString folder = QStringLiteral("%1/samples/%2-%3")
                               .arg(context().paths.data)
                               .arg(installed.size())
                               .arg(installed.lastModified().toSecsSinceEpoch());
    const QString copy = folder + QStringLiteral("/sample.fulgurite");
    if (!QFileInfo::exists(copy)) {
        QFile source(sampleFile());
        if (!QDir().mkpath(folder) || !source.copy(copy)) {
            tellFailure(tr("The sample runs could not be copied to %1: %2").arg(copy, source.errorString()));
            return;
        }
        QFile::setPermissions(copy, QFile::ReadOwner | QFile::WriteOwner);
    }
    openFile(copy);
}

void TrainPage::chooseFile() {
    const QString file =
        QFileDialog::getOpenFileName(this, tr("Open a runs file"), QFileInfo(recent_.value(0)).path(),
                                     tr("Runs (*.fulgurite *.db);;All files (*)"));
    if (!file.isEmpty()) {
        openFile(file);
    }
}

void TrainPage::chooseImport(bool folder) {
    const QStringList paths =
        folder ? QStringList(QFileDialog::getExistingDirectory(this, tr("Import a folder of logs")))
               : QFileDialog::getOpenFileNames(this, tr("Import logs"), {},
                                               tr("Logs (*.jsonl *.json *.csv *tfevents*);;All files (*)"));
    if (!paths.isEmpty() && !paths.first().isEmpty()) {
        importPaths(paths);
    }
}

void TrainPage::importPaths(const QStringList& paths) {
    const QString program = LocalEngine::findProgram();
    if (program.isEmpty()) {
        tellFailure(
            tr("Logs are read by fulgurite-engine, which was not found beside this program or on the PATH."));
        return;
    }
    QDir().mkpath(QFileInfo(ownFile()).path());
    import_->start(program, paths, feed_->file().isEmpty() ? ownFile() : feed_->file());
}

void TrainPage::addChart() {
    SeriesPicker picker(context().themes, feed_->seriesNames(), SeriesPicker::chartWords(), this);
    if (picker.exec() == QDialog::Accepted && !picker.chosen().isEmpty()) {
        grid_->addChart(picker.chosen());
    }
}

} // namespace fulgurite
