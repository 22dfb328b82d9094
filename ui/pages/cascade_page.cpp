// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the Cascade page: views in their places around one search.
#include "ui/pages/cascade_page.h"

#include "ui/base/format.h"
#include "ui/base/gap_splitter.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_header.h"
#include "ui/cascade/evaluation_view.h"
#include "ui/cascade/fell_view.h"
#include "ui/cascade/funnel_view.h"
#include "ui/cascade/image_grid.h"
#include "ui/cascade/image_preview.h"
#include "ui/cascade/ledger_view.h"
#include "ui/cascade/library_view.h"
#include "ui/cascade/result_view.h"
#include "ui/cascade/scan_strip.h"
#include "ui/cascade/simulation_view.h"
#include "ui/cascade/term_row.h"
#include "ui/charts/table_twin.h"
#include "ui/engine/engine_link.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHeaderView>
#include <QJsonArray>
#include <QLineEdit>
#include <QLocale>
#include <QMenu>
#include <QMimeData>
#include <QSplitter>
#include <QTabWidget>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace fulgurite {
namespace {

constexpr int kFunnelHeight = 436;
constexpr int kTabsHeight = 330;
constexpr int kLedgerWidth = 330;
constexpr qsizetype kMostHistory = 40;

struct Dropped {
    QStringList folders; // into the library
    QStringList files;   // to look for more like them
};

Dropped droppedPaths(const QDropEvent* event) {
    Dropped dropped;
    for (const QUrl& url : event->mimeData()->urls()) {
        const QFileInfo path(url.toLocalFile());
        if (path.isDir())
            dropped.folders << path.filePath();
        else if (path.isFile())
            dropped.files << path.filePath();
    }
    return dropped;
}

// What an entry's items are.
QString kindText(const std::string& kind) {
    if (kind == "ingest")
        return CascadePage::tr("images encoded, reading the library");
    if (kind == "query")
        return CascadePage::tr("images encoded, first met");
    if (kind == "evaluation")
        return CascadePage::tr("images encoded, for an evaluation");
    return kind == "text" ? CascadePage::tr("terms of the query") : CascadePage::tr("vectors compared");
}

TableTwin entriesTable(const client::CascadeLedger& ledger) {
    TableTwin twin;
    twin.title = CascadePage::tr("Ledger entries");
    twin.columns = {CascadePage::tr("query"), CascadePage::tr("time"),           CascadePage::tr("what"),
                    CascadePage::tr("for"),   CascadePage::tr("stage"),          CascadePage::tr("encoder"),
                    CascadePage::tr("items"), CascadePage::tr("from the cache"), CascadePage::tr("seconds"),
                    CascadePage::tr("FLOPs"), CascadePage::tr("bytes")};
    twin.rows = static_cast<int>(ledger.entries.size());
    twin.cell = [entries = ledger.entries](int row, int column) -> QVariant {
        const client::LedgerEntry& entry = entries[static_cast<std::size_t>(row)];
        switch (column) {
        case 0:
            return entry.query == 0 ? QVariant() : QVariant(static_cast<qint64>(entry.query));
        case 1:
            return QLocale().toString(QDateTime::fromSecsSinceEpoch(entry.time), QLocale::ShortFormat);
        case 2:
            return kindText(entry.kind);
        case 3:
            return QString::fromStdString(entry.text);
        case 4:
            return entry.stage + 1;
        case 5:
            return QString::fromStdString(entry.encoder);
        case 6:
            return static_cast<qint64>(entry.items);
        case 7:
            return static_cast<qint64>(entry.cached);
        case 8:
            return entry.cost.seconds;
        case 9:
            return entry.cost.flops;
        default:
            return static_cast<qint64>(entry.bytes);
        }
    };
    return twin;
}

} // namespace

QString findSampleScenes() {
    const QString program = QCoreApplication::applicationDirPath();
    QStringList places = {program + QStringLiteral("/../share/fulgurite/images/scenes")};
    for (QDir folder(program); !folder.isRoot() && folder.cdUp();)
        places << folder.filePath(QStringLiteral("resources/images/scenes"));
    for (const QString& place : places) {
        if (QDir(place).exists())
            return QDir(place).canonicalPath();
    }
    return {};
}

