// SPDX-License-Identifier: GPL-3.0-or-later
// What is in sight, its images, keys and values; routing_timeline_paint.cpp draws.
#include "ui/inspect/routing_timeline.h"

#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/head_badge.h"
#include "ui/prompt/tint.h"

#include <QKeyEvent>
#include <QLocale>
#include <QMenu>

#include <algorithm>
#include <bit>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kUsualTokenPixels = 4; // a token
constexpr double kWidestTokenPixels = 32;
constexpr std::size_t kMostPainting = 2;

} // namespace

RoutingTimeline::RoutingTimeline(ThemeManager& themes, RoutingStore& store, CapturedTexts& texts, QWidget* parent)
    : PlotView(themes, tr("Expert routing"), parent), store_(store), texts_(texts) {
    setMargins({48, 4, 8, 46});
    connect(&store_, &RoutingStore::arrived, this, &RoutingTimeline::startPainting);
    connect(&store_, &RoutingStore::failed, this, [this] { setBusy(false); });
    connect(this, &PlotView::rangeChanged, this, &RoutingTimeline::wantVisible);
    connect(&themes, &ThemeManager::changed, this, [this] {
        look_.palette = ExpertPalette(this->themes().theme(), experts_);
        emit paletteChanged();
        restyle();
    });
}

QSize RoutingTimeline::sizeHint() const {
    return {themes().scaled(900), themes().scaled(200)};
}

void RoutingTimeline::setText(std::size_t tokens, std::vector<LayerKind> layers, int experts) {
    tokens_ = tokens;
    layers_ = std::move(layers);
    experts_ = experts;
    query_.reset();
    source_.reset();
    look_.expert.reset();
    look_.layer.reset();
    look_.palette = ExpertPalette(themes().theme(), experts);
    ++look_.stamp;
    ++generation_;
    tiles_.clear();
    painting_.clear();
    setFullRange({0, 0, static_cast<double>(std::max<std::size_t>(tokens, 1)),
                  static_cast<double>(std::max<std::size_t>(layers_.size(), 1))},
                 Qt::Horizontal);
    emit paletteChanged();
    showEnd();
    wantVisible();
}

void RoutingTimeline::showEnd() {
    const double span = plotRect().width() / kUsualTokenPixels;
    setLeastSpan({plotRect().width() / kWidestTokenPixels, 1});
    setRange({fullRange().right() - span, 0, span, fullRange().height()});
}

void RoutingTimeline::setRank(int rank) {
    if (rank != look_.rank) {
        look_.rank = rank;
        restyle();
    }
}

void RoutingTimeline::setExpert(std::optional<int> expert) {
    if (expert != look_.expert) {
        look_.expert = expert;
        restyle();
    }
}

void RoutingTimeline::setLayer(std::optional<int> layer) {
    if (layer != look_.layer) {
        look_.layer = layer; // the margin line is that of the layer
        restyle();
    }
}

void RoutingTimeline::setLeastWeight(float least) {
    if (least != look_.least) {
        look_.least = least;
        restyle();
    }
}

void RoutingTimeline::setTokens(std::optional<std::size_t> query, std::optional<std::size_t> source) {
    query_ = query;
    source_ = source;
    update();
}

void RoutingTimeline::reveal(std::size_t token) {
    const double at = static_cast<double>(token);
    if (at < range().left() || at + 1 > range().right()) {
        setRange(range().translated(at + 0.5 - range().center().x(), 0));
    }
}

void RoutingTimeline::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    const double width = plotRect().width();
    const double before = std::exchange(last_width_, width);
    if (before <= 1) {
        showEnd();
    } else if (width != before) {
        setLeastSpan({width / kWidestTokenPixels, 1});
        const double span = range().width() * width / before;
        setRange({range().right() - span, 0, span, fullRange().height()});
    }
    wantVisible();
}

std::size_t RoutingTimeline::tokensPerColumn() const {
    // A column of an image is never narrower than a pixel: none is skipped.
    const double tokens = range().width() / plotRect().width();
    return std::bit_ceil(static_cast<std::size_t>(std::max(1.0, std::ceil(tokens - 1e-9))));
}

std::vector<RoutingTimeline::Key> RoutingTimeline::keysInSight(bool ahead) const {
    std::vector<Key> keys;
    if (tokens_ == 0) {
        return keys;
    }
    const std::size_t per_column = tokensPerColumn();
    const auto index = [&](double token) {
        const double inside = std::clamp(token, 0.0, static_cast<double>(tokens_) - 1);
        return static_cast<std::size_t>(inside) / spanOf(per_column);
    };
    const std::size_t first = index(range().left());
    const std::size_t last = index(range().right());
    for (std::size_t i = last + 1; i-- > first;) {
        keys.push_back({per_column, i});
    }
    if (ahead) {
        if (first > 0) {
            keys.push_back({per_column, first - 1});
        }
        if ((last + 1) * spanOf(per_column) < tokens_) {
            keys.push_back({per_column, last + 1});
        }
    }
    return keys;
}

