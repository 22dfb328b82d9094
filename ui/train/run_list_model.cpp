// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_list_model.h"

#include "ui/base/format.h"

#include <QLocale>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

// Internal ids: 0 marks a row of the top, n its child in group n − 1.
constexpr quintptr kTop = 0;

QString shortNumber(double value) {
    if (!std::isfinite(value)) {
        return std::isnan(value) ? QStringLiteral("–") : QStringLiteral("∞");
    }
    const double size = std::abs(value);
    return size >= 1e4 ? compactCount(std::llround(value))
                       : QLocale()
                             .toString(value, 'f',
                                       size >= 100  ? 0
                                       : size >= 10 ? 1
                                       : size >= 1  ? 2
                                                    : 3)
                             .replace(u'-', QChar(u'\u2212'));
}

} // namespace

RunListModel::RunListModel(RunBoard& board, QObject* parent) : QAbstractItemModel(parent), board_(board) {
    connect(&board, &RunBoard::listChanged, this, &RunListModel::refresh);
}

void RunListModel::refresh() {
    chooseHeadline();
    std::vector<std::vector<qint64>> shape;
    QStringList keys;
    for (const RunGroup& group : board_.groups()) {
        shape.push_back(group.single ? std::vector<qint64>() : group.runs);
        keys << group.key;
    }
    if (shape != shape_ || keys != keys_) {
        beginResetModel();
        shape_ = std::move(shape);
        keys_ = keys;
        endResetModel();
    } else if (!shape_.empty()) {
        emit dataChanged(index(0, 0), index(static_cast<int>(shape_.size()) - 1, 0));
        for (std::size_t g = 0; g < shape_.size(); ++g) {
            if (!shape_[g].empty()) {
                const QModelIndex top = index(static_cast<int>(g), 0);
                emit dataChanged(index(0, 0, top), index(static_cast<int>(shape_[g].size()) - 1, 0, top));
            }
        }
    }
}

// Held-out accuracy where there is one, else the reward, else the loss.
void RunListModel::chooseHeadline() {
    headline_.clear();
    for (const char* id : {"accuracy", "reward", "eval_loss", "loss"}) {
        for (const ChartSpec& spec : standardCharts()) {
            if (spec.id == QLatin1String(id)) {
                headline_ = chosenSeries(spec, board_.feed().seriesNames()).value(0);
            }
        }
        if (!headline_.isEmpty()) {
            return;
        }
    }
    headline_ = board_.feed().seriesNames().value(0);
}

QString RunListModel::headlineName() const {
    return headline_.startsWith(QLatin1String("eval.")) && headline_ != QLatin1String("eval.loss")
               ? tr("Held-out")
               : headline_.section(u'.', -1).replace(u'_', u' ');
}

QModelIndex RunListModel::index(int row, int column, const QModelIndex& parent) const {
    if (column != 0 || row < 0 || row >= rowCount(parent)) {
        return {};
    }
    return createIndex(row, column, parent.isValid() ? static_cast<quintptr>(parent.row()) + 1 : kTop);
}

QModelIndex RunListModel::parent(const QModelIndex& child) const {
    return !child.isValid() || child.internalId() == kTop
               ? QModelIndex()
               : createIndex(static_cast<int>(child.internalId()) - 1, 0, kTop);
}

int RunListModel::rowCount(const QModelIndex& parent) const {
    if (!parent.isValid()) {
        return static_cast<int>(shape_.size());
    }
    return parent.internalId() == kTop ? static_cast<int>(shape_[static_cast<std::size_t>(parent.row())].size())
                                       : 0;
}

const RunGroup* RunListModel::group(const QModelIndex& index) const {
    if (!index.isValid()) {
        return nullptr;
    }
    const std::size_t g =
        index.internalId() == kTop ? static_cast<std::size_t>(index.row()) : index.internalId() - 1;
    return g < board_.groups().size() ? &board_.groups()[g] : nullptr;
}

std::vector<qint64> RunListModel::runsOf(const QModelIndex& index) const {
    const RunGroup* of = group(index);
    if (of == nullptr) {
        return {};
    }
    if (index.internalId() == kTop) {
        return of->runs;
    }
    const auto row = static_cast<std::size_t>(index.row());
    return row < of->runs.size() ? std::vector<qint64>{of->runs[row]} : std::vector<qint64>();
}

const RunInfo* RunListModel::run(const QModelIndex& index) const {
    const RunGroup* of = group(index);
    if (of == nullptr || (index.internalId() == kTop && !of->single)) {
        return nullptr;
    }
    const std::vector<qint64> runs = runsOf(index);
    return runs.empty() ? nullptr : board_.feed().run(runs.front());
}

