// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/remote_runs.h"

#include "core/client/run_mirror.h"
#include "ui/nodes/node_hub.h"

#include <QDir>
#include <QFileInfo>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace fulgurite {
namespace {

constexpr auto kLive = std::chrono::milliseconds(500); // between two looks while a run is being written
constexpr auto kQuiet = std::chrono::seconds(5);

} // namespace

// The thread that copies the runs of one node.
class RemoteRuns::Follower {
  public:
    using Told = std::function<void(const QString& problem, bool news)>;

    Follower(const client::HttpEndpoint& endpoint, const std::string& token, const QString& file, const QString& id,
             const QString& name, const QStringList& left_out, Told told)
        : endpoint(endpoint),
          token(token),
          mirror_(client::connectToRuns(endpoint, token, {}), file.toStdString(), id.toStdString(),
                  name.toStdString()),
          told_(std::move(told)),
          thread_([this, left_out](const std::stop_token& stop) { work(stop, left_out); }) {}
    ~Follower() {
        thread_.request_stop();
        mirror_.cancel();
    }

    const client::HttpEndpoint endpoint;
    const std::string token;

    void leaveOut(const QString& uuid) {
        const std::scoped_lock lock(mutex_);
        unwanted_ << uuid;
    }

  private:
    void work(const std::stop_token& stop, const QStringList& left_out) {
        for (const QString& uuid : left_out) {
            mirror_.leaveOut(uuid.toStdString());
        }
        while (!stop.stop_requested()) {
            client::RunMirror::Pass pass;
            QString problem;
            try {
                takeUnwanted();
                pass = mirror_.update();
            } catch (const std::exception& error) {
                problem = QString::fromUtf8(error.what());
            }
            if (stop.stop_requested()) {
                return;
            }
            told_(problem, pass.points > 0);
            if (!pass.more) {
                std::unique_lock lock(mutex_);
                wake_.wait_for(lock, stop, pass.live ? std::chrono::milliseconds(kLive) : kQuiet,
                               [] { return false; });
            }
        }
    }
    void takeUnwanted() {
        const std::scoped_lock lock(mutex_);
        for (const QString& uuid : std::exchange(unwanted_, {})) {
            mirror_.leaveOut(uuid.toStdString());
        }
    }

    client::RunMirror mirror_;
    Told told_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    QStringList unwanted_;
    std::jthread thread_; // last: it uses the rest
};

RemoteRuns::RemoteRuns(NodeHub* hub, const QString& file, QObject* parent)
    : QObject(parent), hub_(hub), file_(file), courier_(std::make_shared<Courier>(this)) {
    if (hub_ != nullptr) {
        connect(hub_, &NodeHub::nodeChanged, this, &RemoteRuns::followNode);
        connect(hub_, &NodeHub::listChanged, this, [this] {
            for (const QString& id : QSet<QString>(followed_)) {
                followNode(id);
            }
            emit changed();
        });
    }
}

RemoteRuns::~RemoteRuns() {
    courier_->close();
    followers_.clear();
}

std::vector<RemoteRuns::Node> RemoteRuns::nodes() const {
    std::vector<Node> result;
    if (hub_ != nullptr) {
        for (const NodeEntry& entry : hub_->book().entries()) {
            if (entry.id != kLocalNode) {
                result.push_back(
                    {entry.id, hub_->nameOf(entry.id), followed_.contains(entry.id), problems_.value(entry.id)});
            }
        }
    }
    return result;
}

void RemoteRuns::follow(const QString& id, bool wanted) {
    if (wanted == followed_.contains(id) || hub_ == nullptr) {
        return;
    }
    if (wanted) {
        followed_.insert(id);
        if (RemoteLink* link = hub_->remote(id); link != nullptr && link->state() == LinkState::Off) {
            link->connectNow();
        }
    } else {
        followed_.remove(id);
        problems_.remove(id);
    }
    followNode(id);
    emit changed();
}

void RemoteRuns::setFollowed(const QStringList& ids) {
    followed_ = QSet<QString>(ids.begin(), ids.end());
    for (const QString& id : ids) {
        followNode(id);
    }
    emit changed();
}

void RemoteRuns::leaveOut(const QString& uuid) {
    left_out_ << uuid;
    for (const auto& [id, follower] : followers_) {
        follower->leaveOut(uuid);
    }
}

void RemoteRuns::followNode(const QString& id) {
    const RemoteLink* const link = hub_ != nullptr ? hub_->remote(id) : nullptr;
    const bool ours = link != nullptr && followed_.contains(id) &&
                      link->facts().kind == client::ServerKind::Fulgurite && link->client() != nullptr;
    const bool keeps = ours && (!link->info() || link->info()->can("runs"));
    if (ours && !keeps) {
        take(id, link->whyNot("runs"), false);
    }
    const bool up = ours && keeps;
    const auto found = followers_.find(id);
    if (!up) {
        if (found != followers_.end()) {
            followers_.erase(found);
        }
        return;
    }
    const client::HttpEndpoint& endpoint = link->client()->endpoint();
    const std::string token = hub_->tokenOf(id).toStdString();
    if (found != followers_.end() && found->second->endpoint.url() == endpoint.url() &&
        found->second->endpoint.fingerprint == endpoint.fingerprint && found->second->token == token) {
        return;
    }
    followers_.erase(id);
    QDir().mkpath(QFileInfo(file_).path());
    followers_[id] =
        std::make_unique<Follower>(endpoint, token, file_, id, hub_->nameOf(id), left_out_,
                                   [this, id, courier = courier_](const QString& problem, bool news) {
                                       courier->post([this, id, problem, news] { take(id, problem, news); });
                                   });
}

void RemoteRuns::take(const QString& id, const QString& problem, bool news) {
    if (!followed_.contains(id)) {
        return;
    }
    if (problems_.value(id) != problem) {
        problems_[id] = problem;
        if (!problem.isEmpty()) {
            emit failed(tr("The runs of %1 do not come: %2").arg(hub_->nameOf(id), problem));
        }
        emit changed();
    }
    if (news) {
        emit came(id);
    }
}

} // namespace fulgurite
