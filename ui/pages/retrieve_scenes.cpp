// SPDX-License-Identifier: GPL-3.0-or-later
// The Retrieve page for the user guide: the sample collection, searched and evaluated by the loaded model.
#include "ui/pages/retrieve_page.h"

#include "ui/retrieve/collection_dialog.h"
#include "ui/retrieve/evaluation_panel.h"
#include "ui/retrieve/prompts_dialog.h"
#include "ui/retrieve/query_box.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/rank_view.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/strategies.h"
#include "ui/shell/action_registry.h"

#include <QComboBox>
#include <QSplitter>
#include <QTabBar>
#include <QTimer>

#include <memory>

namespace fulgurite {
namespace {

constexpr int kMapsMilliseconds = 500; // for maps and explanations that come a little later

} // namespace

// Once, after the search that runs.
void RetrievePage::whenSearched(std::function<void()> then) {
    connect(
        &controller_, &RetrieveController::searchEnded, this, [then = std::move(then)] { then(); },
        Qt::SingleShotConnection);
}

// Once, as soon as a source is shown that has the plot.
void RetrievePage::showPlotOf(const QString& name, std::function<void()> then) {
    auto connection = std::make_shared<QMetaObject::Connection>();
    const auto show = [this, name, connection, then = std::move(then)] {
        const int at = results_panel_->figures().findData(name);
        if (at >= 0) {
            disconnect(*connection);
            results_panel_->figures().setCurrentIndex(at);
            then();
        }
    };
    *connection = connect(results_panel_, &ResultPanel::figureShown, this, show);
    show();
}

QList<PictureScene> RetrievePage::pictureScenes() {
    const auto settled = [this](const std::function<void()>& ready) {
        QTimer::singleShot(kMapsMilliseconds, this, ready);
    };
    // Embedding the manual takes longest of all: it goes on while other pages are painted.
    auto searched = std::make_shared<bool>(false);
    whenSearched([searched] { *searched = true; });
    openSample();
    return {
        {QStringLiteral("retrieve"),
         [this, settled, searched](const std::function<void()>& ready) {
             const auto evaluate = [this, settled, ready] {
                 connect(&controller_, &RetrieveController::evaluationsChanged, this, [this, settled, ready] {
                     if (!controller_.evaluations().empty()) {
                         session_.setExpanded(true);
                         settled(ready);
                     }
                 });
                 context().actions.run(QStringLiteral("retrieve.evaluate"));
             };
             *searched ? evaluate() : whenSearched(evaluate);
         }},
        {QStringLiteral("retrieve-heads-off"),
         [this, settled](const std::function<void()>& ready) {
             session_.heads().set({1, 1, 0, 1, 0, 1});
             showTab(kSeparationsTab);
             settled(ready);
         }},
        {QStringLiteral("retrieve-head-worth"),
         [this, settled](const std::function<void()>& ready) {
             session_.heads().all();
             showTab(kEvaluationTab);
             connect(&controller_, &RetrieveController::evaluationsChanged, this, [this, settled, ready] {
                 const auto& all = controller_.evaluations();
                 if (!all.empty() && !all.front().without_head.empty()) {
                     evaluation_->showHeads();
                     settled(ready);
                 }
             });
             controller_.evaluate(session_.strategies(), query_->nearest(), true);
         }},
        {QStringLiteral("retrieve-prompts"),
         [this](const std::function<void()>& ready) {
             editPrompts();
             ready();
         }},
        {QStringLiteral("retrieve-new"),
         [this, settled](const std::function<void()>& ready) {
             findChild<PromptsDialog*>()->close();
             newCollection(tr("Notes"), {});
             settled(ready);
         }},
        {QStringLiteral("retrieve-documents"),
         [this, settled](const std::function<void()>& ready) {
             findChild<CollectionDialog*>()->close();
             session_.heads().all();
             showTab(kDocumentsTab);
             settled(ready);
         }},
        {QStringLiteral("retrieve-plots"),
         [this, settled](const std::function<void()>& ready) {
             showTab(kPlotsTab);
             rows_->setSizes({rows_->height() * 45 / 100, rows_->height() * 55 / 100});
             // Until the evaluation with every strategy is there.
             showPlotOf(QStringLiteral("baselines-high-cost"), [this, settled, ready] {
                 showPlotOf(QStringLiteral("baselines-low-cost"), [settled, ready] { settled(ready); });
             });
             QStringList all;
             for (const StrategyInfo& each : fulgurite::strategies()) {
                 all << each.id;
             }
             controller_.evaluate(all, query_->nearest(), false);
         }},
        {QStringLiteral("retrieve-plots-lines"),
         [this, settled](const std::function<void()>& ready) {
             showPlotOf(QStringLiteral("voting-lines"), [settled, ready] { settled(ready); });
         }},
    };
}

} // namespace fulgurite
