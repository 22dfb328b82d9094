// SPDX-License-Identifier: GPL-3.0-or-later
// What the plot holds, its keyboard and its words; result_plot_paint.cpp paints it.
#include "ui/retrieve/result_plot.h"

#include "ui/charts/scales.h"
#include "ui/retrieve/strategies.h"

#include <QKeyEvent>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

using retrieval::Figure;

constexpr double kPanelGap = 0.5;  // of a tick's width
constexpr double kLineStep = 0.1;  // between the lines of one tick
constexpr double kTickShare = 0.8; // of a tick that its boxes or bars take

QString numberText(double value, bool count) {
    return tickText(value, count ? 1 : 0.001);
}

} // namespace

ResultPlot::ResultPlot(ThemeManager& themes, QWidget* parent) : PlotView(themes, tr("Plot of results"), parent) {
    setMargins({52, 26, 12, 36});
    setYUp(true);
    setAccessibleDescription(
        tr("Left and Right walk over the numbers of documents, Page Up and Page Down go to another plot."));
}

void ResultPlot::setFigure(std::shared_ptr<const Figure> figure, const QString& source) {
    figure_ = std::move(figure);
    source_ = source;
    columns_.clear();
    lefts_.clear();
    column_ = -1;
    double left = 0;
    if (figure_) {
        setAccessibleName(QString::fromStdString(figure_->title));
        scale_ = rangeOf(*figure_);
        for (std::size_t panel = 0; panel < figure_->panels.size(); ++panel) {
            lefts_.push_back(left);
            const std::size_t ticks = figure_->panels[panel].ticks.size();
            for (std::size_t tick = 0; tick < ticks; ++tick) {
                columns_.push_back({panel, tick, left + static_cast<double>(tick) + 0.5});
            }
            left += static_cast<double>(ticks) + kPanelGap;
        }
        setFullRange({0, scale_.low, std::max(1.0, left - kPanelGap), scale_.high - scale_.low}, Qt::Horizontal);
        setLeastSpan({1, 0});
    }
    invalidatePlot();
}

int ResultPlot::nearestColumn(double x) const {
    int best = -1;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (best < 0 || std::abs(columns_[i].x - x) < std::abs(columns_[static_cast<std::size_t>(best)].x - x)) {
            best = static_cast<int>(i);
        }
    }
    return best;
}

// Lines stand close together, boxes and bars share the tick.
double ResultPlot::beside(std::size_t series, std::size_t count) const {
    const double step = figure_->kind == Figure::Kind::Lines ? kLineStep : kTickShare / static_cast<double>(count);
    return (static_cast<double>(series) - (static_cast<double>(count) - 1) / 2) * step;
}

QString ResultPlot::describe(const Column& column) const {
    const retrieval::FigurePanel& panel = figure_->panels[column.panel];
    const bool count = figure_->kind == Figure::Kind::Bars;
    QString text = tr("%1, %2 = %3")
                       .arg(QString::fromStdString(panel.title), QString::fromStdString(figure_->across),
                            QString::fromStdString(panel.ticks[column.tick]));
    for (const retrieval::FigureSeries& series : panel.series) {
        const retrieval::FigureMark& mark = series.marks[column.tick];
        const QString title = strategyInfo(QString::fromStdString(series.strategy)).title;
        text += tr("\n%1 %2 (%3 to %4)")
                    .arg(title, numberText(mark.mean.mean, count), numberText(mark.mean.low, count),
                         numberText(mark.mean.high, count));
        if (figure_->kind == Figure::Kind::Boxes) {
            text += tr(", median %1, quartiles %2 and %3")
                        .arg(numberText(mark.box.median, false), numberText(mark.box.first, false),
                             numberText(mark.box.third, false));
        }
    }
    return text;
}

QString ResultPlot::valueAt(QPointF data) const {
    const int column = nearestColumn(data.x());
    return column < 0 ? QString() : describe(columns_[static_cast<std::size_t>(column)]);
}

void ResultPlot::clicked(QPointF data, Qt::KeyboardModifiers) {
    column_ = nearestColumn(data.x());
    update();
}

std::optional<QPointF> ResultPlot::walkPoint() const {
    if (column_ < 0) {
        return {};
    }
    return QPointF(columns_[static_cast<std::size_t>(column_)].x, scale_.low);
}

bool ResultPlot::walk(QKeyEvent* event) {
    if (columns_.empty() || event->modifiers() != Qt::NoModifier) {
        return false;
    }
    const int last = static_cast<int>(columns_.size()) - 1;
    switch (event->key()) {
    case Qt::Key_Left:
        column_ = std::max(0, column_ - 1);
        break;
    case Qt::Key_Right:
        column_ = std::min(last, column_ + 1);
        break;
    case Qt::Key_Home:
        column_ = 0;
        break;
    case Qt::Key_End:
        column_ = last;
        break;
    case Qt::Key_PageUp:
        emit stepWanted(-1);
        return true;
    case Qt::Key_PageDown:
        emit stepWanted(1);
        return true;
    default:
        return false;
    }
    const Column& column = columns_[static_cast<std::size_t>(column_)];
    if (column.x < range().left() || column.x > range().right()) {
        panBy({column.x - range().center().x(), 0});
    }
    update();
    announce(describe(column));
    return true;
}

// A row for each mark, the ticks of a panel together.
TableTwin ResultPlot::table() const {
    struct Row {
        std::size_t panel;
        std::size_t tick;
        std::size_t series;
    };
    std::vector<Row> rows;
    int current = -1;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (static_cast<int>(i) == column_) {
            current = static_cast<int>(rows.size());
        }
        for (std::size_t s = 0; s < figure_->panels[columns_[i].panel].series.size(); ++s) {
            rows.push_back({columns_[i].panel, columns_[i].tick, s});
        }
    }
    const QString across = figure_ ? QString::fromStdString(figure_->across) : QString();
    const int count = static_cast<int>(rows.size());
    return {
        .title = name(),
        .columns = {tr("panel"), across, tr("strategy"), tr("queries"), tr("mean"), tr("mean low"), tr("mean high"),
                    tr("low"), tr("first quartile"), tr("median"), tr("third quartile"), tr("high")},
        .rows = count,
        .cell = [figure = figure_, rows = std::move(rows)](int row, int column) -> QVariant {
            const Row& at = rows[static_cast<std::size_t>(row)];
            const retrieval::FigurePanel& panel = figure->panels[at.panel];
            const retrieval::FigureSeries& series = panel.series[at.series];
            const auto& [queries, box, mean] = series.marks[at.tick];
            switch (column) {
            case 0:
                return QString::fromStdString(panel.title);
            case 1:
                return QString::fromStdString(panel.ticks[at.tick]).toInt();
            case 2:
                return QString::fromStdString(series.strategy);
            case 3:
                return static_cast<qint64>(queries);
            default:
                return std::array{mean.mean, mean.low,   mean.high, box.low,
                                  box.first, box.median, box.third, box.high}[static_cast<std::size_t>(column - 4)];
            }
        },
        .current = current};
}

} // namespace fulgurite
