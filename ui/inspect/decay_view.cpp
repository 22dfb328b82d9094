// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/decay_view.h"

#include "ui/base/theme_manager.h"
#include "ui/inspect/segments.h"

#include <QLabel>

namespace fulgurite {

DecayView::DecayView(const InspectServices& services)
    : InspectView(services, QStringLiteral("decay"), tr("Decay horizon")),
      plot_(new DecayPlot(services.themes, services.selection)) {
    origin_ = new QLabel(tr("exact"));
    origin_->setProperty("tone", "small");
    origin_->setToolTip(
        tr("Closed form: a weight falls by exp(-rate) per token, and the rate follows from the number of\n"
           "layers and heads alone. No token and no weight is needed."));
    addHeaderWidget(origin_);
    const auto [segments, group] = makeSegments({tr("Half-life"), tr("10 %"), tr("1 %")}, tr("Reach"));
    reach_ = group;
    addHeaderWidget(segments);
    setContent(plot_);
    setFocusProxy(plot_);
    connect(reach_, &QButtonGroup::idClicked, plot_,
            [this](int id) { plot_->setReach(static_cast<DecayPlot::Reach>(id)); });
    decayChanged();
}

void DecayView::resizeEvent(QResizeEvent* event) {
    InspectView::resizeEvent(event);
    origin_->setVisible(width() >= themes().scaled(330));
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
}

} // namespace fulgurite
