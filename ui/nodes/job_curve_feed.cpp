// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/job_curve_feed.h"

#include "ui/train/train_jobs.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace fulgurite {

namespace {

constexpr std::size_t kMostJobs = 3;
constexpr std::size_t kColumns = 160;

bool hasEnded(const client::NodeJob& job) {
    return job.state == client::NodeJobState::Finished || job.state == client::NodeJobState::Failed ||
           job.state == client::NodeJobState::Stopped;
}

// What a person looks at first; where none of these was written, the first series.
const SeriesRecord* mainSeries(const std::vector<SeriesRecord>& all) {
    constexpr std::array<std::string_view, 4> kFirst{"rollout.reward_mean", "train.loss", "eval.loss",
                                                     "rollout.accuracy"};
    for (const std::string_view name : kFirst) {
        for (const SeriesRecord& each : all)
            if (each.kind == SeriesKind::Metric && each.points > 0 && each.canonical == name)
                return &each;
    }
    for (const SeriesRecord& each : all)
        if (each.kind == SeriesKind::Metric && each.points > 0)
            return &each;
    return nullptr;
}

} // namespace

JobCurveFeed::JobCurveFeed(QObject* parent) : QObject(parent), courier_(std::make_shared<Courier>(this)) {}

JobCurveFeed::~JobCurveFeed() {
    courier_->close();
    client_.reset();
}

void JobCurveFeed::connectTo(const client::HttpEndpoint& endpoint, const std::string& token) {
    disconnectFrom();
    client_ = client::connectToRuns(endpoint, token, {});
}

void JobCurveFeed::disconnectFrom() {
    ++generation_;
    client_.reset();
    asking_ = false;
    open_ = 0;
    coming_problem_.clear();
    show({});
}

void JobCurveFeed::show(std::vector<JobCurve> curves) {
    const bool nothing_new = curves.empty() && curves_.empty() && problem_ == coming_problem_;
    curves_ = std::move(curves);
    problem_ = std::exchange(coming_problem_, {});
    if (!nothing_new)
        emit changed();
}

// An answer on the window's thread; an error is told and leaves nothing to show this time.
template <class T>
T JobCurveFeed::failed(const Error& error) {
    if (coming_problem_.isEmpty())
        coming_problem_ = QString::fromUtf8(error.what());
    return T();
}

template <class T>
client::Callback<T> JobCurveFeed::heard(std::function<void(const T&)> take) {
    return
        [this, take = std::move(take), mine = generation_, courier = courier_](const client::Outcome<T>& outcome) {
            courier->post([this, take, mine, outcome] {
                if (mine == generation_)
                    take(outcome.ok() ? outcome.value() : failed<T>(outcome.error()));
            });
        };
}

void JobCurveFeed::follow(const std::vector<client::NodeJob>& jobs) {
    if (!client_ || asking_)
        return;
    wanted_.clear();
    for (const client::NodeJob& job : jobs)
        if (!hasEnded(job) && wanted_.size() < kMostJobs)
            wanted_.push_back({job, {}, {}});
    if (wanted_.empty())
        return show({});
    asking_ = true;
    client_->list(heard<std::vector<RunRecord>>([this](const std::vector<RunRecord>& runs) { takeRuns(runs); }));
}

// A job's run says in whose folder it was made.
void JobCurveFeed::takeRuns(const std::vector<RunRecord>& runs) {
    coming_.clear();
    open_ = 1;
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        Wanted& wanted = wanted_[i];
        const std::string folder = wanted.job.folder + "/";
        const auto run = std::find_if(runs.begin(), runs.end(), [&folder](const RunRecord& each) {
            return each.source_uri.compare(0, folder.size(), folder) == 0;
        });
        JobCurve curve;
        curve.job = wanted.job.id;
        curve.name = QString::fromStdString(wanted.job.name.empty() ? wanted.job.kind : wanted.job.name);
        curve.state = jobStateName(wanted.job.state);
        if (run != runs.end()) {
            wanted.run = *run;
            curve.run = run->id;
            curve.uuid = QString::fromStdString(run->uuid);
            curve.step = run->last_step.value_or(0);
            ++open_;
            client_->series(run->id, heard<std::vector<SeriesRecord>>(
                                         [this, i](const std::vector<SeriesRecord>& all) { takeSeries(i, all); }));
        }
        coming_.push_back(std::move(curve));
    }
    finishOne();
}

void JobCurveFeed::takeSeries(std::size_t index, const std::vector<SeriesRecord>& all) {
    const SeriesRecord* const series = mainSeries(all);
    if (!series)
        return finishOne();
    wanted_[index].series = *series;
    coming_[index].series = QString::fromStdString(series->canonical.empty() ? series->name : series->canonical);
    const std::int64_t last = std::max<std::int64_t>(wanted_[index].run.last_step.value_or(0), 1);
    client_->view(wanted_[index].run.id, {series->id}, 0, last, kColumns,
                  heard<client::SeriesViews>([this, index](const client::SeriesViews& views) {
                      takeView(index, views.series.empty() ? SeriesView() : views.series.front().second);
                  }));
}

void JobCurveFeed::takeView(std::size_t index, const SeriesView& view) {
    JobCurve& curve = coming_[index];
    for (const SeriesColumn& column : view.columns) {
        const PointSummary& all = column.summary;
        if (all.finite() == 0)
            continue;
        curve.points.emplace_back(static_cast<double>(column.begin), all.sum / static_cast<double>(all.finite()));
        if (!view.exact)
            curve.band.emplace_back(all.minimum, all.maximum);
    }
    finishOne();
}

void JobCurveFeed::finishOne() {
    if (--open_ > 0)
        return;
    asking_ = false;
    show(std::exchange(coming_, {}));
}

} // namespace fulgurite
