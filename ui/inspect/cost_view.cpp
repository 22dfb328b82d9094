// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/cost_view.h"

#include "core/client/engine_client.h"
#include "core/client/inspection_client.h"
#include "core/probe/capture/costs.h"
#include "ui/base/courier.h"
#include "ui/engine/engine_link.h"
#include "ui/inspect/cost_plot.h"
#include "ui/inspect/segments.h"

#include <QLabel>
#include <QVBoxLayout>

#include <array>

namespace fulgurite {
namespace {

enum Model { kM1, kCaptured, kLoaded };
constexpr std::size_t kMostContext = 10'000'000;
constexpr std::size_t kLeastContext = 100'000;
constexpr std::size_t kMeasuredContext = 65'536;

std::vector<capture::CostPoint> curveOf(const ModelConfig& config, const capture::CostFormat& format,
                                        std::size_t last) {
    const std::array<std::size_t, 2> ends{1024, last};
    return capture::costCurve(config, format, ends);
}

} // namespace

CostView::CostView(const InspectServices& services)
    : InspectView(services, QStringLiteral("cost"), tr("Cost")),
      plot_(new CostPlot(services.themes)),
      note_(new QLabel),
      measure_(new QPushButton(tr("Measure"))),
      courier_(std::make_shared<Courier>(this)) {
    note_->setProperty("tone", "small");
    note_->setContentsMargins(10, 6, 10, 0);
    note_->setWordWrap(true);
    const auto [models, model] =
        makeSegments({tr("MiniMax-M1, computed"), tr("Captured model"), tr("Loaded model")}, tr("Whose cost"));
    model_ = model;
    addHeaderWidget(models);
    measure_->setToolTip(
        tr("Lets the engine time decode steps of the loaded model with up to %L1 tokens before them; answers go on")
            .arg(kMeasuredContext));
    addHeaderWidget(measure_);
    const auto [quantities, quantity] =
        makeSegments({tr("Operations"), tr("Bytes"), tr("Time, measured")}, tr("What is counted"));
    quantity_ = quantity;
    addHeaderWidget(quantities);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(note_);
    column->addWidget(plot_, 1);
    setContent(content);
    connect(model_, &QButtonGroup::idClicked, this, &CostView::showModel);
    connect(quantity_, &QButtonGroup::idClicked, this,
            [this](int id) { plot_->setQuantity(static_cast<CostPlot::Quantity>(id)); });
    connect(measure_, &QPushButton::clicked, this, [this] { askEngine(true); });
    connect(&services.link, &EngineLink::infoChanged, this, [this] {
        ++engine_;
        loaded_.clear();
        asked_ = false;
        plot_->setBusy(false);
        updateModels();
    });
    sourceChanged();
}

CostView::~CostView() {
    courier_->close();
}

void CostView::sourceChanged() {
    const bool captured = source() && source()->info().config.layerCount() > 0;
    model_->button(captured ? kCaptured : kM1)->setChecked(true);
    updateModels();
}

void CostView::updateModels() {
    const bool captured = source() && source()->info().config.layerCount() > 0;
    const auto client = services().link.client();
    const bool loaded = client && client->inspection() && services().link.info();
    model_->button(kCaptured)->setEnabled(captured);
    model_->button(kCaptured)->setToolTip(captured ? QString()
                                                   : tr("Open a capture: it holds its model's configuration"));
    model_->button(kLoaded)->setEnabled(loaded);
    model_->button(kLoaded)->setToolTip(loaded ? QString() : tr("No engine is ready that can be looked into"));
    if (!loaded && model_->checkedId() == kLoaded) {
        model_->button(captured ? kCaptured : kM1)->setChecked(true);
    }
    showModel();
}

void CostView::showEvent(QShowEvent* event) {
    InspectView::showEvent(event);
    showModel();
}

void CostView::showModel() {
    const int model = model_->checkedId();
    double kv = 4;
    if (model == kCaptured && source()) {
        const ModelConfig& config = source()->info().config;
        const auto most = static_cast<std::size_t>(std::max<std::int64_t>(config.max_positions, 0));
        plot_->setCurve(curveOf(config, {.kv = kv}, std::clamp(most, kLeastContext, kMostContext)));
    } else if (model == kLoaded) {
        plot_->setCurve(loaded_);
        if (loaded_.empty() && !asked_ && isVisible()) {
            askEngine(false);
        }
    } else {
        kv = 2;
        plot_->setCurve(curveOf(capture::minimaxM1Shape(), {}, kMostContext));
    }
    measure_->setVisible(model == kLoaded);
    QAbstractButton* time = quantity_->button(static_cast<int>(CostPlot::Quantity::Seconds));
    time->setEnabled(plot_->hasMeasured());
    time->setToolTip(plot_->hasMeasured() ? QString()
                                          : tr("Choose the loaded model and let its steps be measured"));
    quantity_->button(static_cast<int>(plot_->quantity()))->setChecked(true);
    note_->setText(plot_->summary());
    note_->setToolTip(
        tr("Closed form for one token that is decoded alone. Operations: two for a multiply-add. Bytes: weights of "
           "the "
           "experts it meets\nand of everything else once, lightning states read and written, keys and "
           "values read (%1 bytes each).")
            .arg(kv));
    showContent();
}

void CostView::askEngine(bool measure) {
    const auto client = services().link.client();
    if (!client || !client->inspection()) {
        return;
    }
    asked_ = true;
    plot_->setBusy(true);
    measure_->setEnabled(false);
    client->inspection()->costs(
        kMeasuredContext, measure, false,
        [this, courier = courier_, engine = engine_](const client::Outcome<client::CostCurve>& outcome) {
            std::vector<capture::CostPoint> points =
                outcome.ok() ? outcome.value().points : std::vector<capture::CostPoint>{};
            const QString error = outcome.ok() ? QString() : QString::fromUtf8(outcome.error().what());
            courier->post([this, engine, error, points = std::move(points)] {
                if (engine == engine_) {
                    takeAnswer(error.isEmpty(), error, points);
                }
            });
        });
}

void CostView::takeAnswer(bool ok, const QString& error, std::vector<capture::CostPoint> points) {
    plot_->setBusy(false);
    measure_->setEnabled(true);
    if (ok) {
        loaded_ = std::move(points);
        showModel();
    } else {
        note_->setText(error);
    }
}

} // namespace fulgurite
