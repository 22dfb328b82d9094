// SPDX-License-Identifier: GPL-3.0-or-later
// An evaluation as a table: at one number of aspects, for each strategy the mean with its interval, the gain over
// the standard vector, and how likely such a gain is by chance.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/charts/table_twin.h"

#include <QAbstractTableModel>

#include <memory>

namespace fulgurite {

class ThemeManager;

// "success_ratio" as people read it.
QString metricTitle(const QString& metric);

class EvaluationModel : public QAbstractTableModel {
    Q_OBJECT

  public:
    enum Column { kStrategy, kMean, kInterval, kGain, kGainInterval, kP, kColumns };

    explicit EvaluationModel(ThemeManager& themes, QObject* parent = nullptr);

    void setEvaluation(std::shared_ptr<const client::Evaluation> evaluation);
    const client::Evaluation* evaluation() const { return evaluation_.get(); }
    void setMetric(const QString& metric);
    const QString& metric() const { return metric_; }
    // The nearest number of aspects that was evaluated is shown.
    void setAspects(int aspects);
    int aspects() const { return aspects_; }
    std::size_t judgedAt() const; // k of the shown rows
    std::size_t queries() const;
    const client::EvaluationRow& row(int row) const { return *rows_[static_cast<std::size_t>(row)]; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : kColumns; }
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    // Every row of the record with all metrics.
    TableTwin twin() const;

  private:
    void choose();

    ThemeManager& themes_;
    std::shared_ptr<const client::Evaluation> evaluation_;
    QString metric_;
    int wanted_ = 0;
    int aspects_ = 0;
    std::vector<const client::EvaluationRow*> rows_; // into evaluation_
};

} // namespace fulgurite
