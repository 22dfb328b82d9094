// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/routing_view.h"

#include "ui/base/theme_manager.h"
#include "ui/inspect/expert_load.h"
#include "ui/inspect/expert_reader.h"
#include "ui/inspect/routing_timeline.h"
#include "ui/inspect/segments.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QSplitter>

namespace fulgurite {

RoutingView::RoutingView(const InspectServices& services)
    : InspectView(services, QStringLiteral("routing"), tr("Expert routing")),
      timeline_(new RoutingTimeline(services.themes, store_, texts_)),
      load_(new ExpertLoad(services.themes)),
      reader_(new ExpertReader(services.themes, texts_)),
      splitter_(new QSplitter(Qt::Horizontal)),
      least_(new QComboBox),
      summary_(new QLabel),
      legend_(new QLabel) {
    legend_->setProperty("tone", "small");
    legend_->setText(tr("colour: expert, brightness: weight"));
    summary_->setProperty("tone", "small");
    summary_->setToolTip(
        tr("Fair share: all choices over all experts. Hot: at least %1 fair shares; dead: under a tenth of one.\n"
           "Entropy of the shares: as many bits as an even load has when all are used alike.")
            .arg(kHotShare));
    least_->setAccessibleName(tr("Least weight shown"));
    least_->addItem(tr("every weight"), 0.0F);
    for (const float least : {0.25F, 0.5F, 0.75F}) {
        least_->addItem(tr("weight ≥ %1").arg(QLocale().toString(least, 'g', 2)), least);
    }
    connect(least_, &QComboBox::currentIndexChanged, this,
            [this] { timeline_->setLeastWeight(least_->currentData().toFloat()); });
    addHeaderWidget(least_);
    addHeaderWidget(legend_);
    addHeaderWidget(summary_);
    splitter_->addWidget(timeline_);
    splitter_->addWidget(load_);
    splitter_->addWidget(reader_);
    splitter_->setStretchFactor(0, 1);
    splitter_->setStretchFactor(1, 0);
    splitter_->setStretchFactor(2, 0);
    splitter_->setSizes({900, 280, 420});
    splitter_->setChildrenCollapsible(false);
    reader_->hide();
    setContent(splitter_);
    connect(timeline_, &RoutingTimeline::cellChosen, this,
            [this](std::size_t token, int layer, bool as_query, bool walking) {
                InspectState state = selection().state();
                (as_query ? state.query : state.source) = token;
                state.layer = layer;
                selection().set(state, walking);
            });
    connect(timeline_, &RoutingTimeline::paletteChanged, this, [this] { load_->setPalette(timeline_->palette()); });
    connect(timeline_, &RoutingTimeline::expertChosen, this, &RoutingView::chooseExpert);
    connect(load_, &ExpertLoad::expertChosen, this, &RoutingView::chooseExpert);
    connect(reader_, &ExpertReader::closed, this, [this] { chooseExpert({}); });
    connect(reader_, &ExpertReader::tokenChosen, this, [this](std::size_t token) {
        selection().setSource(token);
        timeline_->reveal(token);
    });
    connect(&store_, &RoutingStore::failed, this, &RoutingView::showError);
    sourceChanged();
}

void RoutingView::chooseExpert(std::optional<int> expert) {
    selection().setExpert(expert);
}

// One button for each rank of a token's experts, as far as there are names for them.
void RoutingView::makeRanks(int top_k) {
    delete std::exchange(ranks_, nullptr);
    if (top_k < 2) {
        return;
    }
    const QStringList titles{tr("Top-1"), tr("Top-2"), top_k == 2 ? tr("Both") : tr("All %1").arg(top_k)};
    const auto [widget, group] = makeSegments(titles, tr("Which expert of a token"));
    ranks_ = widget;
    addHeaderWidget(ranks_);
    connect(group, &QButtonGroup::idClicked, this, [this](int id) { timeline_->setRank(id == 2 ? -1 : id); });
}

void RoutingView::sourceChanged() {
    figures_.reset();
    summary_->clear();
    load_->setFigures({});
    InspectionSource* now = source();
    if (!now || !now->info().routing) {
        store_.setSource(nullptr);
        texts_.setSource(nullptr);
        reader_->setSource(nullptr);
        reader_->hide();
        timeline_->setText(0, {}, 0);
        legend_->hide();
        least_->hide();
        if (now) {
            showNotCaptured(tr("The routing of the experts"));
        } else {
            showMessage(
                {.text = tr("Which expert every token goes to in every layer: open a capture or take one.")});
        }
        return;
    }
    const capture::CaptureInfo& info = now->info();
    store_.setSource(now);
    texts_.setSource(now);
    reader_->setSource(now);
    makeRanks(info.config.top_k);
    timeline_->setRank(0);
    timeline_->setText(info.tokens, info.config.layers, info.config.num_experts);
    legend_->show();
    least_->show();
    showContent();
    now->routingSummary(
        answer<capture::RoutingSummary>(summary_question_, [this](const capture::RoutingSummary& figures) {
            figures_ = figures;
            showLoad();
        }));
    selectionChanged(selection().state(), {});
}

void RoutingView::showLoad() {
    if (!figures_) {
        return;
    }
    const std::optional<int> layer = selection().state().layer;
    load_->setFigures(loadFigures(*figures_, layer));
    summary_->setText((layer ? tr("layer %1: ").arg(*layer) : QString()) + load_->summary());
}

void RoutingView::selectionChanged(const InspectState& now, const InspectState& before) {
    if (!source() || !source()->info().routing) {
        return;
    }
    const std::optional<int> layer =
        now.layer && *now.layer < source()->info().config.layerCount() ? now.layer : std::nullopt;
    timeline_->setTokens(now.query, now.source);
    timeline_->setLayer(layer);
    timeline_->setExpert(now.expert);
    load_->setExpert(now.expert);
    if (now.layer != before.layer) {
        showLoad();
    }
    if (now.query != before.query && now.query) {
        timeline_->reveal(*now.query);
    }
    if (now.source != before.source && now.source) {
        timeline_->reveal(*now.source);
    }
    if (now.expert != before.expert || (now.expert && now.layer != before.layer)) {
        if (now.expert && reader_->isHidden()) {
            reader_->show();
            const int load = themes().scaled(250);
            const int text = themes().scaled(380);
            splitter_->setSizes({std::max(splitter_->width() - load - text, load), load, text});
        }
        reader_->setVisible(now.expert.has_value());
        reader_->setExpert(now.expert, layer);
    }
}

} // namespace fulgurite
