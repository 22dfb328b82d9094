// SPDX-License-Identifier: GPL-3.0-or-later
// The Prompt page for the user guide: real answers of the model that is loaded, in a workspace of their own.
#include "ui/pages/prompt_page.h"

#include "ui/engine/engine_link.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/transcript_view.h"
#include "ui/start/samples.h"

#include <QTabBar>
#include <QTimer>

#include <memory>

namespace fulgurite {

namespace {

constexpr int kSettleMilliseconds = 1500; // for costs and layouts that come a little later

QString samplePrompt(const QString& id) {
    for (const SamplePrompt& sample : loadSamplePrompts()) {
        if (sample.id == id) {
            return sample.prompt;
        }
    }
    return {};
}

} // namespace

// Calls `then` when the line has an answer and nothing runs; engine problems end in it as well, as a cut answer.
void PromptPage::whenAnswered(std::function<void()> then) {
    auto connection = std::make_shared<QMetaObject::Connection>();
    *connection = connect(&controller_, &ConversationController::runningChanged, this, [this, connection, then] {
        const QList<Turn>& turns = controller_.line().turns;
        if (!controller_.running() && !turns.isEmpty() && turns.last().role == TurnRole::Assistant) {
            disconnect(*connection);
            then();
        }
    });
}

QList<PictureScene> PromptPage::pictureScenes() {
    const auto ask = [this](const QString& prompt, std::function<void()> then) {
        SamplerSettings settings = controller_.line().sampler;
        settings.temperature = 0.7;
        settings.seed = 7;
        settings.max_tokens = 300;
        controller_.setSampler(settings);
        whenAnswered(std::move(then));
        controller_.send(prompt);
    };
    return {
        {QStringLiteral("start"), [](const std::function<void()>& ready) { ready(); }},
        {QStringLiteral("prompt"),
         [this, ask](const std::function<void()>& ready) {
             setTint(TintMode::Surprise);
             ask(samplePrompt(QStringLiteral("addition")),
                 [ask, ready] { ask(QStringLiteral("Tell me a story."), [ready] { ready(); }); }); // nothing sure in it
         }},
        {QStringLiteral("prompt-tokens"),
         [this](const std::function<void()>& ready) {
             connect(&controller_, &ConversationController::tokenCost, this, ready, Qt::SingleShotConnection);
             // A node that cannot tell the cost still shows the alternatives.
             QTimer::singleShot(kSettleMilliseconds, this, ready);
             transcript_->setFocus();
             transcript_->focusNextUncertain();
             transcript_->openPopup();
         }},
        {QStringLiteral("prompt-branches"),
         [this](const std::function<void()>& ready) {
             transcript_->closePopup();
             tabs_->setCurrentIndex(2);
             whenAnswered([this, ready] { QTimer::singleShot(kSettleMilliseconds, this, ready); });
             SamplerSettings warmer = controller_.line().sampler;
             warmer.temperature = 0.9;
             warmer.seed = 11;
             controller_.setSampler(warmer);
             controller_.regenerate(lastAnswer());
         }},
    };
}

} // namespace fulgurite
