// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/node_watch.h"

#include "ui/nodes/node_hub.h"

#include <QDateTime>

#include <algorithm>
#include <limits>

namespace fulgurite {

namespace {

constexpr int kMilliseconds = 2000;
constexpr int kTicksBetweenCollections = 3; // while nothing is at work in them
constexpr int kTicksAfterRefusal = 30;      // of this token, for example

template <class T>
QString problemOf(const client::Outcome<T>& outcome, const QString& unknown) {
    if (outcome.ok())
        return {};
    return outcome.error().kind() == ErrorKind::NotFound ? unknown : QString::fromUtf8(outcome.error().what());
}

template <class T>
const Error* refusalOf(const client::Outcome<T>& outcome) {
    return outcome.ok() ? nullptr : &outcome.error();
}

} // namespace

bool NodeWatch::Question::due() {
    rest = std::max(rest - 1, 0);
    return rest == 0;
}

void NodeWatch::Question::heard(const Error* refusal) {
    if (refusal == nullptr)
        rest = 0;
    else if (refusal->kind() == ErrorKind::Unsupported || refusal->kind() == ErrorKind::NotFound)
        rest = std::numeric_limits<int>::max(); // as long as it is the same node
    else if (refusal->kind() == ErrorKind::Io)
        rest = kTicksAfterRefusal;
}

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
    retrieval_client_.reset();
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
    retrieval_client_.reset();
    curves_.disconnectFrom();
    report_.reset();
    report_problem_.clear();
    jobs_.clear();
    jobs_problem_.clear();
    collection_work_.clear();
    of_report_ = of_log_ = of_jobs_ = of_collections_ = {};
    ticks_ = 0;
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
    retrieval_client_ = client::connectToRetrieval(endpoint, token, {});
    curves_.connectTo(endpoint, token);
    timer_.start();
    ask();
}

void NodeWatch::ask() {
    askReport();
    askJobs();
    askCollections();
    askLog();
}

void NodeWatch::askReport() {
    if (!of_report_.due())
        return;
    admin_->report(
        [this, mine = generation_, courier = courier_](const client::Outcome<client::NodeReport>& report) {
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
                of_report_.heard(refusalOf(report));
                emit reportChanged();
            });
        });
}

// While it has no model it does not say what it offers; then it is asked, once.
void NodeWatch::askJobs() {
    const NodeLink& link = hub_.link(id_);
    if ((link.info() && !link.info()->can("jobs")) || !of_jobs_.due())
        return;
    jobs_client_->list(
        [this, mine = generation_, courier = courier_](const client::Outcome<client::JobList>& jobs) {
            courier->post([this, mine, jobs] {
                if (mine != generation_)
                    return;
                of_jobs_.heard(refusalOf(jobs));
                jobs_problem_ = problemOf(jobs, tr("This engine does not train."));
                jobs_ = jobs.ok() ? jobs.value().jobs : std::vector<client::NodeJob>();
                emit jobsChanged();
                curves_.follow(jobs_);
            });
        });
}

void NodeWatch::askCollections() {
    const NodeLink& link = hub_.link(id_);
    const bool due = !collection_work_.empty() || ticks_++ % kTicksBetweenCollections == 0;
    if (!due || !link.info() || !link.info()->can("retrieval") || !of_collections_.due())
        return;
    retrieval_client_->collections([this, mine = generation_, courier = courier_](
                                       const client::Outcome<std::vector<client::Collection>>& collections) {
        courier->post([this, mine, collections] {
            if (mine != generation_)
                return;
            of_collections_.heard(refusalOf(collections));
            if (!collections.ok() && of_collections_.rest == 0)
                return; // it passes
            const bool had = !collection_work_.empty();
            collection_work_.clear();
            if (!collections.ok()) { // nobody says any more that it goes on
                if (had)
                    emit jobsChanged();
                return;
            }
            for (const client::Collection& each : collections.value())
                if (each.job && each.job->live())
                    collection_work_.push_back({each.name, *each.job});
            if (had || !collection_work_.empty())
                emit jobsChanged();
        });
    });
}

void NodeWatch::askLog() {
    if (!of_log_.due())
        return;
    admin_->log(log_from_,
                [this, mine = generation_, courier = courier_](const client::Outcome<client::NodeLogPiece>& piece) {
                    courier->post([this, mine, piece] {
                        if (mine != generation_)
                            return;
                        of_log_.heard(refusalOf(piece));
                        if (!piece.ok())
                            return;
                        log_from_ = piece.value().next;
                        if (!piece.value().lines.empty())
                            emit logCame(piece.value().lines);
                    });
                });
}

} // namespace fulgurite
