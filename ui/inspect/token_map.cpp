// SPDX-License-Identifier: GPL-3.0-or-later
// What is visible, fetching it, keys and values; token_map_paint.cpp draws.
#include "ui/inspect/token_map.h"

#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/inspection_source.h"
#include "ui/prompt/tint.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMenu>

#include <algorithm>
#include <bit>
#include <cmath>

namespace fulgurite {
namespace {

constexpr std::size_t kOverviewCells = 46; // no more than its pixels, so that each is seen
constexpr double kMostContrast = 4096;

} // namespace

TokenMap::TokenMap(ThemeManager& themes, CapturedTexts& texts, QWidget* parent)
    : PlotView(themes, tr("Map of the head"), parent), texts_(texts) {
    setMargins({kMapEdge + kMapGutter, 4, kMapEdge, 4});
    connect(&tiles_, &MapTiles::arrived, this, &TokenMap::tileArrived);
    connect(&tiles_, &MapTiles::failed, this, [this](const Error& error) {
        setBusy(false);
        emit failed(error);
    });
    connect(this, &PlotView::rangeChanged, this, &TokenMap::wantVisible);
    connect(&themes, &ThemeManager::changed, this, &TokenMap::restyle);
}

QSize TokenMap::sizeHint() const {
    return {themes().scaled(530), themes().scaled(110)};
}

void TokenMap::setSource(InspectionSource* source) {
    if (exact_) {
        exact_->want(this, {});
        disconnect(exact_, nullptr, this, nullptr);
    }
    source_ = source;
    exact_ = source ? &ExactMaps::of(*source) : nullptr;
    if (exact_) {
        connect(exact_, &ExactMaps::arrived, this, &TokenMap::refineOverview);
        connect(exact_, &ExactMaps::arrived, this, &TokenMap::coverageChanged);
    }
    tiles_.setSource(source);
    tokens_ = source ? source->info().tokens : 0;
    head_.reset();
    shown_.reset();
    overview_ = {};
    overview_data_.reset();
    setBusy(false);
    const double side = static_cast<double>(std::max<std::size_t>(tokens_, 1));
    setFullRange({0, 0, side, side});
    invalidatePlot();
}

void TokenMap::setHead(capture::HeadRef head, LayerKind kind) {
    if (head == head_) {
        return;
    }
    head_ = head;
    kind_ = kind;
    most_ = kind == LayerKind::Softmax ? 1 : 0;
    range_ = 0;
    restyle();
    askOverview();
}

void TokenMap::setSelection(std::optional<std::size_t> query, std::optional<std::size_t> source) {
    const bool moved = query != query_;
    query_ = query;
    source_token_ = source;
    if (moved) {
        placeRows();
    }
    update();
}

void TokenMap::setFollowing(bool following) {
    following_ = following;
    placeRows();
    invalidatePlot();
}

void TokenMap::setColumns(double first, double count) {
    if (std::abs(first - range().left()) < 1e-6 && std::abs(count - range().width()) < 1e-6) {
        return;
    }
    const double rows = count * plotRect().height() / plotRect().width();
    setRange({first, range().bottom() - rows, count, rows});
    placeRows();
}

// Under the tracks the query row is always in sight, at the bottom when it would not be.
void TokenMap::placeRows() {
    if (!following_ || !query_) {
        return;
    }
    const double rows = range().width() * plotRect().height() / plotRect().width();
    const double end = static_cast<double>(*query_) + 1;
    const bool inside = range().top() < end - 1 && end <= range().bottom() && rows == range().height();
    if (!inside) {
        setRange({range().left(), end + std::min(1.0, rows / 8) - rows, range().width(), rows});
    }
}

void TokenMap::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    setLeastSpan({plotRect().width() / 48, plotRect().height() / 48});
    placeRows();
    wantVisible();
}

std::size_t TokenMap::pool() const {
    const double across = range().width() / plotRect().width();
    const double down = range().height() / plotRect().height();
    const double tokens = std::min(across, down) / devicePixelRatioF();
    return std::bit_ceil(static_cast<std::size_t>(std::max(1.0, std::ceil(tokens - 1e-9))));
}

