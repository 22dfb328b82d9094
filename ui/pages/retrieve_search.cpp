// SPDX-License-Identifier: GPL-3.0-or-later
// The Retrieve page and the engine: collections and their work, searches, and where hits go from here.
#include "core/base/error.h"
#include "ui/base/card.h"
#include "ui/base/format.h"
#include "ui/base/local_files.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/manual/manual_page.h"
#include "ui/pages/retrieve_page.h"
#include "ui/retrieve/aspects.h"
#include "ui/retrieve/collection_dialog.h"
#include "ui/retrieve/collection_list.h"
#include "ui/retrieve/document_dialog.h"
#include "ui/retrieve/embedder_panel.h"
#include "ui/retrieve/evaluation_panel.h"
#include "ui/retrieve/head_grid.h"
#include "ui/retrieve/head_worth_chart.h"
#include "ui/retrieve/hit_detail.h"
#include "ui/retrieve/query_box.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/rank_view.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/retrieve_header.h"
#include "ui/retrieve/sample_collection.h"
#include "ui/retrieve/separation_list.h"
#include "ui/retrieve/space_panel.h"
#include "ui/retrieve/vote_map.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"

#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QMessageBox>
#include <QMimeData>

#include <algorithm>
#include <numeric>

namespace fulgurite {
namespace {

constexpr int kPromptHits = 5;
const QString kSampleName = QStringLiteral("Fulgurite manual");

} // namespace

void RetrievePage::connectController() {
    connect(&controller_, &RetrieveController::collectionsChanged, this, &RetrievePage::showCollections);
    connect(&controller_, &RetrieveController::collectionChosen, this, &RetrievePage::showCollection);
    connect(&controller_, &RetrieveController::placeChanged, this,
            [this] { embedder_->setCollection(controller_.collection(), controller_.place()); });
    connect(&controller_, &RetrieveController::statisticsChanged, this, [this] {
        const auto& statistics = controller_.statistics();
        heads_->setStatistics(statistics);
        votes_->setStatistics(statistics);
        spaces_->setStatistics(statistics);
        separations_->setStatistics(statistics);
    });
    connect(&controller_, &RetrieveController::projected, spaces_, &SpacePanel::setProjection);
    connect(&controller_, &RetrieveController::searchStarted, this,
            [this] { query_->setStatus(tr("searching…")); });
    connect(&controller_, &RetrieveController::searchEnded, this, &RetrievePage::showSearchEnd);
    connect(&controller_, &RetrieveController::documentRead, this,
            [this](std::int32_t document, const client::Document& text) {
                if (dialog_ == nullptr) {
                    dialog_ = new DocumentDialog(context().themes, this);
                }
                std::optional<client::Passage> passage;
                if (session_.reply() != nullptr && session_.reply()->passages.contains(document)) {
                    passage = session_.reply()->passages.at(document);
                }
                dialog_->show(text, passage);
            });
    connect(&controller_, &RetrieveController::queriesChanged, this, [this] {
        const client::Collection* collection = controller_.collection();
        header_->setQueries(collection == nullptr ? std::vector<client::QuerySetInfo>() : collection->query_sets,
                            controller_.querySet(), controller_.queries());
        updateActions();
        if (sample_wanted_ && !controller_.queries().empty()) {
            showSampleQuery();
        }
    });
    connect(&controller_, &RetrieveController::evaluationsChanged, this, [this] {
        const QString offer =
            controller_.querySet().isEmpty()
                ? tr("An evaluation needs queries whose relevant documents are known: import a query set, or "
                     "search, "
                     "cite the relevant hits and save the query.")
                : tr("Not evaluated yet. Every query of the set is searched with the chosen strategies.");
        evaluation_->setEvaluations(controller_.evaluations(), offer, !controller_.querySet().isEmpty());
        evaluation_->setAspects(static_cast<int>(std::max<std::size_t>(1, session_.relevant().size())));
        results_panel_->setEvaluations(controller_.evaluations());
    });
    connect(&controller_, &RetrieveController::failed, this, &RetrievePage::reportFailure);
    connect(&controller_, &RetrieveController::workEnded, this, &RetrievePage::reportWork);
    connect(evaluation_, &EvaluationPanel::runWanted, this, &RetrievePage::evaluate);
    connect(&evaluation_->headChart(), &HeadWorthChart::headChosen, &session_, &RetrieveSession::setHead);
    connect(&session_, &RetrieveSession::headChanged, this,
            [this] { evaluation_->headChart().setHead(session_.head()); });
    connect(evaluation_, &EvaluationPanel::cancelWanted, this, [this] {
        if (const client::Collection* collection = controller_.collection()) {
            controller_.steer(QString::fromStdString(collection->id), client::JobAction::Cancel);
        }
    });
    connect(collections_, &CollectionList::chosen, &controller_, &RetrieveController::choose);
    connect(collections_, &CollectionList::steered, &controller_, &RetrieveController::steer);
    connect(collections_, &CollectionList::filesDropped, this, &RetrievePage::takeFiles);
    connect(collections_, &CollectionList::addWanted, this, &RetrievePage::addDocuments);
    connect(collections_, &CollectionList::removeWanted, this, &RetrievePage::removeCollection);
    connect(collections_, &CollectionList::newWanted, this, [this] { newCollection(tr("New collection"), {}); });
    connect(collections_, &CollectionList::sampleWanted, this, &RetrievePage::openSample);
    connect(header_, &RetrieveHeader::queryChosen, this, &RetrievePage::showQuery);
    connect(header_, &RetrieveHeader::setChosen, &controller_, &RetrieveController::chooseQuerySet);
    connect(header_, &RetrieveHeader::addWanted, this,
            [this] { context().actions.run(QStringLiteral("retrieve.add")); });
    connect(header_, &RetrieveHeader::saveWanted, this, &RetrievePage::saveQuery);
    connect(header_, &RetrieveHeader::promptWanted, this, &RetrievePage::promptWithHits);
    connectResults();
    updateObstacles();
}

void RetrievePage::connectResults() {
    connect(results_panel_, &ResultPanel::recordWanted, &controller_, &RetrieveController::readEvaluationFile);
    connect(&controller_, &RetrieveController::evaluationFileRead, results_panel_, &ResultPanel::takeRecord);
    connect(results_panel_, &ResultPanel::failed, this, &RetrievePage::reportFailure);
}

void RetrievePage::followEngine() {
    const EngineLink& link = context().link;
    QString obstacle;
    if (!link.client() || !link.info()) {
        obstacle = tr("The engine is not ready.");
    } else if (!link.info()->can("retrieval") || link.client()->retrieval() == nullptr) {
        obstacle = link.whyNot("retrieval");
    }
    controller_.setEngine(obstacle.isEmpty() ? link.client() : nullptr, obstacle);
    updateActions();
}

void RetrievePage::activated() {
    controller_.refresh();
    if (session_.reply() == nullptr) {
        query_->focusField();
    } else {
        ranks_->columns().setFocus();
    }
}

void RetrievePage::showCollections() {
    const auto& all = controller_.collections();
    collections_->show(all, controller_.obstacle());
    const client::Collection* chosen = controller_.collection();
    if (chosen != nullptr) {
        collections_->setCurrent(QString::fromStdString(chosen->id));
    }
    collections_card_->setNote(all.empty() ? QString() : QString::number(all.size()));
    evaluation_->setJob(chosen == nullptr ? std::nullopt : chosen->job);
    if (session_.reply() == nullptr && !controller_.searching()) {
        const QString obstacle = searchObstacle();
        if (chosen == nullptr && controller_.obstacle().isEmpty()) {
            ranks_->setMessage(
                tr("Nothing to search yet. Drop a folder of texts here, or open the sample: the pages "
                   "of the manual, with questions whose answers are known."),
                tr("Open the sample collection"), [this] { openSample(); });
        } else {
            ranks_->setMessage(
                !obstacle.isEmpty() ? obstacle : tr("Write a query above, or choose one of the set (Alt+Down)."));
        }
    }
    updateActions();
}

void RetrievePage::showCollection() {
    const client::Collection* chosen = controller_.collection();
    embedder_->setCollection(chosen, controller_.place());
    spaces_->clear();
    query_index_ = -1;
    cited_.clear();
    header_->setPlace(chosen == nullptr ? QString() : QString::fromStdString(chosen->name), {});
    showCollections();
}

void RetrievePage::search() {
    const QString obstacle = searchObstacle();
    if (!obstacle.isEmpty() || query_->text().isEmpty()) {
        query_->setStatus(obstacle.isEmpty() ? tr("Write a query first") : obstacle, true);
        return;
    }
    cited_.clear();
    controller_.search({query_->text(), query_->count(), query_->nearest(), prompts_});
}

void RetrievePage::showQuery(int index) {
    const auto& queries = controller_.queries();
    if (index < 0 || index >= static_cast<int>(queries.size())) {
        return;
    }
    const client::RetrievalQuery& query = queries[static_cast<std::size_t>(index)];
    query_index_ = index;
    prompts_.clear();
    for (const std::string& prompt : query.prompts) {
        if (!prompt.empty()) {
            prompts_ << QString::fromStdString(prompt);
        }
    }
    updateObstacles();
    session_.setRelevant(query.relevant);
    query_->setText(QString::fromStdString(query.text));
    header_->setPlace(
        QString::fromStdString(controller_.collection()->name),
        tr("query %1 of %2, %3 aspects").arg(index + 1).arg(queries.size()).arg(query.relevant.size()));
    evaluation_->setAspects(static_cast<int>(query.relevant.size()));
    search();
}

void RetrievePage::showSearchEnd(const QString& problem) {
    if (!problem.isEmpty()) {
        query_->setStatus(problem, true);
        if (session_.reply() == nullptr) {
            ranks_->setMessage(problem);
        }
        return;
    }
    ranks_->setMessage({});
    const client::SearchReply& reply = *session_.reply();
    const double seconds = std::accumulate(reply.results.begin(), reply.results.end(), 0.0,
                                           [](double sum, const auto& each) { return sum + each.seconds; });
    QString status =
        tr("exact scan, %1 search, %2 embed").arg(secondsText(seconds), secondsText(reply.embed_seconds));
    if (reply.truncated) {
        status += tr(", query cut");
    }
    query_->setStatus(status);
    query_->setToolTip(tr("%1 tokens of the query").arg(reply.query_tokens));
    updateActions();
}

// The heads that the opened hit hangs on are ringed where they are switched.
void RetrievePage::showHeadNames() {
    const int off = static_cast<int>(session_.heads().off());
    const int all = static_cast<int>(session_.heads().size());
    heads_card_->setNote(all == 0 ? QString() : tr("%1 of %2 on, shade = score").arg(all - off).arg(all));
    const auto& columns = session_.columns();
    const auto column = static_cast<std::size_t>(session_.column());
    const bool shown = session_.expanded() && column < columns.size() && columns[column].lists != nullptr &&
                       strategyInfo(columns[column].strategy).byHeads();
    const int aspect = session_.aspect(session_.document());
    heads_->setNamed(shown ? ranks_->columns().detail().group() : std::vector<std::size_t>(),
                     context().themes.color(aspect < 0 ? Role::Accent : aspectRole(aspect)));
}

void RetrievePage::openSample() {
    try {
        const QString guide = findManual();
        if (guide.isEmpty()) {
            fail(ErrorKind::NotFound, "the manual is not installed: there is nothing to make the sample of");
        }
        const QStringList files = writeSampleCollection(guide, context().paths.cache + QStringLiteral("/sample"));
        sample_wanted_ = true;
        const auto& all = controller_.collections();
        const auto found = std::find_if(all.begin(), all.end(), [](const client::Collection& each) {
            return each.name == kSampleName.toStdString();
        });
        if (found == all.end()) {
            controller_.create({.name = kSampleName.toStdString(), .embedder = "model", .stored = {}}, files);
            return;
        }
        const QString id = QString::fromStdString(found->id);
        controller_.choose(id);
        controller_.ingest(id, files); // what has not changed is not embedded again
        if (controller_.collection() == &*found && !controller_.queries().empty()) {
            showSampleQuery();
        }
    } catch (const Error& error) {
        reportFailure(QString::fromUtf8(error.what()));
    }
}

// The first with two aspects: what several heads are good for.
void RetrievePage::showSampleQuery() {
    sample_wanted_ = false;
    const auto& queries = controller_.queries();
    const auto found =
        std::find_if(queries.begin(), queries.end(), [](const auto& each) { return each.relevant.size() >= 2; });
    showQuery(found == queries.end() ? 0 : static_cast<int>(found - queries.begin()));
}

void RetrievePage::takeFiles(const QString& collection, const QStringList& paths) {
    if (!collection.isEmpty()) {
        controller_.ingest(collection, paths);
        return;
    }
    const QFileInfo first(paths.first());
    newCollection(first.isDir() ? first.fileName() : first.completeBaseName(), paths);
}

void RetrievePage::newCollection(const QString& name, const QStringList& paths) {
    auto* dialog = new CollectionDialog(name, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(&controller_, &RetrieveController::embeddersKnown, dialog, &CollectionDialog::setEmbedders);
    connect(&controller_, &RetrieveController::embedderKnown, dialog, &CollectionDialog::addEmbedder);
    connect(dialog, &CollectionDialog::folderWanted, &controller_, &RetrieveController::askEmbedder);
    connect(dialog, &QDialog::accepted, this,
            [this, dialog, paths] { controller_.create(dialog->wanted(), paths); });
    controller_.askEmbedders();
    dialog->open();
}

void RetrievePage::addDocuments(const QString& collection) {
    QFileDialog dialog(this, tr("Add documents: text, Markdown, HTML, PDF, JSON, CSV"));
    dialog.setFileMode(QFileDialog::ExistingFiles);
    if (dialog.exec() == QDialog::Accepted) {
        controller_.ingest(collection, dialog.selectedFiles());
    }
}

void RetrievePage::addFolder() {
    const client::Collection* collection = controller_.collection();
    const QString folder = collection == nullptr
                               ? QString()
                               : QFileDialog::getExistingDirectory(this, tr("Add a folder of documents"));
    if (!folder.isEmpty()) {
        controller_.ingest(QString::fromStdString(collection->id), {folder});
    }
}

void RetrievePage::removeCollection(const QString& id) {
    const auto& all = controller_.collections();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&id](const client::Collection& each) { return each.id == id.toStdString(); });
    if (found == all.end()) {
        return;
    }
    // The vectors cannot be had back without embedding everything again, so this one asks.
    const auto answer = QMessageBox::question(this, tr("Delete the collection?"),
                                              tr("%1 with %2 documents and %3 of vectors is deleted, with its "
                                                 "query sets and evaluations. The files it was "
                                                 "made of stay.")
                                                  .arg(QString::fromStdString(found->name),
                                                       grouped(static_cast<qint64>(found->documents)),
                                                       bytesText(static_cast<qint64>(found->bytes))),
                                              QMessageBox::Yes | QMessageBox::Cancel, QMessageBox::Cancel);
    if (answer == QMessageBox::Yes) {
        controller_.remove(id);
    }
}

