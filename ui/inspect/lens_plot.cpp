// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/lens_plot.h"

#include "ui/base/format.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/head_badge.h"
#include "ui/prompt/tint.h"

#include <QKeyEvent>
#include <QLocale>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kReadable = 14; // pixels of a row that still takes words
constexpr double kMostRow = 26;
constexpr int kRankWidth = 64;
constexpr int kKlWidth = 120;
constexpr int kCandidateWidth = 96;

QString textOf(const capture::LensCandidate& candidate) {
    const QString text = QString::fromUtf8(candidate.text.data(), static_cast<qsizetype>(candidate.text.size()));
    return text.isEmpty() ? QStringLiteral("#%1").arg(candidate.id) : readableToken(text);
}

QString probabilityText(float logprob) {
    const double p = std::exp(static_cast<double>(logprob));
    return p < 0.0005 ? QLocale().toString(p, 'e', 0) : QLocale().toString(p, 'f', 3);
}

double mostKl(const capture::LensView& view) {
    double most = 0;
    for (const capture::LensLayer& layer : view.layers) {
        most = std::max(most, static_cast<double>(layer.kl));
    }
    return most;
}

} // namespace

LensPlot::LensPlot(ThemeManager& themes, CapturedTexts& texts, QWidget* parent)
    : PlotView(themes, tr("Lens"), parent), texts_(texts) {
    setMargins({74, 24, 10, 8});
    connect(&texts_, &CapturedTexts::arrived, this, &LensPlot::invalidatePlot);
}

QSize LensPlot::sizeHint() const {
    return {themes().scaled(900), themes().scaled(400)};
}

int LensPlot::fullHeight() const {
    return rows() * themes().scaled(kMostRow) + margins().top() + margins().bottom();
}

void LensPlot::setLayers(std::vector<LayerKind> layers) {
    layers_ = std::move(layers);
    lens_.reset();
    range_of_positions_.clear();
    arrange();
}

void LensPlot::setLens(LensPtr lens) {
    setBusy(!lens && lens_);
    if (lens) {
        lens_ = std::move(lens);
        invalidatePlot();
    }
}

void LensPlot::setPositions(std::vector<LensPtr> range) {
    range_of_positions_ = std::move(range);
    arrange();
}

void LensPlot::setMode(Mode mode) {
    mode_ = mode;
    arrange();
}

void LensPlot::setLayer(std::optional<int> layer) {
    layer_ = layer;
    update();
}

// Rows are never taller than a line needs: few layers stay together at the top.
void LensPlot::arrange() {
    const double columns =
        mode_ == Mode::Positions ? static_cast<double>(std::max<std::size_t>(range_of_positions_.size(), 1)) : 1;
    const double shown = std::max<double>(rows(), plotRect().height() / themes().scaled(kMostRow));
    setFullRange({0, 0, columns, shown}, Qt::Vertical);
    setLeastSpan({1, std::min(shown, 6.0)});
    invalidatePlot();
}

void LensPlot::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    arrange();
}

int LensPlot::rowAt(double y) const {
    const int row = static_cast<int>(std::floor(y));
    return row >= 0 && row < rows() ? row : -1;
}

QRectF LensPlot::rowRect(int row) const {
    const double top = toPixel({0, static_cast<double>(row)}).y();
    return {plotRect().left(), top, plotRect().width(), toPixel({0, row + 1.0}).y() - top};
}

const capture::LensView* LensPlot::viewAt(double x) const {
    if (mode_ == Mode::Candidates) {
        return lens_.get();
    }
    const auto column = static_cast<std::ptrdiff_t>(std::floor(x));
    return column >= 0 && column < static_cast<std::ptrdiff_t>(range_of_positions_.size())
               ? range_of_positions_[static_cast<std::size_t>(column)].get()
               : nullptr;
}