std::vector<MapTileKey> TokenMap::visibleKeys() const {
    std::vector<MapTileKey> keys;
    if (!head_ || tokens_ == 0) {
        return keys;
    }
    const std::size_t cells = pool();
    const double span = static_cast<double>(MapTiles::kSide * cells);
    const auto index = [&](double token) {
        return static_cast<std::size_t>(std::clamp(token, 0.0, static_cast<double>(tokens_) - 1) / span);
    };
    // From the bottom: that is where the query stands.
    for (std::size_t row = index(range().bottom() - 1e-6) + 1; row-- > index(range().top());) {
        for (std::size_t col = index(range().left()); col <= index(range().right() - 1e-6); ++col) {
            if (col <= row) { // all of the others lie beyond the causal edge
                keys.push_back({*head_, cells, row, col});
            }
        }
    }
    return keys;
}

void TokenMap::wantVisible() {
    tiles_.want(visibleKeys());
    setBusy(tiles_.waiting());
    invalidatePlot();
    emit coverageChanged();
}

void TokenMap::tileArrived() {
    double most = most_;
    double usual = 0;
    for (const MapTileKey& key : visibleKeys()) {
        if (const MapTiles::Tile* tile = tiles_.find(key)) {
            shown_ = head_;
            most = std::max(most, static_cast<double>(tile->data->max_abs));
            usual = range_ > 0 ? 0 : std::max(usual, usualMagnitude(*tile->data));
        }
    }
    if (most > most_ || usual > 0) {
        most_ = most;
        // Halves of the largest, so that heads are told apart by round factors.
        range_ = usual > 0 ? most_ / std::exp2(std::max(0.0, std::floor(std::log2(most_ / usual)))) : range_;
        restyle();
        return;
    }
    setBusy(tiles_.waiting());
    invalidatePlot();
    emit coverageChanged();
}

void TokenMap::restyle() {
    tiles_.setStyle(mapStyle(themes().theme(), kind_, colorRange(), ++stamp_));
    if (overview_data_) {
        inBackground(
            this, [data = overview_data_, style = tiles_.style()] { return mapImage(*data, style); },
            [this, stamp = stamp_](QImage image) {
                if (stamp == stamp_) {
                    overview_ = std::move(image);
                    invalidatePlot();
                }
            });
    }
    wantVisible();
}

MapArea TokenMap::overviewArea() const {
    const std::size_t pool = std::bit_ceil((tokens_ + kOverviewCells - 1) / kOverviewCells);
    return {*head_, pool, 0, tokens_, 0, tokens_};
}

void TokenMap::askOverview() {
    overview_ = {};
    overview_data_.reset();
    if (!source_ || tokens_ == 0) {
        return;
    }
    const MapArea area = overviewArea();
    const capture::TileRequest request{.rows = tokens_,
                                       .cols = tokens_,
                                       .row_step = std::clamp<std::size_t>(tokens_ * tokens_ >> 22, 1, area.pool),
                                       .pool = area.pool};
    source_->tile(*head_, request,
                  [self = QPointer(this),
                   mine = ++overview_question_](const client::Outcome<capture::AttentionTile>& outcome) {
                      // Without it the gutter stays empty; what is wrong is told by the visible pieces.
                      if (!self || mine != self->overview_question_ || !outcome.ok()) {
                          return;
                      }
                      self->takeOverview(std::make_shared<const capture::AttentionTile>(outcome.value()));
                      self->refineOverview();
                  });
}

void TokenMap::takeOverview(std::shared_ptr<const capture::AttentionTile> tile) {
    overview_data_ = std::move(tile);
    // Pooling keeps spikes: this is the largest magnitude of the whole map, once the overview is exact.
    most_ = std::max(most_, static_cast<double>(overview_data_->max_abs));
    restyle();
}

// The overview is sampled at first, too; its exact cells are those of the far views.
void TokenMap::refineOverview() {
    if (!exact_ || !head_ || !overview_data_ || overview_data_->row_step == 1) {
        return;
    }
    const MapArea area = overviewArea();
    if (!exact_->progress({area}).complete()) {
        exact_->want(this, isVisible() ? std::vector{area} : std::vector<MapArea>{});
        return;
    }
    exact_->want(this, {});
    inBackground(
        this,
        [blocks = exact_->blocks(area), sampled = overview_data_] {
            auto exact = std::make_shared<capture::AttentionTile>(*sampled);
            mergeInto(*exact, blocks);
            exact->row_step = 1;
            exact->provenance = capture::Provenance::Recomputed;
            return exact;
        },
        [this, mine = overview_question_](std::shared_ptr<capture::AttentionTile> exact) {
            if (mine == overview_question_) {
                takeOverview(std::move(exact));
            }
        });
}

