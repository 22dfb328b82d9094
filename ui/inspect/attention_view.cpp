// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/attention_view.h"

#include "core/probe/capture/held_heads.h"
#include "ui/base/background.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/attention_tracks.h"
#include "ui/inspect/head_badge.h"
#include "ui/inspect/segments.h"
#include "ui/inspect/token_map.h"

#include <QLabel>
#include <QSplitter>

namespace fulgurite {

AttentionView::AttentionView(const InspectServices& services)
    : InspectView(services, QStringLiteral("attention"), tr("Implied attention")),
      tracks_(new AttentionTracks(services.themes, texts_)),
      map_(new TokenMap(services.themes, texts_)),
      badge_(new HeadBadge(services.themes)),
      kind_(new QLabel),
      provenance_(new QLabel) {
    addTitleWidget(badge_);
    kind_->setProperty("tone", "small");
    addHeaderWidget(kind_);
    const auto [segments, group] = makeSegments({tr("Row"), tr("Map")}, tr("What is shown of the head"));
    mode_ = group;
    addHeaderWidget(segments);
    provenance_->setObjectName(QStringLiteral("provenance"));
    provenance_->setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Fixed);
    provenance_->hide();
    addHeaderWidget(provenance_);
    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(tracks_);
    splitter->addWidget(map_);
    splitter->setStretchFactor(0, 3);
    splitter->setStretchFactor(1, 1);
    splitter->setSizes({280, 110});
    splitter->setChildrenCollapsible(false);
    setContent(splitter);
    connect(mode_, &QButtonGroup::idClicked, this, [this](int id) { setMapOnly(id == 1); });
    // One x axis: whoever is moved moves the other.
    connect(tracks_, &PlotView::rangeChanged, this, [this](const QRectF& range) {
        if (tracks_->isVisibleTo(this)) {
            map_->setColumns(range.left(), range.width());
        }
    });
    connect(map_, &PlotView::rangeChanged, this, [this](const QRectF& range) {
        if (tracks_->isVisibleTo(this)) {
            tracks_->setRange({range.left(), 0, range.width(), 1});
        }
    });
    connect(map_, &PlotView::hovered, this, [this](std::optional<QPointF> at) {
        tracks_->setPointedToken(at && at->x() >= 0 ? std::optional(static_cast<std::size_t>(at->x()))
                                                    : std::nullopt);
    });
    connect(tracks_, &AttentionTracks::sourceChosen, this,
            [this](std::size_t token, bool walking) { selection().setSource(token, walking); });
    connect(tracks_, &AttentionTracks::queryChosen, this,
            [this](std::size_t token) { selection().setQuery(token); });
    connect(map_, &TokenMap::cellChosen, this, [this](std::size_t query, std::size_t token, bool walking) {
        InspectState state = selection().state();
        state.query = query;
        state.source = token;
        selection().set(state, walking);
    });
    connect(map_, &TokenMap::failed, this, &AttentionView::showError);
    connect(map_, &TokenMap::coverageChanged, this, [this] {
        kind_->setText(tracks_->isVisibleTo(this) || map_->coverage().isEmpty() ? tr("implied attention")
                                                                                : map_->coverage());
    });
    connect(&texts_, &CapturedTexts::arrived, tracks_, [this] { tracks_->update(); });
    connect(&services.themes, &ThemeManager::changed, this, &AttentionView::paintProvenance);
    sourceChanged();
}

void AttentionView::setMapOnly(bool only) {
    mode_->button(only ? 1 : 0)->setChecked(true);
    tracks_->setVisible(!only);
    map_->setFollowing(!only);
    if (!only) {
        map_->setColumns(tracks_->range().left(), tracks_->range().width());
    }
    (only ? static_cast<QWidget*>(map_) : tracks_)->setFocus();
}

bool AttentionView::holds(capture::HeadRef head) const {
    return capture::holdsHead(source()->info(), head);
}

