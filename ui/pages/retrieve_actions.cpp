// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that can be done on the Retrieve page, for the menus, the palette and the keyboard.
#include "ui/base/card.h"
#include "ui/base/notices.h"
#include "ui/engine/engine_link.h"
#include "ui/pages/retrieve_page.h"
#include "ui/retrieve/collection_list.h"
#include "ui/retrieve/document_list.h"
#include "ui/retrieve/evaluation_panel.h"
#include "ui/retrieve/prompts_dialog.h"
#include "ui/retrieve/query_box.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/rank_view.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/retrieve_header.h"
#include "ui/retrieve/strategy_panel.h"
#include "ui/shell/action_registry.h"

#include <QComboBox>
#include <QLineEdit>
#include <QTabBar>

namespace fulgurite {

void RetrievePage::registerActions() {
    const auto add = [this](const char* id, const QString& title, const char* icon, const char* keys,
                            const QString& keywords, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("Retrieve"),
                               .icon = QLatin1String(icon),
                               .shortcut = QKeySequence(QLatin1String(keys), QKeySequence::PortableText),
                               .page = this->id(),
                               .keywords = keywords},
                              this, std::move(run));
    };
    add("retrieve.query", tr("Write a query"), "search", "Ctrl+L", tr("search find focus"),
        [this] { query_->focusField(); });
    add("retrieve.search", tr("Search"), "search", "Ctrl+Return", tr("find run"), [this] { search(); });
    add("retrieve.next_query", tr("Next query of the set"), "chevron-right", "Alt+Down", tr("ground truth"),
        [this] { stepQuery(1); });
    add("retrieve.previous_query", tr("Previous query of the set"), "chevron-left", "Alt+Up", tr("ground truth"),
        [this] { stepQuery(-1); });
    add("retrieve.prompts", tr("Write the prompts of the fusion strategies…"), "edit", "", tr("fusion phrasings"),
        [this] { editPrompts(); });
    add("retrieve.sample", tr("Open the sample collection"), "folder-open", "", tr("manual example start"),
        [this] { openSample(); });
    add("retrieve.new", tr("New collection…"), "plus", "", tr("create embedder"),
        [this] { newCollection(tr("New collection"), {}); });
    add("retrieve.add", tr("Add documents to the collection…"), "file", "Ctrl+Shift+A", tr("ingest index files"),
        [this] {
            if (const client::Collection* collection = controller_.collection()) {
                addDocuments(QString::fromStdString(collection->id));
            }
        });
    add("retrieve.add_folder", tr("Add a folder to the collection…"), "folder-open", "",
        tr("ingest index directory"), [this] { addFolder(); });
    add("retrieve.undo_heads", tr("Undo switching heads"), "undo", "Ctrl+Z", tr("toggle"),
        [this] { session_.heads().undo(); });
    add("retrieve.redo_heads", tr("Redo switching heads"), "redo", "Ctrl+Shift+Z", tr("toggle"),
        [this] { session_.heads().redo(); });
    add("retrieve.all_heads", tr("Switch every head on"), "reset", "", tr("reset toggle"),
        [this] { session_.heads().all(); });
    add("retrieve.invert_heads", tr("Invert which heads are on"), "compare", "", tr("toggle"),
        [this] { session_.heads().invert(); });
    add("retrieve.explain", tr("Show why the hit stands where it does"), "info", "", tr("open expand leave out"),
        [this] { session_.setExpanded(!session_.expanded()); });
    add("retrieve.read", tr("Read the document"), "file", "", tr("open text"), [this] {
        if (session_.document() >= 0) {
            openDocument(session_.document());
        }
    });
    add("retrieve.cite", tr("Cite the hit in the next prompt"), "pin", "", tr("source"),
        [this] { toggleCited(session_.document()); });
    add("retrieve.prompt", tr("Prompt with the hits"), "prompt", "Ctrl+Shift+Return", tr("ask cite sources"),
        [this] { promptWithHits(); });
    add("retrieve.inspect", tr("Inspect the query at the chosen head"), "inspect", "Ctrl+I", tr("layer capture"),
        [this] { inspectHead(session_.head()); });
    add("retrieve.save_query", tr("Save the query with its relevant documents"), "save", "Ctrl+S",
        tr("ground truth query set"), [this] { saveQuery(); });
    add("retrieve.filter", tr("List only what is brushed"), "filter", "", tr("brush lasso"),
        [this] { session_.setFiltered(!session_.filtered()); });
    add("retrieve.clear_brush", tr("Clear the brush"), "close", "", tr("lasso selection"),
        [this] { session_.setBrush({}); });
    add("retrieve.find", tr("Find a document of the collection"), "search", "Ctrl+F", tr("filter title label"),
        [this] {
            showTab(kDocumentsTab);
            documents_->filter().setFocus();
        });
    add("retrieve.evaluate", tr("Evaluate the query set"), "play", "", tr("metrics bootstrap recall ndcg"),
        [this] { evaluate(); });
    add("retrieve.plots", tr("Show the plots of results"), "train", "", tr("figures boxes lines paper"), [this] {
        showTab(kPlotsTab);
        results_panel_->figures().setFocus();
    });
    add("retrieve.open_results", tr("Open result files of evaluations…"), "file", "", tr("plots published mrag"),
        [this] {
            showTab(kPlotsTab);
            results_panel_->askForFiles();
        });
    add("retrieve.open_result_folder", tr("Open a folder of result files…"), "folder-open", "",
        tr("plots published mrag"), [this] {
            showTab(kPlotsTab);
            results_panel_->askForFolder();
        });
    add("retrieve.bottom", tr("Show or hide the evaluation"), "dock-right", "F6", tr("panel documents"),
        [this] { bottom_->setVisible(bottom_->isHidden()); });
    add("retrieve.maps", tr("Show or hide the maps"), "dock-right", "Ctrl+Alt+B", tr("panel scatter heat map"),
        [this] { right_->setVisible(right_->isHidden()); });
    connect(&session_, &RetrieveSession::brushChanged, this, &RetrievePage::updateActions);
    updateActions();
}

