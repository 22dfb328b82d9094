// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_table_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/head_badge.h"
#include "ui/inspect/head_delegate.h"
#include "ui/shell/action_registry.h"

#include <QApplication>
#include <QClipboard>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QJsonArray>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QTableView>
#include <QTextDocument>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace fulgurite {
namespace {

const QString kAblate = QStringLiteral("inspect.ablation");
constexpr int kShownTicks = 4; // named in the footer; the rest are counted

// Useful from the first minute on; a person's own stand below them.
const std::pair<const char*, const char*> kBuiltIn[] = {
    {QT_TRANSLATE_NOOP("fulgurite", "Lightning heads that see far"), "kind:L half>100"},
    {QT_TRANSLATE_NOOP("fulgurite", "Softmax heads"), "kind:S"},
    {QT_TRANSLATE_NOOP("fulgurite", "Strong effect on this token"), "abs(effect)>0.15"},
    {QT_TRANSLATE_NOOP("fulgurite", "Recall of the marked fact"), "recall>0.2"},
    {QT_TRANSLATE_NOOP("fulgurite", "Induction"), "induction>0.3"},
    {QT_TRANSLATE_NOOP("fulgurite", "Ticked"), "ticked"},
};

} // namespace

HeadTableView::HeadTableView(const InspectServices& services)
    : InspectView(services, QStringLiteral("heads"), tr("Heads")),
      model_(new HeadTableModel(services.selection, this)),
      table_(new QTableView),
      count_(new QLabel) {
    count_->setProperty("tone", "small");
    count_->setTextFormat(Qt::PlainText); // a token may be "<br>"
    addHeaderWidget(count_);
    table_->setModel(model_);
    table_->setItemDelegate(new HeadDelegate(themes(), *model_, table_));
    table_->setAccessibleName(tr("Heads"));
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setSelectionMode(QAbstractItemView::ExtendedSelection);
    table_->setShowGrid(false);
    table_->setWordWrap(false);
    table_->setMouseTracking(true);
    table_->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    table_->setContextMenuPolicy(Qt::CustomContextMenu);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table_->horizontalHeader()->setHighlightSections(false);
    table_->horizontalHeader()->setSectionsMovable(true);
    table_->installEventFilter(this);
    const auto fit = [this] {
        const QFontMetrics font(themes().uiFont(12));
        const int digits = font.horizontalAdvance(QStringLiteral("+00.00"));
        table_->verticalHeader()->setDefaultSectionSize(themes().scaled(metrics::kTableRow));
        for (int column = 0; column < HeadTableModel::columns(); ++column) {
            const int title =
                QFontMetrics(themes().uiFont(11))
                    .horizontalAdvance(model_->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString());
            table_->setColumnWidth(column, std::max(digits, title + 4) + 14);
        }
        table_->setColumnWidth(HeadTableModel::kTick, themes().scaled(28));
        table_->setColumnWidth(HeadTableModel::kHead,
                               font.horizontalAdvance(QStringLiteral("L00 H00")) + themes().scaled(34));
        for (const char* bar : {"norm", "effect", "share"}) {
            const int column = HeadTableModel::columnOf(QLatin1String(bar));
            table_->setColumnWidth(column, digits + themes().scaled(32));
        }
        table_->setColumnWidth(HeadTableModel::roleColumn(),
                               font.horizontalAdvance(QStringLiteral("induction 0.00")) + 20);
    };
    fit();
    connect(&themes(), &ThemeManager::changed, this, fit);
    // The role stands after the first figures, as in the order people read them.
    table_->horizontalHeader()->moveSection(HeadTableModel::roleColumn(),
                                            HeadTableModel::columnOf(QStringLiteral("share")));
    table_->setSortingEnabled(true);
    table_->sortByColumn(HeadTableModel::kHead, Qt::AscendingOrder);

    auto* body = new QWidget;
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(0, 8, 0, 0);
    column->setSpacing(6);
    column->addWidget(makeFilterRow());
    column->addWidget(problem_);
    column->addWidget(table_, 1);
    column->addWidget(makeFooter());
    setContent(body);
    connect(table_, &QTableView::clicked, this, [this](const QModelIndex& index) {
        if (index.column() == HeadTableModel::kTick) {
            selection().toggleTicked(model_->figures(index.row()).head);
        }
    });
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex& now, const QModelIndex&) {
                if (now.isValid() && !following_) {
                    selection().setHead(model_->figures(now.row()).head, true);
                }
            });
    connect(table_, &QTableView::customContextMenuRequested, this, &HeadTableView::contextMenu);
    connect(&selection(), &Selection::tickedChanged, this, &HeadTableView::showTicks);
    showTicks();
    sourceChanged();
}