bool RoutingTimeline::complete() const {
    const std::vector<Key> keys = keysInSight(false);
    return std::all_of(keys.begin(), keys.end(), [this](const Key& key) {
        const auto found = tiles_.find(key);
        return found != tiles_.end() && found->second.stamp == look_.stamp;
    });
}

void RoutingTimeline::restyle() {
    ++look_.stamp;
    wantVisible();
}

void RoutingTimeline::wantVisible() {
    std::vector<std::size_t> chunks;
    for (const Key& key : keysInSight(true)) {
        const auto found = tiles_.find(key);
        if (found != tiles_.end() && found->second.stamp == look_.stamp) {
            found->second.used = ++clock_;
            continue;
        }
        const std::size_t first = key.index * spanOf(key);
        const std::size_t last = std::min(first + spanOf(key), tokens_);
        for (std::size_t chunk = first / RoutingStore::kChunk; chunk * RoutingStore::kChunk < last; ++chunk) {
            chunks.push_back(chunk);
        }
    }
    store_.want(chunks);
    startPainting();
    invalidatePlot();
}

void RoutingTimeline::startPainting() {
    for (const Key& key : keysInSight(true)) {
        const auto found = tiles_.find(key);
        if (painting_.size() >= kMostPainting) {
            break;
        }
        if ((found != tiles_.end() && found->second.stamp == look_.stamp) || painting_.contains(key)) {
            continue;
        }
        const std::size_t first = key.index * spanOf(key);
        const std::size_t last = std::min(first + spanOf(key), tokens_);
        std::vector<RoutingChunk> chunks = store_.chunks(first, last);
        if (chunks.empty()) {
            continue;
        }
        painting_.insert(key);
        const std::size_t columns = (last - first + key.per_column - 1) / key.per_column;
        inBackground(
            this,
            [chunks = std::move(chunks), first, columns, per_column = key.per_column, look = look_] {
                return routingStrip(chunks, first, columns, per_column, look);
            },
            [this, key, stamp = look_.stamp, generation = generation_](RoutingStrip strip) {
                if (generation != generation_) {
                    return;
                }
                painting_.erase(key);
                tiles_[key] = Tile{std::move(strip), stamp, ++clock_};
                while (tiles_.size() > kMostTiles) {
                    tiles_.erase(std::min_element(tiles_.begin(), tiles_.end(), [](const auto& a, const auto& b) {
                        return a.second.used < b.second.used;
                    }));
                }
                invalidatePlot();
                startPainting();
            });
    }
    setBusy(!complete());
}

int RoutingTimeline::layerAt(double y) const {
    return std::clamp(static_cast<int>(std::floor(y)), 0, std::max(static_cast<int>(layers_.size()) - 1, 0));
}

std::optional<int> RoutingTimeline::expertAt(std::size_t token, int layer) const {
    const RoutingChunk chunk = store_.chunkOf(token);
    if (!chunk || layer >= chunk->layers) {
        return {};
    }
    const auto base =
        ((token - chunk->first) * static_cast<std::size_t>(chunk->layers) + static_cast<std::size_t>(layer)) *
        static_cast<std::size_t>(chunk->top_k);
    return chunk->experts[base + static_cast<std::size_t>(std::clamp(look_.rank, 0, chunk->top_k - 1))];
}

QString RoutingTimeline::valueAt(QPointF at) const {
    if (at.x() < 0 || at.x() >= static_cast<double>(tokens_) || layers_.empty()) {
        return {};
    }
    const auto token = static_cast<std::size_t>(at.x());
    const int layer = layerAt(at.y());
    QString text = tr("%1 “%2”").arg(grouped(static_cast<qint64>(token)), readableToken(texts_.text(token)));
    const RoutingChunk chunk = store_.chunkOf(token);
    if (!chunk) {
        return text + u'\n' + tr("not read yet");
    }
    text += u'\n' + tr("layer %1, %2").arg(layer).arg(kindName(layers_[static_cast<std::size_t>(layer)]));
    const auto row =
        (token - chunk->first) * static_cast<std::size_t>(chunk->layers) + static_cast<std::size_t>(layer);
    for (int k = 0; k < chunk->top_k; ++k) {
        const auto index = row * static_cast<std::size_t>(chunk->top_k) + static_cast<std::size_t>(k);
        text += u'\n' + tr("expert %1: weight %2")
                            .arg(chunk->experts[index])
                            .arg(QLocale().toString(chunk->weights[index], 'f', 3));
    }
    text += u'\n' + tr("margin %1").arg(QLocale().toString(chunk->margin[row], 'f', 3));
    if (tokensPerColumn() > 1) {
        text += u'\n' + tr("%1 tokens a column: the most frequent expert").arg(tokensPerColumn());
    }
    return text;
}

void RoutingTimeline::clicked(QPointF at, Qt::KeyboardModifiers modifiers) {
    if (at.x() >= 0 && at.x() < static_cast<double>(tokens_) && !layers_.empty()) {
        emit cellChosen(static_cast<std::size_t>(at.x()), layerAt(at.y()), modifiers & Qt::ControlModifier, false);
    }
}

