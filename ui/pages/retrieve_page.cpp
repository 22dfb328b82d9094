// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the Retrieve page: panels in their places, one session, one controller.
#include "ui/pages/retrieve_page.h"

#include "ui/base/card.h"
#include "ui/base/gap_splitter.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/retrieve/aspects.h"
#include "ui/retrieve/collection_list.h"
#include "ui/retrieve/document_list.h"
#include "ui/retrieve/embedder_panel.h"
#include "ui/retrieve/evaluation_panel.h"
#include "ui/retrieve/head_grid.h"
#include "ui/retrieve/hit_detail.h"
#include "ui/retrieve/query_box.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/rank_view.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/retrieve_header.h"
#include "ui/retrieve/separation_list.h"
#include "ui/retrieve/space_panel.h"
#include "ui/retrieve/strategy_panel.h"
#include "ui/retrieve/vote_map.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QJsonArray>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabBar>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kPlacesWidth = 252;
constexpr int kResultWidth = 350;
constexpr int kMapHeight = 254;
constexpr int kBottomHeight = 178;
constexpr int kCollectionsHeight = 176;
constexpr int kRoomForRight = 1080; // of the page; below it the maps give way to the rankings
constexpr std::size_t kTopHeads = 16;

Card* makeCard(ThemeManager& themes, const QString& title, QWidget* content) {
    auto* card = new Card(themes, title);
    card->setContent(content);
    return card;
}

} // namespace

RetrievePage::RetrievePage(const ShellContext& shell)
    : Page(QStringLiteral("retrieve"), shell), controller_(session_) {
    setAcceptDrops(true);
    session_.setStrategies({QStringLiteral("standard"), QStringLiteral("split"), QStringLiteral("mrag")});
    build();
    connectSession();
    connectController();
    registerActions();
    connect(&shell.link, &EngineLink::infoChanged, this, &RetrievePage::followEngine);
    connect(&shell.link, &EngineLink::clientChanged, this, &RetrievePage::followEngine);
    followEngine();
}

RetrievePage::~RetrievePage() = default;

QWidget* RetrievePage::headerWidget() {
    return header_;
}

QWidget* RetrievePage::buildHeads() {
    ThemeManager& themes = context().themes;
    auto* body = new QWidget;
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(0, 4, 0, 8);
    column->setSpacing(4);
    heads_ = new HeadGrid(themes, session_);
    column->addWidget(heads_);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(10, 0, 10, 0);
    row->setSpacing(4);
    const auto add = [&](const QString& title, const QString& tip, std::function<void()> run) {
        auto* button = new QPushButton(title);
        button->setProperty("kind", "chip");
        button->setToolTip(tip);
        connect(button, &QPushButton::clicked, this, std::move(run));
        row->addWidget(button, 1);
    };
    HeadChoice& choice = session_.heads();
    add(tr("All"), tr("Switch every head on"), [&choice] { choice.all(); });
    add(tr("None"), tr("Switch every head off"), [&choice] { choice.none(); });
    add(tr("Top"), tr("The quarter of the heads with the highest scores, at most 16"), [this, &choice] {
        if (controller_.statistics()) {
            choice.top(controller_.statistics()->scores, std::clamp<std::size_t>(choice.size() / 4, 2, kTopHeads));
        }
    });
    add(tr("Invert"), tr("Switch what is on off and what is off on"), [&choice] { choice.invert(); });
    column->addLayout(row);
    return body;
}

QWidget* RetrievePage::buildLeft() {
    ThemeManager& themes = context().themes;
    auto* body = new QWidget;
    body->setProperty("scrollBody", true);
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(metrics::kGap);
    collections_ = new CollectionList(themes);
    collections_card_ = makeCard(themes, tr("Collections"), collections_);
    collections_card_->setMinimumHeight(themes.scaled(kCollectionsHeight));
    strategies_ = new StrategyPanel(themes);
    strategies_->setChosen(session_.strategies());
    auto* strategies_card = makeCard(themes, tr("Strategies"), strategies_);
    auto* prompts = new QPushButton(tr("Prompts…"));
    prompts->setProperty("kind", "link");
    prompts->setToolTip(tr("The phrasings of the query that the fusion strategies search with"));
    connect(prompts, &QPushButton::clicked, this, &RetrievePage::editPrompts);
    strategies_card->addHeaderWidget(prompts);
    embedder_ = new EmbedderPanel(themes);
    auto* embedder_card = makeCard(themes, tr("Embedder"), embedder_);
    embedder_card->setNote(tr("one prefill for both"));
    heads_card_ = makeCard(themes, tr("Heads"), buildHeads());
    for (QWidget* card : {static_cast<QWidget*>(collections_card_), static_cast<QWidget*>(strategies_card),
                          static_cast<QWidget*>(embedder_card), static_cast<QWidget*>(heads_card_)}) {
        column->addWidget(card, card == collections_card_ ? 1 : 0);
    }
    auto* area = new QScrollArea;
    area->setWidget(body);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFrameShape(QFrame::NoFrame);
    const int least = body->minimumSizeHint().width() + area->verticalScrollBar()->sizeHint().width();
    area->setMinimumWidth(std::max(themes.scaled(kPlacesWidth), least));
    return area;
}

