// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/evaluation_model.h"

#include "ui/base/theme_manager.h"
#include "ui/charts/scales.h"
#include "ui/retrieve/strategies.h"

#include <QIcon>
#include <QLocale>
#include <QPainter>
#include <QPixmap>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace fulgurite {
namespace {

QString ratio(double value) {
    return QLocale().toString(value, 'f', 2);
}

QString gainText(double value) {
    return (value < 0 ? QStringLiteral("−") : QStringLiteral("+")) + ratio(std::abs(value));
}

const client::Interval* find(const std::map<std::string, client::Interval>& intervals, const QString& metric) {
    const auto found = intervals.find(metric.toStdString());
    return found == intervals.end() ? nullptr : &found->second;
}

QString chance(double p) {
    return std::isnan(p) ? QStringLiteral("–")
           : p < 0.001   ? QStringLiteral("< 0.001")
                         : QLocale().toString(p, 'g', 2);
}

} // namespace

QString metricTitle(const QString& metric) {
    static const std::array<std::pair<const char*, const char*>, 7> kTitles{{
        {"success_ratio", QT_TRANSLATE_NOOP("fulgurite", "Success")},
        {"category_success_ratio", QT_TRANSLATE_NOOP("fulgurite", "Category")},
        {"weighted", QT_TRANSLATE_NOOP("fulgurite", "Weighted")},
        {"success", QT_TRANSLATE_NOOP("fulgurite", "All found")},
        {"category_success", QT_TRANSLATE_NOOP("fulgurite", "All categories")},
        {"recall", QT_TRANSLATE_NOOP("fulgurite", "Recall")},
        {"ndcg", QT_TRANSLATE_NOOP("fulgurite", "nDCG")},
    }};
    for (const auto& [id, title] : kTitles) {
        if (metric == QLatin1String(id)) {
            return QCoreApplication::translate("fulgurite", title);
        }
    }
    return metric;
}

EvaluationModel::EvaluationModel(ThemeManager& themes, QObject* parent)
    : QAbstractTableModel(parent), themes_(themes) {
    connect(&themes, &ThemeManager::changed, this, [this] { emit dataChanged({}, {}); });
}

void EvaluationModel::setEvaluation(std::shared_ptr<const client::Evaluation> evaluation) {
    beginResetModel();
    evaluation_ = std::move(evaluation);
    if (evaluation_ && !evaluation_->metrics.empty() &&
        std::find(evaluation_->metrics.begin(), evaluation_->metrics.end(), metric_.toStdString()) ==
            evaluation_->metrics.end()) {
        metric_ = QString::fromStdString(evaluation_->metrics.front());
    }
    choose();
    endResetModel();
}

void EvaluationModel::setMetric(const QString& metric) {
    beginResetModel();
    metric_ = metric;
    endResetModel();
}

void EvaluationModel::setAspects(int aspects) {
    beginResetModel();
    wanted_ = aspects;
    choose();
    endResetModel();
}

void EvaluationModel::choose() {
    rows_.clear();
    aspects_ = 0;
    if (!evaluation_) {
        return;
    }
    int nearest = 1 << 20;
    for (const client::EvaluationRow& row : evaluation_->rows) {
        const int away = std::abs(static_cast<int>(row.aspects) - wanted_);
        if (away < nearest) {
            nearest = away;
            aspects_ = static_cast<int>(row.aspects);
        }
    }
    for (const client::EvaluationRow& row : evaluation_->rows) {
        if (static_cast<int>(row.aspects) == aspects_) {
            rows_.push_back(&row);
        }
    }
}

std::size_t EvaluationModel::judgedAt() const {
    return rows_.empty() ? 0 : rows_.front()->k;
}

std::size_t EvaluationModel::queries() const {
    return rows_.empty() ? 0 : rows_.front()->queries;
}

int EvaluationModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant EvaluationModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    const client::EvaluationRow& row = this->row(index.row());
    const StrategyInfo& info = strategyInfo(QString::fromStdString(row.strategy));
    if (role == Qt::DecorationRole && index.column() == kStrategy) {
        QPixmap mark(QSize(12, 12) * 2);
        mark.setDevicePixelRatio(2);
        mark.fill(Qt::transparent);
        QPainter painter(&mark);
        paintMark(painter, {6, 6}, 9, info.mark, themes_.color(info.role));
        painter.end();
        return QIcon(mark);
    }
    if (role == Qt::TextAlignmentRole) {
        return static_cast<int>((index.column() == kStrategy ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
    if (role == Qt::FontRole && index.column() == kMean) {
        return themes_.uiFont(12, QFont::DemiBold);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    const client::Interval* mean = find(row.metrics, metric_);
    const client::Interval* gain = find(row.gains, metric_);
    const auto p = row.p.find(metric_.toStdString());
    switch (index.column()) {
    case kStrategy:
        return info.title;
    case kMean:
        return mean == nullptr ? QStringLiteral("–") : ratio(mean->mean);
    case kInterval:
        return mean == nullptr ? QStringLiteral("–") : tr("%1 to %2").arg(ratio(mean->low), ratio(mean->high));
    case kGain:
        return gain == nullptr ? QStringLiteral("–") : gainText(gain->mean);
    case kGainInterval:
        return gain == nullptr ? QStringLiteral("–")
                               : tr("%1 to %2").arg(gainText(gain->low), gainText(gain->high));
    case kP:
        return p == row.p.end() ? QStringLiteral("–") : chance(p->second);
    default:
        return {};
    }
}

QVariant EvaluationModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return static_cast<int>((section == kStrategy ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
    case kStrategy:
        return rows_.empty() ? tr("strategy")
                             : tr("%1 aspects, k = %2").arg(aspects_).arg(static_cast<int>(judgedAt()));
    case kMean:
        return tr("mean");
    case kInterval:
        return tr("95 % interval");
    case kGain:
        return tr("over Standard");
    case kGainInterval:
        return tr("95 % of the gain");
    default:
        return tr("p");
    }
}

TableTwin EvaluationModel::twin() const {
    QStringList columns{tr("record"), tr("strategy"), tr("aspects"), tr("k"), tr("queries")};
    std::vector<std::string> metrics;
    if (evaluation_) {
        metrics = evaluation_->metrics;
    }
    for (const std::string& metric : metrics) {
        const QString title = metricTitle(QString::fromStdString(metric));
        columns << title << tr("%1, low").arg(title) << tr("%1, high").arg(title) << tr("%1, gain").arg(title)
                << tr("%1, gain low").arg(title) << tr("%1, gain high").arg(title) << tr("%1, p").arg(title);
    }
    return {.title = tr("Evaluation"),
            .columns = columns,
            .rows = evaluation_ ? static_cast<int>(evaluation_->rows.size()) : 0,
            .cell = [evaluation = evaluation_, metrics](int row, int column) -> QVariant {
                const client::EvaluationRow& each = evaluation->rows[static_cast<std::size_t>(row)];
                switch (column) {
                case 0:
                    return QString::fromStdString(evaluation->record);
                case 1:
                    return strategyInfo(QString::fromStdString(each.strategy)).title;
                case 2:
                    return static_cast<int>(each.aspects);
                case 3:
                    return static_cast<int>(each.k);
                case 4:
                    return static_cast<int>(each.queries);
                default:
                    break;
                }
                const QString metric = QString::fromStdString(metrics[static_cast<std::size_t>(column - 5) / 7]);
                const int what = (column - 5) % 7;
                if (what == 6) {
                    const auto p = each.p.find(metric.toStdString());
                    return p == each.p.end() || std::isnan(p->second) ? QVariant() : QVariant(p->second);
                }
                const client::Interval* of = find(what < 3 ? each.metrics : each.gains, metric);
                if (of == nullptr) {
                    return {};
                }
                return what % 3 == 0 ? of->mean : what % 3 == 1 ? of->low : of->high;
            },
            .current = -1};
}

} // namespace fulgurite
