// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/train_jobs.h"

#include "ui/engine/local_engine.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <array>

namespace fulgurite {
namespace {

constexpr int kAskMilliseconds = 1000; // while a job is at work

bool atWork(const client::NodeJob& job) {
    return job.state == client::NodeJobState::Running || job.state == client::NodeJobState::Stopping;
}

} // namespace

QString jobStateName(client::NodeJobState state) {
    static constexpr std::array kNames{"running", "paused", "stopping", "finished", "failed", "stopped"};
    return QLatin1String(kNames[static_cast<std::size_t>(state)]);
}

TrainJobs::TrainJobs(LocalEngine& engine, QObject* parent)
    : QObject(parent), engine_(engine), courier_(std::make_shared<Courier>(this)) {
    timer_.setInterval(kAskMilliseconds);
    connect(&timer_, &QTimer::timeout, this, &TrainJobs::refresh);
    connect(&engine_, &LocalEngine::stateChanged, this, &TrainJobs::followEngine);
    followEngine();
}

TrainJobs::~TrainJobs() {
    courier_->close();
    client_.reset();
}

void TrainJobs::followEngine() {
    const bool up = engine_.endpoint().valid() &&
                    (engine_.state() == EngineState::Loading || engine_.state() == EngineState::Ready);
    if (up == available()) {
        return;
    }
    client_.reset();
    if (up) {
        const EngineEndpoint& endpoint = engine_.endpoint();
        client::HttpEndpoint node;
        node.host = endpoint.host.toStdString();
        node.port = endpoint.port;
        client_ = client::connectToJobs(node, endpoint.token.toStdString(), {});
        refresh();
    } else {
        jobs_.clear();
        timer_.stop();
        emit changed();
    }
}

void TrainJobs::refresh() {
    if (!client_) {
        return;
    }
    client_->list([this, courier = courier_](const client::Outcome<client::JobList>& list) {
        courier->post([this, list] {
            if (!list.ok()) {
                return; // an engine without a folder of its own has no jobs
            }
            jobs_ = list.value().jobs;
            const bool any = std::any_of(jobs_.begin(), jobs_.end(), atWork);
            if (any != timer_.isActive()) {
                any ? timer_.start() : timer_.stop();
            }
            emit changed();
        });
    });
}

void TrainJobs::takeJob(const client::Outcome<client::NodeJob>& job) {
    if (!job.ok()) {
        emit failed(QString::fromUtf8(job.error().what()));
    }
    refresh();
}

void TrainJobs::start(const QString& method, const QString& name, const QString& config) {
    if (!client_) {
        emit failed(tr("The engine does not run. Start it from the Engine menu and try again."));
        return;
    }
    QJsonParseError wrong;
    const QJsonDocument parsed = QJsonDocument::fromJson(config.toUtf8(), &wrong);
    if (!parsed.isObject()) {
        emit failed(tr("The configuration is no JSON object: %1 at character %2")
                        .arg(wrong.errorString())
                        .arg(wrong.offset));
        return;
    }
    const QJsonObject spec{{"method", method}, {"config", parsed.object()}};
    client_->start("train", name.toStdString(), QJsonDocument(spec).toJson(QJsonDocument::Compact).toStdString(),
                   [this, courier = courier_](const client::Outcome<client::NodeJob>& job) {
                       courier->post([this, job] {
                           takeJob(job);
                           if (job.ok()) {
                               emit started(job.value().id);
                           }
                       });
                   });
}

void TrainJobs::steer(qint64 job, JobStep step) {
    if (!client_) {
        return;
    }
    const auto reply = [this, courier = courier_](const client::Outcome<client::NodeJob>& outcome) {
        courier->post([this, outcome] { takeJob(outcome); });
    };
    switch (step) {
    case JobStep::Pause:
        client_->pause(job, reply);
        break;
    case JobStep::Resume:
        client_->resume(job, reply);
        break;
    case JobStep::Stop:
        client_->stop(job, reply);
        break;
    case JobStep::Remove:
        client_->remove(job, [this, courier = courier_](const client::Outcome<std::int64_t>& outcome) {
            courier->post([this, outcome] {
                if (!outcome.ok()) {
                    emit failed(QString::fromUtf8(outcome.error().what()));
                }
                refresh();
            });
        });
        break;
    }
}

void TrainJobs::log(qint64 job, std::function<void(const QString& text)> done) {
    if (!client_) {
        return;
    }
    client_->log(job, {},
                 [courier = courier_, done = std::move(done)](const client::Outcome<client::JobLogPiece>& piece) {
                     courier->post([done, piece] {
                         done(piece.ok() ? QString::fromStdString(piece.value().text)
                                         : QString::fromUtf8(piece.error().what()));
                     });
                 });
}

} // namespace fulgurite