void AttentionView::sourceChanged() {
    head_.reset();
    query_.reset();
    badge_->hide();
    provenance_->hide();
    setTitleText(tr("Implied attention"));
    texts_.setSource(source());
    map_->setSource(source());
    tracks_->setTokens(source() ? source()->info().tokens : 0);
    if (!source()) {
        kind_->clear();
        showMessage(
            {.text = tr(
                 "What one token took from every token before it, through one head: open a capture or take one.")});
        return;
    }
    if (source()->info().attention_layers.empty()) {
        showNotCaptured(tr("Queries, keys and values"));
        return;
    }
    texts_.fetchAll();
    selectionChanged(selection().state(), {});
}

void AttentionView::selectionChanged(const InspectState& now, const InspectState&) {
    if (!source() || source()->info().attention_layers.empty()) {
        return;
    }
    const capture::CaptureInfo& info = source()->info();
    if (!now.head || now.head->layer >= info.config.layerCount() || now.head->head >= info.config.num_heads) {
        showMessage(
            {.text = tr("Choose a head: in the decay horizon, in the table of heads, or in the maps of a layer.")});
        return;
    }
    const LayerKind kind = info.config.layers[static_cast<std::size_t>(now.head->layer)];
    badge_->setKind(kind);
    badge_->show();
    setTitleText(headText(*now.head));
    if (!holds(*now.head)) {
        provenance_->hide();
        showNotCaptured(capture::heldHeads(info, now.head->layer).empty()
                            ? tr("Queries, keys and values of layer %1").arg(now.head->layer)
                            : tr("Queries, keys and values of %1").arg(headText(*now.head)));
        return;
    }
    showContent();
    map_->setHead(*now.head, kind);
    const std::size_t query = std::min(now.query.value_or(info.tokens - 1), info.tokens - 1);
    map_->setSelection(query, now.source);
    if (now.head != head_ || query != query_) {
        head_ = now.head;
        query_ = query;
        askRow();
    }
    tracks_->setSource(now.source);
    kind_->setText(tr("implied attention"));
}

void AttentionView::askRow() {
    tracks_->setRow(nullptr);
    source()->row(*head_, *query_,
                  answer<capture::AttentionRow>(row_question_, [this](const capture::AttentionRow& row) {
                      // Copied once; summed up on a worker: a row may be a million tokens long.
                      const auto held = std::make_shared<capture::AttentionRow>(row);
                      inBackground(
                          this, [held] { return std::make_shared<const TrackData>(std::move(*held)); },
                          [this, mine = row_question_](std::shared_ptr<const TrackData> data) {
                              if (mine == row_question_) {
                                  showRow(std::move(data));
                              }
                          });
                  }));
}

void AttentionView::showRow(std::shared_ptr<const TrackData> row) {
    tracks_->setRow(std::move(row));
    tracks_->setSource(selection().state().source);
    paintProvenance();
}

void AttentionView::resizeEvent(QResizeEvent* event) {
    InspectView::resizeEvent(event);
    paintProvenance();
}

void AttentionView::paintProvenance() {
    const TrackData* row = tracks_->row();
    if (!row) {
        provenance_->hide();
        return;
    }
    const ProvenanceLabel label = provenanceLabel(row->row);
    const QString color = themes().color(label.role).name();
    // In a narrow panel the figure stays and the words go.
    const bool narrow = width() < themes().scaled(640);
    kind_->setVisible(width() >= themes().scaled(460));
    provenance_->setText(narrow ? label.brief : label.text);
    provenance_->setAccessibleName(label.text);
    provenance_->setToolTip(label.text + QStringLiteral("\n") + label.detail);
    provenance_->setStyleSheet(
        QStringLiteral(
            "QLabel { color: %1; border: 1px solid %1; border-radius: 4px; padding: 1px 7px; font-size: %2px; }")
            .arg(color)
            .arg(themes().scaled(11)));
    provenance_->show();
}

} // namespace fulgurite
