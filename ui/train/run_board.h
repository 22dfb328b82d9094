// SPDX-License-Identifier: GPL-3.0-or-later
// What the Train page shows: which runs pass the filter, which of them are drawn, how they are grouped, how each
// looks, and what was chosen for all charts. The one place where that is kept; views listen to it.
#pragma once

#include "ui/train/chart_spec.h"
#include "ui/train/run_feed.h"
#include "ui/train/run_filter.h"

#include <QJsonObject>
#include <QObject>
#include <QSet>

#include <memory>

namespace fulgurite {

struct RunGroup {
    QString key; // value of the field; without grouping the run's id
    QString label;
    int look = 0;
    bool single = false;      // without grouping: one run
    std::vector<qint64> runs; // that pass the filter
};

class RunBoard : public QObject {
    Q_OBJECT

  public:
    explicit RunBoard(RunFeed& feed, QObject* parent = nullptr);

    RunFeed& feed() const { return feed_; }

    // A wrong text leaves the list as it is.
    void setFilter(const QString& text);
    const QString& filterText() const { return filter_text_; }
    const RunFilter& filter() const { return filter_; } // as typed, with its problem
    std::optional<FilterProblem> filterProblem() const;
    const std::vector<qint64>& matching() const { return matching_; }

    void setGroupField(const QString& field); // empty: every run by itself
    const QString& groupField() const { return group_field_; }
    const std::vector<RunGroup>& groups() const { return groups_; }
    const RunGroup* groupOf(qint64 run) const;
    void setLook(const QString& group, std::optional<int> look); // chosen by the person; unset: none
    std::optional<int> chosenLook(const QString& group) const;
    // Runs that are as good as deleted: as if they were not there.
    void setRemoved(const QSet<qint64>& runs);
    const QSet<qint64>& removed() const { return removed_; }

    // Runs whose jobs are halted: of them the file says that they run.
    void setPaused(const QSet<qint64>& runs);
    RunState stateOf(const RunInfo& run) const;

    bool drawn(qint64 run) const { return !hidden_.contains(run); }
    void setDrawn(const std::vector<qint64>& runs, bool drawn);
    // Groups that have drawn runs, with those alone. Worked out once after each change.
    using GroupList = std::shared_ptr<const std::vector<RunGroup>>;
    GroupList drawnGroups() const;
    std::vector<qint64> drawnRuns() const;

    bool selected(qint64 run) const { return selected_.contains(run); }
    const QSet<qint64>& selection() const { return selected_; }
    void select(const QSet<qint64>& runs);
    qint64 current() const { return current_; } // selected last; 0: none
    void setCurrent(qint64 run);

    const ChartSettings& settings() const { return settings_; }
    void setSettings(const ChartSettings& settings);

    QJsonObject save() const;
    void restore(const QJsonObject& state);

  signals:
    void listChanged();  // filter, groups, what runs there are or what is known of them
    void drawnChanged(); // which are drawn, their groups or looks
    void selectionChanged();
    void settingsChanged();

  private:
    void followRuns(bool redraw);
    void arrange();
    const RunInfo& seen(const RunInfo& run, RunInfo& room) const;
    int lookOf(const RunGroup& group, std::size_t index) const;

    RunFeed& feed_;
    QString filter_text_;
    RunFilter filter_;
    RunFilter good_filter_; // the last without a problem
    std::vector<qint64> matching_;
    QString group_field_;
    std::vector<RunGroup> groups_;
    mutable GroupList drawn_groups_; // null: to be worked out
    QHash<qint64, std::size_t> group_of_;
    QHash<QString, int> chosen_looks_;
    QSet<qint64> hidden_;
    QSet<qint64> removed_;
    QSet<qint64> paused_;
    QSet<qint64> selected_;
    qint64 current_ = 0;
    ChartSettings settings_;
};

// Fields whose values differ between groups of runs; a group in which they differ among themselves has several
// values.
struct FieldDifference {
    QString field;
    std::vector<QStringList> values; // of each group, distinct ones, sorted; empty: not set
};
struct ConfigDifferences {
    std::vector<FieldDifference> differing;
    QStringList equal; // "group 8", the others
    int fields = 0;
};
ConfigDifferences configDifferences(const std::vector<std::vector<const RunInfo*>>& groups);
// The names alone, of single runs, of which there may be a thousand. Sorted.
QStringList differingFields(const std::vector<const RunInfo*>& runs);

} // namespace fulgurite
