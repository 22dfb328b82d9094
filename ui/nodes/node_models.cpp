// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/node_models.h"

#include "ui/base/card.h"
#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_text.h"

#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>

namespace fulgurite {

namespace {

constexpr int kAskMilliseconds = 700;
constexpr int kRowsShown = 4;
constexpr int kFullBar = 1000;

QString bytes(std::uint64_t count) {
    return bytesText(static_cast<std::int64_t>(count));
}

// "http://host:8080/fulgurite/v1/model/load: words" without the address: the panel stands beside the node's name.
QString withoutAddress(const Error& error) {
    const QString whole = QString::fromUtf8(error.what());
    const qsizetype at = whole.indexOf(QStringLiteral(": "));
    return whole.startsWith(QStringLiteral("http")) && at > 0 ? whole.mid(at + 2) : whole;
}

} // namespace

NodeModels::NodeModels(ThemeManager& themes, NodeHub& hub, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      hub_(hub),
      courier_(std::make_shared<Courier>(this)),
      card_(new Card(themes, tr("Models of this node"))) {
    setAccessibleName(tr("Models of this node"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(card_);
    card_->setContent(buildBody());
    close_ = new QPushButton(tr("Close"));
    close_->setAccessibleName(tr("Close the list of models"));
    card_->addHeaderWidget(close_);
    connect(close_, &QPushButton::clicked, this, &NodeModels::closePanel);
    timer_.setInterval(kAskMilliseconds);
    connect(&timer_, &QTimer::timeout, this, &NodeModels::ask);
    connect(&themes_, &ThemeManager::changed, this, &NodeModels::showChoices); // its colours
    hide();
}

NodeModels::~NodeModels() {
    courier_->close();
    admin_.reset();
}

QWidget* NodeModels::buildBody() {
    auto* body = new QWidget;
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(12, 6, 12, 10);
    column->setSpacing(6);
    rows_ = new QStandardItemModel(this);
    table_ = new QTableView;
    table_->setModel(rows_);
    table_->setAccessibleName(tr("Models in the folders of this node"));
    table_->setShowGrid(false);
    table_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setTabKeyNavigation(false);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(metrics::kTableRow);
    table_->horizontalHeader()->setStretchLastSection(true);
    table_->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    table_->setFixedHeight(themes_.scaled((kRowsShown + 1) * metrics::kTableRow + 4));
    note_ = new QLabel;
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    words_ = new QLabel;
    words_->setWordWrap(true);
    words_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    bar_ = new QProgressBar;
    bar_->setTextVisible(false);
    auto* buttons = new QHBoxLayout;
    const auto button = [buttons](const QString& title) {
        auto* made = new QPushButton(title);
        made->setAccessibleName(title);
        buttons->addWidget(made);
        return made;
    };
    load_ = button(tr("Load"));
    load_->setProperty("kind", "accent");
    unload_ = button(tr("Unload"));
    stop_ = button(tr("Stop"));
    buttons->addWidget(note_, 1);
    column->addWidget(table_);
    column->addLayout(buttons);
    column->addWidget(words_);
    column->addWidget(bar_);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &NodeModels::showNote);
    connect(table_, &QTableView::activated, this, &NodeModels::load);
    connect(load_, &QPushButton::clicked, this, &NodeModels::load);
    connect(unload_, &QPushButton::clicked, this, &NodeModels::unload);
    connect(stop_, &QPushButton::clicked, this, &NodeModels::stop);
    return body;
}

void NodeModels::open(const QString& id) {
    const NodeLink& link = hub_.link(id);
    ++generation_;
    id_ = id;
    problem_.clear();
    choices_ = {};
    state_ = {};
    admin_.reset();
    if (!link.client())
        return closePanel();
    admin_ = client::connectToAdmin(link.client()->endpoint(), hub_.tokenOf(id).toStdString(), {});
    card_->showMessage(tr("Asking..."));
    show();
    ask();
    askChoices();
    timer_.start();
}

void NodeModels::closePanel() {
    ++generation_;
    timer_.stop();
    admin_.reset();
    if (isHidden())
        return;
    hide();
    emit closed();
}

client::Callback<client::ModelState> NodeModels::heard(bool of_order) {
    return
        [this, of_order, mine = generation_, courier = courier_](const client::Outcome<client::ModelState>& state) {
            courier->post([this, of_order, mine, state] {
                if (mine == generation_)
                    take(state, of_order);
            });
        };
}

void NodeModels::ask() {
    admin_->model(heard(false));
}

void NodeModels::askChoices() {
    admin_->modelChoices(
        [this, mine = generation_, courier = courier_](const client::Outcome<client::ModelChoices>& choices) {
            courier->post([this, mine, choices] {
                if (mine != generation_)
                    return;
                if (!choices.ok())
                    return card_->showMessage(withoutAddress(choices.error()));
                choices_ = choices.value();
                card_->showContent();
                showChoices();
            });
        });
}

void NodeModels::take(const client::Outcome<client::ModelState>& state, bool of_order) {
    if (!state.ok()) {
        problem_ = withoutAddress(state.error());
        return showState();
    }
    const bool ended = state_.changing && !state.value().changing;
    const bool other = state_.id != state.value().id;
    if (of_order)
        problem_.clear();
    state_ = state.value();
    if (ended || other)
        askChoices();
    showState();
}

void NodeModels::showChoices() {
    const QString before = chosen();
    rows_->clear();
    rows_->setHorizontalHeaderLabels({tr("model"), tr("weights"), tr("needs"), tr("state")});
    int current = 0;
    for (const client::ModelChoice& each : choices_.choices) {
        const bool fits = each.needed_bytes <= choices_.free_bytes;
        const QString state = !each.problem.empty() ? text(each.problem)
                              : each.loaded         ? tr("loaded")
                              : fits                ? tr("can be loaded")
                                                    : tr("needs more than is free");
        QList<QStandardItem*> row{new QStandardItem(text(each.id)), new QStandardItem(bytes(each.weight_bytes)),
                                  new QStandardItem(bytes(each.needed_bytes)), new QStandardItem(state)};
        for (QStandardItem* cell : row)
            cell->setToolTip(cell->text());
        row[3]->setForeground(themes_.color(each.loaded                      ? Role::Good
                                            : !each.problem.empty() || !fits ? Role::Warn
                                                                             : Role::Muted));
        if (text(each.id) == before || (before.isEmpty() && each.loaded))
            current = rows_->rowCount();
        rows_->appendRow(row);
    }
    table_->resizeColumnsToContents();
    if (rows_->rowCount() > 0)
        table_->selectRow(current);
    if (before.isEmpty() && rows_->rowCount() > 0)
        table_->setFocus();
    showNote();
}

QString NodeModels::chosen() const {
    return table_->currentIndex().siblingAtColumn(0).data().toString();
}

const client::ModelChoice* NodeModels::choice() const {
    const std::string id = chosen().toStdString();
    for (const client::ModelChoice& each : choices_.choices)
        if (each.id == id)
            return &each;
    return nullptr;
}

bool NodeModels::tooLarge() const {
    const client::ModelChoice* const chosen = choice();
    return chosen && chosen->needed_bytes > choices_.free_bytes;
}

void NodeModels::showNote() {
    const client::ModelChoice* const chosen = choice();
    QString words = tr("%1 free on %2").arg(bytes(choices_.free_bytes), text(choices_.device));
    if (chosen)
        words = tr("needs %1, %2").arg(bytes(chosen->needed_bytes), words);
    note_->setText(tooLarge() ? QStringLiteral("▲ ") + words : words);
    load_->setText(tooLarge() ? tr("Load nevertheless") : tr("Load"));
    load_->setAccessibleName(load_->text());
    const bool may = chosen && chosen->problem.empty() && !chosen->loaded && !state_.changing;
    load_->setEnabled(may);
    load_->setToolTip(may               ? QString()
                      : state_.changing ? tr("The model is being changed already.")
                      : !chosen         ? tr("Choose a model first.")
                      : chosen->loaded  ? tr("It is loaded.")
                                        : text(chosen->problem));
    load_->setAccessibleDescription(load_->toolTip());
}

void NodeModels::showState() {
    const bool knows_total = state_.changing && state_.total > 0;
    QString words;
    if (!problem_.isEmpty())
        words = problem_;
    else if (state_.state == "leaving")
        words = tr("%n request(s) of the present model end first; new ones wait.", nullptr,
                   static_cast<int>(state_.in_use));
    else if (state_.changing)
        words = tr("%1: %2%3, %4 so far")
                    .arg(state_.to.empty() ? tr("unloading") : text(state_.to), text(state_.step),
                         knows_total ? tr(", %1 of %2").arg(bytes(state_.done), bytes(state_.total)) : QString(),
                         secondsText(state_.seconds));
    else if (state_.state != "ready")
        words = text(state_.message);
    words_->setText(words);
    words_->setVisible(!words.isEmpty());
    words_->setForegroundRole(QPalette::WindowText);
    QPalette colors = words_->palette();
    const bool bad = !problem_.isEmpty() || state_.state == "failed";
    colors.setColor(QPalette::WindowText, themes_.color(bad ? Role::Bad : Role::Muted));
    words_->setPalette(colors);
    bar_->setVisible(state_.changing);
    bar_->setRange(0, knows_total ? kFullBar : 0);
    bar_->setValue(knows_total ? static_cast<int>(static_cast<double>(kFullBar) * static_cast<double>(state_.done) /
                                                  static_cast<double>(state_.total))
                               : 0);
    bar_->setAccessibleName(words);
    unload_->setEnabled(!state_.changing && state_.state == "ready");
    stop_->setEnabled(state_.changing);
    showNote();
}

void NodeModels::load() {
    if (!load_->isEnabled())
        return;
    problem_.clear();
    admin_->loadModel(chosen().toStdString(), true, tooLarge(), heard(true));
}

void NodeModels::unload() {
    problem_.clear();
    admin_->unloadModel(true, heard(true));
}

void NodeModels::stop() {
    problem_.clear();
    admin_->stopModelChange(heard(true));
}

void NodeModels::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape)
        return closePanel();
    QWidget::keyPressEvent(event);
}

} // namespace fulgurite
