// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/simulation_view.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/stage_head.h"
#include "ui/charts/line_plot.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

enum Draw { kZipf, kFraction, kRandom };
const char* const kDraws[] = {"zipf", "fraction", "random"};

PlotLine lineOf(const QString& name, const std::vector<client::SimulationPoint>& points,
                client::Band client::SimulationPoint::*quantity, bool simulated) {
    PlotLine line{
        name,
        [simulated](const ThemeManager& themes) { return themes.color(simulated ? Role::Stage2 : Role::Text); },
        {}};
    line.style = simulated ? Qt::SolidLine : Qt::DashLine;
    for (const client::SimulationPoint& point : points) {
        const client::Band& band = point.*quantity;
        line.points.emplace_back(std::max<double>(1, static_cast<double>(point.query)), band.mean);
        if (simulated)
            line.band.emplace_back(band.low, band.high);
    }
    return line;
}

} // namespace

SimulationView::SimulationView(ThemeManager& themes, CascadeSearch& search) : search_(search) {
    queries_ = new QSpinBox;
    queries_->setRange(10, 10'000'000);
    queries_->setValue(10'000);
    queries_->setSuffix(tr(" queries"));
    queries_->setAccessibleName(tr("Queries"));
    draw_ = new QComboBox;
    draw_->addItems({tr("Zipf popularity"), tr("a fraction of the images"), tr("random")});
    draw_->setAccessibleName(tr("Which images are asked for"));
    exponent_ = new QDoubleSpinBox;
    exponent_->setRange(0.1, 4);
    exponent_->setSingleStep(0.1);
    exponent_->setValue(1);
    exponent_->setPrefix(tr("exponent "));
    exponent_->setAccessibleName(tr("Exponent"));
    fraction_ = new QDoubleSpinBox;
    fraction_->setRange(0.001, 1);
    fraction_->setDecimals(3);
    fraction_->setSingleStep(0.05);
    fraction_->setValue(0.1);
    fraction_->setPrefix(tr("fraction "));
    fraction_->setAccessibleName(tr("Fraction"));
    seeds_ = new QSpinBox;
    seeds_->setRange(1, 100);
    seeds_->setValue(5);
    seeds_->setSuffix(tr(" seeds"));
    seeds_->setAccessibleName(tr("Seeds"));
    run_ = new QPushButton(tr("Simulate"));
    note_ = new QLabel(tr("Draws queries for the chain in force and counts what each stage would have to encode."));
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    auto* form = new QHBoxLayout;
    for (QWidget* each : std::initializer_list<QWidget*>{queries_, draw_, exponent_, fraction_, seeds_, run_})
        form->addWidget(each);
    form->addStretch(1);
    touched_ = new LinePlot(themes, tr("Simulated fraction touched"));
    touched_->setAxes(tr("query"), tr("fraction of the library"), true);
    touched_->setValueText(
        [](double value) { return QLocale().toString(value * 100, 'f', 0) + QStringLiteral(" %"); });
    costs_ = new LinePlot(themes, tr("Simulated lifetime cost"));
    costs_->setAxes(tr("query"), tr("seconds"), true);
    costs_->setValueText([](double value) { return secondsText(value); });
    auto* plots = new QHBoxLayout;
    plots->addWidget(touched_);
    plots->addWidget(costs_);
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(8, 6, 8, 6);
    rows->addLayout(form);
    rows->addWidget(note_);
    rows->addLayout(plots, 1);
    connect(draw_, &QComboBox::currentIndexChanged, this, &SimulationView::showState);
    connect(run_, &QPushButton::clicked, this, [this] {
        if (call_)
            call_->cancel();
        else
            run();
    });
    connect(&search_, &CascadeSearch::availabilityChanged, this, &SimulationView::showState);
    connect(&search_, &CascadeSearch::libraryChanged, this, &SimulationView::showState);
    showState();
}

void SimulationView::showState() {
    exponent_->setVisible(draw_->currentIndex() == kZipf);
    fraction_->setVisible(draw_->currentIndex() == kFraction);
    run_->setText(call_ ? tr("Cancel") : tr("Simulate"));
    run_->setEnabled(call_ || (search_.client() && search_.library()));
    const bool any = touched_->table().rows > 0;
    touched_->setVisible(any);
    costs_->setVisible(any);
}

void SimulationView::run() {
    if (!search_.client() || !search_.library() || call_)
        return;
    client::SimulationRequest request;
    request.stages = search_.question().stages;
    request.queries = static_cast<std::size_t>(queries_->value());
    request.draw = kDraws[draw_->currentIndex()];
    request.exponent = exponent_->value();
    request.fraction = fraction_->value();
    request.seeds = seeds_->value();
    call_ = search_.client()->simulate(
        search_.library()->id, request,
        search_.onWindow<client::Simulation>([this, mine = ++asked_](const auto& outcome) {
            if (mine != asked_)
                return;
            call_.reset();
            if (outcome.ok())
                showResult(outcome.value());
            else if (outcome.error().kind() != ErrorKind::Cancelled)
                note_->setText(QString::fromUtf8(outcome.error().what()));
            showState();
            emit finished();
        }));
    showState();
}

void SimulationView::showResult(const client::Simulation& simulation) {
    note_->setText(tr("Solid: simulated, with the range over seeds. Dashed: the closed forms, for random results "
                      "and for the cost at the simulated f."));
    const bool flops = simulation.in_flops;
    if (flops)
        note_->setText(note_->text() + u' ' +
                       tr("Costs are operations: not every encoder of the chain has been measured yet."));
    costs_->setAxes(tr("query"), flops ? tr("operations") : tr("seconds"), true);
    costs_->setValueText([flops](double value) { return flops ? flopsText(value) : secondsText(value); });
    touched_->setData(
        {lineOf(tr("simulated"), simulation.measured, &client::SimulationPoint::touched, true),
         lineOf(tr("if results were random"), simulation.closed, &client::SimulationPoint::touched, false)});
    costs_->setData({lineOf(tr("simulated"), simulation.measured, &client::SimulationPoint::cost, true),
                     lineOf(tr("closed form"), simulation.closed, &client::SimulationPoint::cost, false)},
                    {{simulation.everything,
                      tr("encode everything: %1")
                          .arg(flops ? flopsText(simulation.everything) : secondsText(simulation.everything))}});
}

} // namespace fulgurite
