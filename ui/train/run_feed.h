// SPDX-License-Identifier: GPL-3.0-or-later
// A runs file as the window sees it: looked at ten times a second on a thread of its own, which hands over only
// what changed. Pausing freezes what is handed over, not the runs.
#pragma once

#include "core/base/error.h"
#include "core/store/runs/run_editor.h"
#include "ui/train/run_reading.h"

#include <QObject>
#include <QPointer>
#include <QThread>

#include <functional>
#include <memory>

namespace fulgurite {

class FeedWorker;

class RunFeed : public QObject {
    Q_OBJECT

  public:
    explicit RunFeed(QObject* parent = nullptr);
    ~RunFeed() override;

    // Another file takes the place of the open one; opened() or failed() follows.
    void open(const QString& file);
    void close();
    const QString& file() const { return file_; }

    const RunList& runs() const { return runs_.list; }
    const RunInfo* run(qint64 id) const { return runs_.find(id); } // null: no such run
    const RunLookup& lookup() const { return runs_; }
    const QStringList& seriesNames() const { return *names_; } // of all runs, sorted
    // What has no entry was not read yet.
    RunCurves curves(const QString& series) const { return curves_.value(series); }
    CurveRef curve(const CurveKey& key) const { return curves_.value(key.name).value(key.run); }
    const RunClocks& clocks() const { return clocks_; }
    ClockRef clock(qint64 run) const { return clocks_.value(run); }
    bool reading() const { return reading_; } // curves that were asked for are still coming

    // Each of the series of each of the runs, in this order; what was asked for before is forgotten.
    void want(const QStringList& series, const std::vector<qint64>& runs);
    void wantClocks(bool wanted);
    void lookAt(std::optional<std::pair<qint64, qint64>> steps);

    void setPaused(bool paused);
    bool paused() const { return paused_; }
    qint64 heldBack() const { return held_back_; } // points that came since the pause
    double secondsBehind() const { return seconds_behind_; }

    // Asks the file something on the reading thread; `done` runs on the window's thread while `receiver` lives.
    // What went wrong comes as `failed`, or in failed() without one.
    template <class T>
    void ask(QObject* receiver, std::function<T(RunReader&)> work, std::function<void(T)> done,
             std::function<void(QString)> failure = {});
    // Changes something; errors come in failed().
    void edit(std::function<void(RunEditor&)> change);

  signals:
    void opened();
    void failed(const QString& message);
    void runsChanged();
    void curvesChanged(const QSet<qint64>& runs, const QSet<QString>& series);
    void clocksChanged();
    void stateChanged(); // paused, points held back, delay

  private:
    friend class FeedWorker;
    void take(const FeedUpdate& update, quint64 opening);
    void apply(const FeedUpdate& update);
    void post(std::function<void(RunReader&)> work, std::function<void(QString)> failure);

    QString file_;
    quint64 opening_ = 0;
    QThread thread_;
    FeedWorker* worker_; // lives on thread_
    RunLookup runs_;
    std::shared_ptr<const QStringList> names_ = std::make_shared<const QStringList>();
    QHash<QString, RunCurves> curves_; // by series
    RunClocks clocks_;
    bool reading_ = false;
    bool paused_ = false;
    FeedUpdate pending_; // since the pause, but for curves and clocks, of which the latest are kept
    QHash<CurveKey, CurveRef> pending_curves_;
    RunClocks pending_clocks_;
    qint64 points_at_pause_ = 0;
    qint64 points_seen_ = 0;
    qint64 held_back_ = 0;
    double seconds_behind_ = -1;
};

template <class T>
void RunFeed::ask(QObject* receiver, std::function<T(RunReader&)> work, std::function<void(T)> done,
                  std::function<void(QString)> failure) {
    const QPointer<QObject> guard(receiver);
    const QPointer<RunFeed> self(this);
    post(
        [self, guard, work = std::move(work), done = std::move(done)](RunReader& reader) {
            auto result = std::make_shared<T>(work(reader));
            QMetaObject::invokeMethod(
                self,
                [guard, result, done] {
                    if (guard) {
                        done(std::move(*result));
                    }
                },
                Qt::QueuedConnection);
        },
        failure ? std::move(failure) : [self](const QString& message) {
            if (self) {
                emit self->failed(message);
            }
        });
}

} // namespace fulgurite