QModelIndex RunListModel::indexOfRun(qint64 run) const {
    for (std::size_t g = 0; g < board_.groups().size(); ++g) {
        const RunGroup& group = board_.groups()[g];
        for (std::size_t i = 0; i < group.runs.size(); ++i) {
            if (group.runs[i] == run) {
                const QModelIndex top = index(static_cast<int>(g), 0);
                return group.single ? top : index(static_cast<int>(i), 0, top);
            }
        }
    }
    return {};
}

QString RunListModel::stateText(const RunInfo& run) const {
    switch (board_.stateOf(run)) {
    case RunState::Running:
        return tr("step %1").arg(run.last_step);
    case RunState::Paused:
        return tr("paused at %1").arg(run.last_step);
    case RunState::Stopped:
        return tr("stopped %1").arg(run.last_step);
    case RunState::Failed:
        return tr("failed %1").arg(run.last_step);
    case RunState::Cut:
        return tr("silent at %1").arg(run.last_step);
    case RunState::Deleted:
        return tr("deleted");
    case RunState::Done:
        break;
    }
    return tr("done");
}

QString RunListModel::valueText(const QModelIndex& index) const {
    double sum = 0;
    int count = 0;
    for (const qint64 id : runsOf(index)) {
        const RunInfo* run = board_.feed().run(id);
        const SeriesInfo* series = run != nullptr ? run->find(headline_) : nullptr;
        if (series != nullptr && std::isfinite(series->last)) {
            sum += series->last;
            ++count;
        }
    }
    return count > 0 ? shortNumber(sum / count) : QString();
}

QString RunListModel::spreadText(const QModelIndex& index) const {
    std::vector<double> values;
    double mean = 0;
    for (const qint64 id : runsOf(index)) {
        const RunInfo* run = board_.feed().run(id);
        const SeriesInfo* series = run != nullptr ? run->find(headline_) : nullptr;
        if (series != nullptr && std::isfinite(series->last)) {
            values.push_back(series->last);
            mean += series->last;
        }
    }
    if (values.size() < 2) {
        return {};
    }
    mean /= static_cast<double>(values.size());
    double squares = 0;
    for (const double value : values) {
        squares += (value - mean) * (value - mean);
    }
    return QStringLiteral("± ") + shortNumber(std::sqrt(squares / static_cast<double>(values.size() - 1)));
}

QVariant RunListModel::data(const QModelIndex& index, int role) const {
    const RunGroup* of = group(index);
    if (of == nullptr) {
        return {};
    }
    const RunInfo* info = run(index);
    if (role == Qt::DisplayRole) {
        if (info == nullptr) {
            return of->label;
        }
        return !of->single && info->seed ? tr("seed %1").arg(*info->seed) : info->name;
    }
    if (role == Qt::AccessibleTextRole) {
        return info != nullptr ? QStringLiteral("%1, %2, %3").arg(info->name, stateText(*info), valueText(index))
                               : tr("%1, %2 runs, %3 %4")
                                     .arg(of->label)
                                     .arg(of->runs.size())
                                     .arg(valueText(index), spreadText(index));
    }
    if (role == Qt::ToolTipRole) {
        return info == nullptr
                   ? QVariant()
                   : QVariant(QStringList{info->name, info->project, info->notes}.join(u'\n').trimmed());
    }
    if (role == kRun) {
        return info != nullptr ? info->id : 0;
    }
    if (role == kDrawn || role == Qt::CheckStateRole) {
        const std::vector<qint64> runs = runsOf(index);
        const auto count = std::count_if(runs.begin(), runs.end(), [this](qint64 id) { return board_.drawn(id); });
        return count == 0                                          ? Qt::Unchecked
               : count == static_cast<std::ptrdiff_t>(runs.size()) ? Qt::Checked
                                                                   : Qt::PartiallyChecked;
    }
    return {};
}

bool RunListModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (role != Qt::CheckStateRole || group(index) == nullptr) {
        return false;
    }
    board_.setDrawn(runsOf(index), value.toInt() == Qt::Checked);
    return true;
}

// A view that expands all keeps a persistent index of everything that might have children, and lays each out by itself.
Qt::ItemFlags RunListModel::flags(const QModelIndex& index) const {
    if (!index.isValid()) {
        return Qt::NoItemFlags;
    }
    const Qt::ItemFlags all = Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsUserCheckable;
    const RunGroup* const of = group(index);
    const bool leaf = index.internalId() != kTop || (of != nullptr && of->single);
    return leaf ? all | Qt::ItemNeverHasChildren : all;
}

} // namespace fulgurite
