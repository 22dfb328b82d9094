// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_feed.h"

#include <QTimer>

#include <utility>

namespace fulgurite {
namespace {

// Between two looks at the file, which take a few microseconds when nobody has written. With the 100 ms that a
// writer may be late this leaves 100 ms of the 250 for reading and painting.
constexpr int kIdleMilliseconds = 40;
constexpr int kLookMilliseconds = 30; // of reading before what is there is handed over

} // namespace

// Lives on the reading thread; the feed talks to it by posted calls alone.
class FeedWorker : public QObject {
  public:
    explicit FeedWorker(RunFeed& feed) : feed_(feed) {}

    void open(const QString& file, quint64 opening) {
        reading_.reset();
        opening_ = opening;
        try {
            reading_ = std::make_unique<RunReading>(file);
            tell([feed = &feed_] { emit feed->opened(); });
        } catch (const std::exception& error) {
            fail(QString::fromUtf8(error.what()));
            return;
        }
        look();
    }
    void close() {
        reading_.reset();
        opening_ = 0;
    }
    RunReading* reading() { return reading_.get(); }

    // Says that nothing is to be read, too.
    void lookAndTell() {
        was_more_ = true;
        look();
    }
    void look() {
        if (!reading_) {
            return;
        }
        if (!timer_) { // made here, on the reading thread
            timer_ = std::make_unique<QTimer>();
            timer_->setSingleShot(true);
            connect(timer_.get(), &QTimer::timeout, this, [this] { look(); });
        }
        FeedUpdate update;
        try {
            update = reading_->look(kLookMilliseconds);
        } catch (const std::exception& error) {
            fail(QString::fromUtf8(error.what()));
            timer_->start(1000);
            return;
        }
        told_failure_.clear();
        timer_->start(update.more ? 0 : kIdleMilliseconds);
        if (update.runs || !update.curves.empty() || !update.clocks.empty() || update.more != was_more_) {
            was_more_ = update.more;
            tell([feed = &feed_, update = std::move(update), opening = opening_] { feed->take(update, opening); });
        }
    }

    void run(const std::function<void(RunReader&)>& work, const std::function<void(QString)>& failure) {
        try {
            if (!reading_) {
                fulgurite::fail(ErrorKind::Unavailable, "no runs file is open; open one and try again");
            }
            work(reading_->reader());
        } catch (const std::exception& error) {
            tell([failure, message = QString::fromUtf8(error.what())] { failure(message); });
        }
    }

    void tell(std::function<void()> call) {
        QMetaObject::invokeMethod(&feed_, std::move(call), Qt::QueuedConnection);
    }

  private:
    // The same trouble is told once, not ten times a second.
    void fail(const QString& message) {
        if (message != std::exchange(told_failure_, message)) {
            tell([feed = &feed_, message] {
                feed->reading_ = false;
                emit feed->failed(message);
            });
        }
    }

    RunFeed& feed_;
    std::unique_ptr<RunReading> reading_;
    std::unique_ptr<QTimer> timer_;
    QString told_failure_;
    quint64 opening_ = 0;
    bool was_more_ = false;
};

RunFeed::RunFeed(QObject* parent) : QObject(parent), worker_(new FeedWorker(*this)) {
    thread_.setObjectName(QStringLiteral("runs"));
    worker_->moveToThread(&thread_);
    connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
    thread_.start();
}

// After what was asked for before: an edit is not lost with the window.
RunFeed::~RunFeed() {
    QMetaObject::invokeMethod(
        worker_, [this] { thread_.quit(); }, Qt::QueuedConnection);
    thread_.wait();
}

void RunFeed::open(const QString& file) {
    close();
    file_ = file;
    QMetaObject::invokeMethod(
        worker_, [worker = worker_, file, opening = opening_] { worker->open(file, opening); },
        Qt::QueuedConnection);
}

void RunFeed::close() {
    ++opening_;
    file_.clear();
    runs_ = {};
    names_ = std::make_shared<const QStringList>();
    curves_.clear();
    clocks_.clear();
    pending_ = {};
    pending_curves_.clear();
    pending_clocks_.clear();
    held_back_ = points_seen_ = points_at_pause_ = 0;
    seconds_behind_ = -1;
    reading_ = false;
    QMetaObject::invokeMethod(
        worker_, [worker = worker_] { worker->close(); }, Qt::QueuedConnection);
    emit runsChanged();
}

void RunFeed::want(const QStringList& series, const std::vector<qint64>& runs) {
    const QSet<QString> kept(series.begin(), series.end());
    const QSet<qint64> kept_runs(runs.begin(), runs.end());
    curves_.removeIf([&](const QHash<QString, RunCurves>::iterator& each) { return !kept.contains(each.key()); });
    for (RunCurves& curves : curves_) {
        curves.removeIf([&](const RunCurves::iterator& each) { return !kept_runs.contains(each.key()); });
    }
    reading_ = !file_.isEmpty(); // until the reading thread says otherwise
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, series, runs] {
            if (worker->reading() != nullptr) {
                worker->reading()->want(series, runs);
                worker->lookAndTell();
            }
        },
        Qt::QueuedConnection);
}

