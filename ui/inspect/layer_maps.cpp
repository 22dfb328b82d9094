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
#include <bit>
#include <cmath>
#include <utility>

namespace fulgurite {
namespace {

constexpr int kLabel = 17;              // pixels under a picture
constexpr std::size_t kSide = 256;      // cells at most
constexpr std::size_t kKnownLayers = 8; // 16 MB each where a layer has 64 heads

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
        [maps = maps_, theme = themes().theme(), shrink = shrink_] {
            std::vector<QImage> images;
            for (const capture::AttentionTile& tile : *maps) {
                // A style for each head: their scales differ by orders of magnitude.
                const MapStyle style = mapStyle(theme, tile.kind, usualMagnitude(tile), 0);
                images.push_back(mapImage(shrink > 1 ? pooledBy(tile, shrink) : tile, style));
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
    // Smoothing would pale a spike and skipping lose it: the largest of the cells under a pixel stays.
    const std::size_t cells = heads > 0 ? std::max(maps_->front().rows, maps_->front().cols) : 1;
    const double pixels = std::max(4.0, best) * devicePixelRatioF();
    const std::size_t shrink =
        std::bit_ceil(static_cast<std::size_t>(std::ceil(static_cast<double>(cells) / pixels)));
    if (shrink != shrink_) {
        shrink_ = shrink;
        makeImages();
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
        const double cells = static_cast<double>(tokens_) / static_cast<double>(tile.pool * shrink_);
        painter.drawImage(box, images_[i],
                          QRectF(0, 0, std::min<double>(cells, images_[i].width()),
                                 std::min<double>(cells, images_[i].height())));
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
    leaveExact();
    layer_.reset();
    tiles_.clear();
    known_.clear();
    exact_ = source() ? &ExactMaps::of(*source()) : nullptr;
    if (exact_) {
        connect(exact_, &ExactMaps::arrived, this, &LayerMapsView::refine);
        connect(exact_, &ExactMaps::failed, this, &LayerMapsView::showError);
    }
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

void LayerMapsView::leaveExact() {
    if (exact_) {
        exact_->want(this, {});
        disconnect(exact_, nullptr, this, nullptr);
    }
}

void LayerMapsView::showEvent(QShowEvent* event) {
    InspectView::showEvent(event);
    askMaps();
    refine();
}

void LayerMapsView::hideEvent(QHideEvent* event) {
    InspectView::hideEvent(event);
    if (exact_) {
        exact_->want(this, {});
    }
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
    if (const auto known = known_.find(layer); known != known_.end()) {
        ++question_;
        takeMaps(known->second);
        return;
    }
    tiles_.clear();
    maps_->waitForMaps();
    source()->thumbnails(layer, kSide, answer<Tiles>(question_, [this](const Tiles& tiles) { takeMaps(tiles); }));
}

void LayerMapsView::takeMaps(const Tiles& tiles) {
    tiles_ = tiles;
    maps_->setMaps(std::make_shared<const Tiles>(tiles_), source()->info().tokens);
    showNote();
    refine();
}

std::vector<MapArea> LayerMapsView::sampledAreas() const {
    std::vector<MapArea> areas;
    for (const capture::AttentionTile& tile : tiles_) {
        if (tile.row_step > 1) {
            const std::size_t tokens = source()->info().tokens;
            areas.push_back({tile.head, tile.pool, 0, tokens, 0, tokens});
        }
    }
    return areas;
}

// One head after another becomes exact; each is then kept, and its blocks may go.
void LayerMapsView::refine() {
    if (!exact_ || !source() || !isVisible()) {
        return;
    }
    const std::vector<MapArea> areas = sampledAreas();
    exact_->want(this, areas);
    showNote();
    if (areas.empty() && layer_ && !tiles_.empty()) {
        if (known_.size() >= kKnownLayers) {
            known_.erase(known_.begin());
        }
        known_[*layer_] = tiles_;
    }
    const auto ready = std::find_if(areas.begin(), areas.end(),
                                    [this](const MapArea& area) { return exact_->progress({area}).complete(); });
    if (ready == areas.end() || std::exchange(refining_, true)) {
        return;
    }
    const auto sampled =
        std::find_if(tiles_.begin(), tiles_.end(), [&](const auto& tile) { return tile.head == ready->head; });
    inBackground(
        this,
        [blocks = exact_->blocks(*ready), tile = *sampled]() mutable {
            mergeInto(tile, blocks);
            tile.row_step = 1;
            tile.provenance = capture::Provenance::Recomputed;
            return tile;
        },
        [this, mine = question_](const capture::AttentionTile& exact) {
            refining_ = false;
            for (capture::AttentionTile& tile : tiles_) {
                if (mine == question_ && tile.head == exact.head) {
                    tile = exact;
                    maps_->setMaps(std::make_shared<const Tiles>(tiles_), source()->info().tokens);
                }
            }
            refine();
        });
}

void LayerMapsView::showNote() {
    if (tiles_.empty()) {
        note_->clear();
        return;
    }
    const std::size_t pool = tiles_.front().pool;
    QString note = pool > 1 ? tr("cell = largest of %1 × %1 tokens").arg(pool) : tr("one cell a pair of tokens");
    if (const std::vector<MapArea> areas = sampledAreas(); !areas.empty()) {
        const auto sampled = std::max_element(tiles_.begin(), tiles_.end(),
                                              [](const auto& a, const auto& b) { return a.row_step < b.row_step; });
        note += tr(": %1 of %2 heads exact, the rest every %3th query row")
                    .arg(tiles_.size() - areas.size())
                    .arg(tiles_.size())
                    .arg(sampled->row_step);
        if (const auto progress = exact_->progress(areas); progress.seconds > 0) {
            note += tr(", %1 left").arg(secondsText(progress.seconds));
        }
    }
    note_->setText(note + tr(" · each on its own scale"));
}

} // namespace fulgurite
