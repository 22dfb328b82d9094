// SPDX-License-Identifier: GPL-3.0-or-later
// The Cascade page for the user guide: the sample scenes, read and searched by the engine.
#include "ui/cascade/evaluation_view.h"
#include "ui/cascade/simulation_view.h"
#include "ui/pages/cascade_page.h"
#include "ui/shell/action_registry.h"

#include <QTabWidget>
#include <QTimer>

namespace fulgurite {
namespace {

constexpr int kThumbnailsMilliseconds = 900; // thumbnails arrive after the answer

} // namespace

QList<PictureScene> CascadePage::pictureScenes() {
    if (findSampleScenes().isEmpty())
        return {};
    const auto settled = [this](const std::function<void()>& ready) {
        QTimer::singleShot(kThumbnailsMilliseconds, this, ready);
    };
    const auto search = [this, settled](const std::function<void()>& ready) {
        connect(
            search_, &CascadeSearch::ledgerChanged, this, [settled, ready] { settled(ready); },
            Qt::SingleShotConnection);
        searchFor(QStringLiteral("a small cat on plain red"));
    };
    return {{QStringLiteral("cascade"),
             [this, search](const std::function<void()>& ready) {
                 // Searched once the whole library is read.
                 auto* watch = new QObject(this);
                 auto asked = std::make_shared<bool>(false);
                 const auto check = [this, watch, asked, search, ready] {
                     if (!*asked && search_->library() && !search_->library()->scan &&
                         search_->library()->images > 0) {
                         *asked = true;
                         watch->deleteLater();
                         search(ready);
                     }
                 };
                 connect(search_, &CascadeSearch::librariesChanged, watch, check);
                 openSamples();
                 check();
             }},
            {QStringLiteral("cascade-evaluation"),
             [this, settled](const std::function<void()>& ready) {
                 tabs_->setCurrentWidget(evaluation_);
                 if (!evaluation_->evaluation()) {
                     connect(
                         evaluation_, &EvaluationView::finished, this, [settled, ready] { settled(ready); },
                         Qt::SingleShotConnection);
                     evaluation_->run();
                     return;
                 }
                 settled(ready);
             }},
            {QStringLiteral("cascade-simulation"), [this, settled](const std::function<void()>& ready) {
                 tabs_->setCurrentWidget(simulation_);
                 connect(
                     simulation_, &SimulationView::finished, this, [settled, ready] { settled(ready); },
                     Qt::SingleShotConnection);
                 simulation_->run();
             }}};
}

} // namespace fulgurite