QString RetrievePage::searchObstacle() const {
    if (!controller_.obstacle().isEmpty()) {
        return controller_.obstacle();
    }
    const client::Collection* collection = controller_.collection();
    if (collection == nullptr) {
        return tr("There is no collection to search");
    }
    if (!collection->problem.empty()) {
        return QString::fromStdString(collection->problem);
    }
    return collection->documents == 0 ? tr("The collection has no documents yet") : QString();
}

void RetrievePage::updateActions() {
    ActionRegistry& actions = context().actions;
    const auto enable = [&actions](const char* id, bool enabled, const QString& reason) {
        actions.setEnabled(QLatin1String(id), enabled, reason);
    };
    const QString search = searchObstacle();
    query_->setObstacle(search);
    enable("retrieve.search", search.isEmpty(), search);
    const QString no_queries = tr("The collection has no query set");
    enable("retrieve.next_query", !controller_.queries().empty(), no_queries);
    enable("retrieve.previous_query", !controller_.queries().empty(), no_queries);
    enable("retrieve.evaluate", !controller_.querySet().isEmpty() && search.isEmpty(),
           search.isEmpty() ? no_queries : search);
    const QString engine = controller_.obstacle();
    for (const char* id : {"retrieve.sample", "retrieve.new"}) {
        enable(id, engine.isEmpty(), engine);
    }
    const QString none = engine.isEmpty() ? tr("There is no collection yet") : engine;
    const bool collection = engine.isEmpty() && controller_.collection() != nullptr;
    for (const char* id : {"retrieve.add", "retrieve.add_folder"}) {
        enable(id, collection, none);
    }
    enable("retrieve.undo_heads", session_.heads().canUndo(), tr("Nothing to undo"));
    enable("retrieve.redo_heads", session_.heads().canRedo(), tr("Nothing to redo"));
    enable("retrieve.all_heads", session_.heads().off() > 0, tr("All heads are on"));
    enable("retrieve.invert_heads", session_.heads().size() > 0, tr("There are no heads"));
    const bool hit = session_.document() >= 0 && session_.reply() != nullptr;
    const QString no_hit = tr("No hit is selected");
    for (const char* id : {"retrieve.explain", "retrieve.read", "retrieve.cite"}) {
        enable(id, hit, no_hit);
    }
    const QString inspect = inspectObstacle();
    enable("retrieve.inspect", inspect.isEmpty(), inspect);
    const bool brushed = session_.brush().count > 0;
    enable("retrieve.filter", brushed, tr("Nothing is brushed: drag over a map"));
    enable("retrieve.clear_brush", brushed, tr("Nothing is brushed"));
    const QString save = session_.reply() == nullptr ? tr("Search first")
                         : cited_.empty() ? tr("Cite the relevant hits first (C): they become the ground truth")
                                          : QString();
    enable("retrieve.save_query", save.isEmpty(), save);
    const QString prompt = sources().empty() ? tr("Search first: there are no hits to cite") : QString();
    enable("retrieve.prompt", prompt.isEmpty(), prompt);
    header_->setObstacles(collection ? QString() : none, save, prompt);
    header_->setHits(static_cast<int>(sources().size()), !cited_.empty());
}

