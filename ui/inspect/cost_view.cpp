// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/cost_view.h"

#include "ui/inspect/cost_plot.h"
#include "ui/inspect/segments.h"

#include <QLabel>

namespace fulgurite {
namespace {

enum Model { kM1, kCaptured };
constexpr std::size_t kMostContext = 10'000'000;

} // namespace

CostView::CostView(const InspectServices& services)
    : InspectView(services, QStringLiteral("cost"), tr("Cost")),
      plot_(new CostPlot(services.themes)),
      note_(new QLabel) {
    note_->setProperty("tone", "small");
    addHeaderWidget(note_);
    const auto [models, model] = makeSegments({tr("MiniMax-M1, computed"), tr("Captured model")}, tr("Whose cost"));
    model_ = model;
    addHeaderWidget(models);
    const auto [quantities, quantity] =
        makeSegments({tr("Operations"), tr("Bytes"), tr("Time, measured")}, tr("What is counted"));
    quantity_ = quantity;
    addHeaderWidget(quantities);
    setContent(plot_);
    connect(model_, &QButtonGroup::idClicked, this, &CostView::showModel);
    connect(quantity_, &QButtonGroup::idClicked, this,
            [this](int id) { plot_->setQuantity(static_cast<CostPlot::Quantity>(id)); });
    sourceChanged();
}

void CostView::setMeasured(std::vector<capture::CostPoint> points) {
    measured_ = std::move(points);
    showModel();
}

void CostView::sourceChanged() {
    const bool captured = source() && source()->info().config.layerCount() > 0;
    model_->button(kCaptured)->setEnabled(captured);
    model_->button(kCaptured)->setToolTip(captured ? QString()
                                                   : tr("Open a capture: it holds its model's configuration"));
    model_->button(captured ? kCaptured : kM1)->setChecked(true);
    showModel();
}

void CostView::showModel() {
    const bool captured = model_->checkedId() == kCaptured && source();
    plot_->setMeasured(captured ? measured_ : std::vector<capture::CostPoint>{});
    if (captured) {
        const ModelConfig& config = source()->info().config;
        const auto most = config.max_positions > 0 ? static_cast<std::size_t>(config.max_positions) : kMostContext;
        plot_->setModel(config, {.kv = 4}, std::min(std::max<std::size_t>(most, 100'000), kMostContext));
    } else {
        plot_->setModel(capture::minimaxM1Shape(), {}, kMostContext);
    }
    QAbstractButton* time = quantity_->button(static_cast<int>(CostPlot::Quantity::Seconds));
    time->setEnabled(plot_->hasMeasured());
    time->setToolTip(plot_->hasMeasured() ? QString() : tr("Nobody has measured the steps of this model yet"));
    quantity_->button(static_cast<int>(plot_->quantity()))->setChecked(true);
    note_->setText(plot_->summary());
    note_->setToolTip(
        tr("Closed form for one token that is decoded alone. Operations: two for a multiply-add. Bytes: weights "
           "of the experts it meets\n(two bytes each) and of everything else once, lightning states read and "
           "written, keys and values read (%1 bytes each).")
            .arg(captured ? 4 : 2));
    showContent();
}

} // namespace fulgurite
