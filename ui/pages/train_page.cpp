// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the Train page; train_actions.cpp has what can be done, train_runs.cpp what concerns single runs.
#include "ui/pages/train_page.h"

#include "ui/base/gap_splitter.h"
#include "ui/base/local_files.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/action_registry.h"
#include "ui/train/chart_grid.h"
#include "ui/train/difference_panel.h"
#include "ui/train/filter_field.h"
#include "ui/train/import_process.h"
#include "ui/train/live_pill.h"
#include "ui/train/remote_runs.h"
#include "ui/train/rollout_panel.h"
#include "ui/train/run_edits.h"
#include "ui/train/run_list.h"
#include "ui/train/train_header.h"
#include "ui/train/train_jobs.h"
#include "ui/train/train_toolbar.h"

#include <QDragEnterEvent>
#include <QFileInfo>
#include <QFrame>
#include <QItemSelectionModel>
#include <QJsonArray>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kRunsWidth = 304;
constexpr int kDifferences = 245;
constexpr int kRollouts = 242;
constexpr int kMostRecentFiles = 10;

const QString kRunsSuffix = QStringLiteral(".fulgurite");

QFrame* card(QWidget* inside) {
    auto* frame = new QFrame;
    frame->setProperty("surface", "card");
    auto* column = new QVBoxLayout(frame);
    column->setContentsMargins(1, 1, 1, 1);
    column->addWidget(inside);
    return frame;
}

} // namespace

TrainPage::TrainPage(const ShellContext& shell)
    : Page(QStringLiteral("train"), shell),
      feed_(new RunFeed(this)),
      board_(new RunBoard(*feed_, this)),
      import_(new ImportProcess(this)),
      jobs_(new TrainJobs(shell.engine, shell.link.nodes(), this)),
      remote_(new RemoteRuns(shell.link.nodes(), ownFile(), this)),
      edits_(new RunEdits(*feed_, *board_, this)) {
    setAcceptDrops(true);
    build();
    registerActions();
    connect(feed_, &RunFeed::failed, this, &TrainPage::tellFailure);
    connect(feed_, &RunFeed::runsChanged, this, &TrainPage::followJobs); // listChanged() came before
    connect(feed_, &RunFeed::curvesChanged, this, &TrainPage::checkAlerts);
    connect(feed_, &RunFeed::opened, this, [this] { updateActions(); });
    connect(board_, &RunBoard::listChanged, this, &TrainPage::followRuns);
    connectImport();
    connect(header_, &TrainHeader::newRunWanted, this,
            [this] { context().actions.run(QStringLiteral("train.new")); });
    connect(jobs_, &TrainJobs::changed, this, &TrainPage::followEngine);
    connect(jobs_, &TrainJobs::changed, this, &TrainPage::followJobs);
    connect(board_, &RunBoard::selectionChanged, this, &TrainPage::updateRunActions);
    connect(&edits_->undo(), &QUndoStack::indexChanged, this, &TrainPage::updateRunActions);
    connect(edits_, &RunEdits::removed, remote_, &RemoteRuns::leaveOut);
    connect(remote_, &RemoteRuns::came, this, [this] {
        jobs_->refresh();
        followEngine();
        findCopy();
    });
    connect(remote_, &RemoteRuns::changed, this, [this] {
        if (!remote_->followed().contains(awaited_copy_.node)) {
            awaited_copy_ = {};
        }
    });
    connect(remote_, &RemoteRuns::failed, this, [this](const QString& message) {
        context().notices.post({.id = "train-remote", .severity = Severity::Warning, .text = message});
    });
    connect(jobs_, &TrainJobs::failed, this, [this](const QString& message) {
        context().notices.post({.id = "train-job", .severity = Severity::Error, .text = message});
    });
    followEngine();
    followRuns();
}

