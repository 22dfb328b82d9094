// SPDX-License-Identifier: GPL-3.0-or-later
// Who hears whom on the Prompt page.
#include "ui/base/notices.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/engine_report.h"
#include "ui/nodes/node_hub.h"
#include "ui/pages/prompt_page.h"
#include "ui/prompt/branch_map.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/prefill_strip.h"
#include "ui/prompt/sampler_panel.h"
#include "ui/prompt/transcript_header.h"
#include "ui/prompt/transcript_view.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/shell/status_model.h"

#include <QDesktopServices>
#include <QUrl>

namespace fulgurite {

void PromptPage::connectController() {
    connect(&controller_, &ConversationController::lineChanged, this, &PromptPage::showLine);
    connect(&controller_, &ConversationController::rowsChanged, &rows_timer_, qOverload<>(&QTimer::start));
    connect(&controller_, &ConversationController::turnChanged, transcript_, &TranscriptView::updateTurn);
    connect(&controller_, &ConversationController::tokensAppended, transcript_, &TranscriptView::appendTokens);
    connect(&controller_, &ConversationController::prefillChanged, prefill_, &PrefillStrip::setState);
    connect(&controller_, &ConversationController::contextChanged, composer_, &Composer::setContext);
    connect(&controller_, &ConversationController::runningChanged, this, &PromptPage::showRunning);
    connect(&controller_, &ConversationController::interruptedChanged, this, &PromptPage::showRunning);
    connect(&controller_, &ConversationController::lineChanged, this, &PromptPage::showRunning);
    connect(&controller_, &ConversationController::queueChanged, this,
            [this] { composer_->setQueued(static_cast<int>(controller_.queue().size())); });
    connect(&controller_, &ConversationController::presetsChanged, sampler_, &SamplerPanel::setPresets);
    connect(&controller_, &ConversationController::presetLost, this, [this](const QString& name, bool deleted) {
        // No button: by the time it is pressed, another step may be the one that is undone.
        context().notices.post(
            {.id = "preset",
             .severity = Severity::Info,
             .text = deleted
                         ? tr("The preset “%1” was deleted. Ctrl+Z brings it back.").arg(name)
                         : tr("The preset “%1” was saved over the one before. Ctrl+Z brings that back.").arg(name),
             .details = {},
             .seconds = 12});
    });
    connect(&controller_, &ConversationController::modelSamplerChanged, this, &PromptPage::showSampler);
    connect(&controller_, &ConversationController::draftCounted, this,
            [this](int tokens) { composer_->setDraftTokens(tokens); });
    connect(&controller_, &ConversationController::draftRestored, this, &PromptPage::addToDraft);
    connect(&controller_, &ConversationController::editRefused, transcript_, &TranscriptView::reopenEdit);
    connect(&controller_, &ConversationController::draftWithdrawn, this, [this](const QString& text) {
        if (composer_->text() == text) {
            composer_->clear();
            controller_.setDraft({});
        }
    });
    connect(&controller_, &ConversationController::tokenDetail, this, &PromptPage::showTokenDetail);
    connect(&controller_, &ConversationController::tokenCost, transcript_, &TranscriptView::setTokenCost);
    connect(&controller_, &ConversationController::tokenBranches, transcript_, &TranscriptView::setTokenBranches);
    connect(&controller_, &ConversationController::turnTokens, this, &PromptPage::showTokens);
    connect(&controller_, &ConversationController::replayReady, this,
            [this](TokenRef token, const client::GenerateRequest& request) {
                const auto last = static_cast<int>(request.continue_tokens.size()) - 1;
                context().handoff.post(InspectWish{
                    token.turn, headerTitle(), request.prompt, request.continue_tokens, request.intervention,
                    request.sampling, static_cast<std::size_t>(std::max(token.valid() ? token.index : last, 0))});
                context().actions.run(QStringLiteral("view.page.inspect"));
            });
    connect(&controller_, &ConversationController::failed, this, &PromptPage::reportFailure);
    connect(&controller_, &ConversationController::caughtUp, this, [this] {
        context().notices.post({.id = "prompt",
                                .severity = Severity::Info,
                                .text = tr("What could not be saved is saved now."),
                                .details = {},
                                .seconds = 8});
    });
    connect(&controller_, &ConversationController::workspaceFailed, this, &PromptPage::reportWorkspace);
    connect(&controller_, &ConversationController::exported, this, [this](const QString& file) {
        context().notices.post({.id = "export",
                                .severity = Severity::Info,
                                .text = tr("Exported to %1").arg(file),
                                .details = {},
                                .seconds = 6});
    });
    connect(&controller_, &ConversationController::saved, this, [this](const QDateTime& time) {
        context().status.set(StatusField::Saved, time.time().toString(QStringLiteral("HH:mm:ss")));
    });
    connect(&controller_, &ConversationController::undoChanged, this, [this] {
        const UndoLabels& labels = controller_.undoLabels();
        context().actions.setEnabled(QStringLiteral("prompt.undo"), !labels.undo.isEmpty(), tr("Nothing to undo"));
        context().actions.setEnabled(QStringLiteral("prompt.redo"), !labels.redo.isEmpty(), tr("Nothing to redo"));
    });
}

void PromptPage::connectTranscript() {
    connect(transcript_, &TranscriptView::tokenFocused, this, [this](TokenRef token) {
        if (token.valid()) {
            controller_.askTokenDetail(token);
        } else {
            sampler_->setToken({});
        }
    });
    connect(transcript_, &TranscriptView::tokenCostWanted, this, [this](TokenRef token) {
        controller_.askTokenDetail(token);
        controller_.askTokenCost(token);
    });
    connect(transcript_, &TranscriptView::tokenBranchRequested, &controller_,
            &ConversationController::branchFromToken);
    connect(transcript_, &TranscriptView::regenerateRequested, &controller_, &ConversationController::regenerate);
    connect(transcript_, &TranscriptView::continueRequested, &controller_, &ConversationController::continueAnswer);
    connect(transcript_, &TranscriptView::branchRequested, this, [this](qint64 turn) {
        controller_.branchAfter(turn);
        composer_->focusInput();
    });
    connect(transcript_, &TranscriptView::editCommitted, &controller_, &ConversationController::edit);
    connect(transcript_, &TranscriptView::tokenTableRequested, &controller_,
            &ConversationController::askTurnTokens);
    connect(transcript_, &TranscriptView::inspectRequested, this, &PromptPage::inspectToken);
    connect(transcript_, &TranscriptView::siblingRequested, &controller_, &ConversationController::switchSibling);
    connect(transcript_, &TranscriptView::linkActivated, this, [](const QString& address) {
        const QUrl url(address);
        if (url.scheme() == QLatin1String("https") || url.scheme() == QLatin1String("http")) {
            QDesktopServices::openUrl(url);
        }
    });
    connect(header_, &TranscriptHeader::tintChanged, this, &PromptPage::setTint);
    connect(header_, &TranscriptHeader::nextUncertainRequested, this,
            [this] { transcript_->focusNextUncertain(); });
    connect(header_, &TranscriptHeader::renameRequested, this,
            [this] { renameConversation(controller_.line().id); });
}

void PromptPage::connectComposer() {
    connect(composer_, &Composer::sendRequested, this, [this](const QString& text, SendMode mode) {
        controller_.setRaw(mode == SendMode::Completion);
        applySystemPrompt();
        controller_.send(text);
        composer_->clear();
        transcript_->scrollToEnd();
    });
    connect(composer_, &Composer::stopRequested, &controller_, &ConversationController::stop);
    connect(composer_, &Composer::draftChanged, &controller_, &ConversationController::setDraft);
    connect(composer_, &Composer::modeChanged, this,
            [this](SendMode mode) { controller_.setRaw(mode == SendMode::Completion); });
    connect(composer_, &Composer::attachFailed, this, &PromptPage::reportFailure);
    connect(composer_, &Composer::targetClicked, this, &PromptPage::openNodeMenu);
    connect(composer_, &Composer::editLastRequested, this,
            [this] { context().actions.run(QStringLiteral("prompt.edit_last")); });
    connect(prefill_, &PrefillStrip::cancelRequested, &controller_, &ConversationController::stop);
    connect(prefill_, &PrefillStrip::continueRequested, this, [this](qint64 turn) {
        prefill_->setState({});
        controller_.continueAnswer(turn);
    });
}

void PromptPage::connectEngine() {
    EngineLink& link = context().link;
    connect(&link, &EngineLink::clientChanged, this, [this, &link] {
        if (!link.client() || !link.info()) {
            controller_.clearEngine(); // the one that was used until now is another node's
        }
        showTarget();
    });
    const auto take = [this, &link] {
        if (link.client() && link.info()) {
            controller_.setEngine(link.client(), *link.info(), link.nodes() ? link.nodes()->current() : QString());
        } else {
            controller_.clearEngine();
        }
        showTarget();
        showAbilities();
    };
    connect(&link, &EngineLink::infoChanged, this, take);
    connect(&link, &EngineLink::loadChanged, this, [this, &link] {
        const client::EngineLoad& load = *link.load();
        controller_.setLoad(load);
        const QString count =
            load.snapshot_count == 1 ? tr("1 snapshot") : tr("%1 snapshots").arg(load.snapshot_count);
        branches_->setSummary(count + QStringLiteral(" · ") +
                              formatBytes(static_cast<double>(load.snapshot_bytes)));
    });
    connect(&link, &EngineLink::stateChanged, this, &PromptPage::showTarget);
    take();
}

} // namespace fulgurite