// Fusion needs several phrasings of the query.
void RetrievePage::updateObstacles() {
    const QString reason =
        prompts_.isEmpty() ? tr("Needs several phrasings of the query: Prompts… takes yours or has the model write "
                                "them; or choose a query of a set that has them.")
                           : QString();
    for (const StrategyInfo& each : strategies()) {
        if (each.needs_prompts) {
            strategies_->setObstacle(each.id, reason);
        }
    }
}

void RetrievePage::stepQuery(int by) {
    const int count = static_cast<int>(controller_.queries().size());
    if (count > 0) {
        showQuery(query_index_ < 0 ? (by > 0 ? 0 : count - 1) : (query_index_ + by + count) % count);
    }
}

void RetrievePage::editPrompts() {
    auto* dialog = new PromptsDialog(context().themes, prompts_, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    const EngineLink& link = context().link;
    const QString engine = controller_.obstacle();
    dialog->setObstacle(!engine.isEmpty()                          ? engine
                        : link.info() && !link.info()->can("chat") ? link.whyNot("chat")
                        : query_->text().isEmpty()                 ? tr("Write the query first.")
                                                                   : QString());
    connect(dialog, &PromptsDialog::writeWanted, this, [this] { controller_.writePrompts(query_->text()); });
    connect(&controller_, &RetrieveController::promptsWritten, dialog, &PromptsDialog::setWritten);
    connect(dialog, &QDialog::accepted, this, [this, dialog] {
        prompts_ = dialog->prompts();
        updateObstacles();
        if (session_.reply() != nullptr) {
            search();
        }
    });
    dialog->open();
}

void RetrievePage::evaluate() {
    controller_.evaluate(session_.strategies(), query_->nearest(), evaluation_->leavesHeadsOut());
}

// What failed, and files that were left out: nobody looks for those in a folder of thousands.
void RetrievePage::reportWork(const QString& collection, const client::RetrievalJob& job) {
    const QString message = QString::fromStdString(job.message);
    const bool failed = job.state == "failed";
    if (failed || message.contains(QStringLiteral("left out"))) {
        context().notices.post({.id = "retrieve",
                                .severity = failed ? Severity::Error : Severity::Warning,
                                .text = tr("%1: %2").arg(collection, message),
                                .details = {}});
    }
}

void RetrievePage::reportFailure(const QString& message) {
    context().notices.post({.id = "retrieve", .severity = Severity::Error, .text = message, .details = {}});
}

} // namespace fulgurite