void TrainPage::connectImport() {
    const auto tell = [this](Severity severity, const QString& text, int seconds = 0) {
        context().notices.post(
            {.id = "train-import", .severity = severity, .text = text, .details = {}, .seconds = seconds});
    };
    connect(import_, &ImportProcess::began, this,
            [tell](const QString& path) { tell(Severity::Info, tr("Reading %1…").arg(path)); });
    connect(import_, &ImportProcess::imported, this,
            [this](const QString& path, const QString& summary, bool follows) {
                QList<NoticeAction> actions;
                if (follows) {
                    actions << NoticeAction{tr("Stop following"), [this, path] { import_->stop(path); }};
                }
                const QString read = summary.isEmpty() ? tr("Read %1").arg(path) : summary;
                context().notices.post(
                    {.id = "train-import",
                     .severity = Severity::Info,
                     .text = follows ? tr("%1. What it gets is read too, until it was silent for %2 minutes.")
                                           .arg(read)
                                           .arg(ImportProcess::kSilentMinutes)
                                     : read,
                     .details = {},
                     .actions = actions,
                     .seconds = 8});
                if (feed_->file().isEmpty()) {
                    openFile(ownFile());
                }
            });
    connect(import_, &ImportProcess::fellSilent, this, [tell](const QString& path) {
        tell(Severity::Info,
             tr("%1 got nothing for %2 minutes and is followed no longer. Drop it again to go on.")
                 .arg(path)
                 .arg(ImportProcess::kSilentMinutes),
             15);
    });
    connect(import_, &ImportProcess::troubled, this, [this](const QString& path, const QString& message) {
        context().notices.post({.id = "train-import-trouble",
                                .severity = Severity::Warning,
                                .text = message.contains(path) ? message : tr("%1: %2").arg(path, message)});
    });
    connect(import_, &ImportProcess::failed, this, [tell](const QString& path, const QString& message) {
        tell(Severity::Error, tr("%1 was not imported: %2").arg(path, message));
    });
}

TrainPage::~TrainPage() {
    board_->disconnect(this); // the header may be gone by now
    edits_->undo().disconnect(this);
    edits_->settle();
}

void TrainPage::build() {
    header_ = new TrainHeader(context().themes, *feed_, this);
    filter_ = new FilterField(context().themes, *board_);
    list_ = new RunListView(context().themes, *board_);
    differences_ = new DifferencePanel(context().themes, *board_);
    grid_ = new ChartGrid(context().themes, *board_);
    rollouts_ = new RolloutPanel(context().themes, *feed_);
    auto* toolbar = new TrainToolbar(context().themes, *board_);

    columns_ = makeSplitter(Qt::Horizontal, QStringLiteral("train-columns"));
    left_ = makeSplitter(Qt::Vertical, QStringLiteral("train-left"));
    left_->addWidget(card(buildRuns()));
    left_->addWidget(card(differences_));
    left_->setStretchFactor(0, 1);
    left_->setSizes({490, kDifferences});
    auto* charts = new QWidget;
    auto* column = new QVBoxLayout(charts);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(metrics::kGap);
    column->addWidget(toolbar);
    column->addWidget(grid_, 1);
    right_ = makeSplitter(Qt::Vertical, QStringLiteral("train-right"));
    right_->addWidget(charts);
    right_->addWidget(card(rollouts_));
    right_->setStretchFactor(0, 1);
    right_->setSizes({540, kRollouts});
    rollouts_->parentWidget()->hide(); // until something was asked about
    columns_->addWidget(left_);
    columns_->addWidget(right_);
    columns_->setStretchFactor(1, 1);
    columns_->setSizes({context().themes.scaled(kRunsWidth), 1100});
    auto* board = new QWidget;
    auto* around = new QVBoxLayout(board);
    around->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, metrics::kGap);
    around->addWidget(columns_);
    stack_ = new QStackedWidget;
    stack_->addWidget(buildEmpty());
    stack_->addWidget(board);
    setCentralWidget(stack_);

    connect(toolbar, &TrainToolbar::chartWanted, this, &TrainPage::addChart);
    connect(toolbar, &TrainToolbar::paperFigureChosen, grid_, &ChartGrid::setPaperFigure);
    connect(filter_, &FilterField::leaveDown, list_, qOverload<>(&QWidget::setFocus));
    connect(grid_, &ChartGrid::rolloutsWanted, this, &TrainPage::openRollouts);
    connect(grid_, &ChartGrid::updatesFilterWanted, this,
            [this] { filter_->setFilter(QStringLiteral("updates > 1")); });
    connect(differences_, &DifferencePanel::groupWanted, board_, &RunBoard::setGroupField);
    connect(list_, &RunListView::renameWanted, this, &TrainPage::renameRun);
    connect(list_, &RunListView::tagsWanted, this, &TrainPage::editTags);
    connect(list_, &RunListView::notesWanted, this, &TrainPage::editNotes);
    connect(list_, &RunListView::removeWanted, this, &TrainPage::removeRuns);
    connect(list_, &RunListView::lookWanted, edits_, &RunEdits::setLook);
    connect(list_, &RunListView::actionWanted, this, [this](const QString& id) { context().actions.run(id); });
    connect(list_, &RunListView::menuWanted, this, &TrainPage::fillRunMenu);
    connect(list_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &TrainPage::updateRunActions);
    file_menu_ = new QMenu(header_);
    file_menu_->setToolTipsVisible(true);
    connect(file_menu_, &QMenu::aboutToShow, this, &TrainPage::fillFileMenu);
    header_->setFileMenu(file_menu_);
}