void TokenMap::showEvent(QShowEvent* event) {
    PlotView::showEvent(event);
    wantVisible();
    refineOverview();
}

// Nobody looks: nothing more is worked out.
void TokenMap::hideEvent(QHideEvent* event) {
    PlotView::hideEvent(event);
    tiles_.want({});
    if (exact_) {
        exact_->want(this, {});
    }
}

void TokenMap::scaleColors(double factor) {
    if (most_ > 0) {
        range_ = std::clamp(colorRange() * factor, most_ / kMostContrast, most_);
        restyle();
    }
}

QString TokenMap::coverage() const {
    const std::size_t cells = pool();
    if (cells == 1) {
        return {};
    }
    const QString pooled = tr("cell = largest of %1 × %1 tokens").arg(grouped(static_cast<qint64>(cells)));
    const ExactMaps::Progress exact = tiles_.exactness();
    if (exact.complete()) {
        return pooled;
    }
    const QString done = tr("%1: %2 % exact, the rest every %3th query row")
                             .arg(pooled)
                             .arg(100 * exact.done / exact.total)
                             .arg(MapTiles::rowStep(cells));
    return exact.seconds > 0 ? tr("%1, %2 left").arg(done, secondsText(exact.seconds)) : done;
}

const MapTiles::Tile* TokenMap::tileAt(QPointF at) const {
    if (!shown_ || at.x() < 0 || at.y() < 0) {
        return nullptr;
    }
    const std::size_t cells = pool();
    const double span = static_cast<double>(MapTiles::kSide * cells);
    return tiles_.nearest(
        {*shown_, cells, static_cast<std::size_t>(at.y() / span), static_cast<std::size_t>(at.x() / span)});
}

std::optional<float> TokenMap::cellAt(QPointF at) const {
    const MapTiles::Tile* tile = tileAt(at);
    if (!tile) {
        return {};
    }
    const auto row = (static_cast<std::size_t>(at.y()) - tile->data->first_row) / tile->data->pool;
    const auto col = (static_cast<std::size_t>(at.x()) - tile->data->first_col) / tile->data->pool;
    if (row >= tile->data->rows || col >= tile->data->cols) {
        return {};
    }
    return tile->data->cells[row * tile->data->cols + col];
}

QString TokenMap::valueAt(QPointF at) const {
    if (at.x() < 0 || at.y() < 0 || at.x() >= static_cast<double>(tokens_) ||
        at.y() >= static_cast<double>(tokens_)) {
        return {};
    }
    const auto query = static_cast<std::size_t>(at.y());
    const auto source = static_cast<std::size_t>(at.x());
    const auto name = [this](std::size_t token) {
        return tr("%1 “%2”").arg(grouped(static_cast<qint64>(token)), readableToken(texts_.text(token)));
    };
    const std::optional<float> value = cellAt(at);
    if (source > query && (!value || std::isnan(*value))) {
        return tr("not defined: the source comes after the query");
    }
    const QString pair = tr("query %1\nsource %2").arg(name(query), name(source));
    if (!value) {
        return tr("not computed yet") + u'\n' + pair;
    }
    const QString figure =
        kind_ == LayerKind::Softmax ? QLocale().toString(*value, 'g', 3) : signedText(static_cast<double>(*value));
    const QString how = coverage();
    return figure + u'\n' + pair + (how.isEmpty() ? QString() : u'\n' + how);
}

void TokenMap::clicked(QPointF at, Qt::KeyboardModifiers) {
    if (at.x() >= 0 && at.y() >= 0 && at.y() < static_cast<double>(tokens_) && at.x() < at.y() + 1) {
        emit cellChosen(static_cast<std::size_t>(at.y()), static_cast<std::size_t>(at.x()), false);
    }
}

