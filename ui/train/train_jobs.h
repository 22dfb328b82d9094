// SPDX-License-Identifier: GPL-3.0-or-later
// Training that engines do for the window, on this computer and on the nodes that it knows: jobs as
// /fulgurite/v1/jobs has them, asked about while there are any.
#pragma once

#include "core/client/jobs_client.h"
#include "ui/base/courier.h"

#include <QJsonObject>
#include <QObject>
#include <QTimer>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace fulgurite {

class LocalEngine;
class NodeHub;
struct RunInfo;

enum class JobStep { Pause, Resume, Stop, Kill, Remove };

struct PlacedJob {
    QString node; // kLocalNode: this computer
    client::NodeJob job;
};

// Where training can be started now.
struct JobPlace {
    QString node;
    QString name;
};

class TrainJobs : public QObject {
    Q_OBJECT

  public:
    // `hub`: null in a window that has the local engine alone.
    TrainJobs(LocalEngine& engine, NodeHub* hub, QObject* parent = nullptr);
    ~TrainJobs() override;

    std::vector<JobPlace> places() const; // this computer first
    bool available() const { return !places_.empty(); }
    const std::vector<PlacedJob>& jobs() const { return jobs_; } // newest first
    const PlacedJob* jobOf(const RunInfo& run) const; // that writes or wrote it; null: none that is known
    QString nameOf(const QString& node) const;

    // `config` is JSON as `fulgurite-engine train` reads it. started() or failed() follows.
    void start(const QString& node, const QString& method, const QString& name, const QString& config);
    void steer(const PlacedJob& job, JobStep step);
    void log(const PlacedJob& job, std::function<void(const QString& text)> done);
    void refresh();

  signals:
    void changed();
    void started(const QString& node, qint64 job);
    void failed(const QString& message);

  private:
    struct Place {
        client::HttpEndpoint endpoint;
        std::string token;
        std::unique_ptr<client::JobsClient> client;
        std::vector<client::NodeJob> jobs;
        bool trains = false; // it has said so
        bool asked = true;   // false: it has said that it keeps no jobs
    };

    void followLocal();
    void followNode(const QString& id);
    void followPlace(const QString& id, bool up, const client::HttpEndpoint& endpoint, const QString& token);
    void ask(const QString& id, Place& place);
    void gather();
    void takeJob(const client::Outcome<client::NodeJob>& job);
    client::JobsClient* clientOf(const QString& node);

    LocalEngine& engine_;
    NodeHub* hub_;
    std::shared_ptr<Courier> courier_;
    std::map<QString, Place> places_;
    std::vector<PlacedJob> jobs_;
    QTimer timer_;
};

// A configuration as `fulgurite-engine train` reads it: JSON that may have comments. Unset, with what is wrong,
// when it is no object.
std::optional<QJsonObject> readTrainConfig(const QString& text, QString& problem);

QString jobStateName(client::NodeJobState state);
// Whether the step makes sense for a job in this state.
bool canSteer(client::NodeJobState state, JobStep step);

} // namespace fulgurite
