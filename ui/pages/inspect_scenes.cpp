// SPDX-License-Identifier: GPL-3.0-or-later
// The Inspect page for the user guide: a capture of the answer that the Prompt page shows, and the published shape
// of the large model.
#include "core/probe/capture/costs.h"
#include "ui/inspect/ablation_view.h"
#include "ui/inspect/inspect_header.h"
#include "ui/pages/inspect_page.h"
#include "ui/shell/action_registry.h"

#include <QStackedWidget>
#include <QTimer>

namespace fulgurite {
namespace {

constexpr int kViewsMilliseconds = 1500; // views ask for rows, maps and figures after the capture is open

} // namespace

QList<PictureScene> InspectPage::pictureScenes() {
    const auto settled = [this](const std::function<void()>& ready) {
        QTimer::singleShot(kViewsMilliseconds, this, ready);
    };
    QList<PictureScene> scenes{
        {QStringLiteral("inspect"), [this, settled](const std::function<void()>& ready) {
             connect(
                 this, &InspectPage::sourceChanged, this,
                 [this, settled, ready] {
                     // A slow head of a middle layer, looking a few tokens back; the
                     // selection comes after the page's own.
                     QTimer::singleShot(0, this, [this, settled, ready] {
                         InspectState state = selection_.state();
                         state.head =
                             capture::HeadRef{static_cast<int>(decay_.layers.size()) / 2, decay_.heads / 2};
                         state.source = state.query && *state.query > 6 ? *state.query - 6 : 0;
                         selection_.set(state);
                         selection_.setTicked({{1, 4}, {3, 0}}); // what the sum leans on most
                         settled(ready);
                     });
                 },
                 Qt::SingleShotConnection);
             context().actions.run(QStringLiteral("prompt.inspect"));
         }}};
    for (int tab = 1; tab < tabs_->count(); ++tab) {
        scenes << PictureScene{QStringLiteral("inspect-") + tab_ids_.value(tab),
                               [this, settled, tab](const std::function<void()>& ready) {
                                   header_->setCurrentTab(tab);
                                   if (auto* ablation = qobject_cast<AblationView*>(view(tab_ids_.value(tab)))) {
                                       ablation->start();
                                       if (ablation->running()) {
                                           connect(ablation, &AblationView::finished, this, ready,
                                                   Qt::SingleShotConnection);
                                           return;
                                       }
                                   }
                                   settled(ready);
                               }};
    }
    scenes << PictureScene{QStringLiteral("inspect-m1"), [this](const std::function<void()>& ready) {
                               header_->setCurrentTab(0);
                               showShape(capture::minimaxM1Shape(), QStringLiteral("MiniMax-M1"));
                               selection_.setHead(capture::HeadRef{12, 37});
                               ready();
                           }};
    return scenes;
}

} // namespace fulgurite