QWidget* TrainPage::buildRuns() {
    auto* runs = new QWidget;
    auto* column = new QVBoxLayout(runs);
    column->setContentsMargins(0, 8, 0, 0);
    column->setSpacing(4);
    auto* top = new QHBoxLayout;
    top->setContentsMargins(8, 0, 8, 0);
    count_ = new QLabel;
    count_->setProperty("tone", "chip");
    top->addWidget(filter_, 1);
    top->addWidget(count_);
    column->addLayout(top);
    auto* second = new QHBoxLayout;
    second->setContentsMargins(8, 0, 8, 0);
    group_ = new QPushButton;
    group_->setProperty("kind", "quiet");
    group_->setAccessibleName(tr("Group by"));
    group_menu_ = new QMenu(group_);
    connect(group_menu_, &QMenu::aboutToShow, this, &TrainPage::fillGroupMenu);
    group_->setMenu(group_menu_);
    headline_ = new QLabel;
    headline_->setProperty("tone", "small");
    second->addWidget(group_);
    second->addStretch(1);
    second->addWidget(headline_);
    column->addLayout(second);
    column->addWidget(list_, 1);
    return runs;
}

QWidget* TrainPage::buildEmpty() {
    auto* empty = new QWidget;
    auto* column = new QVBoxLayout(empty);
    column->addStretch(1);
    auto* title = new QLabel(tr("No runs yet"));
    title->setProperty("tone", "title");
    title->setAlignment(Qt::AlignCenter);
    column->addWidget(title);
    empty_text_ = new QLabel(
        tr("Drop logs of a training run here: JSON lines, trainer_state.json, TensorBoard event files, CSV, or a "
           "folder of them.\nOr open a runs file that a trainer writes."));
    empty_text_->setProperty("tone", "muted");
    empty_text_->setAlignment(Qt::AlignCenter);
    column->addWidget(empty_text_);
    auto* row = new QHBoxLayout;
    row->addStretch(1);
    const auto add = [&](const QString& text, const char* action, bool accent) {
        auto* button = new QPushButton(text);
        button->setProperty("kind", accent ? "accent" : "");
        connect(button, &QPushButton::clicked, this,
                [this, action] { context().actions.run(QLatin1String(action)); });
        row->addWidget(button);
    };
    add(tr("Import logs…"), "train.import", true);
    add(tr("Open a runs file…"), "train.open", false);
    if (!sampleFile().isEmpty()) {
        add(tr("Open the sample runs"), "train.sample", false);
    }
    row->addStretch(1);
    column->addSpacing(8);
    column->addLayout(row);
    column->addStretch(1);
    return empty;
}