QWidget* HeadTableView::makeFilterRow() {
    auto* widget = new QWidget;
    auto* row = new QHBoxLayout(widget);
    row->setContentsMargins(10, 0, 10, 0);
    row->setSpacing(8);
    filter_ = new QLineEdit;
    filter_->setPlaceholderText(tr("kind:L half>100 layer:3-5"));
    filter_->setAccessibleName(tr("Filter heads"));
    filter_->setToolTip(
        tr("Terms that must all hold: kind:L, kind:S, layer:3-5,8, head:0-7, half>100,\n"
           "abs(effect)>0.15, ticked, !TERM. Figures: half, norm, gate, effect, mrag, share, span,\n"
           "entropy, distance, previous, induction, recall."));
    filter_->setClearButtonEnabled(true);
    filter_->addAction(themes().icon(QStringLiteral("filter")), QLineEdit::LeadingPosition);
    filter_->setFont(themes().codeFont(12));
    saved_button_ = new QPushButton(tr("Saved") + QStringLiteral("    "));
    saved_menu_ = new QMenu(saved_button_);
    saved_button_->setMenu(saved_menu_);
    row->addWidget(filter_, 1);
    row->addWidget(saved_button_);
    problem_ = new QLabel;
    problem_->setTextFormat(Qt::PlainText);
    problem_->setProperty("tone", "bad");
    problem_->setWordWrap(true);
    problem_->setContentsMargins(10, 0, 10, 0);
    problem_->hide();
    connect(filter_, &QLineEdit::textChanged, this, &HeadTableView::applyFilter);
    connect(saved_menu_, &QMenu::aboutToShow, this, &HeadTableView::fillSavedMenu);
    return widget;
}

QWidget* HeadTableView::makeFooter() {
    auto* widget = new QFrame;
    auto* row = new QHBoxLayout(widget);
    row->setContentsMargins(10, 2, 10, 8);
    row->setSpacing(8);
    ticked_ = new QLabel;
    ticked_->setProperty("tone", "muted");
    ticked_->setMinimumWidth(40);
    copy_ticked_ = new QPushButton(tr("Copy list"));
    copy_ticked_->setToolTip(tr("The ticked heads as L:H,L:H, as the engine's sub-commands take them"));
    ablate_ = new QPushButton(tr("Ablate"));
    ablate_->setProperty("kind", "accent");
    row->addWidget(ticked_, 1);
    row->addWidget(copy_ticked_);
    row->addWidget(ablate_);
    ActionRegistry& actions = services().actions;
    connect(ablate_, &QPushButton::clicked, this, [&actions] { actions.run(kAblate); });
    connect(&actions, &ActionRegistry::stateChanged, this, &HeadTableView::followAblation);
    connect(&actions, &ActionRegistry::listChanged, this, &HeadTableView::followAblation);
    followAblation();
    connect(copy_ticked_, &QPushButton::clicked, this, [this] {
        QStringList heads;
        for (const capture::HeadRef head : selection().ticked()) {
            heads << QStringLiteral("%1:%2").arg(head.layer).arg(head.head);
        }
        QApplication::clipboard()->setText(heads.join(u','));
    });
    return widget;
}

void HeadTableView::sourceChanged() {
    shown_position_.reset();
    model_->setTable(nullptr);
    showCount();
    if (!source()) {
        showNotCaptured(tr("Figures of the heads"));
        return;
    }
    ask();
}

void HeadTableView::selectionChanged(const InspectState& now, const InspectState& before) {
    if (now.query != before.query) {
        ask();
    }
    if (now.head && now.head != before.head) {
        reveal(*now.head);
    }
}

void HeadTableView::ask() {
    if (!source() || source()->info().tokens == 0) {
        return;
    }
    const std::size_t position = selection().state().query.value_or(source()->info().tokens - 1);
    if (shown_position_ == position) {
        return;
    }
    source()->heads(position,
                    answer<capture::HeadTable>(heads_asked_, [this, position](const capture::HeadTable& table) {
                        shown_position_ = position;
                        showTable(table);
                    }));
}

