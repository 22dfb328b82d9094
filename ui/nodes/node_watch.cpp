// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/node_watch.h"

#include "ui/nodes/node_hub.h"

#include <QDateTime>

namespace fulgurite {

namespace {

constexpr int kMilliseconds = 2000;

template <class T>
QString problemOf(const client::Outcome<T>& outcome, const QString& unknown) {
    if (outcome.ok())
        return {};
    return outcome.error().kind() == ErrorKind::NotFound ? unknown : QString::fromUtf8(outcome.error().what());
}

} // namespace

NodeWatch::NodeWatch(NodeHub& hub, QObject* parent)
    : QObject(parent), hub_(hub), courier_(std::make_shared<Courier>(this)) {
    timer_.setInterval(kMilliseconds);
    connect(&curves_, &JobCurveFeed::changed, this, &NodeWatch::curvesChanged);
    connect(&timer_, &QTimer::timeout, this, &NodeWatch::ask);
    connect(&hub, &NodeHub::nodeChanged, this, [this](const QString& id) {
        if (id == id_)
            follow();
    });
}

NodeWatch::~NodeWatch() {
    courier_->close();
    admin_.reset();
    jobs_client_.reset();
}

void NodeWatch::watch(const QString& id) {
    if (id_ == id)
        return;
    id_ = id;
    of_.reset();
    follow();
}

void NodeWatch::setActive(bool active) {
    active_ = active;
    follow();
}

// The clients go with the link's own: the address and the token may be others the next time.
void NodeWatch::follow() {
    const NodeLink& link = hub_.link(id_);
    const bool ours = link.facts().kind == client::ServerKind::Fulgurite && link.client();
    if (ours && active_ && of_.lock() == link.client() && admin_)
        return;
    ++generation_;
    timer_.stop();
    admin_.reset();
    jobs_client_.reset();
    curves_.disconnectFrom();
    report_.reset();
    report_problem_.clear();
    jobs_.clear();
    log_from_ = 0;
    emit logCleared();
    emit reportChanged();
    emit jobsChanged();
    if (!ours || !active_)
        return;
    of_ = link.client();
    const client::HttpEndpoint& endpoint = link.client()->endpoint();
    const std::string token = hub_.tokenOf(id_).toStdString();
    admin_ = client::connectToAdmin(endpoint, token, {});
    jobs_client_ = client::connectToJobs(endpoint, token, {});
    curves_.connectTo(endpoint, token);
    timer_.start();
    ask();
}

void NodeWatch::ask() {
    const auto mine = generation_;
    admin_->report([this, mine, courier = courier_](const client::Outcome<client::NodeReport>& report) {
        courier->post([this, mine, report] {
            if (mine != generation_)
                return;
            report_problem_ =
                problemOf(report, tr("This engine is older than the window and tells nothing of its machine."));
            if (report.ok()) {
                report_ = report.value();
                clock_skew_ =
                    report.value().clock - static_cast<double>(QDateTime::currentMSecsSinceEpoch()) / 1000;
            }
            emit reportChanged();
        });
    });
    jobs_client_->list([this, mine, courier = courier_](const client::Outcome<client::JobList>& jobs) {
        courier->post([this, mine, jobs] {
            if (mine != generation_)
                return;
            jobs_problem_ = problemOf(jobs, tr("This engine does not train."));
            jobs_ = jobs.ok() ? jobs.value().jobs : std::vector<client::NodeJob>();
            emit jobsChanged();
            curves_.follow(jobs_);
        });
    });
    askLog();
}

void NodeWatch::askLog() {
    admin_->log(log_from_,
                [this, mine = generation_, courier = courier_](const client::Outcome<client::NodeLogPiece>& piece) {
                    courier->post([this, mine, piece] {
                        if (mine != generation_)
                            return;
                        if (!piece.ok())
                            return;
                        log_from_ = piece.value().next;
                        if (!piece.value().lines.empty())
                            emit logCame(piece.value().lines);
                    });
                });
}

} // namespace fulgurite
