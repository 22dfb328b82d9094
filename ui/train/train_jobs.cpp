// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/train_jobs.h"

#include "core/base/json.h"
#include "core/client/run_mirror.h"
#include "ui/engine/local_engine.h"
#include "ui/nodes/node_hub.h"
#include "ui/train/run_data.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

constexpr int kAskMilliseconds = 1000; // while a job is at work

bool atWork(client::NodeJobState state) {
    return state == client::NodeJobState::Running || state == client::NodeJobState::Stopping;
}

} // namespace

std::optional<QJsonObject> readTrainConfig(const QString& text, QString& problem) {
    constexpr std::size_t kDeepest = 128;
    try {
        const std::string utf8 = text.toStdString();
        requireJsonDepth(utf8, TrainJobs::tr("the configuration").toStdString(), kDeepest);
        const auto json = nlohmann::json::parse(utf8, nullptr, true, true); // comments are let through
        if (json.is_object()) {
            return QJsonDocument::fromJson(QByteArray::fromStdString(json.dump())).object();
        }
        problem = TrainJobs::tr("The configuration is no JSON object");
    } catch (const nlohmann::json::parse_error& error) {
        problem =
            TrainJobs::tr("The configuration is no JSON object: it cannot be read at character %1").arg(error.byte);
    } catch (const std::exception& error) { // a number that none holds, nesting without an end
        problem = TrainJobs::tr("The configuration cannot be read: %1").arg(QString::fromUtf8(error.what()));
    }
    return {};
}

QString jobStateName(client::NodeJobState state) {
    static constexpr std::array kNames{"running", "paused", "stopping", "finished", "failed", "stopped"};
    return QLatin1String(kNames[static_cast<std::size_t>(state)]);
}

bool canSteer(client::NodeJobState state, JobStep step) {
    using client::NodeJobState;
    switch (step) {
    case JobStep::Pause:
        return state == NodeJobState::Running;
    case JobStep::Resume:
        return state == NodeJobState::Paused || state == NodeJobState::Stopped || state == NodeJobState::Failed;
    case JobStep::Stop:
        return state == NodeJobState::Running || state == NodeJobState::Paused;
    case JobStep::Kill:
        return state == NodeJobState::Stopping;
    case JobStep::Remove:
        break;
    }
    return !atWork(state) && state != NodeJobState::Paused;
}

TrainJobs::TrainJobs(LocalEngine& engine, NodeHub* hub, QObject* parent)
    : QObject(parent), engine_(engine), hub_(hub), courier_(std::make_shared<Courier>(this)) {
    timer_.setInterval(kAskMilliseconds);
    connect(&timer_, &QTimer::timeout, this, &TrainJobs::refresh);
    connect(&engine_, &LocalEngine::stateChanged, this, &TrainJobs::followLocal);
    followLocal();
    if (hub_ == nullptr) {
        return;
    }
    const auto follow_all = [this] {
        for (const NodeEntry& entry : hub_->book().entries()) {
            followNode(entry.id);
        }
    };
    connect(hub_, &NodeHub::nodeChanged, this, &TrainJobs::followNode);
    connect(hub_, &NodeHub::listChanged, this, [this, follow_all] {
        std::erase_if(places_, [this](const auto& place) {
            return place.first != kLocalNode && hub_->book().find(place.first) == nullptr;
        });
        gather();
        follow_all();
    });
    follow_all();
}

TrainJobs::~TrainJobs() {
    courier_->close();
    places_.clear();
}

std::vector<JobPlace> TrainJobs::places() const {
    std::vector<JobPlace> result;
    for (const auto& [id, place] : places_) {
        if (id == kLocalNode) {
            result.insert(result.begin(), {id, nameOf(id)});
        } else if (place.trains) {
            result.push_back({id, nameOf(id)});
        }
    }
    return result;
}

QString TrainJobs::nameOf(const QString& node) const {
    return node == kLocalNode || hub_ == nullptr ? tr("This computer") : hub_->nameOf(node);
}

const PlacedJob* TrainJobs::jobOf(const RunInfo& run) const {
    const std::string uuid = run.uuid.toStdString();
    const std::string uri = run.source_uri.toStdString();
    for (const PlacedJob& placed : jobs_) {
        if (placed.job.run) { // a folder's name may have been that of another job, and the configuration may choose it
            if (!uuid.empty() && *placed.job.run == uuid) {
                return &placed;
            }
            continue;
        }
        const std::string folder = placed.job.folder + "/run";
        if (uri == (placed.node == kLocalNode ? folder : client::mirroredUri(placed.node.toStdString(), folder))) {
            return &placed;
        }
    }
    return nullptr;
}

void TrainJobs::followLocal() {
    const EngineEndpoint& local = engine_.endpoint();
    client::HttpEndpoint endpoint;
    endpoint.host = local.host.toStdString();
    endpoint.port = local.port;
    followPlace(kLocalNode,
                local.valid() && (engine_.state() == EngineState::Loading || engine_.state() == EngineState::Ready),
                endpoint, local.token);
}

void TrainJobs::followNode(const QString& id) {
    const RemoteLink* const link = hub_->remote(id);
    if (link == nullptr) {
        return; // this computer, which followLocal() looks after
    }
    const bool keeps = !link->info() || link->info()->can("jobs");
    const bool up = link->facts().kind == client::ServerKind::Fulgurite && link->client() != nullptr && keeps;
    followPlace(id, up, up ? link->client()->endpoint() : client::HttpEndpoint(), hub_->tokenOf(id));
}

