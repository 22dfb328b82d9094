// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page for the user guide: the sample runs, which are real ones.
#include "ui/pages/train_page.h"
#include "ui/train/answer_table.h"
#include "ui/train/chart_grid.h"
#include "ui/train/filter_field.h"
#include "ui/train/rollout_panel.h"

#include <QTimer>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr qint64 kStepWithACap = 80; // of the sample run with seed 2: one of the kept tokens lies beyond the cap

constexpr int kLookMilliseconds = 100;

// Once every chart shows what was read.
void whenSettled(ChartGrid* grid, const std::function<void()>& ready) {
    QTimer::singleShot(kLookMilliseconds, grid, [grid, ready] {
        if (grid->settled() && !grid->chartIds().isEmpty()) {
            ready();
        } else {
            whenSettled(grid, ready);
        }
    });
}

// The answer with a token beyond the cap, and that token.
void showCapped(RolloutPanel* rollouts) {
    const std::vector<Answer>& answers = rollouts->group().answers;
    const auto capped = std::find_if(answers.begin(), answers.end(), [](const Answer& each) { return each.capped() > 0; });
    if (capped != answers.end()) {
        rollouts->answers().selectRow(static_cast<int>(capped - answers.begin()));
        rollouts->flow().nextCapped();
    }
    rollouts->flow().setFocus();
}

} // namespace

QList<PictureScene> TrainPage::pictureScenes() {
    if (sampleFile().isEmpty()) {
        return {};
    }
    const auto charts = [this](const std::function<void()>& ready) {
        openSample();
        filter_->setFilter(QStringLiteral("project=sorting updates>1"));
        board_->setGroupField(QStringLiteral("algo"));
        whenSettled(grid_, ready);
    };
    const auto rollouts = [this](const std::function<void()>& ready) {
        for (const RunInfo& run : *feed_->runs()) {
            if (run.algorithm == QLatin1String("cispo") && run.seed == 2 && board_->groupOf(run.id) != nullptr) {
                connect(
                    rollouts_, &RolloutPanel::opened, this,
                    [this, ready] {
                        showCapped(rollouts_);
                        whenSettled(grid_, ready);
                    },
                    Qt::SingleShotConnection);
                openRollouts(run.id, kStepWithACap);
                return;
            }
        }
        ready();
    };
    return {{QStringLiteral("train"), charts}, {QStringLiteral("train-rollouts"), rollouts}};
}

} // namespace fulgurite