void RunFeed::wantClocks(bool wanted) {
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, wanted] {
            if (worker->reading() != nullptr) {
                worker->reading()->wantClocks(wanted);
                worker->look();
            }
        },
        Qt::QueuedConnection);
}

void RunFeed::lookAt(std::optional<std::pair<qint64, qint64>> steps) {
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, steps] {
            if (worker->reading() != nullptr) {
                worker->reading()->lookAt(steps);
                worker->look();
            }
        },
        Qt::QueuedConnection);
}

void RunFeed::post(std::function<void(RunReader&)> work, std::function<void(QString)> failure) {
    QMetaObject::invokeMethod(
        worker_,
        [worker = worker_, work = std::move(work), failure = std::move(failure)] { worker->run(work, failure); },
        Qt::QueuedConnection);
}

void RunFeed::edit(std::function<void(RunEditor&)> change) {
    const std::string file = file_.toStdString();
    post(
        [file, change = std::move(change)](RunReader&) {
            RunEditor editor(file);
            change(editor);
        },
        [this](const QString& message) { emit failed(message); });
}

void RunFeed::setPaused(bool paused) {
    if (paused_ == paused) {
        return;
    }
    paused_ = paused;
    points_at_pause_ = points_seen_;
    held_back_ = 0;
    if (!paused) {
        FeedUpdate held = std::exchange(pending_, {});
        for (auto each = pending_curves_.cbegin(); each != pending_curves_.cend(); ++each) {
            held.curves.push_back({each.key(), *each});
        }
        for (auto each = pending_clocks_.cbegin(); each != pending_clocks_.cend(); ++each) {
            held.clocks.push_back({each.key(), *each});
        }
        pending_curves_.clear();
        pending_clocks_.clear();
        apply(held);
    }
    emit stateChanged();
}

void RunFeed::take(const FeedUpdate& update, quint64 opening) {
    if (opening != opening_) {
        return; // of the file before
    }
    reading_ = update.more;
    if (update.runs) {
        points_seen_ = update.new_points;
        if (update.seconds_behind >= 0) {
            seconds_behind_ = update.seconds_behind;
        }
    }
    // What a person newly asks to see is shown even while the view is frozen.
    if (!paused_) {
        apply(update);
    } else {
        held_back_ = points_seen_ - points_at_pause_;
        FeedUpdate fresh;
        pending_.runs = update.runs ? update.runs : pending_.runs;
        pending_.names = update.names ? update.names : pending_.names;
        for (const CurveUpdate& each : update.curves) {
            if (curves_.value(each.key.name).contains(each.key.run)) {
                pending_curves_.insert(each.key, each.curve);
            } else {
                fresh.curves.push_back(each);
            }
        }
        for (const ClockUpdate& each : update.clocks) {
            if (clocks_.contains(each.run)) {
                pending_clocks_.insert(each.run, each.clock);
            } else {
                fresh.clocks.push_back(each);
            }
        }
        apply(fresh);
    }
    emit stateChanged();
}

void RunFeed::apply(const FeedUpdate& update) {
    QSet<qint64> touched;
    QSet<QString> series;
    for (const CurveUpdate& each : update.curves) {
        curves_[each.key.name].insert(each.key.run, each.curve);
        touched.insert(each.key.run);
        series.insert(each.key.name);
    }
    for (const ClockUpdate& each : update.clocks) {
        clocks_.insert(each.run, each.clock);
    }
    if (update.names) {
        names_ = update.names;
    }
    if (update.runs) {
        runs_ = {.list = update.runs, .places = {}};
        runs_.places.reserve(static_cast<qsizetype>(update.runs->size()));
        for (std::size_t i = 0; i < update.runs->size(); ++i) {
            runs_.places.insert((*update.runs)[i].id, i);
        }
        emit runsChanged();
    }
    if (!touched.isEmpty()) {
        emit curvesChanged(touched, series);
    }
    if (!update.clocks.empty()) {
        emit clocksChanged();
    }
}

} // namespace fulgurite
