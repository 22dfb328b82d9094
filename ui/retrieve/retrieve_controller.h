// SPDX-License-Identifier: GPL-3.0-or-later
// The page and the engine: collections with their work, searches, statistics of heads, maps, query sets,
// evaluations. Everything is asked for without waiting; what comes back is told by signals on the window's thread.
#pragma once

#include "core/client/retrieval_client.h"
#include "ui/base/courier.h"
#include "ui/retrieve/retrieve_session.h"

#include <QObject>
#include <QTimer>

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace fulgurite {

class RetrieveController : public QObject {
    Q_OBJECT

  public:
    explicit RetrieveController(RetrieveSession& session, QObject* parent = nullptr);
    ~RetrieveController() override;

    // Null: no engine, or one without collections; `obstacle` says which.
    void setEngine(std::shared_ptr<client::EngineClient> engine, const QString& obstacle);
    const QString& obstacle() const { return obstacle_; }

    const std::vector<client::Collection>& collections() const { return collections_; }
    const client::Collection* collection() const; // the chosen one; null: none
    void refresh();
    void choose(const QString& id);
    void create(const client::NewCollection& wanted, const QStringList& paths);
    void ingest(const QString& id, const QStringList& paths);
    void steer(const QString& id, client::JobAction action);
    void remove(const QString& id);
    void askEmbedders();
    void askEmbedder(const QString& folder); // of the engine's machine
    void writePrompts(const QString& query); // by the loaded model, for the fusion strategies

    const client::HeadPlace& place() const { return place_; }
    void setPlace(const client::HeadPlace& place);

    struct Query {
        QString text;
        int count = 10;
        int nearest = 32;
        QStringList prompts;
    };
    void search(const Query& query);
    bool searching() const { return searching_; }
    const Query& lastQuery() const { return last_; }
    void readDocument(std::int32_t document);
    void project(int head); // -1: the standard vector

    const std::shared_ptr<const client::HeadStatistics>& statistics() const { return statistics_; }
    const std::vector<client::RetrievalQuery>& queries() const { return queries_; } // of the chosen set
    const QString& querySet() const { return query_set_; }
    void chooseQuerySet(const QString& id);
    void saveQuery(const client::RetrievalQuery& query);
    const std::vector<client::Evaluation>& evaluations() const { return evaluations_; }
    void evaluate(const QStringList& strategies, int nearest, bool leave_heads_out);
    void readEvaluationFile(const QString& record); // of the chosen collection

  signals:
    void collectionsChanged();
    void collectionChosen(); // another one, or another revision of it
    void placeChanged();
    void statisticsChanged();
    void searchStarted();
    void searchEnded(const QString& problem); // empty: the session has the answer
    void projected(std::shared_ptr<const fulgurite::client::Projection> projection);
    void documentRead(std::int32_t document, const fulgurite::client::Document& text);
    void queriesChanged();
    void evaluationsChanged();
    // The record's result file; null: `problem` says why.
    void evaluationFileRead(const QString& record, std::shared_ptr<const std::string> file, const QString& problem);
    void embeddersKnown(const std::vector<fulgurite::client::EmbedderInfo>& embedders);
    void embedderKnown(const fulgurite::client::EmbedderInfo& embedder);
    void promptsWritten(const QStringList& prompts, const QString& problem);
    // Work that was asked for here has ended, whichever way.
    void workEnded(const QString& collection, const fulgurite::client::RetrievalJob& job);
    void failed(const QString& message);

  private:
    template <class T>
    client::Callback<T> carry(std::function<void(const T&)> then);
    client::RetrievalClient* client() const;
    void takeCollections(const std::vector<client::Collection>& collections);
    void openCollection();
    void readTexts();
    void readStatistics();
    void readQueries();
    void readEvaluations();
    void report(const Error& error);
    void tellEndedWork();

    RetrieveSession& session_;
    std::shared_ptr<client::EngineClient> engine_;
    QString obstacle_;
    std::shared_ptr<Courier> courier_;
    quint64 generation_ = 0; // of the engine
    quint64 opened_ = 0;     // of the chosen collection and its revision
    quint64 asked_ = 0;      // the latest search
    QTimer timer_;
    std::vector<client::Collection> collections_;
    QString chosen_;
    std::uint64_t revision_ = 0;
    client::HeadPlace place_;
    Query last_;
    bool searching_ = false;
    client::RetrievalClient::Call search_call_;
    std::shared_ptr<const client::HeadStatistics> statistics_;
    QString query_set_;
    std::vector<client::RetrievalQuery> queries_;
    std::vector<client::Evaluation> evaluations_;
    bool job_lived_ = false;
    std::set<std::string> watched_; // ids of jobs that were asked for here and have not ended
};

} // namespace fulgurite