bool TokenMap::walk(QKeyEvent* event) {
    if (!query_ || tokens_ == 0) {
        return false;
    }
    auto row = static_cast<std::ptrdiff_t>(*query_);
    auto col = static_cast<std::ptrdiff_t>(source_token_.value_or(*query_));
    const auto step = static_cast<std::ptrdiff_t>(pool()) * (event->modifiers() & Qt::ControlModifier ? 10 : 1);
    switch (event->key()) {
    case Qt::Key_Left:
        col -= step;
        break;
    case Qt::Key_Right:
        col += step;
        break;
    case Qt::Key_Up:
        row -= step;
        break;
    case Qt::Key_Down:
        row += step;
        break;
    case Qt::Key_Home:
        col = 0;
        break;
    case Qt::Key_End:
        col = row;
        break;
    case Qt::Key_BracketRight:
        scaleColors(0.5);
        return true;
    case Qt::Key_BracketLeft:
        scaleColors(2);
        return true;
    default:
        return false;
    }
    row = std::clamp(row, std::ptrdiff_t{0}, static_cast<std::ptrdiff_t>(tokens_) - 1);
    col = std::clamp(col, std::ptrdiff_t{0}, row);
    emit cellChosen(static_cast<std::size_t>(row), static_cast<std::size_t>(col), true);
    announce(valueAt({static_cast<double>(col) + 0.5, static_cast<double>(row) + 0.5}));
    return true;
}

void TokenMap::addToMenu(QMenu& menu) {
    menu.addAction(tr("Stronger colours\t]"), this, [this] { scaleColors(0.5); });
    menu.addAction(tr("Weaker colours\t["), this, [this] { scaleColors(2); })->setEnabled(colorRange() < most_);
}

std::optional<QPointF> TokenMap::walkPoint() const {
    if (!query_) {
        return {};
    }
    return QPointF(static_cast<double>(source_token_.value_or(*query_)) + 0.5, static_cast<double>(*query_) + 0.5);
}

TableTwin TokenMap::table() const {
    TableTwin twin;
    twin.title = name();
    // The visible cells, a row of the table for each row of cells.
    const std::size_t cells = pool();
    const auto first = [cells](double token) {
        return static_cast<std::size_t>(std::max(token, 0.0)) / cells * cells;
    };
    const std::size_t top = first(range().top());
    const std::size_t left = first(range().left());
    const auto count = [&](std::size_t from, double to) {
        const double end = std::min(to, static_cast<double>(tokens_));
        return end <= static_cast<double>(from)
                   ? std::size_t{0}
                   : static_cast<std::size_t>(
                         std::ceil((end - static_cast<double>(from)) / static_cast<double>(cells)));
    };
    twin.columns = {tr("query"), tr("text")};
    const std::size_t columns = shown_ ? count(left, range().right()) : 0;
    for (std::size_t i = 0; i < columns; ++i) {
        twin.columns += QString::number(left + i * cells);
    }
    twin.rows = shown_ ? static_cast<int>(count(top, range().bottom())) : 0;
    twin.current = query_ && *query_ >= top ? static_cast<int>((*query_ - top) / cells) : -1;
    std::map<std::pair<std::size_t, std::size_t>, std::shared_ptr<const capture::AttentionTile>> held;
    for (const MapTileKey& key : visibleKeys()) {
        if (const MapTiles::Tile* tile = tiles_.find(key)) {
            held[{key.row, key.col}] = tile->data;
        }
    }
    twin.cell = [held = std::move(held), texts = texts_.snapshot(), cells, top, left](int row,
                                                                                      int column) -> QVariant {
        const std::size_t query = top + static_cast<std::size_t>(row) * cells;
        if (column < 2) {
            return column == 0 ? QVariant(static_cast<qint64>(query)) : QVariant(texts.text(query));
        }
        const std::size_t source = left + static_cast<std::size_t>(column - 2) * cells;
        const std::size_t span = MapTiles::kSide * cells;
        const auto found = held.find({query / span, source / span});
        if (found == held.end()) {
            return {};
        }
        const capture::AttentionTile& tile = *found->second;
        const std::size_t r = (query - tile.first_row) / tile.pool;
        const std::size_t c = (source - tile.first_col) / tile.pool;
        if (r >= tile.rows || c >= tile.cols || std::isnan(tile.cells[r * tile.cols + c])) {
            return {};
        }
        return tile.cells[r * tile.cols + c];
    };
    return twin;
}

} // namespace fulgurite