QWidget* TrainPage::headerWidget() {
    return header_;
}

void TrainPage::openFile(const QString& file) {
    if (file != ownFile()) {
        awaited_copy_ = {};
    }
    recent_.removeAll(file);
    recent_.prepend(file);
    recent_ = recent_.mid(0, kMostRecentFiles);
    told_alerts_.clear();
    rollouts_->clear();
    edits_->settle();
    header_->setFile(file);
    feed_->open(file);
    feed_->wantClocks(board_->settings().x != XAxis::Step);
}

// The engine keeps the runs that it trains in the person's own file, which may be there only now.
void TrainPage::followEngine() {
    if (feed_->file().isEmpty() && QFileInfo::exists(ownFile())) {
        openFile(ownFile());
    }
    updateActions();
}

void TrainPage::followRuns() {
    stack_->setCurrentIndex(feed_->runs()->empty() ? 0 : 1);
    const std::size_t all = feed_->runs()->size() - static_cast<std::size_t>(board_->removed().size());
    const std::size_t shown = board_->matching().size();
    count_->setText(shown == all ? QString::number(all) : tr("%1 of %2").arg(shown).arg(all));
    headline_->setText(list_->list().headlineName());
    showGroupField();
    updateActions();
    updateRunActions();
    findCopy();
}

void TrainPage::showGroupField() {
    group_->setText(board_->groupField().isEmpty() ? tr("Every run by itself")
                                                   : tr("By %1").arg(board_->groupField()));
}

void TrainPage::openRollouts(qint64 run, qint64 step) {
    rollouts_->parentWidget()->show();
    rollouts_->open(run, step);
}

void TrainPage::tellFailure(const QString& message) {
    header_->pill().setProblem(message);
    context().notices.post({.id = "train", .severity = Severity::Error, .text = message});
}

QJsonObject TrainPage::saveSession() const {
    return {{"file", feed_->file()},
            {"recent", QJsonArray::fromStringList(recent_)},
            {"board", board_->save()},
            {"added", QJsonArray::fromStringList(grid_->added())},
            {"removed", QJsonArray::fromStringList(grid_->removed())},
            {"alerts", toJson(alerts_)},
            {"followed", QJsonArray::fromStringList(remote_->followed().values())},
            {"left_out", QJsonArray::fromStringList(remote_->leftOut())}};
}

void TrainPage::restoreSession(const QJsonObject& session) {
    const auto strings = [&session](const char* name) {
        QStringList list;
        for (const QJsonValue& value : session.value(QLatin1String(name)).toArray()) {
            list << value.toString();
        }
        return list;
    };
    recent_ = strings("recent");
    grid_->setChosen(strings("added"), strings("removed"));
    setAlerts(alertsFromJson(session["alerts"].toArray()));
    remote_->setLeftOut(strings("left_out"));
    remote_->setFollowed(strings("followed"));
    board_->restore(session["board"].toObject());
    filter_->setFilter(board_->filterText());
    if (const QString file = session["file"].toString();
        !file.isEmpty() && QFileInfo::exists(file) && file != feed_->file()) {
        openFile(file);
    }
}

void TrainPage::dragEnterEvent(QDragEnterEvent* event) {
    if (!localFiles(event->mimeData()).isEmpty()) {
        event->acceptProposedAction();
    }
}

void TrainPage::dropEvent(QDropEvent* event) {
    const QStringList paths = localFiles(event->mimeData());
    event->acceptProposedAction();
    if (paths.size() == 1 && paths.first().endsWith(kRunsSuffix)) {
        openFile(paths.first());
    } else {
        importPaths(paths);
    }
}

} // namespace fulgurite
