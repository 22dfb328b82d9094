// SPDX-License-Identifier: GPL-3.0-or-later
// Training that the engine does for the window: jobs as /fulgurite/v1/jobs has them, asked about while there are
// any.
#pragma once

#include "core/client/jobs_client.h"
#include "ui/base/courier.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <vector>

namespace fulgurite {

class LocalEngine;

enum class JobStep { Pause, Resume, Stop, Remove };

class TrainJobs : public QObject {
    Q_OBJECT

  public:
    explicit TrainJobs(LocalEngine& engine, QObject* parent = nullptr);
    ~TrainJobs() override;

    bool available() const { return client_ != nullptr; }
    const std::vector<client::NodeJob>& jobs() const { return jobs_; } // newest first

    // `config` is JSON as `fulgurite-engine train` reads it. started() or failed() follows.
    void start(const QString& method, const QString& name, const QString& config);
    void steer(qint64 job, JobStep step);
    void log(qint64 job, std::function<void(const QString& text)> done);
    void refresh();

  signals:
    void changed();
    void started(qint64 job);
    void failed(const QString& message);

  private:
    void followEngine();
    void takeJob(const client::Outcome<client::NodeJob>& job);

    LocalEngine& engine_;
    std::shared_ptr<Courier> courier_;
    std::unique_ptr<client::JobsClient> client_;
    std::vector<client::NodeJob> jobs_;
    QTimer timer_;
};

QString jobStateName(client::NodeJobState state);

} // namespace fulgurite
