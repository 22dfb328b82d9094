// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/chain_button.h"

#include "ui/base/format.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/stage_head.h"

#include <QCheckBox>
#include <QGridLayout>
#include <QLabel>
#include <QMenu>
#include <QSpinBox>
#include <QWidgetAction>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr int kMostKept = 100'000'000;
constexpr int kUsualStageKeep = 50;

// "spyglass-s → m → l": the words that all names begin with stand once.
QString chainName(const std::vector<client::CascadeStage>& stages) {
    QStringList names;
    for (const client::CascadeStage& stage : stages)
        names << QString::fromStdString(stage.encoder);
    if (names.size() > 1) {
        const qsizetype dash = names.first().lastIndexOf(u'-') + 1;
        const QString common = names.first().left(dash);
        if (dash > 0 &&
            std::all_of(names.begin(), names.end(), [&](const QString& name) { return name.startsWith(common); })) {
            for (qsizetype i = 1; i < names.size(); ++i)
                names[i] = names[i].mid(dash);
        }
    }
    return names.join(QStringLiteral(" → "));
}

} // namespace

QString chainText(const std::vector<client::CascadeStage>& stages) {
    QStringList cuts;
    for (const client::CascadeStage& stage : stages) {
        if (stage.keep)
            cuts << grouped(static_cast<qint64>(*stage.keep));
    }
    const QString names = chainName(stages);
    return cuts.isEmpty() ? names : names + ChainButton::tr(" · keep %1").arg(cuts.join(QStringLiteral(" / ")));
}

ChainButton::ChainButton(CascadeSearch& search, QWidget* parent) : QPushButton(parent), search_(search) {
    setAccessibleName(tr("Chain of encoders"));
    setToolTip(tr("Which encoders stand in the chain, and how many images each stage lets through"));
    auto* menu = new QMenu(this);
    setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, &ChainButton::fillPanel);
    connect(&search_, &CascadeSearch::questionChanged, this, &ChainButton::showChain);
    showChain();
}

void ChainButton::showChain() {
    const auto& stages = search_.question().stages;
    const QString text = stages.empty() ? tr("No encoders") : chainText(stages);
    setText(text + QStringLiteral("    ")); // the arrow of the menu stands there
    setAccessibleDescription(text);
    setEnabled(!search_.encoders().empty());
}

void ChainButton::fillPanel() {
    menu()->clear();
    auto* panel = new QWidget;
    auto* grid = new QGridLayout(panel);
    grid->setContentsMargins(10, 6, 10, 8);
    struct Line {
        std::string id;
        QCheckBox* used;
        QSpinBox* keep;
    };
    auto lines = std::make_shared<std::vector<Line>>();
    const auto apply = [this, lines] {
        CascadeQuestion question = search_.question();
        question.stages.clear();
        for (const Line& line : *lines) {
            line.keep->setEnabled(line.used->isChecked());
            if (line.used->isChecked())
                question.stages.push_back({line.id, static_cast<std::size_t>(line.keep->value())});
        }
        if (question.stages.empty())
            return;
        question.stages.back().keep.reset(); // the last one orders and cuts nothing
        for (std::size_t i = 1; i + 1 < question.stages.size(); ++i)
            question.stages[i].keep = std::min(*question.stages[i].keep, *question.stages[i - 1].keep);
        search_.change(tr("Change the chain"), std::move(question));
    };
    int row = 0;
    for (const client::ImageEncoder& encoder : search_.encoders()) {
        const auto& stages = search_.question().stages;
        const auto stage = std::find_if(stages.begin(), stages.end(), [&](const client::CascadeStage& each) {
            return each.encoder == encoder.id;
        });
        auto* used = new QCheckBox(QString::fromStdString(encoder.id));
        used->setChecked(stage != stages.end());
        auto* keep = new QSpinBox;
        keep->setRange(1, kMostKept);
        keep->setPrefix(tr("keep "));
        keep->setAccessibleName(tr("Images that %1 lets through").arg(QString::fromStdString(encoder.id)));
        keep->setValue(stage != stages.end() && stage->keep ? static_cast<int>(*stage->keep) : kUsualStageKeep);
        keep->setEnabled(used->isChecked());
        keep->setKeyboardTracking(false);
        auto* cost =
            new QLabel(tr("%1FLOPs an image%2")
                           .arg(flopsText(encoder.gflops_image * 1e9),
                                encoder.seconds_image ? tr(", measured %1").arg(secondsText(*encoder.seconds_image))
                                                      : QString()));
        cost->setProperty("tone", "small");
        grid->addWidget(used, row, 0);
        grid->addWidget(keep, row, 1);
        grid->addWidget(cost, row, 2);
        lines->push_back({encoder.id, used, keep});
        connect(used, &QCheckBox::toggled, panel, apply);
        connect(keep, &QSpinBox::valueChanged, panel, apply);
        ++row;
    }
    auto* note = new QLabel(tr("The last encoder of the chain orders what reaches it and cuts nothing."));
    note->setProperty("tone", "small");
    grid->addWidget(note, row, 0, 1, 3);
    auto* action = new QWidgetAction(menu());
    action->setDefaultWidget(panel);
    menu()->addAction(action);
}

} // namespace fulgurite
