// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/lens_panel.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/segments.h"
#include "ui/prompt/tint.h"

#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr std::size_t kPositions = 16; // of a range

} // namespace

LensPanel::LensPanel(const InspectServices& services)
    : InspectView(services, QStringLiteral("lens"), tr("Lens")),
      plot_(new LensPlot(services.themes, texts_)),
      below_(new LensPlot(services.themes, texts_)),
      rest_(new QWidget),
      note_(new QLabel) {
    note_->setProperty("tone", "small");
    note_->setTextFormat(Qt::PlainText); // a token may be "<br>"
    note_->setToolTip(
        tr("Every layer's output goes through the model's final norm and head, as if the layers after it\n"
           "were not there. Layers write for the layers behind them: early rows are hints, not answers."));
    addHeaderWidget(note_);
    const auto [segments, group] = makeSegments({tr("Candidates"), tr("Positions")}, tr("What the lens shows"));
    segments_ = segments;
    addHeaderWidget(segments);
    below_->setMode(LensPlot::Mode::Positions);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(plot_, 1);
    column->addWidget(below_, 1);
    column->addWidget(rest_, 1);
    setContent(content);
    connect(group, &QButtonGroup::idClicked, this,
            [this](int id) { plot_->setMode(id == 1 ? LensPlot::Mode::Positions : LensPlot::Mode::Candidates); });
    connectPlot(plot_);
    connectPlot(below_);
    connect(&texts_, &CapturedTexts::arrived, this, &LensPanel::showNote);
    sourceChanged();
}

void LensPanel::connectPlot(LensPlot* plot) {
    connect(plot, &LensPlot::layerChosen, this, [this](std::optional<int> layer, bool walking) {
        InspectState state = selection().state();
        state.layer = layer;
        selection().set(state, walking);
    });
    connect(plot, &LensPlot::positionChosen, this,
            [this](std::size_t position) { selection().setQuery(position, true); });
}

void LensPanel::resizeEvent(QResizeEvent* event) {
    InspectView::resizeEvent(event);
    fitPlots();
}

// Few layers leave a large window half empty: then both are shown, none taller than its rows.
void LensPanel::fitPlots() {
    const int full = plot_->fullHeight();
    const bool both = height() - themes().scaled(metrics::kPanelHeader) >= 2 * full;
    if (both) {
        setMode(LensPlot::Mode::Candidates);
    }
    segments_->setVisible(!both);
    below_->setVisible(both);
    rest_->setVisible(both);
    plot_->setMaximumHeight(both ? full : QWIDGETSIZE_MAX);
    below_->setMaximumHeight(full);
}

void LensPanel::setMode(LensPlot::Mode mode) {
    const int id = mode == LensPlot::Mode::Positions ? 1 : 0;
    segments_->findChildren<QPushButton*>().at(id)->setChecked(true);
    plot_->setMode(mode);
}

void LensPanel::sourceChanged() {
    position_.reset();
    ++range_question_;
    note_->clear();
    texts_.setSource(source());
    for (LensPlot* plot : {plot_, below_}) {
        plot->setLayers(source() ? source()->info().config.layers : std::vector<LayerKind>{});
    }
    fitPlots();
    if (!source()) {
        showMessage({.text = tr("What the model would say after each layer: open a capture or take one.")});
    } else if (!source()->info().lens || source()->info().positions.empty()) {
        showNotCaptured(tr("The lens"));
    } else {
        showContent();
        askLens();
    }
}

void LensPanel::selectionChanged(const InspectState& now, const InspectState&) {
    for (LensPlot* plot : {plot_, below_}) {
        plot->setLayer(now.layer ? now.layer : now.head ? std::optional(now.head->layer) : std::nullopt);
    }
    askLens();
}

void LensPanel::showEvent(QShowEvent* event) {
    InspectView::showEvent(event);
    askLens();
}

void LensPanel::askLens() {
    if (!source() || !isVisible() || !source()->info().lens || source()->info().positions.empty()) {
        return;
    }
    const std::vector<std::size_t>& held = source()->info().positions;
    const std::size_t query = selection().state().query.value_or(held.back());
    const auto after = std::upper_bound(held.begin(), held.end(), query);
    if (after == held.begin()) {
        position_.reset();
        showMessage({.text = tr("The lens of this capture begins at token %1: the query lies before it.")
                                 .arg(grouped(static_cast<qint64>(held.front()))),
                     .action = tr("Go to token %1").arg(grouped(static_cast<qint64>(held.front()))),
                     .run = [this, first = held.front()] { selection().setQuery(first); }});
        return;
    }
    const std::size_t position = *(after - 1);
    if (position == position_) {
        return;
    }
    position_ = position;
    showContent();
    plot_->setLens(nullptr);
    below_->setLens(nullptr);
    source()->lens(position, answer<capture::LensView>(question_, [this](const capture::LensView& view) {
                       const auto shown = std::make_shared<const capture::LensView>(view);
                       plot_->setLens(shown);
                       below_->setLens(shown);
                       showNote();
                   }));
    askRange(position);
}

void LensPanel::showNote() {
    if (plot_->lens()) {
        const std::size_t position = plot_->lens()->position;
        note_->setText(tr("at token %1 “%2”, linear lens through the final norm and head")
                           .arg(grouped(static_cast<qint64>(position)), readableToken(texts_.text(position))));
    }
}

// The captured positions that end with this one; those that are there already are not asked for again.
void LensPanel::askRange(std::size_t position) {
    const std::vector<std::size_t>& held = source()->info().positions;
    const auto end = std::upper_bound(held.begin(), held.end(), position);
    const auto begin = end - std::min<std::ptrdiff_t>(end - held.begin(), kPositions);
    struct Gathered {
        std::vector<LensPtr> views;
        std::size_t missing = 0;
    };
    auto gathered = std::make_shared<Gathered>();
    gathered->views.resize(static_cast<std::size_t>(end - begin));
    const quint64 mine = ++range_question_;
    for (auto at = begin; at != end; ++at) {
        const auto index = static_cast<std::size_t>(at - begin);
        const auto known = std::find_if(plot_->positions().begin(), plot_->positions().end(),
                                        [&](const LensPtr& view) { return view->position == *at; });
        if (known != plot_->positions().end()) {
            gathered->views[index] = *known;
        } else {
            ++gathered->missing;
        }
    }
    const auto show = [this, gathered] {
        std::erase(gathered->views, nullptr);
        plot_->setPositions(gathered->views);
        below_->setPositions(gathered->views);
    };
    if (gathered->missing == 0) {
        show();
        return;
    }
    for (auto at = begin; at != end; ++at) {
        const auto index = static_cast<std::size_t>(at - begin);
        if (gathered->views[index]) {
            continue;
        }
        source()->lens(*at, [self = QPointer(this), gathered, index, mine,
                             show](const client::Outcome<capture::LensView>& outcome) {
            if (!self || mine != self->range_question_) {
                return;
            }
            if (outcome.ok()) {
                gathered->views[index] = std::make_shared<const capture::LensView>(outcome.value());
            }
            if (--gathered->missing == 0) {
                show();
            }
        });
    }
}

} // namespace fulgurite
