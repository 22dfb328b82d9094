// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the view and its header; node_view_parts.cpp fills the rest.
#include "ui/nodes/node_view.h"

#include "ui/base/card.h"
#include "ui/base/format.h"
#include "ui/base/gap_splitter.h"
#include "ui/base/theme_manager.h"
#include "ui/charts/line_plot.h"
#include "ui/nodes/ability_table.h"
#include "ui/nodes/job_curves.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_models.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSplitter>
#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>

namespace fulgurite {

namespace {

constexpr int kLogLines = 2000;
constexpr double kSkewToWarn = 2; // seconds

QTableView* quietTable(QStandardItemModel* model, const QString& name) {
    auto* table = new QTableView;
    table->setModel(model);
    table->setAccessibleName(name);
    table->setShowGrid(false);
    table->setTabKeyNavigation(false); // Tab leaves it; arrows go from cell to cell
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->verticalHeader()->hide();
    table->verticalHeader()->setDefaultSectionSize(metrics::kTableRow);
    table->horizontalHeader()->setStretchLastSection(true);
    table->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    return table;
}

} // namespace

NodeView::NodeView(ThemeManager& themes, NodeHub& hub, QWidget* parent)
    : QWidget(parent), themes_(themes), hub_(hub), watch_(new NodeWatch(hub, this)) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(metrics::kGap);
    column->addWidget(buildHeader());
    models_ = new NodeModels(themes, hub);
    column->addWidget(models_);
    connect(models_, &NodeModels::closed, load_, qOverload<>(&QWidget::setFocus));
    auto* rows = new QSplitter(Qt::Vertical);
    rows->setProperty("kind", "gap");
    rows->setChildrenCollapsible(false);
    rows->addWidget(buildMachine());
    rows->addWidget(buildLower());
    rows->setSizes({230, 420});
    rows->setStretchFactor(1, 1);
    column->addWidget(rows, 1);
    connect(&hub, &NodeHub::nodeChanged, this, [this](const QString& id) {
        if (id == id_) {
            showHeader();
            showRate();
        }
        abilities_->refresh();
    });
    connect(&hub, &NodeHub::listChanged, abilities_, &AbilityTable::refresh);
    connect(watch_, &NodeWatch::reportChanged, this, [this] {
        showHeader();
        showMachine();
    });
    connect(watch_, &NodeWatch::jobsChanged, this, &NodeView::showJobs);
    connect(watch_, &NodeWatch::curvesChanged, this, &NodeView::showCurves);
    connect(watch_, &NodeWatch::logCame, this, &NodeView::addLog);
    connect(watch_, &NodeWatch::logCleared, this, [this] {
        lines_.clear();
        log_->clear();
    });
    connect(&themes, &ThemeManager::changed, this, &NodeView::refresh);
}

QWidget* NodeView::buildHeader() {
    auto* frame = new QFrame;
    frame->setProperty("surface", "card");
    auto* row = new QHBoxLayout(frame);
    row->setContentsMargins(14, 8, 10, 8);
    row->setSpacing(10);
    mark_ = new QLabel;
    name_ = new QLabel;
    name_->setProperty("tone", "title");
    facts_ = new QLabel;
    facts_->setProperty("tone", "small");
    facts_->setWordWrap(true);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    facts_->setMinimumWidth(160);
    row->addWidget(mark_);
    row->addWidget(name_);
    row->addWidget(facts_, 1);
    const auto button = [row](const QString& text) {
        auto* made = new QPushButton(text);
        made->setAccessibleName(text);
        row->addWidget(made);
        return made;
    };
    open_ = button(tr("Open prompt"));
    connect_ = button(tr("Connect"));
    load_ = button(tr("Load model..."));
    more_ = button(QStringLiteral("…"));
    more_->setAccessibleName(tr("More about this node"));
    connect(open_, &QPushButton::clicked, this, [this] { emit promptWanted(id_); });
    connect(connect_, &QPushButton::clicked, this, [this] {
        const LinkState state = hub_.link(id_).state();
        if (state == LinkState::Ready || state == LinkState::Waiting || state == LinkState::Connecting)
            emit disconnectWanted(id_);
        else
            emit connectWanted(id_);
    });
    connect(load_, &QPushButton::clicked, this, [this] { chooseModel(); });
    connect(more_, &QPushButton::clicked, this,
            [this] { emit menuWanted(id_, more_->mapToGlobal(QPoint(0, more_->height()))); });
    return frame;
}

QWidget* NodeView::buildMachine() {
    auto* row = new QSplitter(Qt::Horizontal);
    row->setProperty("kind", "gap");
    row->setChildrenCollapsible(false);
    machine_ = new Card(themes_, tr("Machine and memory"));
    auto* body = new QWidget;
    bars_ = new QGridLayout(body);
    bars_->setContentsMargins(12, 8, 12, 8);
    bars_->setHorizontalSpacing(10);
    bars_->setVerticalSpacing(5);
    bars_->setColumnStretch(1, 1);
    bars_->setColumnStretch(2, 2);
    machine_->setContent(body);
    rate_card_ = new Card(themes_, tr("Tokens per second"));
    rate_ = new LinePlot(themes_, tr("Tokens per second"));
    rate_->setAxes(tr("minutes"), tr("tok/s"), false);
    rate_card_->setContent(rate_);
    row->addWidget(machine_);
    row->addWidget(rate_card_);
    row->setSizes({400, 400});
    return row;
}

