// SPDX-License-Identifier: GPL-3.0-or-later
// The charts side by side: which there are, what each of them needs of the runs file, and their places. The first
// one is four cells large; any one can take the whole room.
#pragma once

#include "ui/train/alerts.h"
#include "ui/train/chart_link.h"
#include "ui/train/curve_chart.h"
#include "ui/train/run_board.h"
#include "ui/train/scene_source.h"

#include <QElapsedTimer>
#include <QScrollArea>
#include <QTimer>

class QFrame;

namespace fulgurite {

class ChartGrid : public QScrollArea {
    Q_OBJECT

  public:
    ChartGrid(ThemeManager& themes, RunBoard& board, QWidget* parent = nullptr);

    ChartLink& link() { return link_; }
    CurveChart* chart(const QString& id) const; // null: not shown, or not made yet
    QStringList chartIds() const;
    CurveChart* current() const; // with the focus, else the first; null: none

    void addChart(const QString& series); // in front of the others, and lit
    void removeChart(const QString& id);
    const QStringList& added() const { return added_; }
    const QStringList& removed() const { return removed_; }
    void setChosen(const QStringList& added, const QStringList& removed);

    void enlarge(const QString& id); // empty: back to the grid
    const QString& enlarged() const { return enlarged_; }
    // 2 or 4; of the MiniMax-M1 report.
    void setPaperFigure(int figure);
    int paperFigure() const { return paper_figure_; }
    void setAlerts(const std::vector<AlertRule>& rules);

    // Every chart shows what was read, and nothing is still to come.
    bool settled() const;

  signals:
    void rolloutsWanted(qint64 run, qint64 step);
    void updatesFilterWanted(); // runs with more than one update a batch
    void chartsChanged();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    struct Entry {
        ChartSpec spec;
        QFrame* frame = nullptr; // null until it is made, one chart after the other
        CurveChart* chart = nullptr;
        QStringList series; // that the spec chooses among what there is
        bool building = false;
        bool dirty = true;
        bool urgent = true; // a person has asked for something: not to be put off
        QElapsedTimer since_build;
        qint64 build_milliseconds = 0; // that the last took
    };
    using Entries = std::vector<std::shared_ptr<Entry>>;

    QStringList drawnNames() const;
    void followNames();
    void placeCharts();
    std::vector<ChartSpec> wantedCharts() const;
    void makeCharts(std::size_t most); // of those that are missing
    void makeChart(Entry& entry);
    void want();
    void markDirty(); // all of them, at once
    void markDirty(const QSet<QString>& series);
    void buildScenes();
    bool due(const Entry& entry) const;
    void build(Entry& entry);
    SceneSource sourceOf(const Entry& entry) const;
    void followZoom();
    void followExtent();
    void openRollouts(const CurveChart& chart, qint64 run, double place);

    ThemeManager& themes_;
    RunBoard& board_;
    ChartLink link_;
    QWidget* body_;
    Entries entries_;
    QStringList added_;
    QStringList removed_;
    QString enlarged_;
    QStringList names_;     // of the drawn runs
    QStringList all_names_; // of all
    int paper_figure_ = 2;
    std::vector<AlertRule> alerts_;
    QTimer build_timer_;
    QTimer want_timer_;
    QTimer make_timer_;
    QStringList wanted_series_;
    std::vector<qint64> wanted_runs_;
    std::optional<std::pair<qint64, qint64>> looked_at_; // steps that were asked for closer
};

} // namespace fulgurite
