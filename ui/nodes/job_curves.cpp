// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/job_curves.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/charts/line_plot.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>

namespace fulgurite {

namespace {
constexpr int kLeastHeight = 110;
} // namespace

JobCurves::JobCurves(ThemeManager& themes, QWidget* parent)
    : QWidget(parent), themes_(themes), row_(new QHBoxLayout), problem_(new QLabel) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 4, 8, 6);
    row_->setSpacing(metrics::kGap);
    column->addLayout(row_, 1);
    problem_->setProperty("tone", "warn");
    problem_->setWordWrap(true);
    problem_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    column->addWidget(problem_);
    setAccessibleName(tr("Curves of the running jobs"));
    hide();
}

void JobCurves::addChart() {
    const std::size_t index = charts_.size();
    auto* whole = new QWidget;
    auto* column = new QVBoxLayout(whole);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(2);
    auto* head = new QHBoxLayout;
    auto* title = new QLabel;
    title->setProperty("tone", "small");
    title->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    title->setMinimumWidth(10);
    auto* open = new QPushButton(tr("Train page"));
    open->setProperty("kind", "link");
    head->addWidget(title, 1);
    head->addWidget(open);
    auto* plot = new LinePlot(themes_, tr("Curve of a job"));
    plot->setMinimumHeight(themes_.scaled(kLeastHeight));
    column->addLayout(head);
    column->addWidget(plot, 1);
    row_->addWidget(whole, 1);
    connect(open, &QPushButton::clicked, this,
            [this, index] { emit runWanted(charts_[index].run, charts_[index].uuid); });
    charts_.push_back({whole, title, open, plot, 0, {}});
}

void JobCurves::show(const std::vector<JobCurve>& curves, const QString& problem, bool far) {
    problem_->setText(tr("The curves do not come: %1").arg(problem));
    problem_->setVisible(!problem.isEmpty());
    while (charts_.size() < curves.size())
        addChart();
    for (std::size_t i = 0; i < charts_.size(); ++i) {
        Chart& chart = charts_[i];
        chart.whole->setVisible(i < curves.size());
        if (i >= curves.size())
            continue;
        const JobCurve& curve = curves[i];
        chart.run = curve.run;
        chart.uuid = curve.uuid;
        QStringList words{curve.name, curve.state};
        if (curve.step > 0)
            words << tr("step %1").arg(grouped(curve.step));
        if (!curve.points.empty())
            words << QStringLiteral("%1 %2").arg(curve.series).arg(curve.points.back().y(), 0, 'g', 4);
        else
            words << tr("no points yet");
        chart.title->setText(words.join(QStringLiteral(" · ")));
        chart.title->setToolTip(chart.title->text());
        chart.open->setEnabled(curve.run != 0);
        const QString why =
            curve.run == 0 ? tr("The job has written nothing yet.")
            : far ? tr("Copies the runs of this node to this computer, keeps up with them, and shows this one.")
                  : QString();
        chart.open->setToolTip(why);
        chart.open->setAccessibleName(tr("Show %1 on the Train page").arg(curve.name));
        chart.open->setAccessibleDescription(why);
        chart.plot->setAxes(tr("step"), curve.series, false);
        PlotLine line;
        line.name = curve.name;
        line.color = [](const ThemeManager& themes) { return themes.color(Role::Accent); };
        line.points = curve.points;
        line.band = curve.band;
        chart.plot->setData(curve.points.empty() ? std::vector<PlotLine>() : std::vector<PlotLine>{line});
        chart.plot->setAccessibleName(chart.title->text());
    }
    setVisible(!curves.empty() || !problem.isEmpty());
}

} // namespace fulgurite