QWidget* RetrievePage::buildRight() {
    ThemeManager& themes = context().themes;
    maps_ = makeSplitter(Qt::Vertical, QStringLiteral("retrieve-maps"));
    spaces_ = new SpacePanel(themes, session_);
    votes_ = new VoteMap(themes, session_);
    auto* map_card = makeCard(themes, tr("Collection map"), spaces_);
    map_card->setNote(tr("PCA, the two widest directions"));
    votes_card_ = makeCard(themes, tr("Heads × documents"), votes_);
    maps_->addWidget(map_card);
    maps_->addWidget(votes_card_);
    maps_->setStretchFactor(1, 1);
    maps_->setMinimumWidth(themes.scaled(300));
    return maps_;
}

Card* RetrievePage::buildBottom() {
    ThemeManager& themes = context().themes;
    evaluation_ = new EvaluationPanel(themes);
    results_panel_ = new ResultPanel(themes);
    documents_ = new DocumentList(themes, session_);
    separations_ = new SeparationList(themes, session_);
    bottom_pages_ = new QStackedWidget;
    bottom_tabs_ = new QTabBar;
    bottom_tabs_->setDrawBase(false);
    bottom_tabs_->setUsesScrollButtons(false); // in a narrow window names are cut, and no tab is out of sight
    bottom_tabs_->setElideMode(Qt::ElideRight);
    bottom_tabs_->setAccessibleName(tr("Evaluation, plots, documents and what heads separate"));
    // In the order of BottomTab.
    const std::pair<QString, QWidget*> pages[] = {{tr("Evaluation"), evaluation_},
                                                  {tr("Plots"), results_panel_},
                                                  {tr("Documents"), documents_},
                                                  {tr("What heads separate"), separations_}};
    for (const auto& [title, page] : pages) {
        bottom_tabs_->addTab(title);
        bottom_pages_->addWidget(page);
    }
    bottom_ = makeCard(themes, tr("Results"), bottom_pages_);
    bottom_->addHeaderWidget(bottom_tabs_);
    bottom_->addHeaderWidget(evaluation_->controls());
    bottom_->addHeaderWidget(results_panel_->controls());
    results_panel_->controls()->hide();
    connect(bottom_tabs_, &QTabBar::currentChanged, this, [this](int index) {
        bottom_pages_->setCurrentIndex(index);
        evaluation_->controls()->setVisible(index == kEvaluationTab);
        results_panel_->controls()->setVisible(index == kPlotsTab);
    });
    return bottom_;
}

void RetrievePage::build() {
    ThemeManager& themes = context().themes;
    header_ = new RetrieveHeader(themes, this);
    columns_ = makeSplitter(Qt::Horizontal, QStringLiteral("retrieve-columns"));
    rows_ = makeSplitter(Qt::Vertical, QStringLiteral("retrieve-rows"));
    results_ = makeSplitter(Qt::Horizontal, QStringLiteral("retrieve-results"));
    query_ = new QueryBox(themes, session_);
    ranks_ = new RankView(themes, session_);
    right_ = buildRight();
    results_->addWidget(ranks_);
    results_->addWidget(right_);
    results_->setStretchFactor(0, 1);
    rows_->addWidget(results_);
    rows_->addWidget(buildBottom());
    rows_->setStretchFactor(0, 1);
    auto* main = new QWidget;
    auto* column = new QVBoxLayout(main);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(metrics::kGap);
    column->addWidget(query_);
    column->addWidget(rows_, 1);
    columns_->addWidget(buildLeft());
    columns_->addWidget(main);
    columns_->setStretchFactor(1, 1);
    auto* body = new QWidget;
    auto* around = new QVBoxLayout(body);
    around->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, metrics::kGap);
    around->addWidget(columns_);
    setCentralWidget(body);
    resetPanes();
}

void RetrievePage::resetPanes() {
    const ThemeManager& themes = context().themes;
    const auto large = [&themes](int pixels) { return std::max(pixels, themes.scaled(pixels)); };
    columns_->setSizes({large(kPlacesWidth), large(1100)});
    results_->setSizes({large(720), large(kResultWidth)});
    maps_->setSizes({large(kMapHeight), large(290)});
    rows_->setSizes({large(540), large(kBottomHeight)});
}

void RetrievePage::showTab(BottomTab tab) {
    bottom_->show();
    bottom_tabs_->setCurrentIndex(tab);
}