void RetrievePage::dragEnterEvent(QDragEnterEvent* event) {
    if (controller_.obstacle().isEmpty() && !localFiles(event->mimeData()).isEmpty()) {
        event->acceptProposedAction();
    }
}

void RetrievePage::dropEvent(QDropEvent* event) {
    const client::Collection* collection = controller_.collection();
    takeFiles(collection == nullptr ? QString() : QString::fromStdString(collection->id),
              localFiles(event->mimeData()));
    event->acceptProposedAction();
}

void RetrievePage::saveQuery() {
    if (session_.reply() == nullptr || cited_.empty()) {
        return;
    }
    client::RetrievalQuery query;
    query.text = controller_.lastQuery().text.toStdString();
    query.relevant = cited_;
    for (const QString& prompt : std::as_const(prompts_)) {
        query.prompts.push_back(prompt.toStdString());
    }
    session_.setRelevant(cited_);
    controller_.saveQuery(query);
}

void RetrievePage::toggleCited(std::int32_t document) {
    if (document < 0) {
        return;
    }
    const auto found = std::find(cited_.begin(), cited_.end(), document);
    found == cited_.end() ? cited_.push_back(document) : static_cast<void>(cited_.erase(found));
    updateActions();
}

std::vector<std::int32_t> RetrievePage::sources() const {
    if (!cited_.empty() || session_.columns().empty()) {
        return cited_;
    }
    std::vector<std::int32_t> first;
    const RankColumn& column = session_.columns()[static_cast<std::size_t>(session_.column())];
    for (const int place : session_.shown(column)) {
        if (static_cast<int>(first.size()) < kPromptHits) {
            first.push_back(column.hits[static_cast<std::size_t>(place)].document);
        }
    }
    return first;
}