bool RoutingTimeline::walk(QKeyEvent* event) {
    if (tokens_ == 0 || layers_.empty()) {
        return false;
    }
    auto token = static_cast<std::ptrdiff_t>(source_.value_or(query_.value_or(tokens_ - 1)));
    int layer = look_.layer.value_or(0);
    const auto page = static_cast<std::ptrdiff_t>(std::max(range().width() * 0.8, 1.0));
    switch (event->key()) {
    case Qt::Key_Left:
        token -= event->modifiers() & Qt::ControlModifier ? 10 : 1;
        break;
    case Qt::Key_Right:
        token += event->modifiers() & Qt::ControlModifier ? 10 : 1;
        break;
    case Qt::Key_PageUp:
        token -= page;
        break;
    case Qt::Key_PageDown:
        token += page;
        break;
    case Qt::Key_Home:
        token = 0;
        break;
    case Qt::Key_End:
        token = static_cast<std::ptrdiff_t>(tokens_) - 1;
        break;
    case Qt::Key_Up:
        --layer;
        break;
    case Qt::Key_Down:
        ++layer;
        break;
    case Qt::Key_Space:
        emit expertChosen(expertAt(static_cast<std::size_t>(token), layer));
        return true;
    case Qt::Key_Escape:
        if (look_.expert) {
            emit expertChosen({});
        }
        return look_.expert.has_value();
    default:
        return false;
    }
    token = std::clamp(token, std::ptrdiff_t{0}, static_cast<std::ptrdiff_t>(tokens_) - 1);
    layer = std::clamp(layer, 0, static_cast<int>(layers_.size()) - 1);
    emit cellChosen(static_cast<std::size_t>(token), layer, false, true);
    reveal(static_cast<std::size_t>(token));
    announce(valueAt({static_cast<double>(token) + 0.5, layer + 0.5}));
    return true;
}

void RoutingTimeline::addToMenu(QMenu& menu) {
    std::optional<int> expert;
    if (const std::optional<QPointF> at = pointer() ? std::optional(toData(*pointer())) : walkPoint()) {
        if (at->x() >= 0 && at->x() < static_cast<double>(tokens_)) {
            expert = expertAt(static_cast<std::size_t>(at->x()), layerAt(at->y()));
        }
    }
    QAction* only =
        menu.addAction(expert ? tr("Only expert %1\tSpace").arg(*expert) : tr("Only this expert\tSpace"), this,
                       [this, expert] { emit expertChosen(expert); });
    only->setEnabled(expert.has_value());
    menu.addAction(tr("All experts\tEsc"), this, [this] { emit expertChosen({}); })
        ->setEnabled(look_.expert.has_value());
    menu.addAction(tr("Four pixels a token"), this, &RoutingTimeline::showEnd);
}

std::optional<QPointF> RoutingTimeline::walkPoint() const {
    const std::optional<std::size_t> token = source_ ? source_ : query_;
    return token ? std::optional(QPointF(static_cast<double>(*token) + 0.5, look_.layer.value_or(0) + 0.5))
                 : std::nullopt;
}

TableTwin RoutingTimeline::table() const {
    // What is in sight: a row for each token and layer.
    TableTwin twin;
    twin.title = name();
    const auto first = static_cast<std::size_t>(std::max(range().left(), 0.0));
    const auto last = std::min(static_cast<std::size_t>(std::ceil(range().right())), tokens_);
    const std::vector<RoutingChunk> chunks = store_.chunks(first, last);
    twin.columns = {tr("token"), tr("text"), tr("layer")};
    if (chunks.empty()) {
        return twin;
    }
    const int top_k = chunks.front()->top_k;
    const int layers = chunks.front()->layers;
    for (int k = 1; k <= top_k; ++k) {
        twin.columns += {tr("expert %1").arg(k), tr("weight %1").arg(k)};
    }
    twin.columns += tr("margin");
    twin.rows = static_cast<int>(last - first) * layers;
    twin.current =
        source_ && *source_ >= first && *source_ < last ? static_cast<int>(*source_ - first) * layers : 0;
    twin.cell = [chunks, texts = texts_.snapshot(), first, layers, top_k](int row, int column) -> QVariant {
        const std::size_t token = first + static_cast<std::size_t>(row / layers);
        const capture::RoutingSlice& slice = *chunks[token / RoutingStore::kChunk - first / RoutingStore::kChunk];
        const auto at =
            (token - slice.first) * static_cast<std::size_t>(layers) + static_cast<std::size_t>(row % layers);
        if (column < 3) {
            return column == 0   ? QVariant(static_cast<qint64>(token))
                   : column == 1 ? QVariant(texts.text(token))
                                 : QVariant(row % layers);
        }
        const int rank = (column - 3) / 2;
        if (rank == top_k) {
            return slice.margin[at];
        }
        const auto index = at * static_cast<std::size_t>(top_k) + static_cast<std::size_t>(rank);
        return (column - 3) % 2 == 0 ? QVariant(slice.experts[index]) : QVariant(slice.weights[index]);
    };
    return twin;
}

} // namespace fulgurite