void TrainJobs::followPlace(const QString& id, bool up, const client::HttpEndpoint& endpoint,
                            const QString& token) {
    const auto found = places_.find(id);
    const std::string secret = token.toStdString();
    const bool same = found != places_.end() && found->second.endpoint.url() == endpoint.url() &&
                      found->second.endpoint.fingerprint == endpoint.fingerprint && found->second.token == secret;
    if (up ? same : found == places_.end()) {
        return;
    }
    places_.erase(id);
    if (up) {
        Place& place = places_[id];
        place.endpoint = endpoint;
        place.token = secret;
        place.client = client::connectToJobs(endpoint, secret, {});
        ask(id, place);
    }
    gather();
}

void TrainJobs::refresh() {
    for (auto& [id, place] : places_) {
        if (place.asked) {
            ask(id, place);
        }
    }
}

void TrainJobs::ask(const QString& id, Place& place) {
    place.client->list(
        [this, id, asked = place.client.get(), courier = courier_](const client::Outcome<client::JobList>& list) {
            courier->post([this, id, asked, list] {
                const auto found = places_.find(id);
                if (found == places_.end() || found->second.client.get() != asked) {
                    return;
                }
                if (!list.ok()) {
                    found->second.asked = list.error().kind() != ErrorKind::Unsupported;
                    return;
                }
                found->second.jobs = list.value().jobs;
                found->second.trains = std::ranges::find(list.value().kinds, "train") != list.value().kinds.end();
                gather();
            });
        });
}

void TrainJobs::gather() {
    jobs_.clear();
    for (const auto& [id, place] : places_) {
        for (const client::NodeJob& job : place.jobs) {
            jobs_.push_back({id, job});
        }
    }
    std::ranges::stable_sort(
        jobs_, [](const PlacedJob& a, const PlacedJob& b) { return a.job.created_us > b.job.created_us; });
    const bool any = std::ranges::any_of(jobs_, [](const PlacedJob& each) { return atWork(each.job.state); });
    if (any != timer_.isActive()) {
        any ? timer_.start() : timer_.stop();
    }
    emit changed();
}

void TrainJobs::takeJob(const client::Outcome<client::NodeJob>& job) {
    if (!job.ok()) {
        emit failed(QString::fromUtf8(job.error().what()));
    }
    refresh();
}

client::JobsClient* TrainJobs::clientOf(const QString& node) {
    const auto found = places_.find(node);
    return found == places_.end() ? nullptr : found->second.client.get();
}

void TrainJobs::start(const QString& node, const QString& method, const QString& name, const QString& config) {
    client::JobsClient* const jobs = clientOf(node);
    if (jobs == nullptr) {
        emit failed(node == kLocalNode
                        ? tr("The engine does not run. Start it from the Engine menu and try again.")
                        : tr("%1 is not connected. Connect it on the Nodes page and try again.").arg(nameOf(node)));
        return;
    }
    QString problem;
    const std::optional<QJsonObject> parsed = readTrainConfig(config, problem);
    if (!parsed) {
        emit failed(problem);
        return;
    }
    QJsonObject named = *parsed;
    if (!named.contains(QStringLiteral("name"))) {
        named["name"] = name; // of the run, which would be called after its folder otherwise
    }
    const QJsonObject spec{{"method", method}, {"config", named}};
    jobs->start("train", name.toStdString(), QJsonDocument(spec).toJson(QJsonDocument::Compact).toStdString(),
                [this, node, courier = courier_](const client::Outcome<client::NodeJob>& job) {
                    courier->post([this, node, job] {
                        takeJob(job);
                        if (job.ok()) {
                            emit started(node, job.value().id);
                        }
                    });
                });
}

void TrainJobs::steer(const PlacedJob& placed, JobStep step) {
    client::JobsClient* const jobs = clientOf(placed.node);
    if (jobs == nullptr) {
        return;
    }
    const auto reply = [this, courier = courier_](const client::Outcome<client::NodeJob>& outcome) {
        courier->post([this, outcome] { takeJob(outcome); });
    };
    switch (step) {
    case JobStep::Pause:
        jobs->pause(placed.job.id, reply);
        break;
    case JobStep::Resume:
        jobs->resume(placed.job.id, reply);
        break;
    case JobStep::Stop:
        jobs->stop(placed.job.id, reply);
        break;
    case JobStep::Kill:
        jobs->kill(placed.job.id, reply);
        break;
    case JobStep::Remove:
        jobs->remove(placed.job.id, [this, courier = courier_](const client::Outcome<std::int64_t>& outcome) {
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

void TrainJobs::log(const PlacedJob& placed, std::function<void(const QString& text)> done) {
    client::JobsClient* const jobs = clientOf(placed.node);
    if (jobs == nullptr) {
        return;
    }
    jobs->log(placed.job.id, {},
              [courier = courier_, done = std::move(done)](const client::Outcome<client::JobLogPiece>& piece) {
                  courier->post([done, piece] {
                      done(piece.ok() ? QString::fromStdString(piece.value().text)
                                      : QString::fromUtf8(piece.error().what()));
                  });
              });
}

} // namespace fulgurite
