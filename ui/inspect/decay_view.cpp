// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/decay_view.h"

#include "ui/base/theme_manager.h"
#include "ui/inspect/segments.h"

#include <QComboBox>
#include <QLabel>

namespace fulgurite {

DecayView::DecayView(const InspectServices& services)
    : InspectView(services, QStringLiteral("decay"), tr("Decay horizon")),
      plot_(new DecayPlot(services.themes, services.selection)),
      figures_(new QComboBox) {
    origin_ = new QLabel;
    origin_->setProperty("tone", "small");
    addHeaderWidget(origin_);
    for (const HeadColumn& column : headColumns()) {
        figures_->addItem(column.key == QStringLiteral("half") ? tr("Decay") : column.title, column.key);
        figures_->setItemData(figures_->count() - 1, column.tip, Qt::ToolTipRole);
    }
    figures_->setAccessibleName(tr("What colours the heads"));
    figures_->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    addHeaderWidget(figures_);
    const auto [segments, group] =
        makeSegments({tr("50 %"), tr("10 %"), tr("1 %")}, tr("Weight that is left at the reach"));
    reach_ = group;
    reach_buttons_ = segments;
    addHeaderWidget(segments);
    setContent(plot_);
    setFocusProxy(plot_);
    connect(reach_, &QButtonGroup::idClicked, plot_,
            [this](int id) { plot_->setReach(static_cast<DecayPlot::Reach>(id)); });
    connect(figures_, &QComboBox::currentIndexChanged, this, &DecayView::showFigure);
    connect(plot_, &DecayPlot::figureStepped, this, [this](int by) {
        const int count = source() ? figures_->count() : 1;
        figures_->setCurrentIndex((figures_->currentIndex() + by + count) % count);
    });
    decayChanged();
    sourceChanged();
}

const HeadColumn* DecayView::figure() const {
    const int index = figures_->currentIndex();
    return index > 0 && source() ? &headColumns()[static_cast<std::size_t>(index)] : nullptr;
}

void DecayView::setFigure(const QString& key) {
    figures_->setCurrentIndex(std::max(0, figures_->findData(key)));
}

QJsonObject DecayView::saveState() const {
    return {{"figure", figures_->currentData().toString()}};
}

void DecayView::restoreState(const QJsonObject& state) {
    setFigure(state[QStringLiteral("figure")].toString());
}

void DecayView::resizeEvent(QResizeEvent* event) {
    InspectView::resizeEvent(event);
    origin_->setVisible(width() >= themes().scaled(430));
}

void DecayView::decayChanged() {
    if (decay().layers.empty()) {
        showMessage(
            {.text = tr("No model is loaded. The decay of every head follows from a config.json alone, that of "
                        "the 456 B model too."),
             .action = tr("Open a config…"),
             .run = [this] { emit openConfigWanted(); }});
        return;
    }
    plot_->setMap(decay());
    showContent();
    showFigure();
}

void DecayView::sourceChanged() {
    table_.reset();
    asked_.reset();
    figures_->setEnabled(source() != nullptr);
    figures_->setToolTip(source() ? tr("What colours the heads: the figures of the table (C, Shift+C)")
                                  : tr("The figures of the heads come with a capture; the decay needs none"));
    showFigure();
}

void DecayView::selectionChanged(const InspectState& now, const InspectState& before) {
    if (now.query != before.query && figure()) {
        ask();
    }
}

// The colours of a table that is on its way are those of the one before it; of none, the reach.
void DecayView::showFigure() {
    if (!decay().layers.empty()) {
        showContent(); // in place of what may have gone wrong with another figure
    }
    const HeadColumn* column = figure();
    reach_buttons_->setVisible(!column);
    setTitleText(column ? tr("Heads by %1").arg(column->title.toLower()) : tr("Decay horizon"));
    plot_->setFigure(column, table_);
    if (!column) {
        origin_->setText(tr("exact"));
        origin_->setToolTip(
            tr("Closed form: a weight falls by exp(-rate) per token, and the rate follows from the number of\n"
               "layers and heads alone. No token and no weight is needed."));
        return;
    }
    origin_->setText(column->origin == capture::Provenance::Exact        ? tr("recorded")
                     : column->origin == capture::Provenance::Recomputed ? tr("recomputed")
                                                                         : tr("approximated"));
    origin_->setToolTip(column->tip);
    ask();
}

void DecayView::ask() {
    if (source()->info().tokens == 0) {
        return;
    }
    const std::size_t position = selection().state().query.value_or(source()->info().tokens - 1);
    if (asked_ == position) {
        return;
    }
    asked_ = position;
    source()->heads(position, answer<capture::HeadTable>(question_, [this](const capture::HeadTable& table) {
                        table_ = std::make_shared<const capture::HeadTable>(table);
                        plot_->setFigure(figure(), table_);
                    }));
}

} // namespace fulgurite
