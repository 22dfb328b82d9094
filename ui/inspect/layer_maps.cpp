// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/layer_maps.h"

#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/charts/scales.h"
#include "ui/inspect/head_badge.h"
#include "ui/inspect/map_tiles.h"

#include <QKeyEvent>
#include <QLabel>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kLabel = 17; // pixels under a picture
constexpr std::size_t kSide = 160;

} // namespace

LayerMaps::LayerMaps(ThemeManager& themes, QWidget* parent) : PlotView(themes, tr("Maps of the layer"), parent) {
    setMargins({8, 8, 8, 8});
    connect(&themes, &ThemeManager::changed, this, &LayerMaps::makeImages);
}

void LayerMaps::setMaps(std::shared_ptr<const std::vector<capture::AttentionTile>> maps, std::size_t tokens) {
    maps_ = std::move(maps);
    tokens_ = tokens;
    arrange();
    if (maps_) {
        makeImages();
    } else {
        images_.clear();
        setBusy(false);
        invalidatePlot();
    }
}

void LayerMaps::makeImages() {
    if (!maps_) {
        return;
    }
    inBackground(
        this,
        [maps = maps_, theme = themes().theme()] {
            std::vector<QImage> images;
            for (const capture::AttentionTile& tile : *maps) {
                // A style for each head: their scales differ by orders of magnitude.
                images.push_back(mapImage(tile, mapStyle(theme, tile.kind, usualMagnitude(tile), 0)));
            }
            return images;
        },
        [this, stamp = ++stamp_](std::vector<QImage> images) {
            if (stamp == stamp_) {
                images_ = std::move(images);
                setBusy(false);
                invalidatePlot();
            }
        });
}

void LayerMaps::setHead(std::optional<capture::HeadRef> head) {
    head_ = head;
    update();
}

// As many columns as make the pictures largest.
void LayerMaps::arrange() {
    const int heads = static_cast<int>(count());
    const QRectF plot = plotRect();
    double best = 0;
    columns_ = 1;
    for (int columns = 1; columns <= heads; ++columns) {
        const int rows = (heads + columns - 1) / columns;
        const double side = std::min(plot.width() / columns, plot.height() / rows - themes().scaled(kLabel)) - 6;
        if (side > best) {
            best = side;
            columns_ = columns;
        }
    }
    const int rows = heads > 0 ? (heads + columns_ - 1) / columns_ : 1;
    setFullRange({0, 0, static_cast<double>(columns_), static_cast<double>(rows)}, Qt::Orientations());
    invalidatePlot();
}

void LayerMaps::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    arrange();
}

QRectF LayerMaps::cell(int index) const {
    const QPointF corner(index % columns_, index / columns_);
    const QRectF whole(toPixel(corner), toPixel(corner + QPointF(1, 1)));
    const double side = std::max(4.0, std::min(whole.width() - 6, whole.height() - themes().scaled(kLabel) - 6));
    return {std::round(whole.center().x() - side / 2), std::round(whole.top() + 3), std::round(side),
            std::round(side)};
}

void LayerMaps::paintPlot(QPainter& painter) {
    for (std::size_t i = 0; i < images_.size() && i < count(); ++i) {
        const capture::AttentionTile& tile = (*maps_)[i];
        const QRectF box = cell(static_cast<int>(i));
        painter.fillRect(box, themes().color(Role::Grid));
        // Of the picture, what lies inside the text: the last cells may reach over it.
        const double cells = static_cast<double>(tokens_) / static_cast<double>(tile.pool);
        painter.setRenderHint(QPainter::SmoothPixmapTransform, box.width() < cells);
        painter.drawImage(box, images_[i],
                          QRectF(0, 0, std::min(cells, static_cast<double>(tile.cols)),
                                 std::min(cells, static_cast<double>(tile.rows))));
        const double badge = themes().scaled(12);
        const double line = themes().scaled(kLabel);
        paintHeadBadge(painter, QRectF(box.left(), box.bottom() + (line - badge) / 2, badge, badge), tile.kind,
                       themes());
        painter.setFont(themes().uiFont(10.5));
        painter.setPen(themes().color(Role::Muted));
        painter.drawText(QRectF(box.left() + badge + 4, box.bottom(), box.width(), line),
                         Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("H%1").arg(tile.head.head));
    }
}

void LayerMaps::paintMarks(QPainter& painter) {
    for (std::size_t i = 0; head_ && i < count(); ++i) {
        if ((*maps_)[i].head == *head_) {
            painter.setPen(QPen(themes().color(Role::Accent), 2));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(cell(static_cast<int>(i)).adjusted(-2, -2, 2, 2));
        }
    }
}

int LayerMaps::indexAt(QPointF at) const {
    const int index = static_cast<int>(std::floor(at.y())) * columns_ + static_cast<int>(std::floor(at.x()));
    return at.x() >= 0 && at.x() < columns_ && index >= 0 && index < static_cast<int>(count()) ? index : -1;
}

QString LayerMaps::valueAt(QPointF at) const {
    const int index = indexAt(at);
    if (index < 0) {
        return {};
    }
    const capture::AttentionTile& tile = (*maps_)[static_cast<std::size_t>(index)];
    QString text = tr("%1 %2\nlargest %3, full colour from %4")
                       .arg(headText(tile.head), kindName(tile.kind), signedText(tile.max_abs),
                            signedText(usualMagnitude(tile)));
    if (tile.pool > 1) {
        text += u'\n' + tr("cell = largest of %1 × %1 tokens").arg(tile.pool);
    }
    return tile.row_step > 1 ? text + u'\n' + tr("every %1th query row computed").arg(tile.row_step) : text;
}