CascadePage::CascadePage(const ShellContext& shell) : Page(QStringLiteral("cascade"), shell) {
    setAcceptDrops(true);
    search_ = new CascadeSearch(shell.link, this);
    thumbnails_ = new ThumbnailStore(*search_, this);
    build();
    registerActions();
    connect(search_, &CascadeSearch::failed, this, &CascadePage::reportFailure);
    connect(search_, &CascadeSearch::ledgerChanged, this, &CascadePage::showEntries);
    connect(search_, &CascadeSearch::librariesChanged, this, [this] {
        if (const std::int64_t wanted = std::exchange(wanted_library_, 0); wanted != 0)
            search_->chooseLibrary(wanted);
    });
    const auto state = [this] {
        showState();
        updateActions();
    };
    for (auto signal :
         {&CascadeSearch::availabilityChanged, &CascadeSearch::librariesChanged, &CascadeSearch::libraryChanged,
          &CascadeSearch::answerChanged, &CascadeSearch::encodersChanged, &CascadeSearch::questionChanged,
          &CascadeSearch::searchStarted})
        connect(search_, signal, this, state);
    state();
    search_->refresh();
}

void CascadePage::build() {
    header_ = new CascadeHeader(context().themes, *search_, this);
    library_menu_ = new QMenu(header_);
    library_menu_->setToolTipsVisible(true);
    connect(library_menu_, &QMenu::aboutToShow, this, &CascadePage::fillLibraryMenu);
    header_->setLibraryMenu(library_menu_);
    terms_ = new TermRow(context().themes, *search_);
    scan_ = new ScanStrip(*search_);
    funnel_ = new FunnelView(context().themes, *search_, *thumbnails_);
    results_ = new ResultView(context().themes, *search_, *thumbnails_);
    ledger_ = new LedgerView(context().themes, *search_);
    evaluation_ = new EvaluationView(context().themes, *search_);
    fell_ = new FellView(context().themes, *search_, *thumbnails_);
    library_ = new LibraryView(context().themes, *search_, *thumbnails_);
    entries_ = new QTableView;
    entries_->setAccessibleName(tr("Ledger entries"));
    entries_->verticalHeader()->hide();
    entries_->setShowGrid(false);
    entries_->setSelectionBehavior(QAbstractItemView::SelectRows);
    simulation_ = new SimulationView(context().themes, *search_);
    tabs_ = new QTabWidget;
    tabs_->setDocumentMode(true);
    tabs_->addTab(results_, tr("Results"));
    tabs_->addTab(library_, tr("All images"));
    tabs_->addTab(evaluation_, tr("Evaluation"));
    tabs_->addTab(fell_, tr("Fell here"));
    tabs_->addTab(entries_, tr("Entries"));
    tabs_->addTab(simulation_, tr("Small-world simulation"));
    auto* tab_card = new QFrame;
    tab_card->setProperty("surface", "card");
    auto* in_card = new QVBoxLayout(tab_card);
    in_card->setContentsMargins(1, 1, 1, 1);
    in_card->addWidget(tabs_);

    rows_ = makeSplitter(Qt::Vertical, QStringLiteral("cascade-rows"));
    rows_->addWidget(funnel_);
    rows_->addWidget(tab_card);
    funnel_->setMinimumHeight(160);
    tab_card->setMinimumHeight(180);
    rows_->setStretchFactor(1, 1);
    columns_ = makeSplitter(Qt::Horizontal, QStringLiteral("cascade-columns"));
    columns_->addWidget(rows_);
    columns_->addWidget(ledger_);
    columns_->setStretchFactor(0, 1);
    ledger_->setMinimumWidth(230);
    const ThemeManager& themes = context().themes;
    rows_->setSizes({themes.scaled(kFunnelHeight), themes.scaled(kTabsHeight)});
    columns_->setSizes({themes.scaled(1000), themes.scaled(kLedgerWidth)});

    auto* body = new QWidget;
    auto* all = new QVBoxLayout(body);
    all->setContentsMargins(0, 0, 0, 0);
    all->setSpacing(0);
    all->addWidget(terms_);
    all->addWidget(scan_);
    auto* margin = new QVBoxLayout;
    margin->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, metrics::kGap);
    margin->addWidget(columns_);
    all->addLayout(margin, 1);
    setCentralWidget(body);

    // An answer is looked at, unless it is asked while something else of it is being looked at.
    connect(search_, &CascadeSearch::searchStarted, this, [this] {
        if (tabs_->currentWidget() == library_)
            tabs_->setCurrentWidget(results_);
    });
    connect(header_, &CascadeHeader::searchWanted, this, &CascadePage::searchFor);
    connect(funnel_, &FunnelView::allFellWanted, this, [this](std::size_t stage) {
        tabs_->setCurrentWidget(fell_);
        fell_->showStage(stage);
    });
    connect(results_, &ResultView::previewWanted, this, &CascadePage::preview);
    connect(results_, &ResultView::moreLikeWanted, this, &CascadePage::moreLike);
    connect(library_, &LibraryView::previewWanted, this, &CascadePage::preview);
    connect(library_, &LibraryView::moreLikeWanted, this, &CascadePage::moreLike);
    connect(&fell_->grid(), &ImageGrid::opened, this, &CascadePage::preview);
}