void LensPlot::paintRowNames(QPainter& painter) {
    const double height = rowRect(0).height();
    const int every = std::max(1, static_cast<int>(std::ceil(themes().scaled(13) / height)));
    painter.setFont(themes().uiFont(10.5));
    for (int row = 0; row < rows(); ++row) {
        const QRectF line = rowRect(row);
        if (line.top() < plotRect().top() - 1 || line.bottom() > plotRect().bottom() + 1 ||
            (row % every != 0 && row + 1 != rows())) {
            continue;
        }
        const double badge = std::min<double>(themes().scaled(12), line.height());
        const QRectF text(0, line.center().y() - 8, plotRect().left() - 6, 16);
        painter.setPen(themes().color(Role::Muted));
        if (row == 0) {
            painter.drawText(text, Qt::AlignRight | Qt::AlignVCenter, tr("embedding"));
            continue;
        }
        paintHeadBadge(painter, QRectF(themes().scaled(12), line.center().y() - badge / 2, badge, badge),
                       layers_[static_cast<std::size_t>(row - 1)], themes());
        painter.drawText(text, Qt::AlignRight | Qt::AlignVCenter, QStringLiteral("L%1").arg(row - 1));
    }
}

void LensPlot::paintToken(QPainter& painter, const QRectF& box, const capture::LensCandidate& candidate,
                          bool final_token, bool with_figure) {
    const double p = std::exp(static_cast<double>(candidate.logprob));
    const QRectF inside = box.adjusted(0.5, 0.5, -1.5, -1.5);
    painter.fillRect(inside, themes().theme().mix(Role::Zero, Role::Probability, 0.72 * p));
    if (final_token) {
        painter.setPen(QPen(themes().color(Role::Accent), 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(inside.adjusted(0.5, 0.5, -0.5, -0.5));
    }
    if (box.height() < kReadable) {
        return;
    }
    painter.setPen(themes().color(Role::Text));
    painter.setFont(themes().uiFont(11, final_token ? QFont::DemiBold : QFont::Normal));
    const QString figure = with_figure ? probabilityText(candidate.logprob) : QString();
    const double right = with_figure ? QFontMetricsF(themes().uiFont(10.5)).horizontalAdvance(figure) + 8 : 4;
    const QRectF words = box.adjusted(5, 0, -right, 0);
    painter.drawText(words, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(painter.font()).elidedText(textOf(candidate), Qt::ElideRight, words.width()));
    painter.setFont(themes().uiFont(10.5));
    painter.drawText(box.adjusted(0, 0, -5, 0), Qt::AlignRight | Qt::AlignVCenter, figure);
}

void LensPlot::paintCandidates(QPainter& painter) {
    const QRectF plot = plotRect();
    const double rank_width = themes().scaled(kRankWidth);
    const double kl_width = themes().scaled(kKlWidth);
    const double most = std::max(mostKl(*lens_), 1e-6);
    const capture::LensCandidate* final_token =
        lens_->layers.back().candidates.empty() ? nullptr : &lens_->layers.back().candidates.front();
    const double left = plot.left() + rank_width + kl_width;
    const int columns = std::max(1, static_cast<int>((plot.right() - left) / themes().scaled(kCandidateWidth)));
    painter.setFont(themes().uiFont(11));
    painter.setPen(themes().color(Role::Muted));
    const double top = plot.top() - themes().scaled(20);
    const QRectF names(plot.left(), top, rank_width - 10, themes().scaled(18));
    painter.drawText(names, Qt::AlignRight | Qt::AlignVCenter, tr("final rank"));
    painter.drawText(QRectF(plot.left() + rank_width, top, kl_width, names.height()),
                     Qt::AlignLeft | Qt::AlignVCenter, tr("KL to output, nats"));
    painter.drawText(QRectF(left, top, plot.right() - left, names.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     tr("would say now, by probability"));
    painter.save();
    painter.setClipRect(plot);
    for (int row = 0; row < static_cast<int>(lens_->layers.size()); ++row) {
        const capture::LensLayer& layer = lens_->layers[static_cast<std::size_t>(row)];
        const QRectF line = rowRect(row);
        const bool words = line.height() >= kReadable;
        if (words) {
            painter.setFont(themes().uiFont(11));
            painter.setPen(themes().color(layer.final_rank == 1 ? Role::Text : Role::Muted));
            painter.drawText(QRectF(line.left(), line.top(), rank_width - 10, line.height()),
                             Qt::AlignRight | Qt::AlignVCenter, grouped(layer.final_rank));
        }
        const double figure = words ? themes().scaled(42) : 0;
        const double bar = (kl_width - figure - 10) * std::min(1.0, static_cast<double>(layer.kl) / most);
        painter.fillRect(QRectF(line.left() + rank_width, line.center().y() - std::min(4.0, line.height() / 3),
                                std::max(bar, 1.0), std::min(8.0, line.height() * 2 / 3)),
                         themes().color(Role::Surprise));
        if (words) {
            painter.setPen(themes().color(Role::Muted));
            painter.drawText(QRectF(left - figure - 6, line.top(), figure, line.height()),
                             Qt::AlignRight | Qt::AlignVCenter,
                             QLocale().toString(layer.kl, 'f', layer.kl < 9.995 ? 2 : 1));
        }
        const auto shown = std::min<std::size_t>(layer.candidates.size(), static_cast<std::size_t>(columns));
        const double step = (plot.right() - left) / std::max<double>(static_cast<double>(shown), 1);
        for (std::size_t i = 0; i < shown; ++i) {
            const capture::LensCandidate& candidate = layer.candidates[i];
            paintToken(painter, QRectF(left + static_cast<double>(i) * step, line.top(), step, line.height()),
                       candidate, final_token && candidate.id == final_token->id, true);
        }
    }
    painter.restore();
}

void LensPlot::paintPositions(QPainter& painter) {
    const QRectF plot = plotRect();
    const double step = plot.width() / static_cast<double>(range_of_positions_.size());
    for (std::size_t i = 0; i < range_of_positions_.size(); ++i) {
        const capture::LensView& view = *range_of_positions_[i];
        const QRectF head(plot.left() + static_cast<double>(i) * step, plot.top() - themes().scaled(20), step - 2,
                          themes().scaled(18));
        painter.setFont(themes().uiFont(11, QFont::DemiBold));
        painter.setPen(themes().color(lens_ && view.position == lens_->position ? Role::Accent : Role::Text));
        painter.drawText(head, Qt::AlignCenter,
                         QFontMetricsF(painter.font())
                             .elidedText(readableToken(texts_.text(view.position)), Qt::ElideRight, head.width()));
        painter.save();
        painter.setClipRect(plot);
        const bool any = !view.layers.empty() && !view.layers.back().candidates.empty();
        const TokenId final_id = any ? view.layers.back().candidates.front().id : -1;
        for (int row = 0; row < static_cast<int>(view.layers.size()); ++row) {
            const capture::LensLayer& layer = view.layers[static_cast<std::size_t>(row)];
            if (!layer.candidates.empty()) {
                const QRectF line = rowRect(row);
                paintToken(painter, QRectF(head.left(), line.top(), step, line.height()), layer.candidates.front(),
                           layer.candidates.front().id == final_id, step > themes().scaled(110));
            }
        }
        painter.restore();
    }
}

void LensPlot::paintPlot(QPainter& painter) {
    if (layers_.empty()) {
        return;
    }
    if (mode_ == Mode::Candidates && lens_ && !lens_->layers.empty()) {
        paintCandidates(painter);
        paintRowNames(painter);
    } else if (mode_ == Mode::Positions && !range_of_positions_.empty()) {
        paintPositions(painter);
        paintRowNames(painter);
    }
}

void LensPlot::paintMarks(QPainter& painter) {
    if (layer_ && *layer_ + 1 < rows()) {
        painter.setPen(QPen(themes().color(Role::Focus), 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rowRect(*layer_ + 1).adjusted(-2, 0, 1, -1));
    }
}

QString LensPlot::describe(const capture::LensView& view, int row) const {
    if (row < 0 || row >= static_cast<int>(view.layers.size())) {
        return {};
    }
    const capture::LensLayer& layer = view.layers[static_cast<std::size_t>(row)];
    QString text =
        row == 0 ? tr("embedding")
                 : tr("after layer %1, %2").arg(row - 1).arg(kindName(layers_[static_cast<std::size_t>(row - 1)]));
    text +=
        u'\n' + tr("at token %1 “%2”")
                    .arg(grouped(static_cast<qint64>(view.position)), readableToken(texts_.text(view.position)));
    text += u'\n' + tr("final token at rank %1, KL %2 nats")
                        .arg(grouped(layer.final_rank), QLocale().toString(layer.kl, 'f', 3));
    for (std::size_t i = 0; i < std::min<std::size_t>(layer.candidates.size(), 5); ++i) {
        text +=
            u'\n' + tr("“%1” %2").arg(textOf(layer.candidates[i]), probabilityText(layer.candidates[i].logprob));
    }
    return text;
}

QString LensPlot::valueAt(QPointF at) const {
    const capture::LensView* view = viewAt(at.x());
    return view ? describe(*view, rowAt(at.y())) : QString();
}

void LensPlot::clicked(QPointF at, Qt::KeyboardModifiers) {
    const capture::LensView* view = viewAt(at.x());
    const int row = rowAt(at.y());
    if (!view || row < 0) {
        return;
    }
    if (mode_ == Mode::Positions) {
        emit positionChosen(view->position);
    }
    emit layerChosen(row > 0 ? std::optional(row - 1) : std::nullopt, false);
}

bool LensPlot::walk(QKeyEvent* event) {
    if (!lens_) {
        return false;
    }
    int row = layer_ ? *layer_ + 1 : 0;
    switch (event->key()) {
    case Qt::Key_Up:
        --row;
        break;
    case Qt::Key_Down:
        ++row;
        break;
    case Qt::Key_PageUp:
        row -= 8;
        break;
    case Qt::Key_PageDown:
        row += 8;
        break;
    case Qt::Key_Home:
        row = 0;
        break;
    case Qt::Key_End:
        row = rows() - 1;
        break;
    case Qt::Key_Left:
    case Qt::Key_Right: {
        const auto here = std::find_if(range_of_positions_.begin(), range_of_positions_.end(),
                                       [&](const LensPtr& view) { return view->position == lens_->position; });
        if (here == range_of_positions_.end() ||
            (event->key() == Qt::Key_Left && here == range_of_positions_.begin()) ||
            (event->key() == Qt::Key_Right && here + 1 == range_of_positions_.end())) {
            return true;
        }
        emit positionChosen((*(event->key() == Qt::Key_Left ? here - 1 : here + 1))->position);
        return true;
    }
    default:
        return false;
    }
    row = std::clamp(row, 0, rows() - 1);
    emit layerChosen(row > 0 ? std::optional(row - 1) : std::nullopt, true);
    announce(describe(*lens_, row));
    return true;
}

TableTwin LensPlot::table() const {
    TableTwin twin;
    twin.title = name();
    std::vector<LensPtr> views = mode_ == Mode::Positions ? range_of_positions_ : std::vector<LensPtr>{};
    if (views.empty() && lens_) {
        views = {lens_};
    }
    twin.columns = {tr("token"), tr("layer"), tr("final rank"), tr("KL, nats")};
    if (views.empty()) {
        return twin;
    }
    const auto layers = static_cast<int>(views.front()->layers.size());
    const auto candidates = static_cast<int>(layers > 0 ? views.front()->layers.front().candidates.size() : 0);
    for (int i = 1; i <= candidates; ++i) {
        twin.columns += {tr("candidate %1").arg(i), tr("probability %1").arg(i)};
    }
    twin.rows = static_cast<int>(views.size()) * layers;
    twin.current = layer_ ? *layer_ + 1 : 0;
    twin.cell = [views, layers](int row, int column) -> QVariant {
        const capture::LensView& view = *views[static_cast<std::size_t>(row / layers)];
        const capture::LensLayer& layer = view.layers[static_cast<std::size_t>(row % layers)];
        switch (column) {
        case 0:
            return static_cast<qint64>(view.position);
        case 1:
            return row % layers == 0 ? QVariant(tr("embedding")) : QVariant(row % layers - 1);
        case 2:
            return layer.final_rank;
        case 3:
            return layer.kl;
        default: {
            const auto index = static_cast<std::size_t>((column - 4) / 2);
            if (index >= layer.candidates.size()) {
                return {};
            }
            const capture::LensCandidate& candidate = layer.candidates[index];
            return column % 2 == 0 ? QVariant(textOf(candidate))
                                   : QVariant(std::exp(static_cast<double>(candidate.logprob)));
        }
        }
    };
    return twin;
}

} // namespace fulgurite