void RetrievePage::resizeEvent(QResizeEvent* event) {
    Page::resizeEvent(event);
    const bool narrow = width() < kRoomForRight;
    // Only when it gets narrow or wide again: a person who shows the maps in a narrow window keeps them.
    if (narrow != right_hidden_) {
        right_hidden_ = narrow;
        right_->setVisible(!narrow);
    }
}

void RetrievePage::connectSession() {
    RankColumns& columns = ranks_->columns();
    connect(&session_, &RetrieveSession::ranked, this, &RetrievePage::updateActions);
    connect(&session_, &RetrieveSession::selectionChanged, this, &RetrievePage::updateActions);
    connect(&session_, &RetrieveSession::selectionChanged, this, &RetrievePage::showHeadNames);
    connect(&session_, &RetrieveSession::headChanged, this, [this] {
        if (session_.head() >= 0) {
            controller_.project(session_.head());
        }
        updateActions();
    });
    connect(&columns, &RankColumns::citeWanted, this, &RetrievePage::toggleCited);
    connect(&columns, &RankColumns::openWanted, this, &RetrievePage::openDocument);
    connect(&columns.detail(), &HitDetail::inspectWanted, this, &RetrievePage::inspectHead);
    connect(&columns.detail(), &HitDetail::explained, this, &RetrievePage::showHeadNames);
    connect(documents_, &DocumentList::openWanted, this, &RetrievePage::openDocument);
    connect(votes_, &VoteMap::currentChanged, this, [this] { votes_card_->setNote(votes_->currentText()); });
    connect(votes_, &VoteMap::openWanted, this, [this] { session_.setExpanded(true); });
    connect(strategies_, &StrategyPanel::changed, this, [this](const QStringList& ids) {
        session_.setStrategies(ids);
        const auto& shown = session_.columns();
        const bool missing = std::any_of(shown.begin(), shown.end(), [](const RankColumn& each) {
            return !each.problem.isEmpty() && each.hits.empty();
        });
        // What this search did not ask for is asked for now; re-ranking what is there needs no engine.
        if (missing && session_.reply() != nullptr && !controller_.searching()) {
            search();
        }
    });
    connect(embedder_, &EmbedderPanel::placeChosen, &controller_, &RetrieveController::setPlace);
    connect(query_, &QueryBox::searchWanted, this, [this] {
        const auto& queries = controller_.queries();
        const bool known = query_index_ >= 0 && query_index_ < static_cast<int>(queries.size()) &&
                           QString::fromStdString(queries[static_cast<std::size_t>(query_index_)].text).trimmed() ==
                               query_->text();
        if (!known) {
            query_index_ = -1;
            session_.setRelevant({});
        }
        search();
    });
}

QJsonObject RetrievePage::saveSession() const {
    const auto state = [](const QSplitter* splitter) {
        return QString::fromLatin1(splitter->saveState().toBase64());
    };
    const client::Collection* collection = controller_.collection();
    return {{"columns", state(columns_)},
            {"rows", state(rows_)},
            {"maps", state(maps_)},
            {"strategies", QJsonArray::fromStringList(session_.strategies())},
            {"query", query_->text()},
            {"n", query_->count()},
            {"c", query_->nearest()},
            {"tab", bottom_tabs_->currentIndex()},
            {"result_files", QJsonArray::fromStringList(results_panel_->openFiles())},
            {"collection", collection == nullptr ? QString() : QString::fromStdString(collection->id)}};
}

void RetrievePage::restoreSession(const QJsonObject& session) {
    const auto bytes = [&session](const char* key) {
        return QByteArray::fromBase64(session[QLatin1String(key)].toString().toLatin1());
    };
    columns_->restoreState(bytes("columns"));
    rows_->restoreState(bytes("rows"));
    maps_->restoreState(bytes("maps"));
    QStringList ids;
    for (const QJsonValue& id : session[QStringLiteral("strategies")].toArray()) {
        ids << id.toString();
    }
    if (!ids.isEmpty()) {
        strategies_->setChosen(ids);
        session_.setStrategies(strategies_->chosen());
    }
    QStringList results;
    for (const QJsonValue& path : session[QStringLiteral("result_files")].toArray()) {
        if (QFileInfo::exists(path.toString())) {
            results << path.toString();
        }
    }
    results_panel_->open(results);
    query_->setText(session[QStringLiteral("query")].toString());
    if (session.contains(QStringLiteral("n"))) {
        query_->setCounts(session[QStringLiteral("n")].toInt(), session[QStringLiteral("c")].toInt());
    }
    bottom_tabs_->setCurrentIndex(session[QStringLiteral("tab")].toInt());
    controller_.choose(session[QStringLiteral("collection")].toString());
}

} // namespace fulgurite
