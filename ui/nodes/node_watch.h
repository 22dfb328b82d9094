// SPDX-License-Identifier: GPL-3.0-or-later
// What one node says about itself while somebody looks at it: report, log and jobs, asked for every two seconds.
// Another program's server has none of them.
#pragma once

#include "core/client/jobs_client.h"
#include "core/client/node_admin_client.h"
#include "core/client/retrieval_client.h"
#include "ui/base/courier.h"
#include "ui/nodes/job_curve_feed.h"

#include <QObject>
#include <QTimer>

#include <memory>
#include <optional>
#include <vector>

namespace fulgurite {

class NodeHub;

class NodeWatch : public QObject {
    Q_OBJECT

  public:
    explicit NodeWatch(NodeHub& hub, QObject* parent = nullptr);
    ~NodeWatch() override;

    void watch(const QString& id);
    void setActive(bool active); // whether anybody looks
    const QString& node() const { return id_; }

    const std::optional<client::NodeReport>& report() const { return report_; }
    const QString& reportProblem() const { return report_problem_; }
    double clockSkew() const { return clock_skew_; }                   // the node's clock less ours, seconds
    const std::vector<client::NodeJob>& jobs() const { return jobs_; } // newest first
    const QString& jobsProblem() const { return jobs_problem_; }
    // Evaluations and documents being taken in, of the collections that the node keeps.
    struct CollectionWork {
        std::string collection;
        client::RetrievalJob job;
    };
    const std::vector<CollectionWork>& collectionWork() const { return collection_work_; }
    const JobCurveFeed& curves() const { return curves_; } // of those that run

  signals:
    void reportChanged();
    void logCame(const std::vector<fulgurite::client::NodeLogLine>& lines);
    void logCleared(); // another node
    void jobsChanged();
    void curvesChanged();

  private:
    void follow();
    void ask();
    void askReport();
    void askJobs();
    void askCollections();
    void askLog();

    NodeHub& hub_;
    std::shared_ptr<Courier> courier_;
    QString id_;
    std::weak_ptr<client::EngineClient> of_; // the connection that the clients below belong to
    std::unique_ptr<client::NodeAdminClient> admin_;
    std::unique_ptr<client::JobsClient> jobs_client_;
    std::optional<client::NodeReport> report_;
    QString report_problem_;
    QString jobs_problem_;
    std::vector<client::NodeJob> jobs_;
    std::unique_ptr<client::RetrievalClient> retrieval_client_;
    std::vector<CollectionWork> collection_work_;
    JobCurveFeed curves_;
    // One of the things that are asked for again and again: not where the node has none, seldom where it refuses.
    struct Question {
        int rest = 0; // ticks without asking
        bool due();
        void heard(const Error* refusal);
    };
    Question of_report_;
    Question of_log_;
    Question of_jobs_;
    Question of_collections_;
    int ticks_ = 0;
    std::uint64_t log_from_ = 0;
    double clock_skew_ = 0;
    bool active_ = false;
    quint64 generation_ = 0;
    QTimer timer_;
};

} // namespace fulgurite