void HeadTableView::showTable(const capture::HeadTable& table) {
    following_ = true;
    model_->setTable(std::make_shared<const capture::HeadTable>(table));
    following_ = false;
    showContent();
    target_text_.clear();
    showCount();
    if (const auto head = selection().state().head) {
        reveal(*head);
    }
    // The token that the effects are about stands after the query, where the text goes on.
    if (table.position + 1 < source()->info().tokens) {
        source()->tokens(
            table.position + 1, 1,
            answer<std::vector<capture::CapturedToken>>(
                target_asked_, [this, target = table.target](const std::vector<capture::CapturedToken>& next) {
                    if (!next.empty() && next.front().id == target) {
                        target_text_ = readableToken(QString::fromStdString(next.front().text));
                        showCount();
                    }
                }));
    }
}

void HeadTableView::showCount() {
    const capture::HeadTable* table = model_->table();
    if (!table) {
        count_->clear();
        return;
    }
    const int shown = model_->rowCount();
    const QString count =
        shown == model_->total() ? grouped(shown) : tr("%1 of %2").arg(grouped(shown), grouped(model_->total()));
    const QString target =
        target_text_.isEmpty() ? tr("token %1").arg(table->target) : QStringLiteral("“%1”").arg(target_text_);
    const QString place =
        shown_position_ && *shown_position_ != table->position
            ? tr("at %1, the nearest captured").arg(grouped(static_cast<std::int64_t>(table->position)))
            : tr("at %1").arg(grouped(static_cast<std::int64_t>(table->position)));
    count_->setText(tr("%1 · %2 · effect on %3").arg(count, place, target));
    count_->setToolTip(
        Qt::convertFromPlainText(tr("Figures at token %1; effects are on the logit of %2")
                                     .arg(grouped(static_cast<std::int64_t>(table->position)), target)));
}

void HeadTableView::setFilter(const QString& expression) {
    filter_->setText(expression);
}

void HeadTableView::applyFilter() {
    const HeadFilter filter = HeadFilter::parse(filter_->text());
    problem_->setText(filter.error());
    problem_->setVisible(!filter.error().isEmpty());
    if (!filter.error().isEmpty()) {
        return; // the last one that was understood stays in force
    }
    following_ = true;
    model_->setFilter(filter);
    following_ = false;
    showCount();
    if (const auto head = selection().state().head) {
        reveal(*head);
    }
}

void HeadTableView::reveal(capture::HeadRef head) {
    const int row = model_->rowOf(head);
    following_ = true;
    if (row < 0) {
        table_->clearSelection();
    } else if (table_->currentIndex().row() != row || !table_->selectionModel()->isRowSelected(row)) {
        const int column = std::max(table_->currentIndex().column(), HeadTableModel::kHead);
        table_->setCurrentIndex(model_->index(row, column));
        table_->scrollTo(model_->index(row, HeadTableModel::kHead));
    }
    following_ = false;
}

void HeadTableView::showTicks() {
    const auto& heads = selection().ticked();
    QStringList names;
    for (std::size_t i = 0; i < heads.size() && i < kShownTicks; ++i) {
        names << headText(heads[i]);
    }
    if (heads.size() > kShownTicks) {
        names << tr("and %1 more").arg(heads.size() - kShownTicks);
    }
    ticked_->setText(heads.empty()
                         ? tr("No head ticked: Space ticks, Ctrl+A all that are shown")
                         : tr("<b>%1 ticked</b>  %2").arg(heads.size()).arg(names.join(QStringLiteral(", "))));
    copy_ticked_->setEnabled(!heads.empty());
}

void HeadTableView::followAblation() {
    const QAction* action = services().actions.action(kAblate);
    ablate_->setEnabled(action && action->isEnabled());
    ablate_->setToolTip(ablate_->isEnabled() ? tr("Takes the ticked heads out and compares: the tokens as they are "
                                                  "and without them, and the answer instead (A)")
                                             : services().actions.reason(kAblate));
}

void HeadTableView::fillSavedMenu() {
    saved_menu_->clear();
    for (const auto& [title, expression] : kBuiltIn) {
        const QString text = QString::fromLatin1(expression);
        saved_menu_->addAction(QCoreApplication::translate("fulgurite", title) + u'\t' + text, this,
                               [this, text] { setFilter(text); });
    }
    saved_menu_->addSeparator();
    for (const QString& text : std::as_const(saved_)) {
        saved_menu_->addAction(text, this, [this, text] { setFilter(text); });
    }
    const QString now = filter_->text().trimmed();
    const bool valid = !now.isEmpty() && HeadFilter::parse(now).error().isEmpty();
    if (saved_.contains(now)) {
        saved_menu_->addAction(tr("Forget “%1”").arg(now), this, [this, now] { saved_.removeAll(now); });
    } else {
        saved_menu_->addAction(tr("Save this filter"), this, [this, now] { saved_ << now; })->setEnabled(valid);
    }
}

