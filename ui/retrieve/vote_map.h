// SPDX-License-Identifier: GPL-3.0-or-later
// Which head votes for which document: heads down, documents in the order of the ranking across, brightness the
// rank in the head's list, width of the bar at right the head's score. Where the collection has labels, heads stand
// in groups by the label that each separates best.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/charts/plot_view.h"
#include "ui/retrieve/retrieve_session.h"

namespace fulgurite {

class VoteMap : public PlotView {
    Q_OBJECT

  public:
    VoteMap(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    void setStatistics(std::shared_ptr<const client::HeadStatistics> statistics);
    TableTwin table() const override;
    QSize sizeHint() const override { return {330, 280}; }
    QSize minimumSizeHint() const override { return {200, 120}; }
    QString currentText() const; // "head 17 × Mary Celeste: rank 1, vote 1.63"

  signals:
    void currentChanged();
    void openWanted(); // Enter: the selected hit

  protected:
    void paintPlot(QPainter& painter) override;
    void paintMarks(QPainter& painter) override;
    QString valueAt(QPointF data) const override;
    void clicked(QPointF data, Qt::KeyboardModifiers) override;
    bool walk(QKeyEvent* event) override;
    std::optional<QPointF> walkPoint() const override;

  private:
    struct Group {
        QString label;
        int first = 0;
        int count = 0;
    };
    void rebuild();
    void arrange(); // rows_ and groups_
    const RankColumn* ranking() const;
    int documents() const { return static_cast<int>(columns_.size()); }
    int rowOf(int head) const;
    QString cellText(int row, int column) const;
    void choose(int row, int column);

    RetrieveSession& session_;
    std::shared_ptr<const client::HeadStatistics> statistics_;
    std::vector<int> rows_; // heads from top to bottom
    std::vector<Group> groups_;
    std::vector<std::int32_t> columns_; // documents from left to right
    std::vector<int> ranks_;            // [rows, columns]; -1: not among the head's nearest
};

} // namespace fulgurite