QWidget* NodeView::buildLower() {
    abilities_card_ = new Card(themes_, tr("What each node can do"));
    abilities_ = new AbilityTable(themes_, hub_);
    auto* reasons = new QLabel(tr("Choose a row to read why."));
    reasons->setProperty("tone", "small");
    reasons->setWordWrap(true);
    reasons->setContentsMargins(12, 4, 12, 8);
    reasons->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    connect(abilities_, &AbilityTable::reasonsChanged, reasons, [this, reasons] {
        const QString words = abilities_->reasons();
        reasons->setText(words.isEmpty() ? tr("Choose a row to read why.") : words);
    });
    auto* uses = new QWidget;
    auto* rows = new QVBoxLayout(uses);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    rows->addWidget(abilities_, 1);
    rows->addWidget(reasons);
    abilities_card_->setContent(uses);
    jobs_card_ = new Card(themes_, tr("Jobs"));
    job_rows_ = new QStandardItemModel(this);
    jobs_ = quietTable(job_rows_, tr("Jobs of this node"));
    curves_ = new JobCurves(themes_);
    auto* jobs = new QWidget;
    auto* column = new QVBoxLayout(jobs);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(jobs_, 2);
    column->addWidget(curves_, 3);
    jobs_card_->setContent(jobs);
    connect(curves_, &JobCurves::runWanted, this, &NodeView::runWanted);
    log_card_ = new Card(themes_, tr("Log"));
    level_ = new QComboBox;
    level_->addItems({tr("all"), tr("warnings"), tr("errors")});
    level_->setAccessibleName(tr("Which lines of the log are shown"));
    follow_ = new QPushButton(tr("follow"));
    follow_->setCheckable(true);
    follow_->setChecked(true);
    follow_->setProperty("kind", "chip");
    follow_->setAccessibleName(tr("Follow the end of the log"));
    log_card_->addHeaderWidget(level_);
    log_card_->addHeaderWidget(follow_);
    log_ = new QPlainTextEdit;
    log_->setReadOnly(true);
    log_->setProperty("kind", "bare");
    log_->setMaximumBlockCount(kLogLines);
    log_->setLineWrapMode(QPlainTextEdit::NoWrap);
    log_->setAccessibleName(tr("Log of this node"));
    log_card_->setContent(log_);
    connect(level_, &QComboBox::currentIndexChanged, this, [this] {
        log_->clear();
        const std::vector<client::NodeLogLine> all = std::exchange(lines_, {});
        addLog(all);
    });
    auto* right = new QSplitter(Qt::Vertical);
    right->addWidget(jobs_card_);
    right->addWidget(log_card_);
    auto* row = new QSplitter(Qt::Horizontal);
    for (QSplitter* splitter : {right, row}) {
        splitter->setProperty("kind", "gap");
        splitter->setChildrenCollapsible(false);
    }
    row->addWidget(abilities_card_);
    row->addWidget(right);
    row->setSizes({470, 330});
    right->setSizes({220, 200});
    return row;
}

QString NodeView::whyNoModels() const {
    const NodeLink& link = hub_.link(id_);
    if (!hub_.remote(id_))
        return {};
    if (link.info())
        return link.whyNot("models");
    // Without a model it can still be given one.
    const bool ours = link.facts().kind == client::ServerKind::Fulgurite && link.client();
    return ours ? QString() : tr("This node is not connected.");
}

void NodeView::chooseModel() {
    if (!whyNoModels().isEmpty())
        return;
    if (hub_.remote(id_))
        models_->open(id_);
    else
        emit modelWanted();
}

void NodeView::show(const QString& id) {
    if (models_->node() != id)
        models_->closePanel();
    id_ = id;
    watch_->watch(id);
    refresh();
}

void NodeView::refresh() {
    showHeader();
    showMachine();
    showRate();
    abilities_->show(id_);
    showJobs();
    log_->setFont(themes_.codeFont(11));
}

void NodeView::showHeader() {
    const NodeEntry* entry = hub_.book().find(id_);
    if (!entry)
        return;
    const NodeLink& link = hub_.link(id_);
    const int size = themes_.scaled(12);
    QPixmap pixmap(QSize(size + 4, size + 4) * devicePixelRatioF());
    pixmap.setDevicePixelRatio(devicePixelRatioF());
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paintNodeMark(painter, QRectF(2, 2, size, size), link, themes_);
    painter.end();
    mark_->setPixmap(pixmap);
    name_->setText(entry->name);
    QStringList first{serverText(link)};
    QStringList second{routeText(*entry)};
    const RemoteLink* remote = hub_.remote(id_);
    if (remote && remote->state() == LinkState::Ready)
        second << tr("round trip %1").arg(secondsText(remote->roundTripSeconds()));
    if (const auto& report = watch_->report()) {
        first << tr("up %1").arg(secondsText(report->uptime_seconds)) << QString::fromStdString(report->host);
        if (std::abs(watch_->clockSkew()) >= kSkewToWarn)
            second << tr("its clock is %1 off").arg(secondsText(std::abs(watch_->clockSkew())));
    }
    if (link.state() != LinkState::Ready) {
        first = {linkStateText(link)};
        if (!link.message().isEmpty())
            second = {link.message()};
    }
    first.removeAll(QString());
    facts_->setText(first.join(QStringLiteral(" · ")) + u'\n' + second.join(QStringLiteral(" · ")));
    const bool on = link.state() == LinkState::Ready || link.state() == LinkState::Waiting ||
                    link.state() == LinkState::Connecting;
    connect_->setText(on ? tr("Disconnect") : tr("Connect"));
    connect_->setAccessibleName(connect_->text());
    connect_->setVisible(remote != nullptr);
    open_->setEnabled(link.state() != LinkState::Failed);
    load_->setToolTip(whyNoModels());
    load_->setEnabled(load_->toolTip().isEmpty());
    load_->setAccessibleDescription(load_->toolTip());
}

void NodeView::highlight(const QString& capability) {
    abilities_->highlight(capability);
}

} // namespace fulgurite
