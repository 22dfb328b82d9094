// SPDX-License-Identifier: GPL-3.0-or-later
// The curves of a node's running jobs, read from its runs: of each the one figure that tells most, reward or loss.
#pragma once

#include "core/client/jobs_client.h"
#include "core/client/runs_client.h"
#include "ui/base/courier.h"

#include <QObject>
#include <QPointF>
#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace fulgurite {

struct JobCurve {
    qint64 job = 0;
    qint64 run = 0; // 0: the job has written none yet
    QString uuid;   // of the run
    QString name;
    QString state;
    QString series;                              // "train.loss"
    qint64 step = 0;                             // the last
    std::vector<QPointF> points;                 // step and mean of what a column covers
    std::vector<std::pair<double, double>> band; // least and greatest of each column; empty: single points
};

class JobCurveFeed : public QObject {
    Q_OBJECT

  public:
    explicit JobCurveFeed(QObject* parent = nullptr);
    ~JobCurveFeed() override;

    // Of another node from now on; `token` as for its other addresses.
    void connectTo(const client::HttpEndpoint& endpoint, const std::string& token);
    void disconnectFrom();
    // Asks for what is new of the jobs that have not ended; changed() follows.
    void follow(const std::vector<client::NodeJob>& jobs);

    const std::vector<JobCurve>& curves() const { return curves_; } // newest job first
    const QString& problem() const { return problem_; }             // why they are not what they could be

  signals:
    void changed();

  private:
    struct Wanted {
        client::NodeJob job;
        RunRecord run; // id 0: none yet
        SeriesRecord series;
    };
    void takeRuns(const std::vector<RunRecord>& runs);
    void takeSeries(std::size_t index, const std::vector<SeriesRecord>& all);
    void takeView(std::size_t index, const SeriesView& view);
    void finishOne();
    void show(std::vector<JobCurve> curves);
    template <class T>
    T failed(const Error& error);
    template <class T>
    client::Callback<T> heard(std::function<void(const T&)> take);

    std::shared_ptr<Courier> courier_;
    std::unique_ptr<client::RunsClient> client_;
    std::vector<JobCurve> curves_;
    std::vector<JobCurve> coming_;
    std::vector<Wanted> wanted_;
    std::size_t open_ = 0; // answers that are still to come
    bool asking_ = false;
    QString problem_;
    QString coming_problem_;
    quint64 generation_ = 0;
};

} // namespace fulgurite
