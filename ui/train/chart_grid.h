// SPDX-License-Identifier: GPL-3.0-or-later
// The charts side by side: which there are, what each of them needs of the runs file, and their places. The first
// one is four cells large; any one can take the whole room.
#pragma once

#include "ui/train/alerts.h"
#include "ui/train/chart_link.h"
#include "ui/train/curve_chart.h"
#include "ui/train/run_board.h"

#include <QScrollArea>
#include <QTimer>

class QFrame;

namespace fulgurite {

class ChartGrid : public QScrollArea {
    Q_OBJECT

  public:
    ChartGrid(ThemeManager& themes, RunBoard& board, QWidget* parent = nullptr);

    ChartLink& link() { return link_; }
    CurveChart* chart(const QString& id) const; // null: not shown
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
        QFrame* frame = nullptr;
        CurveChart* chart = nullptr;
        QStringList series; // that the spec chooses among what there is
        bool building = false;
        bool dirty = true;
    };

    QStringList drawnNames() const;
    void followNames();
    void placeCharts();
    Entry makeEntry(const ChartSpec& spec);
    void want();
    void markDirty();
    void buildScenes();
    void build(Entry& entry);
    SceneInput inputOf(const Entry& entry, const std::vector<RunGroup>& groups) const;
    GroupInput groupInput(const RunGroup& group, const QString& series, const ChartSpec& spec) const;
    std::vector<ReferenceLine> referencesOf(const Entry& entry, const std::vector<RunGroup>& groups) const;
    QString missingText(const Entry& entry, const std::vector<RunGroup>& groups) const;
    void followZoom();
    void followExtent();
    void openRollouts(const CurveChart& chart, qint64 run, double place);

    ThemeManager& themes_;
    RunBoard& board_;
    ChartLink link_;
    QWidget* body_;
    std::vector<std::shared_ptr<Entry>> entries_;
    QStringList added_;
    QStringList removed_;
    QString enlarged_;
    QStringList names_;     // of the drawn runs
    QStringList all_names_; // of all
    int paper_figure_ = 2;
    std::vector<AlertRule> alerts_;
    QTimer build_timer_;
    QTimer want_timer_;
    std::vector<CurveKey> wanted_;
    std::optional<std::pair<qint64, qint64>> looked_at_; // steps that were asked for closer
};

// Updates of one batch of rollouts by a run's configuration, under the names that trainers give it; unset: not
// known.
std::optional<double> updatesPerBatch(const RunInfo& run);

} // namespace fulgurite