QString RetrievePage::promptText() const {
    const std::vector<std::int32_t> cited = sources();
    if (cited.empty()) {
        return {};
    }
    QString text = tr("Answer from the sources below and name them by number, like [1].\n\nQuestion: %1\n")
                       .arg(controller_.lastQuery().text);
    for (std::size_t i = 0; i < cited.size(); ++i) {
        text += QStringLiteral("\n[%1] %2\n%3\n")
                    .arg(i + 1)
                    .arg(session_.documents().title(cited[i]), session_.passage(cited[i]));
    }
    return text;
}

void RetrievePage::promptWithHits() {
    const QString text = promptText();
    if (!text.isEmpty()) {
        context().handoff.post(DraftWish{text});
        context().actions.run(QStringLiteral("view.page.prompt"));
    }
}

QString RetrievePage::inspectObstacle() const {
    const client::Collection* collection = controller_.collection();
    if (session_.reply() == nullptr || session_.head() < 0 || collection == nullptr) {
        return tr("Search and choose a head first");
    }
    return collection->embedder.id == "model" ? QString()
                                              : tr("%1 is not the loaded model: only that can be looked into")
                                                    .arg(QString::fromStdString(collection->embedder.name));
}

void RetrievePage::inspectHead(int head) {
    if (const QString obstacle = inspectObstacle(); !obstacle.isEmpty()) {
        return reportFailure(obstacle);
    }
    InspectWish wish;
    wish.title = tr("Query: %1").arg(controller_.lastQuery().text.left(40));
    wish.prompt = client::RawText{controller_.lastQuery().text.toStdString()};
    wish.head = capture::HeadRef{controller_.place().layer, head};
    context().handoff.post(wish);
    context().actions.run(QStringLiteral("view.page.inspect"));
}

void RetrievePage::openDocument(std::int32_t document) {
    controller_.readDocument(document);
}

} // namespace fulgurite