QWidget* CascadePage::headerWidget() {
    return header_;
}

void CascadePage::activated() {
    if (search_->libraries().empty())
        search_->refresh();
    header_->field().setFocus();
}

QJsonObject CascadePage::saveSession() const {
    return {{"rows", QString::fromLatin1(rows_->saveState().toBase64())},
            {"columns", QString::fromLatin1(columns_->saveState().toBase64())},
            {"tab", tabs_->currentIndex()},
            {"library", search_->library() ? static_cast<qint64>(search_->library()->id) : 0},
            {"history", QJsonArray::fromStringList(history_)}};
}

void CascadePage::restoreSession(const QJsonObject& session) {
    const auto bytes = [&session](const char* key) {
        return QByteArray::fromBase64(session[QLatin1String(key)].toString().toLatin1());
    };
    rows_->restoreState(bytes("rows"));
    columns_->restoreState(bytes("columns"));
    tabs_->setCurrentIndex(session[QStringLiteral("tab")].toInt());
    wanted_library_ = session[QStringLiteral("library")].toInteger();
    history_.clear();
    for (const QJsonValue& text : session[QStringLiteral("history")].toArray())
        history_ << text.toString();
    header_->setHistory(history_);
}

QString CascadePage::encodersObstacle() const {
    return search_->encoders().empty()
               ? tr("This engine has no image encoders. Start it with --encoders DIR, a folder "
                    "of CLIP checkpoints.")
               : QString();
}

void CascadePage::showState() {
    if (const QString why = search_->why(); !why.isEmpty())
        return funnel_->showMessage(why);
    if (!search_->library())
        return funnel_->showMessage(
            tr("A library is one or more folders of JPEG, PNG and WebP images. They stay where they are; Fulgurite "
               "keeps small pictures and vectors of them. Drop a folder here, or choose one."),
            tr("Choose a folder…"), [this] { chooseFolder(); });
    if (const QString why = encodersObstacle(); !why.isEmpty())
        return funnel_->showMessage(why);
    if (search_->answer())
        return funnel_->showContent();
    if (search_->searching())
        return funnel_->showMessage(tr("Searching…"), tr("Cancel"), [this] { search_->cancel(); });
    if (tabs_->currentWidget() == results_)
        tabs_->setCurrentWidget(library_); // there are no results yet
    const bool empty = search_->library()->images == 0;
    funnel_->showMessage(empty
                             ? tr("No image of this library has been read yet.")
                             : tr("Describe what you look for in the field above, or press M on an image below for "
                                  "more like it."));
}

void CascadePage::searchFor(const QString& text) {
    const client::CascadeTerm term = parseTerm(text);
    if (term.text.empty())
        return;
    const QString shown = text.simplified();
    history_.removeAll(shown);
    history_.prepend(shown);
    history_ = history_.mid(0, kMostHistory);
    header_->setHistory(history_);
    auto terms = search_->question().terms;
    // The field stands for the first text term.
    const auto first =
        std::find_if(terms.begin(), terms.end(), [](const client::CascadeTerm& each) { return each.isText(); });
    if (first == terms.end())
        terms.insert(terms.begin(), term);
    else if (first->text == term.text && first->weight == term.weight)
        return search_->search(); // again
    else
        *first = term;
    search_->setTerms(std::move(terms));
}

void CascadePage::moreLike(client::ImageId image) {
    auto terms = search_->question().terms;
    client::CascadeTerm term;
    term.image = image;
    term.weight = terms.empty() ? 1 : 0.5;
    terms.push_back(term);
    search_->setTerms(std::move(terms));
}

void CascadePage::showEntries() {
    delete entries_->model();
    if (!search_->ledger())
        return;
    entries_->setModel(new TableTwinModel(entriesTable(*search_->ledger()), entries_));
    entries_->horizontalHeader()->setSectionResizeMode(QHeaderView::Interactive);
    entries_->horizontalHeader()->setSectionResizeMode(2, QHeaderView::ResizeToContents);
    entries_->horizontalHeader()->setSectionResizeMode(3, QHeaderView::Stretch);
}

void CascadePage::preview(client::ImageId image) {
    (new ImagePreview(*search_, image, this))->show();
}

void CascadePage::reportFailure(const QString& message) {
    context().notices.post({.id = QStringLiteral("cascade"), .severity = Severity::Error, .text = message});
}

void CascadePage::dragEnterEvent(QDragEnterEvent* event) {
    const auto [folders, files] = droppedPaths(event);
    if (search_->client() && !(folders.isEmpty() && files.isEmpty()))
        event->acceptProposedAction();
}

void CascadePage::dropEvent(QDropEvent* event) {
    const auto [folders, files] = droppedPaths(event);
    addFolders(folders);
    moreLikeFiles(files);
}

} // namespace fulgurite