void LayerMaps::clicked(QPointF at, Qt::KeyboardModifiers) {
    if (const int index = indexAt(at); index >= 0) {
        emit headChosen((*maps_)[static_cast<std::size_t>(index)].head);
    }
}

bool LayerMaps::walk(QKeyEvent* event) {
    int index = -1;
    for (std::size_t i = 0; head_ && i < count(); ++i) {
        if ((*maps_)[i].head == *head_) {
            index = static_cast<int>(i);
        }
    }
    switch (event->key()) {
    case Qt::Key_Left:
        --index;
        break;
    case Qt::Key_Right:
        ++index;
        break;
    case Qt::Key_Up:
        index -= columns_;
        break;
    case Qt::Key_Down:
        index += columns_;
        break;
    case Qt::Key_Home:
        index = 0;
        break;
    case Qt::Key_End:
        index = static_cast<int>(count()) - 1;
        break;
    case Qt::Key_PageUp:
        emit layerStepped(-1);
        return true;
    case Qt::Key_PageDown:
        emit layerStepped(1);
        return true;
    default:
        return false;
    }
    if (index >= 0 && index < static_cast<int>(count())) {
        emit headChosen((*maps_)[static_cast<std::size_t>(index)].head);
        announce(valueAt({index % columns_ + 0.5, index / columns_ + 0.5}));
    }
    return true;
}

TableTwin LayerMaps::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("layer"), tr("head"), tr("kind"), tr("largest magnitude")};
    twin.rows = static_cast<int>(count());
    twin.cell = [maps = maps_](int row, int column) -> QVariant {
        const capture::AttentionTile& tile = (*maps)[static_cast<std::size_t>(row)];
        switch (column) {
        case 0:
            return tile.head.layer;
        case 1:
            return tile.head.head;
        case 2:
            return kindName(tile.kind);
        default:
            return tile.max_abs;
        }
    };
    return twin;
}

LayerMapsView::LayerMapsView(const InspectServices& services)
    : InspectView(services, QStringLiteral("layer-maps"), tr("Maps")),
      maps_(new LayerMaps(services.themes)),
      note_(new QLabel) {
    note_->setProperty("tone", "small");
    addHeaderWidget(note_);
    setContent(maps_);
    connect(maps_, &LayerMaps::headChosen, this,
            [this](capture::HeadRef head) { selection().setHead(head, true); });
    connect(maps_, &LayerMaps::layerStepped, this, [this](int by) {
        const std::vector<int>& layers = source()->info().attention_layers;
        const auto at = std::find(layers.begin(), layers.end(), layer_.value_or(layers.front())) - layers.begin();
        const auto next = std::clamp<std::ptrdiff_t>(at + by, 0, static_cast<std::ptrdiff_t>(layers.size()) - 1);
        capture::HeadRef head = selection().state().head.value_or(capture::HeadRef{});
        head.layer = layers[static_cast<std::size_t>(next)];
        selection().setHead(head, true);
    });
    sourceChanged();
}

void LayerMapsView::sourceChanged() {
    layer_.reset();
    note_->clear();
    setTitleText(title());
    maps_->setMaps(nullptr, 0);
    if (!source()) {
        showMessage({.text = tr("Token × token maps of all heads of a layer: open a capture or take one.")});
    } else if (source()->info().attention_layers.empty()) {
        showNotCaptured(tr("Queries, keys and values"));
    } else {
        showContent();
        askMaps();
    }
}

void LayerMapsView::selectionChanged(const InspectState& now, const InspectState&) {
    maps_->setHead(now.head);
    askMaps();
}

void LayerMapsView::showEvent(QShowEvent* event) {
    InspectView::showEvent(event);
    askMaps();
}

void LayerMapsView::askMaps() {
    if (!source() || !isVisible() || source()->info().attention_layers.empty()) {
        return;
    }
    const std::vector<int>& held = source()->info().attention_layers;
    const InspectState& state = selection().state();
    const int layer = state.head ? state.head->layer : state.layer.value_or(held.front());
    if (layer == layer_) {
        return;
    }
    layer_ = layer;
    maps_->setHead(state.head);
    setTitleText(tr("Maps of layer %1").arg(layer));
    if (std::find(held.begin(), held.end(), layer) == held.end()) {
        note_->clear();
        showNotCaptured(tr("Queries, keys and values of layer %1").arg(layer));
        return;
    }
    showContent();
    maps_->waitForMaps();
    using Tiles = std::vector<capture::AttentionTile>;
    source()->thumbnails(layer, kSide, answer<Tiles>(question_, [this](const Tiles& tiles) {
                             maps_->setMaps(std::make_shared<const Tiles>(tiles), source()->info().tokens);
                             if (!tiles.empty()) {
                                 const std::size_t pool = tiles.front().pool;
                                 QString note = pool > 1 ? tr("cell = largest of %1 × %1 tokens").arg(pool)
                                                         : tr("one cell a pair of tokens");
                                 if (tiles.front().row_step > 1) {
                                     note += tr(", every %1th query row").arg(tiles.front().row_step);
                                 }
                                 note_->setText(note + tr(" · each on its own scale"));
                             }
                         }));
}

} // namespace fulgurite