QList<int> HeadTableView::selectedRows() const {
    QList<int> rows;
    for (const QModelIndex& index : table_->selectionModel()->selectedRows()) {
        rows << index.row();
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

void HeadTableView::tickFiltered() {
    std::vector<capture::HeadRef> shown;
    for (int row = 0; row < model_->rowCount(); ++row) {
        shown.push_back(model_->figures(row).head);
    }
    std::vector<capture::HeadRef> ticked = selection().ticked();
    const bool all =
        std::all_of(shown.begin(), shown.end(), [this](auto head) { return selection().isTicked(head); });
    if (all) {
        std::erase_if(ticked,
                      [&shown](auto head) { return std::find(shown.begin(), shown.end(), head) != shown.end(); });
    } else {
        ticked.insert(ticked.end(), shown.begin(), shown.end());
    }
    selection().setTicked(std::move(ticked));
}

bool HeadTableView::takeKey(const QKeyEvent& event) {
    if (event.key() == Qt::Key_Space) {
        for (const int row : selectedRows()) {
            selection().toggleTicked(model_->figures(row).head);
        }
        return true;
    }
    if (event.matches(QKeySequence::SelectAll)) {
        tickFiltered();
        return true;
    }
    if (event.matches(QKeySequence::Copy)) {
        const QList<int> rows = selectedRows();
        QApplication::clipboard()->setText(twinAsTabs(model_->twin(rows.size() > 1 ? rows : QList<int>{})));
        return true;
    }
    if (event.key() == Qt::Key_A && event.modifiers() == Qt::NoModifier) {
        services().actions.run(kAblate);
        return true;
    }
    if (event.matches(QKeySequence::Find) || event.key() == Qt::Key_Slash) {
        filter_->setFocus();
        filter_->selectAll();
        return true;
    }
    return false;
}

bool HeadTableView::eventFilter(QObject* watched, QEvent* event) {
    if (watched == table_ && event->type() == QEvent::KeyPress && model_->table() &&
        takeKey(*static_cast<QKeyEvent*>(event))) {
        return true;
    }
    return InspectView::eventFilter(watched, event);
}

void HeadTableView::contextMenu(QPoint at) {
    if (!model_->table()) {
        return;
    }
    QMenu menu(this);
    if (const QModelIndex index = table_->indexAt(at); index.isValid()) {
        const capture::HeadRef head = model_->figures(index.row()).head;
        menu.addAction(selection().isTicked(head) ? tr("Untick %1\tSpace").arg(headText(head))
                                                  : tr("Tick %1\tSpace").arg(headText(head)),
                       this, [this, head] { selection().toggleTicked(head); });
    }
    menu.addAction(tr("Tick all that are shown\tCtrl+A"), this, &HeadTableView::tickFiltered);
    menu.addAction(tr("Untick all"), this, [this] { selection().setTicked({}); })
        ->setEnabled(!selection().ticked().empty());
    menu.addSeparator();
    menu.addAction(themes().icon(QStringLiteral("copy")), tr("Copy\tCtrl+C"), this, [this] {
        const QList<int> rows = selectedRows();
        QApplication::clipboard()->setText(twinAsTabs(model_->twin(rows.size() > 1 ? rows : QList<int>{})));
    });
    menu.addAction(themes().icon(QStringLiteral("export")), tr("Save as CSV…"), this,
                   [this] { saveTwin(this, model_->twin({})); });
    menu.exec(table_->viewport()->mapToGlobal(at));
}

QJsonObject HeadTableView::saveState() const {
    return {{"filter", filter_->text()},
            {"saved", QJsonArray::fromStringList(saved_)},
            {"sort", model_->keyOf(table_->horizontalHeader()->sortIndicatorSection())},
            {"falling", table_->horizontalHeader()->sortIndicatorOrder() == Qt::DescendingOrder}};
}

void HeadTableView::restoreState(const QJsonObject& state) {
    for (const QJsonValue& text : state[QStringLiteral("saved")].toArray()) {
        saved_ << text.toString();
    }
    setFilter(state[QStringLiteral("filter")].toString());
    for (int column = 0; column < HeadTableModel::columns(); ++column) {
        if (model_->keyOf(column) == state[QStringLiteral("sort")].toString()) {
            table_->sortByColumn(column, state[QStringLiteral("falling")].toBool() ? Qt::DescendingOrder
                                                                                   : Qt::AscendingOrder);
        }
    }
}

} // namespace fulgurite
