// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one runs file on a thread that is not the window's: which runs there are, the curves that charts want, and
// then only what is new. Made and used on that thread; run_feed.h is the window's side.
#pragma once

#include "core/store/runs/run_reader.h"
#include "ui/train/run_data.h"

#include <QElapsedTimer>
#include <QHash>
#include <QSet>

#include <string>
#include <unordered_map>

namespace fulgurite {

// A series that somebody looks at.
struct CurveKey {
    qint64 run = 0;
    QString name; // canonical or raw
    bool operator==(const CurveKey&) const = default;
};
inline size_t qHash(const CurveKey& key, size_t seed = 0) {
    return qHashMulti(seed, key.run, key.name);
}

struct CurveUpdate {
    CurveKey key;
    CurveRef curve;
};
struct ClockUpdate {
    qint64 run = 0;
    ClockRef clock;
};

// What one look at the file brought.
struct FeedUpdate {
    RunList runs;                             // null: unchanged
    std::shared_ptr<const QStringList> names; // of all series of all runs, sorted; null: unchanged
    std::vector<CurveUpdate> curves;
    std::vector<ClockUpdate> clocks;
    qint64 new_points = 0;      // since the file was opened, of all runs, of writers that are at work
    double seconds_behind = -1; // from the newest mark's clock to now; negative: nothing new came
    bool more = false;          // curves are still to be read
};

// Whole series up to this many points; longer ones as columns until a chart zooms in.
inline constexpr qint64 kWholePoints = 20000;
inline constexpr std::size_t kColumns = 4096;

class RunReading {
  public:
    explicit RunReading(const QString& file); // throws Error as RunReader does

    // Each of the series of each of the runs, in the order in which they are to come.
    void want(const QStringList& series, const std::vector<qint64>& runs);
    void wantClocks(bool wanted) { clocks_wanted_ = wanted; }
    // The visible steps: long series are read closer there. Unset: all of them.
    void lookAt(std::optional<std::pair<qint64, qint64>> steps);

    // Works for about `milliseconds`; call again while the update says that there is more.
    FeedUpdate look(int milliseconds);
    RunReader& reader() { return reader_; }

  private:
    struct Held {
        SeriesId series = 0; // 0: this run does not have it (yet)
        qint64 last_step = 0;
        std::size_t appended = 0; // points after the columns of a long series
        CurveRef curve;
        bool stale = true;
    };

    const RunInfo* find(qint64 run) const { return runs_.find(run); }
    void refreshRuns(FeedUpdate& update);
    void followWriters(FeedUpdate& update, const QSet<qint64>& appended, const QSet<qint64>& rewritten);
    void markStale(Held& held);
    RunInfo describe(const RunRecord& record, const RunInfo* before);
    std::shared_ptr<const std::vector<SeriesInfo>> describeSeries(RunId run);
    const QString& nameOf(const std::string& text);
    // False: time is up.
    bool readStale(FeedUpdate& update, const QElapsedTimer& clock, int milliseconds);
    bool readClocks(FeedUpdate& update, const QElapsedTimer& clock, int milliseconds);
    void readWhole(const CurveKey& key, Held& held);
    bool append(const CurveKey& key, Held& held); // true: there was something
    CurveRef columnsOf(const SeriesRecord& series, qint64 from, qint64 to);
    void shareSteps(qint64 run, RunCurve& curve);
    ClockRef readClock(qint64 run);

    RunReader reader_;
    std::unordered_map<std::string, QString> words_; // names of series
    RunLookup runs_;
    bool listed_ = false; // runs_ was read
    qsizetype series_count_ = -1;
    QStringList series_;
    std::vector<qint64> wanted_runs_;
    QHash<CurveKey, Held> held_;
    std::vector<CurveKey> order_;
    std::size_t first_stale_ = 0; // in order_; what lies before is read
    QSet<qint64> clocks_stale_;
    QSet<qint64> clocks_read_;
    QHash<qint64, Steps> last_steps_; // of the run's latest curve: most series share them
    std::optional<std::pair<qint64, qint64>> visible_;
    bool clocks_wanted_ = false;
    bool running_ = false; // some run has a writer
    QElapsedTimer since_refresh_;
    qint64 points_at_open_ = -1;
};

QString textOf(const std::string& text);

} // namespace fulgurite
